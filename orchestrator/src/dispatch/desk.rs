//! A dispatcher without hands: what it knows, and what it would do now. Pure.

use super::board::Board;
use super::plan::{Memory, Slots, Step, plan};
use schemas::Recorded;

#[derive(Debug)]
pub struct Desk {
    pub board: Board,
    pub memory: Memory,
    slots: Slots,
    /// The past is no reason to act: what it asks for was done long ago.
    caught_up: bool,
    /// Where our own last event stands in the log. Until the board has read it, it does not know what we did.
    written: u64,
}

impl Desk {
    pub fn new(slots: Slots) -> Self {
        Self { board: Board::default(), memory: Memory::default(), slots, caught_up: false, written: 0 }
    }

    pub fn read(&mut self, recorded: &Recorded) {
        self.board.apply(recorded);
    }

    /// An event that cannot be read is behind us.
    pub fn skip(&mut self, sequence: u64) {
        self.board.sequence = self.board.sequence.max(sequence);
    }

    pub fn caught_up(&mut self) {
        self.caught_up = true;
    }

    pub fn wrote(&mut self, sequence: u64) {
        self.written = self.written.max(sequence);
    }

    /// What there is to do; nothing while the board is behind.
    pub fn steps(&mut self, now_ms: u64) -> Vec<Step> {
        if !self.caught_up || self.board.sequence < self.written {
            return vec![];
        }
        plan(&mut self.board, &mut self.memory, self.slots, now_ms)
    }
}
