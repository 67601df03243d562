//! The connection to NATS, and what hangs on it.

use crate::keys::Keyring;
use crate::log::{Committer, Turns};
use crate::streams::{self, describe};
use crate::{Control, Keys, Log, Parked, Sessions, Ticks, WorkQueue, subjects};
use async_nats::ConnectOptions;
use async_nats::jetstream::kv::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OnceCell, watch};

/// Atomic batches came with 2.12.
const NEEDED_SERVER: (i64, i64) = (2, 12);
/// A request that takes longer has failed; the server answers within milliseconds.
pub(crate) const REQUEST_TIMEOUT: Duration = Duration::from_secs(4);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// Between tries to reach a server that is not there yet.
const RETRY_EVERY: Duration = Duration::from_millis(100);
const RECONNECT_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// How long a request waits for a server that restarts.
const RECONNECT_WITHIN: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Notices a server that hangs without closing the connection.
const PING_EVERY: Duration = Duration::from_secs(5);

/// How to sign in to NATS.
#[derive(Clone, Debug)]
pub enum Credentials {
    User {
        name: String,
        password: String,
    },
    /// A `.creds` file: JWT and seed.
    File(PathBuf),
}

/// Where NATS is and how Kart uses it.
#[derive(Clone, Debug)]
pub struct NatsConfig {
    /// `nats://host:port` or `nats://user:password@host:port`; several, separated by commas, for a cluster.
    pub url: String,
    pub credentials: Option<Credentials>,
    /// Copies of each stream: 1 alone, 3 in a cluster.
    pub replicas: usize,
    /// How long a worker may stay silent before its work is handed out again.
    pub lease: Duration,
    /// How long `connect` tries.
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
    /// Kept open: looked up on every request.
    pub(crate) sessions: Arc<OnceCell<Store>>,
    pub(crate) keyring: Arc<Keyring>,
    /// One for all logs of this bus, so that their appends travel together.
    pub(crate) committer: Arc<Committer>,
    pub(crate) turns: Arc<Turns>,
    /// Counts connections, so that readers notice a restarted server at once instead of by silence.
    pub(crate) connections: watch::Receiver<u64>,
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
    /// `Connect` at the deadline, `ServerTooOld` for a server before 2.12, `NoJetStream`.
    pub async fn connect(config: &NatsConfig) -> Result<Bus, BusError> {
        let (connected, connections) = watch::channel(0);
        let deadline = Instant::now() + config.connect_deadline;
        let client = loop {
            let options = options(config, connected.clone()).await?;
            match options.connect(servers(&config.url)).await {
                Ok(client) => break client,
                Err(error) if Instant::now() >= deadline => {
                    return Err(BusError::Connect { url: without_password(&config.url), reason: describe(&error) });
                }
                Err(_) => tokio::time::sleep(RETRY_EVERY).await,
            }
        };
        if !client.is_server_compatible(NEEDED_SERVER.0, NEEDED_SERVER.1, 0) {
            let version = client.server_info().version;
            return Err(BusError::ServerTooOld { url: without_password(&config.url), version });
        }
        let mut jetstream = async_nats::jetstream::new(client.clone());
        jetstream.set_timeout(REQUEST_TIMEOUT);
        let config = config.clone();
        let bus = Bus {
            client,
            jetstream,
            config,
            sessions: Arc::default(),
            keyring: Arc::default(),
            committer: Arc::default(),
            turns: Arc::default(),
            connections,
        };
        bus.wait_for_jetstream(deadline).await?;
        Ok(bus)
    }

    /// A server that has just started answers before its streams are recovered.
    async fn wait_for_jetstream(&self, deadline: Instant) -> Result<(), BusError> {
        loop {
            match self.jetstream.query_account().await {
                Ok(_) => return Ok(()),
                Err(_) if Instant::now() >= deadline => return Err(BusError::NoJetStream),
                Err(_) => tokio::time::sleep(RETRY_EVERY).await,
            }
        }
    }

    /// Makes the streams, consumers and buckets that are missing, and checks those that are there.
    ///
    /// # Errors
    /// `Drift` names the first setting that differs.
    pub async fn set_up(&self) -> Result<(), BusError> {
        streams::set_up(self).await
    }

