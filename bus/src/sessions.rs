//! Signed-in sessions: the hash of a cookie's token, and whose it is. A key-value bucket, never the log; an entry
//! vanishes 30 days after it was put.

use crate::connection::unavailable;
use crate::subjects::SESSIONS_BUCKET;
use crate::{Bus, BusError};
use async_nats::jetstream::kv::Store;
use schemas::{Hash, UserId};

#[derive(Clone)]
pub struct Sessions {
    pub(crate) bus: Bus,
}

impl Sessions {
    /// # Errors
    /// `Unavailable`.
    pub async fn put(&self, token: Hash, user: UserId) -> Result<(), BusError> {
        let put = self.store().await?.put(token.to_string(), user.to_string().into()).await;
        put.map(|_| ()).map_err(|error| unavailable(&error))
    }

    /// # Errors
    /// `Unavailable`.
    pub async fn get(&self, token: Hash) -> Result<Option<UserId>, BusError> {
        let entry = self.store().await?.get(token.to_string()).await.map_err(|error| unavailable(&error))?;
        Ok(entry.and_then(|bytes| std::str::from_utf8(&bytes).ok()?.parse().ok()))
    }

    /// # Errors
    /// `Unavailable`.
    pub async fn delete(&self, token: Hash) -> Result<(), BusError> {
        let deleted = self.store().await?.purge(token.to_string()).await;
        deleted.map_err(|error| unavailable(&error))
    }

    /// Signing in happens on every request: the handle is kept.
    async fn store(&self) -> Result<&Store, BusError> {
        let open = || self.bus.jetstream.get_key_value(SESSIONS_BUCKET);
        self.bus.sessions.get_or_try_init(open).await.map_err(|error| unavailable(&error))
    }
}
