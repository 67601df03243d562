//! Who is to be forgotten, and what everybody has: folded from the log. Pure.

use crate::dispatch::board::unix_ms;
use schemas::blob::keys;
use schemas::{AggregateId, Event, JobId, Recorded, UserId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// What the eraser knows, and how far in the log that is true.
#[derive(Debug, Default)]
pub struct Ledger {
    pub sequence: u64,
    people: HashMap<UserId, Person>,
    erased: BTreeSet<UserId>,
    /// Most events of a job do not say whose it is.
    owners: HashMap<JobId, UserId>,
    /// Blobs from before everybody had a prefix: two people's events may name the same.
    shared: HashMap<String, BTreeSet<UserId>>,
}

#[derive(Debug, Default)]
pub struct Person {
    /// What of theirs is not erased yet.
    pub things: BTreeMap<AggregateId, Thing>,
    /// Where the last event about them or a thing of theirs stands in the log.
    pub touched: u64,
    pub erasure: Option<Erasure>,
    /// Keys outside their prefix.
    old_keys: BTreeSet<String>,
}

/// The event that brought a thing into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thing {
    pub event: Uuid,
    pub made_ms: u64,
}

/// The event that says that somebody is to be forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasure {
    pub event: Uuid,
    pub correlation: Uuid,
    pub asked_ms: u64,
}

impl Ledger {
    pub fn apply(&mut self, recorded: &Recorded) {
        self.sequence = self.sequence.max(recorded.sequence);
        let Some(owner) = self.owner_of(recorded) else { return };
        let person = self.people.entry(owner).or_default();
        person.touched = recorded.sequence;
        for blob in recorded.event().blobs() {
            if !blob.key.starts_with(keys::USERS) {
                person.old_keys.insert(blob.key.clone());
                self.shared.entry(blob.key.clone()).or_default().insert(owner);
            }
        }
        let made_ms = unix_ms(recorded.new.time);
        match recorded.event() {
            Event::VideoUploaded(_)
            | Event::JobRequested(_)
            | Event::MediaAdded(_)
            | Event::SceneCreated(_)
            | Event::ComicCreated(_)
            | Event::ComicDrafted(_) => {
                person.things.insert(recorded.aggregate, Thing { event: recorded.new.id, made_ms });
            }
            Event::VideoErased(_)
            | Event::JobErased(_)
            | Event::MediaErased(_)
            | Event::SceneErased(_)
            | Event::ComicErased(_) => {
                person.things.remove(&recorded.aggregate);
            }
            Event::UserErased(_) => {
                let (event, correlation) = (recorded.new.id, recorded.new.correlation);
                person.erasure.get_or_insert(Erasure { event, correlation, asked_ms: made_ms });
                self.erased.insert(owner);
            }
            _ => {}
        }
    }

    /// Those who are to be forgotten.
    pub fn erased(&self) -> impl Iterator<Item = (UserId, &Person, Erasure)> {
        self.erased.iter().filter_map(|id| {
            let person = self.people.get(id)?;
            Some((*id, person, person.erasure?))
        })
    }

    /// Prefixes of keys of an erased person's blobs: their own, and keys from before that no event of anybody who stays
    /// names.
    pub fn prefixes(&self, owner: UserId) -> Vec<String> {
        let only_erased = |key: &&String| {
            self.shared.get(*key).is_none_or(|people| people.iter().all(|person| self.erased.contains(person)))
        };
        let old = self.people.get(&owner).into_iter().flat_map(|person| &person.old_keys).filter(only_erased);
        [keys::of_user(owner)].into_iter().chain(old.cloned()).collect()
    }

    fn owner_of(&mut self, recorded: &Recorded) -> Option<UserId> {
        match (recorded.aggregate, recorded.event()) {
            (AggregateId::UserId(user), _) => Some(user),
            (_, Event::VideoUploaded(e)) => Some(e.owner),
            (AggregateId::JobId(job), Event::JobRequested(e)) => {
                self.owners.insert(job, e.owner);
                Some(e.owner)
            }
            (_, Event::MediaAdded(e)) => Some(e.owner),
            (_, Event::SceneCreated(e)) => Some(e.owner),
            (_, Event::ComicCreated(e)) => Some(e.owner),
            (_, Event::ComicDrafted(e)) => Some(e.owner),
            (_, Event::VideoErased(e)) => Some(e.owner),
            (_, Event::JobErased(e)) => Some(e.owner),
            (_, Event::MediaErased(e)) => Some(e.owner),
            (_, Event::SceneErased(e)) => Some(e.owner),
            (_, Event::ComicErased(e)) => Some(e.owner),
            (AggregateId::JobId(job), _) => self.owners.get(&job).copied(),
            _ => None,
        }
    }
}
