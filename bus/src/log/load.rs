//! Reading one aggregate.

use super::{Loaded, Log, ReadError, message};
use crate::{KeyError, direct, subjects};
use schemas::{AggregateId, Recorded};

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
