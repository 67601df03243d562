//! What is left to do of every erasure, decided from the ledger alone. Pure.

use super::ledger::{Ledger, Thing};
use schemas::{AggregateId, UserId};
use std::collections::{HashMap, HashSet};

/// Blobs are looked for at once, and again so long after the erasure, each time four times as long, up to almost three
/// days: a worker or an upload may have been under way, however slow, and what it still wrote is nobody's.
const AGAIN_MS: u64 = 60_000;
const TIMES: u32 = 7;

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Delete the key, so that nothing they wrote can be read, and end their sessions.
    Lock(UserId),
    /// Say in the log that a thing of theirs is gone.
    Erase { owner: UserId, id: AggregateId, thing: Thing },
    /// Remove their blobs, and open uploads.
    Sweep(UserId),
}

/// What this process did about somebody. Lost with it: all is done once more then.
#[derive(Clone, Copy, Debug, Default)]
pub struct Done {
    pub locked: bool,
    /// Up to which event, and when.
    pub swept: Option<(u64, u64)>,
}

#[derive(Debug, Default)]
pub struct Memory {
    pub people: HashMap<UserId, Done>,
    /// Things whose events cannot be read: they hold up no other.
    pub stuck: HashSet<AggregateId>,
}

pub fn plan(ledger: &Ledger, memory: &Memory, now_ms: u64) -> Vec<Step> {
    let mut steps = vec![];
    for (owner, person, erasure) in ledger.erased() {
        let done = memory.people.get(&owner).copied().unwrap_or_default();
        if !done.locked {
            steps.push(Step::Lock(owner));
        }
        let before = steps.len();
        let things = person.things.iter().filter(|(id, _)| !memory.stuck.contains(id));
        steps.extend(things.map(|(&id, &thing)| Step::Erase { owner, id, thing }));
        let swept = done.swept.is_some_and(|(touched, at_ms)| {
            touched >= person.touched && next_ms(erasure.asked_ms, at_ms).is_none_or(|next_ms| now_ms < next_ms)
        });
        if !swept && steps.len() == before {
            steps.push(Step::Sweep(owner));
        }
    }
    steps
}

/// When to look again after having looked at `at_ms`.
fn next_ms(asked_ms: u64, at_ms: u64) -> Option<u64> {
    (0..TIMES).map(|n| asked_ms + (AGAIN_MS << (2 * n))).find(|&next_ms| next_ms > at_ms)
}

#[cfg(test)]
mod tests;
