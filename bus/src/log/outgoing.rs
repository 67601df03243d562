//! From events to the messages that carry them.

use super::{AppendError, Expect};
use crate::streams::MAX_EVENT_BYTES;
use crate::subjects;
use async_nats::{HeaderMap, header};
use bytes::Bytes;
use schemas::{AggregateId, Hash, NewEvent, Written};

/// ADR-50's own limit.
pub const MAX_BATCH: usize = 1_000;
/// Version line and the blank line of a NATS header block.
const HEADER_BLOCK_BYTES: usize = 14;

/// A message that is ready to be sent.
pub struct Outgoing {
    pub subject: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// One append: its messages are stored together or not at all.
pub struct Parcel {
    pub aggregate: AggregateId,
    /// The sequence of the aggregate's last event, as the caller knows it; 0 when it has none.
    pub expected: u64,
    pub messages: Vec<Outgoing>,
    /// The hash of the last event.
    pub hash: Hash,
}

impl Parcel {
    /// Checks the events and makes their messages.
    pub fn new(aggregate: AggregateId, expect: Expect, events: &[NewEvent]) -> Result<Self, AppendError> {
        let invalid = |reason: &str| AppendError::Invalid { aggregate, reason: reason.to_owned() };
        if events.is_empty() || events.len() > MAX_BATCH {
            return Err(invalid("1 to 1,000 events are appended at once"));
        }
        let (expected, mut previous) = match expect {
            Expect::New => (0, None),
            Expect::After(head) => (head.sequence, Some(head.hash)),
        };
        let mut messages = Vec::with_capacity(events.len());
        for event in events {
            if event.event.kind() != aggregate.kind() {
                return Err(invalid("an event belongs to another kind of aggregate"));
            }
            let written = Written::of(&event.event);
            let mut headers = HeaderMap::new();
            for (name, value) in event.headers(aggregate, previous) {
                headers.insert(name, value);
            }
            previous = Some(written.chain_hash(previous, aggregate, event));
            let subject = subjects::event(aggregate, event.event.name());
            messages.push(Outgoing { subject, headers, body: written.body });
        }
        // Only the first carries the expectation: the server checks all of a batch against what was there before it.
        messages[0].headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        messages[0].headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", subjects::events_of(aggregate));
        let largest = messages.iter().map(Outgoing::bytes).max().unwrap_or(0);
        if largest > MAX_EVENT_BYTES {
            return Err(too_large(aggregate, largest));
        }
        let hash = previous.ok_or_else(|| invalid("no events"))?;
        Ok(Self { aggregate, expected, messages, hash })
    }

    pub fn bytes(&self) -> usize {
        self.messages.iter().map(Outgoing::bytes).sum()
    }
}

impl Outgoing {
    /// As the server counts them: body and headers.
    fn bytes(&self) -> usize {
        let line = |name: &str, value: &str| name.len() + value.len() + ": \r\n".len();
        let headers: usize = self
            .headers
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| line(name.as_ref(), value.as_str())))
            .sum();
        HEADER_BLOCK_BYTES + headers + self.body.len()
    }

    /// The `ordinal`-th message, from 1, of an atomic batch (ADR-50).
    pub fn in_batch(mut self, batch: &str, ordinal: usize) -> Self {
        self.headers.insert(header::NATS_BATCH_ID, batch);
        self.headers.insert(header::NATS_BATCH_SEQUENCE, ordinal.to_string());
        self
    }

    /// The last message of a batch, which makes it count.
    pub fn committing(mut self) -> Self {
        self.headers.insert(header::NATS_BATCH_COMMIT, header::NATS_BATCH_COMMIT_FINAL);
        self
    }
}

pub fn too_large(aggregate: AggregateId, bytes: usize) -> AppendError {
    AppendError::TooLarge { aggregate, bytes, limit: MAX_EVENT_BYTES }
}
