//! Nudges to running workers. The log is the authority; a nudge only makes them look sooner.

use crate::{Bus, BusError};
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
    pub async fn cancel(&self, _job: JobId) -> Result<(), BusError> {
        unimplemented!()
    }

    /// Yields once for each nudge about `job` from now on.
    ///
    /// # Errors
    /// `Unavailable` when the connection is closed.
    pub async fn follow(&self, _job: JobId) -> Result<BoxStream<'static, ()>, BusError> {
        unimplemented!()
    }
}
