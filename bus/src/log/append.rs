//! Writing to the log: always with an expectation, several events as one atomic batch (JetStream ADR-50).

use super::{AppendError, Appended, Expect, Log};
use crate::streams::{MAX_EVENT_BYTES, describe};
use crate::{KeyError, subjects};
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::{HeaderMap, header};
use bytes::Bytes;
use schemas::{AggregateId, Hash, Head, NewEvent, Written};
use std::time::Duration;
use uuid::Uuid;

/// JetStream error codes that mean "somebody else was first".
const WRONG_LAST_SEQUENCE: u64 = 10071;
/// The same on a replicated stream, while the other's write is in flight.
const WRONG_LAST_SEQUENCE_IN_FLIGHT: u64 = 10164;
/// The same event is being written right now, by an earlier try of ours.
const DUPLICATE_IN_FLIGHT: u64 = 10158;
/// The server remembers an event of the batch.
const BATCH_CONTAINS_DUPLICATE: u64 = 10201;
const MESSAGE_TOO_LARGE: u64 = 10054;

/// ADR-50's own limit.
const MAX_BATCH: usize = 1_000;
/// Version line and the blank line of a NATS header block.
const HEADER_BLOCK_BYTES: usize = 14;
/// Appending again is harmless: ids and expectation are the same.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);

/// A message that is ready to be sent.
#[derive(Clone)]
struct Outgoing {
    subject: String,
    headers: HeaderMap,
    body: Bytes,
}

/// What the server made of it.
enum Outcome {
    Stored {
        last_sequence: u64,
    },
    /// Perhaps somebody else's write is there, perhaps our own.
    Conflict,
    TooLarge,
    Unknown(String),
}

impl Log {
    /// Appends events of one aggregate: all or none.
    ///
    /// A repeated append of events that are there already succeeds, with `duplicate` set.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(
        &self,
        aggregate: AggregateId,
        expect: Expect,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        let mut sealed = events.clone();
        for event in &mut sealed {
            self.bus.keys().seal(event).await.map_err(|error| not_sealed(aggregate, &error))?;
        }
        let (outgoing, hash) = prepare(aggregate, expect, &sealed)?;
        let mut reason = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(PAUSE * attempt).await;
            }
            self.bus.reachable().await.map_err(|reason| AppendError::Unavailable { reason })?;
            match self.send(&outgoing).await {
                Outcome::Stored { last_sequence } => {
                    return Ok(Appended { head: Head { sequence: last_sequence, hash }, duplicate: false });
                }
                Outcome::Conflict => return self.look_for_our_own(aggregate, &events).await,
                Outcome::TooLarge => return Err(too_large(aggregate, &outgoing)),
                Outcome::Unknown(why) => reason = why,
            }
        }
        Err(AppendError::Unavailable { reason })
    }

    /// After a refusal: an earlier try may have succeeded without our hearing of it.
    async fn look_for_our_own(&self, aggregate: AggregateId, events: &[NewEvent]) -> Result<Appended, AppendError> {
        let loaded =
            self.load(aggregate).await.map_err(|error| AppendError::Unavailable { reason: error.to_string() })?;
        let ours = loaded
            .events
            .windows(events.len())
            .find(|window| window.iter().zip(events).all(|(recorded, event)| recorded.new.id == event.id));
        match ours.and_then(|window| window.last()) {
            Some(last) => Ok(Appended { head: last.head(), duplicate: true }),
            None => Err(AppendError::Conflict { aggregate }),
        }
    }

    async fn send(&self, outgoing: &[Outgoing]) -> Outcome {
        let batch = (outgoing.len() > 1).then(Uuid::now_v7);
        let Some((commit, before)) = outgoing.split_last() else { return Outcome::Unknown("nothing to send".into()) };
        let client = &self.bus.client;
        for (message, ordinal) in before.iter().zip(1..) {
            let Outgoing { subject, headers, body } = in_batch(message, batch, ordinal, false);
            if let Err(error) = client.publish_with_headers(subject, headers, body).await {
                return Outcome::Unknown(describe(&error));
            }
        }
        let Outgoing { subject, headers, body } = in_batch(commit, batch, outgoing.len(), true);
        match client.request_with_headers(subject, headers, body).await {
            Ok(reply) => outcome(&reply.payload),
            Err(error) => Outcome::Unknown(describe(&error)),
        }
    }
}

