//! Which events are finished, when they finish in any order: the checkpoint may not pass one that is not.

use crate::folding::Outcome;
use crate::store::Checkpoint;
use std::collections::VecDeque;

/// Everything up to `checkpoint` is finished; after it come events that are on their way, some of them finished.
pub struct Contiguous {
    checkpoint: Checkpoint,
    /// From the sequence after the checkpoint on. `None`: not finished.
    after: VecDeque<Option<Outcome>>,
}

impl Contiguous {
    pub fn from(checkpoint: Checkpoint) -> Self {
        Self { checkpoint, after: VecDeque::new() }
    }

    pub fn checkpoint(&self) -> Checkpoint {
        self.checkpoint
    }

    /// Events that the checkpoint has not passed.
    pub fn waiting(&self) -> usize {
        self.after.len()
    }

    /// The next event of the log is on its way.
    pub fn start(&mut self) {
        self.after.push_back(None);
    }

    /// The event at `sequence` is in the store, and what is due to it.
    pub fn finish(&mut self, sequence: u64, outcome: Outcome) {
        let at = sequence.checked_sub(self.checkpoint.sequence + 1).and_then(|at| usize::try_from(at).ok());
        if let Some(slot) = at.and_then(|at| self.after.get_mut(at)) {
            *slot = Some(outcome);
        }
        while let Some(&Some(outcome)) = self.after.front() {
            self.after.pop_front();
            self.checkpoint.sequence += 1;
            self.checkpoint.counts.add(outcome);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn it_is_the_last_before_the_first_that_is_not_finished(
            order in Just((11..31u64).collect::<Vec<_>>()).prop_shuffle(),
        ) {
            let mut contiguous = Contiguous::from(Checkpoint { sequence: 10, ..Checkpoint::default() });
            order.iter().for_each(|_| contiguous.start());
            for done in 1..=order.len() {
                contiguous.finish(order[done - 1], Outcome::Applied);
                let first_open = (11..).find(|sequence| !order[..done].contains(sequence)).unwrap();
                prop_assert_eq!(contiguous.checkpoint().sequence, first_open - 1);
                prop_assert_eq!(contiguous.checkpoint().counts.applied, first_open - 11);
            }
            prop_assert_eq!(contiguous.waiting(), 0);
        }
    }
}
