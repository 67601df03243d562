//! Ticks: fine-grained progress, many times a second. The last one of each job and phase is kept for an hour.

use crate::{Bus, BusError};
use futures::stream::BoxStream;
use schemas::{JobId, progress::Tick};

#[derive(Clone)]
pub struct Ticks {
    pub(crate) bus: Bus,
}

impl Ticks {
    /// Sends a tick without waiting for an answer.
    ///
    /// # Errors
    /// `Unavailable` when the connection is closed.
    pub async fn publish(&self, _tick: &Tick) -> Result<(), BusError> {
        unimplemented!()
    }

    /// All ticks from now on. A slow reader misses some.
    ///
    /// # Errors
    /// `Unavailable` when the connection is closed.
    pub async fn follow(&self) -> Result<BoxStream<'static, Tick>, BusError> {
        unimplemented!()
    }

    /// The newest tick of a job.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn last(&self, _job: JobId) -> Result<Option<Tick>, BusError> {
        unimplemented!()
    }
}