/// Checks the events and makes their messages. Also the hash of the last one.
fn prepare(aggregate: AggregateId, expect: Expect, events: &[NewEvent]) -> Result<(Vec<Outgoing>, Hash), AppendError> {
    let invalid = |reason: &str| AppendError::Invalid { aggregate, reason: reason.to_owned() };
    if events.is_empty() || events.len() > MAX_BATCH {
        return Err(invalid("1 to 1,000 events are appended at once"));
    }
    let (expected, mut previous) = match expect {
        Expect::New => (0, None),
        Expect::After(head) => (head.sequence, Some(head.hash)),
    };
    let mut outgoing = Vec::with_capacity(events.len());
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
        outgoing.push(Outgoing {
            subject: subjects::event(aggregate, event.event.name()),
            headers,
            body: written.body,
        });
    }
    // Only the first carries the expectation: the server checks all of a batch against what was there before it.
    outgoing[0].headers.insert(header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
    outgoing[0].headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", subjects::events_of(aggregate));
    if outgoing.iter().any(|message| message.bytes() > MAX_EVENT_BYTES) {
        return Err(too_large(aggregate, &outgoing));
    }
    let hash = previous.ok_or_else(|| invalid("no events"))?;
    Ok((outgoing, hash))
}

fn not_sealed(aggregate: AggregateId, error: &KeyError) -> AppendError {
    match error {
        KeyError::Erased(_) => AppendError::Erased { aggregate },
        error => AppendError::Unavailable { reason: error.to_string() },
    }
}

fn in_batch(message: &Outgoing, batch: Option<Uuid>, ordinal: usize, commit: bool) -> Outgoing {
    let mut message = message.clone();
    if let Some(batch) = batch {
        message.headers.insert(header::NATS_BATCH_ID, batch.to_string());
        message.headers.insert(header::NATS_BATCH_SEQUENCE, ordinal.to_string());
        if commit {
            message.headers.insert(header::NATS_BATCH_COMMIT, header::NATS_BATCH_COMMIT_FINAL);
        }
    }
    message
}

fn outcome(reply: &[u8]) -> Outcome {
    match serde_json::from_slice::<Response<PublishAck>>(reply) {
        // The sequence of a duplicate is another event's when the id was used elsewhere: look.
        Ok(Response::Ok(ack)) if ack.duplicate => Outcome::Conflict,
        Ok(Response::Ok(ack)) => Outcome::Stored { last_sequence: ack.sequence },
        Ok(Response::Err { error }) => match error.error_code().0 {
            WRONG_LAST_SEQUENCE | WRONG_LAST_SEQUENCE_IN_FLIGHT | BATCH_CONTAINS_DUPLICATE => Outcome::Conflict,
            MESSAGE_TOO_LARGE => Outcome::TooLarge,
            // Our own earlier try: its outcome shows at the next one.
            DUPLICATE_IN_FLIGHT => Outcome::Unknown("the same event is being written".to_owned()),
            _ => Outcome::Unknown(error.to_string()),
        },
        Err(error) => Outcome::Unknown(format!("the acknowledgement cannot be read: {error}")),
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
}

fn too_large(aggregate: AggregateId, outgoing: &[Outgoing]) -> AppendError {
    let bytes = outgoing.iter().map(Outgoing::bytes).max().unwrap_or(0);
    AppendError::TooLarge { aggregate, bytes, limit: MAX_EVENT_BYTES }
}
