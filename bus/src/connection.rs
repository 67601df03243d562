//! The connection to NATS, and what hangs on it.

use crate::{Control, Log, Parked, Sessions, Ticks, WorkQueue};
use std::path::PathBuf;
use std::time::Duration;

/// How to sign in to NATS.
#[derive(Clone, Debug)]
pub enum Credentials {
    User { name: String, password: String },
    /// A `.creds` file: JWT and seed.
    File(PathBuf),
}

/// Where NATS is and how Kart uses it.
#[derive(Clone, Debug)]
pub struct NatsConfig {
    /// `nats://host:port`; several, separated by commas, for a cluster.
    pub url: String,
    pub credentials: Option<Credentials>,
    /// Copies of each stream: 1 alone, 3 in a cluster.
    pub replicas: usize,
    /// How long a worker may stay silent before its work is handed out again.
    pub lease: Duration,
    /// How long `connect` tries, and how long one request may take.
    pub connect_deadline: Duration,
}

impl NatsConfig {
    /// One server without sign-in, a lease of 30 s, ten seconds to connect.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: None,
            replicas: 1,
            lease: Duration::from_secs(30),
            connect_deadline: Duration::from_secs(10),
        }
    }
}

/// Kart's side of a NATS connection. Cheap to clone; reconnects by itself.
#[derive(Clone)]
pub struct Bus {
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: async_nats::jetstream::Context,
    pub(crate) config: NatsConfig,
}

/// What `health` saw.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub connected: bool,
    pub server_version: String,
    /// The log's stream is there.
    pub streams_present: bool,
    /// The last sequence of the log.
    pub log_head: u64,
}

/// Why the bus cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("cannot connect to NATS at {url}: {reason}")]
    Connect { url: String, reason: String },
    #[error("nats-server at {url} is {version}; Kart needs {needed} or newer", needed = "2.12")]
    ServerTooOld { url: String, version: String },
    #[error("nats-server has no JetStream; start it with -js")]
    NoJetStream,
    #[error("{item} is set up differently: {field} is {found}, expected {expected}")]
    Drift { item: String, field: String, found: String, expected: String },
    #[error("cannot set up {item}: {reason}")]
    SetUp { item: String, reason: String },
    #[error("NATS does not answer: {reason}")]
    Unavailable { reason: String },
}

impl Bus {
    /// Connects, trying again until the configured deadline.
    ///
    /// # Errors
    /// `Connect` at the deadline, `ServerTooOld` for a server before 2.12.
    pub async fn connect(_config: &NatsConfig) -> Result<Bus, BusError> {
        unimplemented!()
    }

    /// Makes the streams, consumers and buckets that are missing, and checks those that are there.
    ///
    /// # Errors
    /// `Drift` names the first setting that differs.
    pub async fn set_up(&self) -> Result<(), BusError> {
        unimplemented!()
    }

    /// # Errors
    /// `Unavailable` when the server does not answer.
    pub async fn health(&self) -> Result<Health, BusError> {
        unimplemented!()
    }

    pub fn log(&self) -> Log {
        Log { bus: self.clone() }
    }

    pub fn work(&self) -> WorkQueue {
        WorkQueue { bus: self.clone() }
    }

    pub fn ticks(&self) -> Ticks {
        Ticks { bus: self.clone() }
    }

    pub fn control(&self) -> Control {
        Control { bus: self.clone() }
    }

    pub fn sessions(&self) -> Sessions {
        Sessions { bus: self.clone() }
    }

    pub fn parked(&self) -> Parked {
        Parked { bus: self.clone() }
    }
}
