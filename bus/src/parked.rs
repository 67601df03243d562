//! Events that a reader could not digest, put aside for a person to look at. Kept for 30 days.

use crate::connection::unavailable;
use crate::subjects::{self, PARKED_STREAM};
use crate::{Bus, BusError};
use async_nats::jetstream::message::PublishMessage;
use serde_json::json;

#[derive(Clone)]
pub struct Parked {
    pub(crate) bus: Bus,
}

impl Parked {
    /// Puts aside what stands at `sequence` of the log. Parking the same for the same reader again soon is stored once.
    /// `reader` is one word.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn park(&self, reader: &str, sequence: u64, subject: &str, reason: &str) -> Result<(), BusError> {
        let body = json!({ "sequence": sequence, "subject": subject, "reason": reason });
        let message =
            PublishMessage::build().payload(body.to_string().into()).message_id(format!("{reader}-{sequence}"));
        let sent = self.bus.jetstream.send_publish(subjects::parked(reader, sequence), message).await;
        let stored = sent.map_err(|error| unavailable(&error))?.await;
        stored.map(|_| ()).map_err(|error| unavailable(&error))
    }

    /// How many are parked.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn count(&self) -> Result<u64, BusError> {
        let stream = self.bus.jetstream.get_stream(PARKED_STREAM).await.map_err(|error| unavailable(&error))?;
        Ok(stream.cached_info().state.messages)
    }
}
