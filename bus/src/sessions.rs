//! Signed-in sessions: the hash of a cookie's token, and whose it is. A key-value bucket, never the log; an entry
//! vanishes 30 days after it was put.

use crate::connection::unavailable;
use crate::subjects::{self, SESSIONS_BUCKET};
use crate::{Bus, BusError, direct};
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

    /// Ends every session of a person. Returns how many they had.
    ///
    /// # Errors
    /// `Unavailable`; some may have ended then.
    pub async fn delete_all_of(&self, user: UserId) -> Result<usize, BusError> {
        let (stream, subjects) =
            (subjects::stream_of_bucket(SESSIONS_BUCKET), subjects::entries_of_bucket(SESSIONS_BUCKET));
        let stored = direct::all(&self.bus, &stream, &subjects, 1).await;
        let stored = stored.map_err(|reason| BusError::Unavailable { reason })?;
        let user = user.to_string();
        let mut ended = 0;
        for entry in stored.iter().filter(|entry| entry.payload == user.as_bytes()) {
            let Some((_, token)) = entry.subject.rsplit_once('.') else { continue };
            let deleted = self.store().await?.purge(token).await;
            deleted.map_err(|error| unavailable(&error))?;
            ended += 1;
        }
        Ok(ended)
    }

    /// Signing in happens on every request: the handle is kept.
    async fn store(&self) -> Result<&Store, BusError> {
        let open = || self.bus.jetstream.get_key_value(SESSIONS_BUCKET);
        self.bus.sessions.get_or_try_init(open).await.map_err(|error| unavailable(&error))
    }
}
