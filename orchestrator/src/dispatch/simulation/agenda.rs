//! What happens when.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

/// Things to come, by their time; those of one time in the order in which they were put down.
#[derive(Debug)]
pub struct Agenda<T> {
    order: BinaryHeap<Reverse<(u64, u64)>>,
    things: BTreeMap<u64, T>,
    last: u64,
    pub now_ms: u64,
}

impl<T> Agenda<T> {
    pub fn new(now_ms: u64) -> Self {
        Self { order: BinaryHeap::new(), things: BTreeMap::new(), last: 0, now_ms }
    }

    pub fn after(&mut self, ms: u64, thing: T) {
        self.last += 1;
        self.order.push(Reverse((self.now_ms + ms, self.last)));
        self.things.insert(self.last, thing);
    }

    /// Lets time pass up to the next thing.
    pub fn next(&mut self) -> Option<T> {
        let Reverse((at_ms, number)) = self.order.pop()?;
        self.now_ms = at_ms;
        self.things.remove(&number)
    }
}
