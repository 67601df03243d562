//! People's keys, which seal what they wrote in the log. A key-value bucket, never the log: erasing a person replaces
//! their key by a mark, for good.

use crate::connection::unavailable;
use crate::subjects::KEYS_BUCKET;
use crate::{Bus, BusError};
use async_nats::jetstream::kv::{CreateErrorKind, Store};
use futures::TryStreamExt;
use schemas::personal::{CannotOpen, Key};
use schemas::{NewEvent, Personal, Recorded, UserId};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// A key is remembered so long: so long at most can another process still read after an erasure.
const REMEMBER: Duration = Duration::from_secs(5);
/// The memory is emptied when it holds so many.
const MOST_REMEMBERED: usize = 100_000;
/// For a key that another writer is making at this moment.
const TRIES: u32 = 5;
const PAUSE: Duration = Duration::from_millis(20);
/// What stands in the place of an erased key.
const ERASED: &str = "erased";

/// The bucket, opened once, and the keys that were asked for lately.
#[derive(Default)]
pub(crate) struct Keyring {
    store: OnceCell<Store>,
    lately: Mutex<HashMap<UserId, (Option<Key>, Instant)>>,
}

#[derive(Clone)]
pub struct Keys {
    pub(crate) bus: Bus,
}

/// Why a text was not sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Their key is gone, and there will be no other.
    #[error("user {0} was erased")]
    Erased(UserId),
    #[error(transparent)]
    CannotOpen(CannotOpen),
    #[error(transparent)]
    Bus(BusError),
}

impl Keys {
    /// `None`: they have no key, or not any more.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn get(&self, user: UserId) -> Result<Option<Key>, BusError> {
        if let Some((key, since)) = self.lately().get(&user)
            && since.elapsed() < REMEMBER
        {
            return Ok(key.clone());
        }
        let entry = self.store().await?.get(user.to_string()).await.map_err(|error| unavailable(&error))?;
        let key = entry.and_then(|bytes| Key::from_bytes(&bytes));
        self.remember(user, key.clone());
        Ok(key)
    }

    /// A person's key, made when they have none.
    ///
    /// # Errors
    /// `Erased`, or `Unavailable`.
    pub async fn get_or_make(&self, user: UserId) -> Result<Key, KeyError> {
        if let Some(key) = self.get(user).await.map_err(KeyError::Bus)? {
            return Ok(key);
        }
        let key = Key::generate();
        let store = self.store().await.map_err(KeyError::Bus)?;
        let mut tries = 0;
        loop {
            let failed = match store.create(user.to_string(), key.as_bytes().to_vec().into()).await {
                Ok(_) => {
                    self.remember(user, Some(key.clone()));
                    return Ok(key);
                }
                Err(error) => error,
            };
            // Another was faster, or they were erased. On three servers the other may still be at it, which is an error
            // of no kind of its own; asking again is harmless.
            self.lately().remove(&user);
            match self.get(user).await.map_err(KeyError::Bus)? {
                Some(key) => return Ok(key),
                // The copy that was read may lack what the leader has.
                None if tries < TRIES => tries += 1,
                None if failed.kind() == CreateErrorKind::AlreadyExists => return Err(KeyError::Erased(user)),
                None => return Err(KeyError::Bus(unavailable(&failed))),
            }
            tokio::time::sleep(PAUSE * tries).await;
        }
    }

    /// Forgets a person's key for good: what they wrote can be read nowhere any more.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn erase(&self, user: UserId) -> Result<(), BusError> {
        let store = self.store().await?;
        loop {
            let entry = store.entry(user.to_string()).await.map_err(|error| unavailable(&error))?;
            match entry {
                Some(entry) if entry.value == ERASED => break,
                // The server writes over the bytes of a message that is deleted. One that a newer replaces stays in its
                // file until that is compacted, which may be never.
                Some(entry) => {
                    let deleted = store.stream.delete_message(entry.revision).await;
                    deleted.map_err(|error| unavailable(&error))?;
                }
                None => {}
            }
            match store.create(user.to_string(), ERASED.into()).await {
                Ok(_) => break,
                // Another process made a key meanwhile, or the mark.
                Err(error) if error.kind() == CreateErrorKind::AlreadyExists => tokio::time::sleep(PAUSE).await,
                Err(error) => return Err(unavailable(&error)),
            }
        }
        self.remember(user, None);
        Ok(())
    }

    /// What the bucket holds for each person: a key, or the mark of one who was erased. For a backup, which must not
    /// outlive an erasure.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn all(&self) -> Result<Vec<(UserId, Vec<u8>)>, BusError> {
        let store = self.store().await?;
        let mut users = store.keys().await.map_err(|error| unavailable(&error))?;
        let mut all = vec![];
        while let Some(user) = users.try_next().await.map_err(|error| unavailable(&error))? {
            let entry = store.get(user.as_str()).await.map_err(|error| unavailable(&error))?;
            if let (Ok(user), Some(bytes)) = (user.parse(), entry) {
                all.push((user, bytes.to_vec()));
            }
        }
        Ok(all)
    }

    /// Puts back what [`Keys::all`] gave. What is there already stays: nobody who was erased comes back.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn restore(&self, user: UserId, bytes: Vec<u8>) -> Result<(), BusError> {
        match self.store().await?.create(user.to_string(), bytes.into()).await {
            Err(error) if error.kind() != CreateErrorKind::AlreadyExists => Err(unavailable(&error)),
            _ => Ok(()),
        }
    }

    /// Seals what a person wrote in an event that is about to be appended.
    pub(crate) async fn seal(&self, event: &mut NewEvent) -> Result<(), KeyError> {
        if let Some((owner, Personal::Plain(_))) = event.event.personal() {
            let key = self.get_or_make(owner).await?;
            event.event.seal(event.id, &key);
        }
        Ok(())
    }

    /// Opens what a person wrote, or puts an erased text in its place.
    pub(crate) async fn open(&self, recorded: &mut Recorded) -> Result<(), KeyError> {
        if let Some((owner, Personal::Sealed { .. })) = recorded.event().personal() {
            let key = self.get(owner).await.map_err(KeyError::Bus)?;
            let id = recorded.new.id;
            recorded.new.event.open(id, key.as_ref()).map_err(KeyError::CannotOpen)?;
        }
        Ok(())
    }

    fn remember(&self, user: UserId, key: Option<Key>) {
        let mut lately = self.lately();
        if lately.len() >= MOST_REMEMBERED {
            lately.clear();
        }
        lately.insert(user, (key, Instant::now()));
    }

    fn lately(&self) -> std::sync::MutexGuard<'_, HashMap<UserId, (Option<Key>, Instant)>> {
        self.bus.keyring.lately.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn store(&self) -> Result<&Store, BusError> {
        let open = || self.bus.jetstream.get_key_value(KEYS_BUCKET);
        self.bus.keyring.store.get_or_try_init(open).await.map_err(|error| unavailable(&error))
    }
}
