//! From what the log delivers to what the store writes: in the log's order, without a gap.

use crate::believing::believe;
use crate::chain::{Chain, Link};
use crate::parking::{Parking, Unreadable, Verdict};
use crate::repetition::Repetition;
use crate::store::Counts;
use crate::views::heads::LastEvent;
use crate::{Mutation, StoreError, ViewStore, Views, views};
use bus::{Delivered, ReadError};
use schemas::{AggregateId, Recorded};
use std::sync::Arc;

/// The log skipped something: whatever follows has to wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {expected} of the log is missing; {found} came instead")]
pub struct Gap {
    pub expected: u64,
    pub found: u64,
}

/// What became of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Applied,
    Repeated,
    Unknown,
    Unreadable,
    Held,
}

impl Counts {
    pub(crate) fn add(&mut self, outcome: Outcome) {
        *match outcome {
            Outcome::Applied => &mut self.applied,
            Outcome::Repeated => &mut self.repeated,
            Outcome::Unknown => &mut self.unknown,
            Outcome::Unreadable => &mut self.unreadable,
            Outcome::Held => &mut self.held,
        } += 1;
    }
}

/// What one event leads to.
pub struct Folded {
    pub sequence: u64,
    pub outcome: Outcome,
    /// `None`: nobody's, and nothing is written.
    pub aggregate: Option<AggregateId>,
    pub mutations: Vec<Mutation>,
    /// Its aggregate's chain ends with it now.
    pub last: Option<LastEvent>,
}

/// An event that a person should look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub sequence: u64,
    pub subject: String,
    pub reason: String,
}

/// Turns deliveries into mutations.
pub struct Folding {
    /// The next sequence of the log.
    next: u64,
    parking: Parking,
    chain: Chain,
    repetition: Repetition,
    /// What was put aside since they were last taken.
    pub notices: Vec<Notice>,
}

impl Folding {
    /// For what follows `checkpoint` in the store.
    pub async fn load(store: &Arc<dyn ViewStore>, checkpoint: u64) -> Result<Self, StoreError> {
        let parking = Parking::load(&Views::new(Arc::clone(store))).await?;
        let (chain, repetition) = (Chain::after(checkpoint), Repetition::default());
        Ok(Self { next: checkpoint + 1, parking, chain, repetition, notices: vec![] })
    }

    /// What `deliveries` lead to, and the gap that ended them, if one did.
    pub async fn fold(
        &mut self,
        store: &Arc<dyn ViewStore>,
        deliveries: Vec<Result<Delivered, ReadError>>,
    ) -> Result<(Vec<Folded>, Option<Gap>), StoreError> {
        let aggregates = deliveries.iter().filter_map(|delivery| match delivery {
            Ok(Delivered::Event(event)) => Some(event.aggregate),
            _ => None,
        });
        let missing = self.chain.missing(aggregates);
        self.chain.load(store.as_ref(), missing).await?;
        let mut folded = Vec::with_capacity(deliveries.len());
        for delivery in deliveries {
            let (sequence, delivered) = match delivery {
                Ok(Delivered::CaughtUp { .. }) => continue,
                Ok(Delivered::Event(event)) => (event.sequence, Delivered::Event(event)),
                Ok(Delivered::Unreadable { sequence, subject, type_name, reason }) => {
                    (sequence, Delivered::Unreadable { sequence, subject, type_name, reason })
                }
                // The subscription mends itself and goes on where it was.
                Err(error) => {
                    tracing::warn!(%error, "the log is out of reach");
                    continue;
                }
            };
            if sequence > self.next {
                return Ok((folded, Some(Gap { expected: self.next, found: sequence })));
            }
            // Delivered again: it is on its way already.
            if sequence == self.next {
                self.next += 1;
                folded.extend(self.take(store, delivered).await?);
            }
        }
        self.chain.forget();
        Ok((folded, None))
    }

    async fn take(&mut self, store: &Arc<dyn ViewStore>, delivered: Delivered) -> Result<Option<Folded>, StoreError> {
        Ok(match delivered {
            Delivered::Event(event) => Some(self.apply(store, &event).await?),
            Delivered::Unreadable { sequence, subject, type_name, reason } => {
                let type_name = type_name.as_deref();
                Some(self.judge(&Unreadable { sequence, subject: &subject, type_name, reason: &reason }))
            }
            Delivered::CaughtUp { .. } => None,
        })
    }

    async fn apply(&mut self, store: &Arc<dyn ViewStore>, event: &Recorded) -> Result<Folded, StoreError> {
        let &Recorded { sequence, aggregate, previous, hash, .. } = event;
        let folded =
            |outcome, mutations, last| Folded { sequence, outcome, aggregate: Some(aggregate), mutations, last };
        match self.parking.since(aggregate) {
            Some(since) if since < sequence => return Ok(folded(Outcome::Held, vec![], None)),
            // Parked by an earlier run that ended before its checkpoint.
            Some(since) if since == sequence => return Ok(folded(Outcome::Unreadable, vec![], None)),
            _ => {}
        }
        let chained = self.chain.check(aggregate, sequence, previous);
        if chained != Ok(Link::Sure) && self.repetition.holds(store, event).await? {
            return Ok(folded(Outcome::Repeated, vec![], None));
        }
        let chained = chained.map_err(|broken| broken.to_string());
        let believed = chained.and_then(|_| believe(event).map_err(|doubt| format!("not to be believed: {doubt}")));
        if let Err(reason) = believed {
            let type_name = &event.written.type_name;
            self.notice(sequence, &format!("{aggregate} {type_name}"), &reason);
            let parked = self.parking.park(aggregate, sequence, type_name, &reason);
            return Ok(folded(Outcome::Unreadable, parked.into_iter().collect(), None));
        }
        let last = LastEvent { sequence, hash: Some(hash) };
        self.chain.extend(aggregate, last);
        self.repetition.remember(hash);
        Ok(folded(Outcome::Applied, views::apply(event), Some(last)))
    }

    fn judge(&mut self, message: &Unreadable) -> Folded {
        let &Unreadable { sequence, subject, type_name, reason } = message;
        let folded = |outcome, aggregate, mutations| Folded { sequence, outcome, aggregate, mutations, last: None };
        match self.parking.judge(message) {
            Verdict::UnknownType(aggregate) => {
                tracing::debug!(sequence, type_name, "skipped an event of a type that is not known here");
                let Some(aggregate) = aggregate else { return folded(Outcome::Unknown, None, vec![]) };
                let last = LastEvent { sequence, hash: None };
                self.chain.extend(aggregate, last);
                Folded { last: Some(last), ..folded(Outcome::Unknown, Some(aggregate), vec![]) }
            }
            Verdict::Park(aggregate, mutation) => {
                self.notice(sequence, subject, reason);
                folded(Outcome::Unreadable, Some(aggregate), vec![mutation])
            }
            Verdict::Held(aggregate) => folded(Outcome::Held, Some(aggregate), vec![]),
            Verdict::Nobodys => {
                self.notice(sequence, subject, reason);
                folded(Outcome::Unreadable, None, vec![])
            }
        }
    }

    fn notice(&mut self, sequence: u64, subject: &str, reason: &str) {
        tracing::error!(sequence, subject, reason, "parked: an event cannot be shown");
        self.notices.push(Notice { sequence, subject: subject.to_owned(), reason: reason.to_owned() });
    }
}
