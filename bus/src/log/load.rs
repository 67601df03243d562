//! Reading one aggregate.

use super::{Loaded, Log, ReadError, message};
use crate::streams::describe;
use crate::{KeyError, direct, subjects};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use schemas::{AggregateId, Recorded};
use std::time::Duration;
use time::OffsetDateTime;

/// A follower is behind by milliseconds.
const TRIES: usize = 50;
const PAUSE: Duration = Duration::from_millis(20);

impl Log {
    pub(super) async fn open(&self, event: &mut Recorded) -> Result<(), ReadError> {
        self.bus.keys().open(event).await.map_err(|error| match error {
            KeyError::Bus(error) => ReadError::Unavailable { reason: error.to_string() },
            error => {
                let subject = subjects::event(event.aggregate, event.event().name());
                message::unreadable(event.sequence, &subject, error.to_string())
            }
        })
    }

    /// All events of an aggregate, oldest first, with all that was acknowledged before.
    ///
    /// # Errors
    /// `Unreadable` for an event that this program does not know: its rules cannot be kept then.
    pub async fn load(&self, aggregate: AggregateId) -> Result<Loaded, ReadError> {
        let events = self.load_after(aggregate, 0).await?;
        let head = events.last().map(Recorded::head);
        Ok(Loaded { events, head })
    }

    /// The events of an aggregate after `sequence`, with all that was acknowledged before.
    ///
    /// # Errors
    /// As [`Log::load`].
    pub async fn load_after(&self, aggregate: AggregateId, sequence: u64) -> Result<Vec<Recorded>, ReadError> {
        // Any of several servers may answer, and be a moment behind.
        let last = if self.bus.config.replicas > 1 { self.last_sequence(aggregate).await? } else { 0 };
        for _ in 0..TRIES {
            let events = self.stored_after(aggregate, sequence).await?;
            if events.last().map_or(sequence, |event| event.sequence) >= last {
                return Ok(events);
            }
            tokio::time::sleep(PAUSE).await;
        }
        Err(ReadError::Unavailable { reason: format!("no copy has event {last} of {aggregate} yet") })
    }

    /// As the stream's leader knows it; 0 when there are no events.
    async fn last_sequence(&self, aggregate: AggregateId) -> Result<u64, ReadError> {
        let unavailable = |error: &dyn std::error::Error| ReadError::Unavailable { reason: describe(error) };
        let stream = self.bus.jetstream.get_stream_no_info(subjects::EVENTS_STREAM).await;
        let stream = stream.map_err(|error| unavailable(&error))?;
        match stream.get_last_raw_message_by_subject(&subjects::events_of(aggregate)).await {
            Ok(message) => Ok(message.sequence),
            Err(error) if matches!(error.kind(), LastRawMessageErrorKind::NoMessageFound) => Ok(0),
            Err(error) => Err(unavailable(&error)),
        }
    }

    /// When the log stored what stands at `sequence`, be it readable or not; `None` where nothing stands yet.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn stored_at(&self, sequence: u64) -> Result<Option<OffsetDateTime>, ReadError> {
        let time = direct::time_at(&self.bus, subjects::EVENTS_STREAM, sequence).await;
        time.map_err(|reason| ReadError::Unavailable { reason })
    }

    /// Without a look at whether the server that answers has all of them.
    async fn stored_after(&self, aggregate: AggregateId, sequence: u64) -> Result<Vec<Recorded>, ReadError> {
        let filter = subjects::events_of(aggregate);
        let stored = direct::all(&self.bus, subjects::EVENTS_STREAM, &filter, sequence + 1)
            .await
            .map_err(|reason| ReadError::Unavailable { reason })?;
        let read = |stored: &direct::Stored| {
            message::read(stored.sequence, &stored.subject, &stored.headers, stored.payload.clone())
                .map_err(|reason| message::unreadable(stored.sequence, &stored.subject, reason))
        };
        let mut events = stored.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        if self.opens {
            for event in &mut events {
                self.open(event).await?;
            }
        }
        Ok(events)
    }
}
