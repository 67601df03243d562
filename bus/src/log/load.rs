//! Reading one aggregate.

use super::{Loaded, Log, ReadError, message};
use crate::{direct, subjects};
use schemas::{AggregateId, Recorded};

impl Log {
    /// All events of an aggregate, oldest first.
    ///
    /// # Errors
    /// `Unreadable` for an event that this program does not know: its rules cannot be kept then.
    pub async fn load(&self, aggregate: AggregateId) -> Result<Loaded, ReadError> {
        let events = self.load_after(aggregate, 0).await?;
        let head = events.last().map(Recorded::head);
        Ok(Loaded { events, head })
    }

    /// The events of an aggregate after `sequence`.
    ///
    /// # Errors
    /// As [`Log::load`].
    pub async fn load_after(&self, aggregate: AggregateId, sequence: u64) -> Result<Vec<Recorded>, ReadError> {
        let filter = subjects::events_of(aggregate);
        let stored = direct::all(&self.bus, subjects::EVENTS_STREAM, &filter, sequence + 1)
            .await
            .map_err(|reason| ReadError::Unavailable { reason })?;
        let read = |stored: &direct::Stored| {
            message::read(stored.sequence, &stored.subject, &stored.headers, &stored.payload)
                .map_err(|reason| message::unreadable(stored.sequence, &stored.subject, reason))
        };
        stored.iter().map(read).collect()
    }
}
