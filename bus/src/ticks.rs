//! Ticks: fine-grained progress, many times a second. The last one of each job and phase is kept for an hour.

use crate::connection::unavailable;
use crate::{Bus, BusError, direct, subjects};
use futures::StreamExt;
use futures::stream::BoxStream;
use schemas::{JobId, event::Phase, progress::Tick};

#[derive(Clone)]
pub struct Ticks {
    pub(crate) bus: Bus,
}

impl Ticks {
    /// Sends a tick without waiting for an answer.
    ///
    /// # Errors
    /// `Unavailable` when the connection is closed.
    pub async fn publish(&self, tick: &Tick) -> Result<(), BusError> {
        let body = serde_json::to_vec(tick).map_err(|error| unavailable(&error))?;
        let sent = self.bus.client.publish(subjects::tick(tick.job, tick.phase), body.into()).await;
        sent.map_err(|error| unavailable(&error))
    }

    /// All ticks from now on. A slow reader misses some.
    ///
    /// # Errors
    /// `Unavailable` when the connection is closed.
    pub async fn follow(&self) -> Result<BoxStream<'static, Tick>, BusError> {
        let messages = self.bus.client.subscribe(subjects::TICKS).await.map_err(|error| unavailable(&error))?;
        self.bus.client.flush().await.map_err(|error| unavailable(&error))?;
        // A tick that cannot be read comes from another version; progress is not worth an error.
        Ok(messages.filter_map(async |message| serde_json::from_slice(&message.payload).ok()).boxed())
    }

    /// The newest tick of a job: of its later phase, when both have ticked.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn last(&self, job: JobId) -> Result<Option<Tick>, BusError> {
        for phase in [Phase::Inference, Phase::Training] {
            let subject = subjects::tick(job, phase);
            let last = direct::last(&self.bus, subjects::TICKS_STREAM, &subject).await;
            if let Some(message) = last.map_err(|reason| BusError::Unavailable { reason })? {
                return Ok(serde_json::from_slice(&message.payload).ok());
            }
        }
        Ok(None)
    }
}
