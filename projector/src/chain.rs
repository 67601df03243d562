//! The chain of hashes: each event of an aggregate names the hash of the one before it.
//!
//! The last hash of every aggregate is a row of the views. In memory there are those of the aggregates that were busy of
//! late, so that a bounded number is held and few are read.

use crate::views::heads::{self, LastEvent};
use crate::{StoreError, ViewStore};
use schemas::{AggregateId, Hash};
use std::collections::{HashMap, HashSet};

/// Twice as many at most are held, of about 100 bytes each.
const HELD: usize = 100_000;

/// What is known of the aggregates' last events.
pub struct Chain {
    /// The busiest, and those that were so before them.
    young: HashMap<AggregateId, LastEvent>,
    old: HashMap<AggregateId, LastEvent>,
    /// Nothing was read in an earlier run, and nothing was forgotten: whoever is not here has no events yet.
    complete: bool,
}

/// How an event continues its aggregate's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It names the hash of the event before it.
    Sure,
    /// What stands before it cannot be told from here.
    Trusted,
}

/// An event does not continue its aggregate's chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the chain is broken: it follows {}, but the event before it is {}", name(.found), name(.expected))]
pub struct Broken {
    pub expected: Option<Hash>,
    pub found: Option<Hash>,
}

fn name(hash: &Option<Hash>) -> String {
    hash.map_or_else(|| "none".to_owned(), |hash| hash.to_string())
}

impl Chain {
    /// For a projection that goes on after `checkpoint`.
    pub fn after(checkpoint: u64) -> Self {
        Self { young: HashMap::new(), old: HashMap::new(), complete: checkpoint == 0 }
    }

    /// Those of `aggregates` whose last events are not in memory and may be in the store.
    pub fn missing(&mut self, aggregates: impl Iterator<Item = AggregateId>) -> HashSet<AggregateId> {
        if self.complete { HashSet::new() } else { aggregates.filter(|aggregate| !self.touch(*aggregate)).collect() }
    }

    /// Reads the last events of aggregates, of those that have any.
    pub async fn load(&mut self, store: &dyn ViewStore, missing: HashSet<AggregateId>) -> Result<(), StoreError> {
        if missing.is_empty() {
            return Ok(());
        }
        let missing: Vec<_> = missing.into_iter().collect();
        let keys = missing.iter().map(|aggregate| heads::key(*aggregate).to_vec()).collect();
        for (aggregate, row) in missing.into_iter().zip(store.get(&heads::TABLE, keys).await?) {
            if let Some(row) = row {
                self.young.insert(aggregate, heads::read(&row)?);
            }
        }
        Ok(())
    }

    /// Whether the last event of `aggregate` is in memory; it will stay there for a while.
    fn touch(&mut self, aggregate: AggregateId) -> bool {
        if let Some(last) = self.old.remove(&aggregate) {
            self.young.insert(aggregate, last);
        }
        self.young.contains_key(&aggregate)
    }

    /// Whether the event at `sequence`, which follows `previous`, continues the chain. Its aggregate was loaded.
    pub fn check(&self, aggregate: AggregateId, sequence: u64, previous: Option<Hash>) -> Result<Link, Broken> {
        let expected = match self.young.get(&aggregate).or_else(|| self.old.get(&aggregate)) {
            None => None,
            // Written by an earlier run that ended before its checkpoint; it was checked then.
            Some(last) if last.sequence >= sequence => return Ok(Link::Trusted),
            // Nobody here can tell.
            Some(LastEvent { hash: None, .. }) => return Ok(Link::Trusted),
            Some(last) => last.hash,
        };
        if expected == previous { Ok(Link::Sure) } else { Err(Broken { expected, found: previous }) }
    }

    /// The chain of `aggregate` now ends with `last`.
    pub fn extend(&mut self, aggregate: AggregateId, last: LastEvent) {
        self.old.remove(&aggregate);
        self.young.insert(aggregate, last);
    }

    /// Forgets those that were not busy of late, when there are too many.
    pub fn forget(&mut self) {
        if self.young.len() >= HELD {
            self.complete &= self.old.is_empty();
            self.old = std::mem::take(&mut self.young);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RedbStore;
    use schemas::JobId;

    fn last(sequence: u64) -> LastEvent {
        LastEvent { sequence, hash: Some(Hash::of(&sequence.to_be_bytes())) }
    }

    #[test]
    fn an_event_continues_the_one_before_it_or_is_refused() {
        let (job, mut chain) = (JobId::new().into(), Chain::after(0));
        assert_eq!(chain.check(job, 1, None), Ok(Link::Sure));
        chain.extend(job, last(1));
        assert_eq!(chain.check(job, 2, last(1).hash), Ok(Link::Sure));
        let broken = chain.check(job, 2, last(7).hash).unwrap_err();
        assert!(broken.to_string().contains(&last(7).hash.unwrap().to_string()), "{broken}");
        assert!(chain.check(job, 2, None).is_err(), "a second beginning");
        assert!(chain.check(JobId::new().into(), 2, last(1).hash).is_err(), "the middle of nothing");
    }

    #[test]
    fn what_follows_an_unknown_event_is_taken_on_trust() {
        let (job, mut chain) = (JobId::new().into(), Chain::after(0));
        chain.extend(job, LastEvent { sequence: 3, hash: None });
        assert_eq!(chain.check(job, 4, last(9).hash), Ok(Link::Trusted));
    }

    #[tokio::test]
    async fn what_memory_forgot_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = RedbStore::open(&folder.path().join("views.redb")).unwrap();
        let (busy, quiet): (AggregateId, AggregateId) = (JobId::new().into(), JobId::new().into());
        store.write(vec![heads::moved(quiet, last(5)), heads::moved(busy, last(6))]).await.unwrap();
        let mut chain = Chain::after(0);
        chain.extend(quiet, last(5));
        for _ in 0..2 {
            (0..HELD).for_each(|_| chain.extend(JobId::new().into(), last(1)));
            chain.extend(busy, last(6));
            chain.forget();
        }
        assert!(chain.young.len() + chain.old.len() <= 2 * (HELD + 2), "memory is bounded");
        assert!(!chain.touch(quiet) && chain.touch(busy));
        let missing = chain.missing([quiet, busy].into_iter());
        assert_eq!(missing, HashSet::from([quiet]));
        chain.load(&store, missing).await.unwrap();
        assert_eq!(chain.check(quiet, 8, last(5).hash), Ok(Link::Sure));
        assert!(chain.check(quiet, 8, None).is_err());
    }
}