    /// # Errors
    /// `Unavailable` when the server does not answer.
    pub async fn health(&self) -> Result<Health, BusError> {
        let connected = self.client.connection_state() == async_nats::connection::State::Connected;
        let server_version = self.client.server_info().version;
        let stream = self.jetstream.get_stream(subjects::EVENTS_STREAM).await;
        let log_head = match stream {
            Ok(stream) => Some(stream.cached_info().state.last_sequence),
            Err(error) if streams::is_missing(&error.kind()) => None,
            Err(error) => return Err(unavailable(&error)),
        };
        let streams_present = log_head.is_some();
        Ok(Health { connected, server_version, streams_present, log_head: log_head.unwrap_or(0) })
    }

    /// Waits a moment for a connection that is being made again, so that a restart of the server is no error.
    pub(crate) async fn reachable(&self) -> Result<(), String> {
        let connected = async {
            while self.client.connection_state() != async_nats::connection::State::Connected {
                tokio::time::sleep(LOOK_EVERY).await;
            }
        };
        let waited = tokio::time::timeout(RECONNECT_WITHIN, connected).await;
        waited.map_err(|_| "not connected".to_owned())
    }

    pub fn log(&self) -> Log {
        Log { bus: self.clone(), opens: false, strict: false }
    }

    pub fn keys(&self) -> Keys {
        Keys { bus: self.clone() }
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

async fn options(config: &NatsConfig, connected: watch::Sender<u64>) -> Result<ConnectOptions, BusError> {
    let options = ConnectOptions::new()
        .name("kart")
        // Replies to Kart are not for those who only watch, whose own replies are in `_INBOX`.
        .custom_inbox_prefix("_KART")
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .ping_interval(PING_EVERY)
        .reconnect_delay_callback(|tries| Duration::from_millis(50 << tries.min(5)).min(RECONNECT_AT_MOST_EVERY))
        .event_callback(move |event| {
            let connected = connected.clone();
            async move {
                match event {
                    async_nats::Event::Connected => connected.send_modify(|count| *count += 1),
                    async_nats::Event::SlowConsumer(_) => tracing::warn!("{event}: messages were dropped"),
                    other => tracing::info!("nats: {other}"),
                }
            }
        });
    match &config.credentials {
        None => Ok(match user_in(&config.url) {
            // The client ignores what stands in the address.
            Some((name, password)) => options.user_and_password(name.to_owned(), password.to_owned()),
            None => options,
        }),
        Some(Credentials::User { name, password }) => Ok(options.user_and_password(name.clone(), password.clone())),
        Some(Credentials::File(path)) => {
            let refused = |reason| BusError::Connect { url: without_password(&config.url), reason };
            let text = tokio::fs::read_to_string(path)
                .await
                .map_err(|error| refused(format!("{}: {error}", path.display())))?;
            options.credentials(&text).map_err(|error| refused(format!("{}: {error}", path.display())))
        }
    }
}

fn servers(urls: &str) -> Vec<String> {
    urls.split(',').map(|url| url.trim().to_owned()).collect()
}

/// Name and password in `nats://name:password@host`, of the first server that has them.
fn user_in(urls: &str) -> Option<(&str, &str)> {
    urls.split(',').find_map(|url| {
        let (user, _host) = url.rsplit_once('@')?;
        user.split_once("://").map_or(user, |(_scheme, user)| user).trim().split_once(':')
    })
}

/// Fit for a log line.
fn without_password(urls: &str) -> String {
    let hide = |url: &str| match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        (None, Some((_, host))) => host.to_owned(),
        (_, None) => url.to_owned(),
    };
    urls.split(',').map(|url| hide(url.trim())).collect::<Vec<_>>().join(",")
}

pub(crate) fn unavailable(error: &dyn std::error::Error) -> BusError {
    BusError::Unavailable { reason: describe(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_in_the_address_is_found() {
        for (url, user) in [
            ("nats://a:secret@host:4222", Some(("a", "secret"))),
            ("nats://host:4222,nats://a:p@b@other:1", Some(("a", "p@b"))),
            ("a:secret@host", Some(("a", "secret"))),
            ("nats://host:4222", None),
        ] {
            assert_eq!(user_in(url), user, "{url}");
        }
    }

    #[test]
    fn a_password_does_not_reach_an_error_message() {
        for (url, shown) in [
            ("nats://a:secret@host:4222", "nats://host:4222"),
            ("nats://host:4222, nats://a:p@b@other:1", "nats://host:4222,nats://other:1"),
            ("a:secret@host", "host"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
