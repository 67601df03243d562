//! The checks of the log itself, event by event; pure.

use super::report::{Kind, Report};
use super::rules::State;
use crate::seals::{Root, Seal};
use schemas::{AggregateId, Hash, Recorded};
use std::collections::{BTreeMap, HashMap};

/// Folds the log and adds to the report what does not fit.
pub struct Checker {
    pub report: Report,
    /// The sequence that should come next.
    next: u64,
    root: Root,
    things: HashMap<AggregateId, Thing>,
    /// Genuine seals that the log has not reached yet, by sequence.
    seals: BTreeMap<u64, Vec<Seal>>,
    agreed: u64,
    /// Something is missing or unreadable before here: no root can be made any more.
    rootless: bool,
}

struct Thing {
    last: Hash,
    state: State,
}

impl Checker {
    /// `seals` are genuine; whether they are true is checked here.
    pub fn new(seals: Vec<Seal>) -> Self {
        let mut by_sequence: BTreeMap<u64, Vec<Seal>> = BTreeMap::new();
        for seal in seals {
            by_sequence.entry(seal.sequence).or_default().push(seal);
        }
        Self {
            report: Report::default(),
            next: 1,
            root: Root::default(),
            things: HashMap::new(),
            seals: by_sequence,
            agreed: 0,
            rootless: false,
        }
    }

    /// The sequence that should come next.
    pub fn next(&self) -> u64 {
        self.next
    }

    pub fn event(&mut self, event: &Recorded) {
        self.place(event.sequence);
        let expected = self.things.get(&event.aggregate).map(|thing| thing.last);
        if event.previous != expected {
            let shown = |hash: Option<Hash>| hash.map_or("nothing".to_owned(), |hash| hash.to_string());
            let (found, expected) = (shown(event.previous), shown(expected));
            let detail = format!("{} links to {found}; the event before it has {expected}", event.aggregate);
            self.report.add(Kind::Chain, event.sequence, detail);
        }
        let new = || Thing { last: event.hash, state: State::new(event.aggregate.kind()) };
        let thing = self.things.entry(event.aggregate).or_insert_with(new);
        thing.last = event.hash;
        if let Err(refusal) = thing.state.take_in(event.event()) {
            let detail = format!("{} of {}: {refusal}", event.event().name(), event.aggregate);
            self.report.add(Kind::Rules, event.sequence, detail);
        }
        self.root = self.root.after(event.sequence, event.hash);
        self.compare(event.sequence);
    }

    /// Something stands at `sequence` that is no event.
    pub fn unreadable(&mut self, sequence: u64, reason: impl Into<String>) {
        self.place(sequence);
        self.report.add(Kind::Unreadable, sequence, reason);
        self.lose_root();
    }

    /// Sequences up to before `sequence` are not there.
    pub fn missing(&mut self, sequence: u64) {
        if sequence > self.next {
            let (first, last) = (self.next, sequence - 1);
            let detail =
                if first == last { format!("{first} is missing") } else { format!("{first} to {last} are missing") };
            self.report.add(Kind::Gap, first, detail);
            self.lose_root();
            self.next = sequence;
        }
    }

    fn place(&mut self, sequence: u64) {
        self.missing(sequence);
        if sequence < self.next {
            self.report.add(Kind::Gap, self.next, format!("{sequence} stands here"));
            self.lose_root();
        }
        self.next = self.next.max(sequence + 1);
    }

    /// From here on seals cannot agree; that is told once for what is missing, not for each seal.
    fn lose_root(&mut self) {
        self.rootless = true;
    }

    fn compare(&mut self, sequence: u64) {
        for seal in self.seals.remove(&sequence).unwrap_or_default() {
            match self.rootless {
                true => {}
                false if seal.root == self.root => self.agreed += 1,
                false => {
                    let detail = format!("the seal of {} says that the log up to here was another", seal.time);
                    self.report.add(Kind::Seal, sequence, detail);
                }
            }
        }
    }

    /// Ends the check. How many seals agree.
    pub fn finish(mut self) -> (Report, u64) {
        let last = self.next - 1;
        let beyond = self.seals.split_off(&self.next);
        if let Some((sequence, seals)) = beyond.last_key_value() {
            let time = &seals[0].time;
            let detail = format!("the log ends at {last}; the seal of {time} says that it went on to {sequence}");
            self.report.add(Kind::Gap, self.next, detail);
        }
        (self.report, self.agreed)
    }
}
