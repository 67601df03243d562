//! Where in the log a moment is, and where the log begins.

use super::{Log, ReadError};
use crate::direct;
use crate::streams::describe;
use crate::subjects::{self, EVENTS_STREAM};
use schemas::envelope::format_time;
use time::OffsetDateTime;

impl Log {
    /// The first sequence that is there; 1 unless the log has lost its beginning, or is empty.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn first(&self) -> Result<u64, ReadError> {
        let stream = self.bus.jetstream.get_stream(EVENTS_STREAM).await;
        let stream = stream.map_err(|error| ReadError::Unavailable { reason: describe(&error) })?;
        Ok(stream.cached_info().state.first_sequence.max(1))
    }

    /// The first event that the server wrote at `time` or later; `None` when there is none yet. The server's clock
    /// counts here, not the time in the event.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn written_since(&self, time: OffsetDateTime) -> Result<Option<u64>, ReadError> {
        let found = direct::since(&self.bus, EVENTS_STREAM, subjects::EVENTS, &format_time(time)).await;
        Ok(found.map_err(|reason| ReadError::Unavailable { reason })?.map(|stored| stored.sequence))
    }
}
