//! The connection to NATS, and what hangs on it.

use crate::keys::Keyring;
use crate::log::{Committer, Turns};
use crate::streams::{self, describe};
use crate::{Control, Keys, Log, Needed, Parked, Sessions, Ticks, WorkQueue};
use async_nats::ConnectOptions;
use async_nats::jetstream::kv::Store;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
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
    /// How long a worker may stay silent before its work is handed out again. `set_up` gives it to the queue, where
    /// every worker finds it.
    pub lease: Duration,
    /// How large the log may get; what comes then is refused. `None`: as large as the disk.
    pub log_max_bytes: Option<u64>,
    /// How long `connect` tries, and `check` waits for what another process sets up.
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
            log_max_bytes: None,
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
    /// What the server forbade last, and when: all that the request itself hears is silence.
    forbidden: watch::Receiver<Option<(Instant, String)>>,
    /// The log was nearly full at the last look.
    pub(crate) alarmed: Arc<AtomicBool>,
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
    #[error("{item} is missing; `kart set-up` or `kart orchestrator` makes it")]
    Missing { item: String },
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
        let ((connected, connections), (forbid, forbidden)) = (watch::channel(0), watch::channel(None));
        let deadline = Instant::now() + config.connect_deadline;
        let client = loop {
            let options = options(config, connected.clone(), forbid.clone()).await?;
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
            forbidden,
            alarmed: Arc::default(),
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

    /// Makes the streams, consumers and buckets that are missing, brings the lease and the log's limit to what is
    /// configured, and checks all the rest. The user needs to be allowed to make them only when they are missing.
    ///
    /// # Errors
    /// `Drift` names the first setting that differs.
    pub async fn set_up(&self) -> Result<(), BusError> {
        streams::set_up(self).await
    }

    /// Checks what is needed and changes nothing. What is missing may be on its way: it waits for it.
    ///
    /// # Errors
    /// `Missing` at the deadline, `Drift` names the first setting that differs.
    pub async fn check(&self, needed: &[Needed]) -> Result<(), BusError> {
        for needed in needed {
            streams::wait_for(self, *needed).await?;
        }
        Ok(())
    }

    /// Why a request about `item` failed, with what the server forbade meanwhile.
    pub(crate) fn failed(&self, item: String, error: &dyn std::error::Error) -> BusError {
        let mut reason = describe(error);
        if let Some((when, what)) = &*self.forbidden.borrow()
            && when.elapsed() < REQUEST_TIMEOUT * 2
        {
            reason = format!("{reason}: {what}");
        }
        BusError::SetUp { item, reason }
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

async fn options(
    config: &NatsConfig,
    connected: watch::Sender<u64>,
    forbid: watch::Sender<Option<(Instant, String)>>,
) -> Result<ConnectOptions, BusError> {
    let options = ConnectOptions::new()
        .name("kart")
        .custom_inbox_prefix(inbox(config))
        .connection_timeout(CONNECT_TIMEOUT)
        .request_timeout(Some(REQUEST_TIMEOUT))
        .ping_interval(PING_EVERY)
        .reconnect_delay_callback(|tries| Duration::from_millis(50 << tries.min(5)).min(RECONNECT_AT_MOST_EVERY))
        .event_callback(move |event| {
            let (connected, forbid) = (connected.clone(), forbid.clone());
            async move {
                match event {
                    async_nats::Event::Connected => connected.send_modify(|count| *count += 1),
                    async_nats::Event::SlowConsumer(_) => tracing::warn!("{event}: messages were dropped"),
                    async_nats::Event::ServerError(error) => {
                        tracing::warn!("nats: {error}");
                        forbid.send_replace(Some((Instant::now(), error.to_string())));
                    }
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

/// Where replies to this user come: nobody else needs to be allowed to listen there. Those who only watch have theirs in
/// `_INBOX`.
fn inbox(config: &NatsConfig) -> String {
    let user = match &config.credentials {
        Some(Credentials::User { name, .. }) => Some(name.as_str()),
        Some(Credentials::File(_)) => None,
        None => user_in(&config.url).map(|(name, _)| name),
    };
    let is_word = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    match user.filter(|name| !name.is_empty()).filter(is_word) {
        Some(user) => format!("_KART.{user}"),
        None => "_KART".to_owned(),
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
    fn replies_come_to_the_inbox_of_the_user() {
        let signed_in = |name: &str| {
            let credentials = Credentials::User { name: name.to_owned(), password: "secret".to_owned() };
            NatsConfig { credentials: Some(credentials), ..NatsConfig::new("nats://other:secret@host") }
        };
        for (config, prefix) in [
            (NatsConfig::new("nats://host"), "_KART"),
            (NatsConfig::new("nats://kart:secret@host"), "_KART.kart"),
            (signed_in("trainer"), "_KART.trainer"),
            // Not one word of a subject, or all of them.
            (signed_in("a.b"), "_KART"),
            (signed_in(">"), "_KART"),
        ] {
            assert_eq!(inbox(&config), prefix);
        }
    }

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
