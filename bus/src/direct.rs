//! Direct get: reading messages of a stream without a consumer, many in one request (JetStream ADR-31).

use crate::Bus;
use crate::connection::REQUEST_TIMEOUT;
use async_nats::{Message, Subscriber};
use bytes::Bytes;
use futures::StreamExt;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Asked for at once. A longer aggregate takes another request.
const BATCH: usize = 256;

/// One message of a stream.
#[derive(Debug)]
pub struct Stored {
    pub sequence: u64,
    pub subject: String,
    pub headers: async_nats::HeaderMap,
    pub payload: Bytes,
}

/// All messages whose subject fits `filter`, from sequence `from` on, oldest first.
pub async fn all(bus: &Bus, stream: &str, filter: &str, from: u64) -> Result<Vec<Stored>, String> {
    let mut found: Vec<Stored> = Vec::new();
    loop {
        let next = found.last().map_or(from.max(1), |last| last.sequence + 1);
        let query = json!({ "seq": next, "next_by_subj": filter, "batch": BATCH });
        let mut replies = ask(bus, stream, &query).await?;
        let before = found.len();
        let pending = loop {
            match read(next_reply(&mut replies).await?)? {
                Reply::Stored(message) => found.push(message),
                Reply::None => break 0,
                Reply::End { pending } => break pending,
            }
        };
        if pending == 0 {
            return Ok(found);
        }
        if found.len() == before {
            return Err(format!("{pending} messages are pending, but none came"));
        }
    }
}

/// The first message whose subject fits `filter` and that was stored at `time` (RFC 3339) or later.
pub async fn since(bus: &Bus, stream: &str, filter: &str, time: &str) -> Result<Option<Stored>, String> {
    let query = json!({ "start_time": time, "next_by_subj": filter, "batch": 1 });
    let mut replies = ask(bus, stream, &query).await?;
    match read(next_reply(&mut replies).await?)? {
        Reply::Stored(message) => Ok(Some(message)),
        Reply::None | Reply::End { .. } => Ok(None),
    }
}

/// The newest message on `subject`.
pub async fn last(bus: &Bus, stream: &str, subject: &str) -> Result<Option<Stored>, String> {
    let mut replies = ask(bus, stream, &json!({ "last_by_subj": subject })).await?;
    match read(next_reply(&mut replies).await?)? {
        Reply::Stored(message) => Ok(Some(message)),
        Reply::None | Reply::End { .. } => Ok(None),
    }
}

/// When the message at `sequence` was stored.
pub async fn time_at(bus: &Bus, stream: &str, sequence: u64) -> Result<Option<OffsetDateTime>, String> {
    let mut replies = ask(bus, stream, &json!({ "seq": sequence })).await?;
    let Reply::Stored(message) = read(next_reply(&mut replies).await?)? else { return Ok(None) };
    let time = message.headers.get("Nats-Time-Stamp").map(|value| value.as_str()).unwrap_or_default();
    OffsetDateTime::parse(time, &Rfc3339).map(Some).map_err(|error| format!("{time:?} is no time: {error}"))
}

async fn ask(bus: &Bus, stream: &str, query: &Value) -> Result<Subscriber, String> {
    bus.reachable().await?;
    let inbox = bus.client.new_inbox();
    let replies = bus.client.subscribe(inbox.clone()).await.map_err(|error| error.to_string())?;
    let subject = format!("$JS.API.DIRECT.GET.{stream}");
    let asked = bus.client.publish_with_reply(subject, inbox, query.to_string().into()).await;
    asked.map_err(|error| error.to_string())?;
    Ok(replies)
}

async fn next_reply(replies: &mut Subscriber) -> Result<Message, String> {
    let reply = tokio::time::timeout(REQUEST_TIMEOUT, replies.next()).await;
    reply.map_err(|_| "no answer to a direct get".to_owned())?.ok_or_else(|| "the connection is closed".to_owned())
}

enum Reply {
    Stored(Stored),
    /// Nothing fits.
    None,
    End {
        pending: u64,
    },
}

fn read(message: Message) -> Result<Reply, String> {
    let headers = message.headers.unwrap_or_default();
    let number = |name: &str| headers.get(name).and_then(|value| value.as_str().parse::<u64>().ok());
    match message.status.map(|status| status.as_u16()) {
        None => {}
        Some(204) => return Ok(Reply::End { pending: number("Nats-Num-Pending").unwrap_or(0) }),
        Some(404) => return Ok(Reply::None),
        Some(503) => return Err("nobody answers for the stream".to_owned()),
        Some(status) => return Err(format!("{status} {}", message.description.unwrap_or_default())),
    }
    let (Some(sequence), Some(subject)) = (number("Nats-Sequence"), headers.get("Nats-Subject")) else {
        return Err("an answer to a direct get names no sequence or subject".to_owned());
    };
    let subject = subject.as_str().to_owned();
    Ok(Reply::Stored(Stored { sequence, subject, headers, payload: message.payload }))
}
