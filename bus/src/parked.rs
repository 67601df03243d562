//! Events that a reader could not digest, put aside for a person to look at.

use crate::{Bus, BusError};

#[derive(Clone)]
pub struct Parked {
    pub(crate) bus: Bus,
}

impl Parked {
    /// Puts aside what stands at `sequence` of the log. Parking the same for the same reader twice is stored once.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn park(&self, _reader: &str, _sequence: u64, _subject: &str, _reason: &str) -> Result<(), BusError> {
        unimplemented!()
    }

    /// How many are parked.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn count(&self) -> Result<u64, BusError> {
        unimplemented!()
    }
}
