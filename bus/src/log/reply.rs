//! What the server says of a publish.

use crate::streams::is_full;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;

/// JetStream error codes that mean "somebody else was first".
const WRONG_LAST_SEQUENCE: u64 = 10071;
/// The same on a replicated stream, while the other's write is in flight.
const WRONG_LAST_SEQUENCE_IN_FLIGHT: u64 = 10164;
/// The same event is being written right now, by an earlier try of ours.
const DUPLICATE_IN_FLIGHT: u64 = 10158;
/// The server remembers an event of the batch.
const BATCH_CONTAINS_DUPLICATE: u64 = 10201;
const MESSAGE_TOO_LARGE: u64 = 10054;

/// What became of an append.
#[derive(Clone, Debug)]
pub enum Outcome {
    Stored {
        last_sequence: u64,
    },
    /// Perhaps somebody else's write is there, perhaps our own.
    Conflict,
    TooLarge,
    /// The stream has no room for it, and why.
    Full(String),
    /// The batch in which it travelled was refused and nothing of it stored; another append may be the reason.
    Together,
    /// Perhaps it is stored, perhaps it will be.
    Unknown(String),
}

/// Reads the answer to the last of `messages`.
pub fn read(reply: &[u8], messages: usize) -> Outcome {
    match serde_json::from_slice::<Response<PublishAck>>(reply) {
        // The sequence of a duplicate is another event's when the id was used elsewhere: look.
        Ok(Response::Ok(ack)) if ack.duplicate => Outcome::Conflict,
        Ok(Response::Ok(ack)) => match ack.batch_size.unwrap_or(1) {
            count if count == messages as u64 => Outcome::Stored { last_sequence: ack.sequence },
            count => Outcome::Unknown(format!("{count} of {messages} messages were acknowledged")),
        },
        Ok(Response::Err { error }) => match error.error_code().0 {
            WRONG_LAST_SEQUENCE | WRONG_LAST_SEQUENCE_IN_FLIGHT | BATCH_CONTAINS_DUPLICATE => Outcome::Conflict,
            MESSAGE_TOO_LARGE => Outcome::TooLarge,
            _ if is_full(&error) => Outcome::Full(error.to_string()),
            // Our own earlier try: its outcome shows at the next one.
            DUPLICATE_IN_FLIGHT => Outcome::Unknown("the same event is being written".to_owned()),
            _ => Outcome::Unknown(error.to_string()),
        },
        Err(error) => Outcome::Unknown(format!("the acknowledgement cannot be read: {error}")),
    }
}
