//! From a message of the stream to an event.

use crate::{Delivered, ReadError, subjects};
use async_nats::HeaderMap;
use bytes::Bytes;
use schemas::Recorded;

/// Reads one message. The error is the reason, for people.
pub fn read(sequence: u64, subject: &str, headers: &HeaderMap, body: Bytes) -> Result<Recorded, String> {
    let aggregate = subjects::aggregate_of(subject).ok_or("the subject names no aggregate")?;
    let header = |name: &'static str| headers.get(name).map(|value| value.as_str());
    let recorded = Recorded::read(sequence, aggregate, header, body).map_err(|error| error.to_string())?;
    let written = subjects::event(aggregate, recorded.event().name());
    if recorded.event().kind() != aggregate.kind() || written != subject {
        return Err(format!("an event of type {} stands on another's subject", recorded.event().type_name()));
    }
    Ok(recorded)
}

/// For a reader that goes on past what it cannot read.
pub fn deliver(sequence: u64, subject: &str, headers: Option<&HeaderMap>, body: Bytes) -> Delivered {
    let empty = HeaderMap::new();
    let headers = headers.unwrap_or(&empty);
    match read(sequence, subject, headers, body) {
        Ok(recorded) => Delivered::Event(Box::new(recorded)),
        Err(reason) => Delivered::Unreadable {
            sequence,
            subject: subject.to_owned(),
            type_name: headers.get("ce-type").map(|value| value.as_str().to_owned()),
            reason,
        },
    }
}

pub fn unreadable(sequence: u64, subject: &str, reason: String) -> ReadError {
    ReadError::Unreadable { sequence, subject: subject.to_owned(), reason }
}
