//! How the bus stands, for readiness and for a person.

use crate::connection::unavailable;
use crate::streams::{Needed, examine};
use crate::subjects::EVENTS_STREAM;
use crate::{Bus, BusError};
use async_nats::jetstream::context::GetStreamErrorKind;
use futures::future::join_all;
use std::sync::atomic::Ordering;

/// Somebody should make room before the log is full.
const ALARM_PERCENT: u64 = 80;

/// What `health` saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub connected: bool,
    pub server_version: String,
    /// What is missing, or is set up differently by now; one sentence each.
    pub problems: Vec<String>,
    /// The last sequence of the log.
    pub log_head: u64,
    pub log_bytes: u64,
    /// Nothing is appended beyond; `None`: no limit is set.
    pub log_limit_bytes: Option<u64>,
}

impl Health {
    /// Kart can do its work.
    pub fn ready(&self) -> bool {
        self.connected && self.problems.is_empty()
    }

    /// The log's size is above 80 % of its limit.
    pub fn nearly_full(&self) -> bool {
        self.log_limit_bytes
            .is_some_and(|limit| self.log_bytes.saturating_mul(100) > limit.saturating_mul(ALARM_PERCENT))
    }
}

impl Bus {
    /// Looks at the connection and at everything that `set_up` makes. For a user who may ask about all of it.
    ///
    /// # Errors
    /// `Unavailable` when the server does not answer.
    pub async fn health(&self) -> Result<Health, BusError> {
        let connected = self.client.connection_state() == async_nats::connection::State::Connected;
        let server_version = self.client.server_info().version;
        let log = self.jetstream.get_stream(EVENTS_STREAM).await;
        let state = match &log {
            Ok(stream) => Some(stream.cached_info()),
            Err(error) if matches!(error.kind(), GetStreamErrorKind::JetStream(_)) => None,
            Err(error) => return Err(unavailable(error)),
        };
        let limit = state.and_then(|info| u64::try_from(info.config.max_bytes).ok()).filter(|limit| *limit > 0);
        let looks = join_all(Needed::ALL.map(|needed| examine(self, needed))).await;
        let health = Health {
            connected,
            server_version,
            problems: looks.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect(),
            log_head: state.map_or(0, |info| info.state.last_sequence),
            log_bytes: state.map_or(0, |info| info.state.bytes),
            log_limit_bytes: limit,
        };
        self.alarm(&health);
        Ok(health)
    }

    /// Says once when the log gets nearly full, and again when it has had room meanwhile.
    fn alarm(&self, health: &Health) {
        let full = health.nearly_full();
        if full && !self.alarmed.swap(full, Ordering::Relaxed) {
            let (bytes, limit) = (health.log_bytes, health.log_limit_bytes);
            tracing::warn!(
                bytes,
                limit,
                "the log is nearly full; raise KART_LOG_MAX_BYTES, or nothing can be appended"
            );
        } else if !full {
            self.alarmed.store(false, Ordering::Relaxed);
        }
    }
}
