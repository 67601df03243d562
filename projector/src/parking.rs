//! Aggregates that stand still: one of their events could not be read, so that whatever follows might be shown wrongly.

use crate::views::{MAX_ROWS, parked};
use crate::{Mutation, StoreError, Views};
use schemas::{AggregateId, Event, Kind};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// Who stands still, and since which sequence.
pub struct Parking {
    since: HashMap<AggregateId, u64>,
    known_types: HashSet<&'static str>,
}

/// A message of the log that is no event we know.
pub struct Unreadable<'a> {
    pub sequence: u64,
    pub subject: &'a str,
    pub type_name: Option<&'a str>,
    pub reason: &'a str,
}

/// What to do about it.
pub enum Verdict {
    /// A newer program wrote it: our views do not need it.
    UnknownType(Option<AggregateId>),
    /// It should have been readable: its aggregate stands still from here on.
    Park(AggregateId, Mutation),
    /// Its aggregate stands still already.
    Held(AggregateId),
    /// It should have been readable, but nobody can say whose it is.
    Nobodys,
}

impl Parking {
    /// Those that stood still when the projector last ran.
    pub async fn load(views: &Views) -> Result<Self, StoreError> {
        let (mut since, mut after) = (HashMap::new(), None);
        loop {
            let page = views.parked(after.as_ref(), MAX_ROWS).await?;
            since.extend(page.rows.into_iter().map(|row| (row.aggregate, row.sequence)));
            after = page.next;
            if after.is_none() {
                let known_types = Event::schemas().into_iter().map(|(name, _)| name).collect();
                return Ok(Self { since, known_types });
            }
        }
    }

    /// Since which event the aggregate stands still.
    pub fn since(&self, aggregate: AggregateId) -> Option<u64> {
        self.since.get(&aggregate).copied()
    }

    pub fn judge(&mut self, message: &Unreadable) -> Verdict {
        let aggregate = aggregate_in(message.subject);
        if message.type_name.is_some_and(|name| !self.known_types.contains(name)) {
            return Verdict::UnknownType(aggregate);
        }
        let Some(aggregate) = aggregate else { return Verdict::Nobodys };
        let type_name = message.type_name.unwrap_or_default();
        match self.park(aggregate, message.sequence, type_name, message.reason) {
            Some(mutation) => Verdict::Park(aggregate, mutation),
            None => Verdict::Held(aggregate),
        }
    }

    /// Lets `aggregate` stand still from `sequence` on. `None` when it does so already: the first one tells why.
    pub fn park(&mut self, aggregate: AggregateId, sequence: u64, type_name: &str, reason: &str) -> Option<Mutation> {
        let since = *self.since.entry(aggregate).or_insert(sequence);
        (since == sequence).then(|| parked::park(aggregate, sequence, type_name, reason))
    }
}

/// The aggregate that a subject names: a kind, and its id right after. Where they stand in it is the bus's affair.
fn aggregate_in(subject: &str) -> Option<AggregateId> {
    let words: Vec<_> = subject.split('.').collect();
    words.windows(2).find_map(|pair| {
        let kind: Kind = pair[0].parse().ok()?;
        let id: Uuid = pair[1].parse().ok()?;
        Some(AggregateId::new(kind, id))
    })
}
