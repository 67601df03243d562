//! From what the log delivers to what the store writes: pure, in the log's order, without a gap.

use crate::parking::{Parking, Unreadable, Verdict};
use crate::{Batch, views};
use bus::{Delivered, ReadError};
use schemas::AggregateId;
use std::collections::HashMap;

/// What became of the events since the projector started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In the views.
    pub applied: u64,
    /// Skipped: a type that this program does not know.
    pub unknown: u64,
    /// Not readable, though their type is known.
    pub unreadable: u64,
    /// Not applied: their aggregate stands still.
    pub held: u64,
}

/// The log skipped something: whatever follows has to wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {expected} of the log is missing; {found} came instead")]
pub struct Gap {
    pub expected: u64,
    pub found: u64,
}

/// Turns deliveries into batches.
pub struct Folding {
    /// The next sequence of the log.
    next: u64,
    parking: Parking,
    pub counts: Counts,
}

impl Folding {
    pub fn new(checkpoint: u64, parking: Parking) -> Self {
        Self { next: checkpoint + 1, parking, counts: Counts::default() }
    }

    /// The batch that `deliveries` lead to, if any, and the gap that ended it, if one did.
    pub fn fold(&mut self, deliveries: Vec<Result<Delivered, ReadError>>) -> (Option<Batch>, Option<Gap>) {
        let start = self.next;
        let mut lanes = Lanes::default();
        let mut gap = None;
        for delivery in deliveries {
            let (sequence, delivered) = match delivery {
                Ok(Delivered::Event(event)) => (event.sequence, Delivered::Event(event)),
                Ok(Delivered::Unreadable { sequence, subject, type_name, reason }) => {
                    (sequence, Delivered::Unreadable { sequence, subject, type_name, reason })
                }
                Ok(Delivered::CaughtUp { .. }) => continue,
                // The subscription mends itself and goes on where it was.
                Err(error) => {
                    tracing::warn!(%error, "the log is out of reach");
                    continue;
                }
            };
            if sequence > self.next {
                gap = Some(Gap { expected: self.next, found: sequence });
                break;
            }
            // Delivered again: it is in the views already.
            if sequence == self.next {
                self.next += 1;
                self.take(delivered, &mut lanes);
            }
        }
        let batch =
            (self.next > start).then(|| Batch { lanes: lanes.0.into_values().collect(), checkpoint: self.next - 1 });
        (batch, gap)
    }

    fn take(&mut self, delivered: Delivered, lanes: &mut Lanes) {
        match delivered {
            Delivered::Event(event) if self.parking.holds(event.aggregate, event.sequence) => self.counts.held += 1,
            Delivered::Event(event) => {
                self.counts.applied += 1;
                lanes.of(event.aggregate).extend(views::apply(&event));
            }
            Delivered::Unreadable { sequence, subject, type_name, reason } => {
                let type_name = type_name.as_deref();
                let message = Unreadable { sequence, subject: &subject, type_name, reason: &reason };
                self.judge(&message, lanes);
            }
            Delivered::CaughtUp { .. } => {}
        }
    }

    fn judge(&mut self, message: &Unreadable, lanes: &mut Lanes) {
        let &Unreadable { sequence, subject, type_name, reason } = message;
        match self.parking.judge(message) {
            Verdict::UnknownType => {
                self.counts.unknown += 1;
                tracing::debug!(sequence, type_name, "skipped an event of a type that is not known here");
            }
            Verdict::Park(aggregate, mutation) => {
                self.counts.unreadable += 1;
                tracing::error!(sequence, %aggregate, type_name, reason, "parked: an event cannot be read");
                lanes.of(aggregate).push(mutation);
            }
            Verdict::Held => self.counts.held += 1,
            Verdict::Nobodys => {
                self.counts.unreadable += 1;
                tracing::error!(sequence, subject, type_name, reason, "skipped a message that is nobody's event");
            }
        }
    }
}

/// Mutations by aggregate.
#[derive(Default)]
struct Lanes(HashMap<AggregateId, Vec<crate::Mutation>>);

impl Lanes {
    fn of(&mut self, aggregate: AggregateId) -> &mut Vec<crate::Mutation> {
        self.0.entry(aggregate).or_default()
    }
}
