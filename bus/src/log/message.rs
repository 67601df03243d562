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

/// Whether the headers are those that Kart writes for this event: all of them, alike, and none besides. Those of the
/// server and of tracing are not looked at.
fn check_headers(recorded: &Recorded, headers: &HeaderMap) -> Result<(), String> {
    let expected = recorded.headers();
    for (name, value) in &expected {
        let mut found = headers.get_all(*name);
        if found.next().map(|value| value.as_str()) != Some(value) || found.next().is_some() {
            return Err(format!("header {name} should be {value:?}, once"));
        }
    }
    let is_ours = |name: &str| name.starts_with("ce-") || name.starts_with("kart-");
    match headers
        .iter()
        .map(|(name, _)| name.to_string())
        .find(|name| is_ours(name) && !expected.iter().any(|(known, _)| known == name))
    {
        Some(name) => Err(format!("header {name} should not be there")),
        None => Ok(()),
    }
}

/// For a reader that goes on past what it cannot read.
pub fn deliver(sequence: u64, subject: &str, headers: Option<&HeaderMap>, body: Bytes, strict: bool) -> Delivered {
    let empty = HeaderMap::new();
    let headers = headers.unwrap_or(&empty);
    let read = read(sequence, subject, headers, body).and_then(|recorded| match strict {
        true => check_headers(&recorded, headers).map(|()| recorded),
        false => Ok(recorded),
    });
    match read {
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
