//! Writing to the log: always with an expectation, several events as one atomic batch (JetStream ADR-50).

use super::outgoing::{Parcel, too_large};
use super::reply::Outcome;
use super::{AppendError, Appended, Expect, Log};
use crate::KeyError;
use schemas::{AggregateId, Head, NewEvent};
use std::time::Duration;

/// Appending again is harmless: ids and expectation are the same.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_millis(100);

impl Log {
    /// Appends events of one aggregate: all or none. They are on disk when it returns.
    ///
    /// Appends that wait at the same time share a write to disk (see `log/committer.rs`); each keeps its own
    /// expectation, succeeds or fails for itself, and may be dropped without harm to the others. Whether a dropped
    /// append was stored is unknown.
    ///
    /// A repeated append of events that are there already succeeds, with `duplicate` set.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(
        &self,
        aggregate: AggregateId,
        expect: Expect,
        events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        let mut sealed = events.clone();
        for event in &mut sealed {
            self.bus.keys().seal(event).await.map_err(|error| not_sealed(aggregate, &error))?;
        }
        let mut reason = String::new();
        let (mut tries, mut alone) = (0, false);
        while tries < TRIES {
            if tries > 0 {
                tokio::time::sleep(PAUSE * tries).await;
            }
            let parcel = Parcel::new(aggregate, expect, &sealed)?;
            let (hash, bytes) = (parcel.hash, parcel.bytes());
            self.bus.reachable().await.map_err(|reason| AppendError::Unavailable { reason })?;
            match self.bus.committer.send(&self.bus, parcel, alone).await {
                Outcome::Stored { last_sequence } => {
                    return Ok(Appended { head: Head { sequence: last_sequence, hash }, duplicate: false });
                }
                Outcome::Conflict => return self.look_for_our_own(aggregate, &events).await,
                Outcome::TooLarge => return Err(too_large(aggregate, bytes)),
                Outcome::Full(reason) => return Err(AppendError::Full { reason }),
                Outcome::Together => {}
                Outcome::Unknown(why) => {
                    reason = why;
                    tries += 1;
                }
            }
            alone = true;
        }
        Err(AppendError::Unavailable { reason })
    }

    /// After a refusal: an earlier try may have succeeded without our hearing of it.
    async fn look_for_our_own(&self, aggregate: AggregateId, events: &[NewEvent]) -> Result<Appended, AppendError> {
        let loaded =
            self.load(aggregate).await.map_err(|error| AppendError::Unavailable { reason: error.to_string() })?;
        let ours = loaded
            .events
            .windows(events.len())
            .find(|window| window.iter().zip(events).all(|(recorded, event)| recorded.new.id == event.id));
        match ours.and_then(|window| window.last()) {
            Some(last) => Ok(Appended { head: last.head(), duplicate: true }),
            None => Err(AppendError::Conflict { aggregate }),
        }
    }
}

fn not_sealed(aggregate: AggregateId, error: &KeyError) -> AppendError {
    match error {
        KeyError::Erased(_) => AppendError::Erased { aggregate },
        error => AppendError::Unavailable { reason: error.to_string() },
    }
}
