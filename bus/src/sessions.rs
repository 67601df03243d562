//! Signed-in sessions: the hash of a cookie's token, and whose it is. A key-value bucket, never the log.

use crate::{Bus, BusError};
use schemas::{Hash, UserId};

#[derive(Clone)]
pub struct Sessions {
    pub(crate) bus: Bus,
}

impl Sessions {
    /// # Errors
    /// `Unavailable`.
    pub async fn put(&self, _token: Hash, _user: UserId) -> Result<(), BusError> {
        unimplemented!()
    }

    /// # Errors
    /// `Unavailable`.
    pub async fn get(&self, _token: Hash) -> Result<Option<UserId>, BusError> {
        unimplemented!()
    }

    /// # Errors
    /// `Unavailable`.
    pub async fn delete(&self, _token: Hash) -> Result<(), BusError> {
        unimplemented!()
    }
}
