//! Nudges to running workers. The log is the authority; a nudge only makes them look sooner.

use crate::connection::unavailable;
use crate::{Bus, BusError, subjects};
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use schemas::JobId;

#[derive(Clone)]
pub struct Control {
    pub(crate) bus: Bus,
}

impl Control {
    /// Tells whoever works on `job` to look whether it should stop.
    ///
    /// # Errors
    /// `Unavailable` when the connection is closed.
    pub async fn cancel(&self, job: JobId) -> Result<(), BusError> {
        let sent = self.bus.client.publish(subjects::control(job), Bytes::new()).await;
        sent.map_err(|error| unavailable(&error))
    }

    /// Yields once for each nudge about `job` from now on.
    ///
    /// # Errors
    /// `Unavailable` when the connection is closed.
    pub async fn follow(&self, job: JobId) -> Result<BoxStream<'static, ()>, BusError> {
        let nudges = self.bus.client.subscribe(subjects::control(job)).await.map_err(|error| unavailable(&error))?;
        // The server knows the subscription when this returns.
        self.bus.client.flush().await.map_err(|error| unavailable(&error))?;
        Ok(nudges.map(|_| ()).boxed())
    }
}
