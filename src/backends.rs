//! The only place that knows which servers are in use: configured ones, those of a running `kart up`, or embedded ones.

use crate::config::Settings;
use anyhow::{Context, bail};
use bus::local::{NatsServer, S3Server};
use bus::{Blobs, Bus, Credentials, NatsConfig, Needed, S3Config};
use projector::{RedbStore, ScyllaStore, ViewStore};
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// NATS clients look here by default.
const NATS_PORT: u16 = 4222;
const NOT_SET_UP: &str = "the streams on NATS are not as they should be";
const LOCK: &str = "lock";
const LOCK_TRIES: u32 = 5;
const LOCK_EVERY: Duration = Duration::from_millis(100);
const LOOK_AFTER_NATS: Duration = Duration::from_millis(300);

/// What a running `kart up` leaves in its folder, so that other commands find it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Running {
    pub url: String,
    pub nats_url: String,
    pub s3_endpoint: String,
    pub s3_bucket: String,
    pub s3_access_key: String,
    pub s3_secret_key: String,
}

impl Running {
    const FILE: &str = "running.json";

    /// `None` when no `kart up` uses the folder.
    pub fn find(data: &Path) -> Option<Self> {
        let file = File::open(data.join(LOCK)).ok()?;
        if !matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)) {
            return None;
        }
        serde_json::from_slice(&std::fs::read(data.join(Self::FILE)).ok()?).ok()
    }

    pub fn forget(data: &Path) {
        // Not there is as good as removed.
        let _ = std::fs::remove_file(data.join(Self::FILE));
    }

    pub fn write(&self, data: &Path) -> anyhow::Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        let path = data.join(Self::FILE);
        // It holds credentials: for the owner's eyes only.
        let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(&path);
        let file = file.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(serde_json::to_writer_pretty(file, self)?)
    }
}

#[derive(Debug)]
pub enum LockError {
    InUse,
    Io(std::io::Error),
}

/// Takes a data folder for this process, until the file is dropped.
pub fn lock(data: &Path) -> Result<File, LockError> {
    std::fs::create_dir_all(data).map_err(LockError::Io)?;
    let file = File::options().write(true).create(true).truncate(false).open(data.join(LOCK)).map_err(LockError::Io)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(LockError::InUse),
        Err(TryLockError::Error(error)) => Err(LockError::Io(error)),
    }
}

/// Waits a moment for one who only looked whether the folder is in use.
async fn lock_soon(data: &Path) -> Result<File, LockError> {
    for _ in 0..LOCK_TRIES {
        match lock(data) {
            Err(LockError::InUse) => tokio::time::sleep(LOCK_EVERY).await,
            outcome => return outcome,
        }
    }
    lock(data)
}

/// The servers of a data folder that no other process uses. They stop with [`Embedded::stop`], or with this process.
pub struct Embedded {
    nats: Option<(NatsConfig, CancellationToken, JoinHandle<()>)>,
    s3: Option<S3Server>,
    _lock: File,
}

impl Embedded {
    /// Starts what `settings` does not configure.
    pub async fn start(settings: &Settings) -> anyhow::Result<Self> {
        let data = &settings.data;
        let lock = match lock_soon(data).await {
            Ok(lock) => lock,
            Err(LockError::InUse) => {
                bail!("the folder {} is in use by another kart; stop it, or choose another with --data", data.display())
            }
            Err(LockError::Io(error)) => return Err(error).with_context(|| format!("cannot use {}", data.display())),
        };
        // What an earlier process left, which was killed.
        Running::forget(data);
        let nats = match settings.nats_url {
            Some(_) => None,
            None => {
                let server = start_nats(&data.join("nats")).await?;
                let (config, stop) = (server.config(), CancellationToken::new());
                Some((config, stop.clone(), tokio::spawn(supervise(server, stop))))
            }
        };
        let s3 = match settings.s3_endpoint {
            Some(_) => None,
            None => Some(S3Server::spawn(&data.join("s3"), None).await?),
        };
        Ok(Self { nats, s3, _lock: lock })
    }

    pub fn nats_config(&self, settings: &Settings) -> NatsConfig {
        let started = self.nats.as_ref().map(|(config, ..)| config.clone());
        tune(started.unwrap_or_else(|| NatsConfig::new(settings.nats_url.clone().unwrap_or_default())), settings)
    }

    /// Ends the servers and waits for their end.
    pub async fn stop(self) {
        if let Some((_, stop, supervisor)) = self.nats {
            stop.cancel();
            // Fails only when it panicked; then the server ends with this process.
            let _ = supervisor.await;
        }
    }

    pub fn s3_config(&self, settings: &Settings) -> anyhow::Result<S3Config> {
        match &self.s3 {
            Some(server) => Ok(server.config()),
            None => configured_s3(settings),
        }
    }
}

/// Starts the server again whenever it ends, until `stop`.
async fn supervise(mut server: NatsServer, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK_AFTER_NATS) => {}
            () = stop.cancelled() => return server.kill().await,
        }
        if server.pid().is_none() {
            tracing::warn!("the nats-server ended; starting it again");
            if let Err(error) = server.restart().await {
                tracing::error!(%error, "the nats-server does not start");
            }
        }
    }
}

/// On the port where clients look, when that is free; another process may be faster, and then on any.
async fn start_nats(folder: &Path) -> anyhow::Result<NatsServer> {
    if TcpListener::bind(("127.0.0.1", NATS_PORT)).is_ok()
        && let Ok(server) = NatsServer::spawn(folder, Some(NATS_PORT)).await
    {
        return Ok(server);
    }
    NatsServer::spawn(folder, None).await.context("the embedded nats-server did not start; try `kart doctor`")
}

fn tune(config: NatsConfig, settings: &Settings) -> NatsConfig {
    let user = settings.nats_user.clone().zip(settings.nats_password.clone());
    let user = user.map(|(name, password)| Credentials::User { name, password });
    let credentials = settings.nats_creds.clone().map(Credentials::File).or(user).or(config.credentials.clone());
    NatsConfig {
        credentials,
        replicas: settings.nats_replicas,
        lease: settings.lease(),
        log_max_bytes: Some(settings.log_max_bytes).filter(|bytes| *bytes > 0),
        ..config
    }
}

fn configured_s3(settings: &Settings) -> anyhow::Result<S3Config> {
    let need = |value: &Option<String>, name: &str| value.clone().with_context(|| format!("{name} is not set"));
    Ok(S3Config {
        endpoint: need(&settings.s3_endpoint, "KART_S3_ENDPOINT")?,
        region: settings.s3_region.clone(),
        bucket: settings.s3_bucket.clone(),
        access_key: need(&settings.s3_access_key, "KART_S3_ACCESS_KEY")?,
        secret_key: need(&settings.s3_secret_key, "KART_S3_SECRET_KEY")?,
    })
}

/// The log for a command that runs beside the roles: of the configured NATS, of a running `kart up`, or of a folder at
/// rest, whose server then runs as long as the command.
pub async fn log_of(settings: &Settings) -> anyhow::Result<(Bus, Option<Embedded>)> {
    let url = settings.nats_url.clone().or_else(|| Running::find(&settings.data).map(|running| running.nats_url));
    let (config, embedded) = match url {
        Some(url) => (tune(NatsConfig::new(url), settings), None),
        None if settings.data.join("nats").is_dir() => {
            let embedded = Embedded::start(settings).await?;
            (embedded.nats_config(settings), Some(embedded))
        }
        None => bail!("no Kart runs here and {} holds no log; set KART_NATS_URL or --data", settings.data.display()),
    };
    Ok((connect_bus(&config).await?, embedded))
}

/// The log of a server, or of a folder that may be new, to be filled: its streams are made.
pub async fn log_to_fill(settings: &Settings) -> anyhow::Result<(Bus, Option<Embedded>)> {
    if settings.nats_url.is_none() && Running::find(&settings.data).is_none() {
        let embedded = Embedded::start(settings).await?;
        return Ok((set_up_bus(&embedded.nats_config(settings)).await?, Some(embedded)));
    }
    let (bus, embedded) = log_of(settings).await?;
    bus.set_up().await.context(NOT_SET_UP)?;
    Ok((bus, embedded))
}

/// The blobs beside [`log_of`].
pub fn blobs_beside(settings: &Settings, embedded: Option<&Embedded>) -> anyhow::Result<Blobs> {
    let config = match embedded {
        Some(embedded) => embedded.s3_config(settings)?,
        None => s3_of(settings)?,
    };
    Ok(Blobs::connect(&config)?)
}

/// S3 as configured, or that of a `kart up` in the data folder.
fn s3_of(settings: &Settings) -> anyhow::Result<S3Config> {
    match (&settings.s3_endpoint, Running::find(&settings.data)) {
        (None, Some(running)) => Ok(S3Config {
            endpoint: running.s3_endpoint,
            region: settings.s3_region.clone(),
            bucket: running.s3_bucket,
            access_key: running.s3_access_key,
            secret_key: running.s3_secret_key,
        }),
        _ => configured_s3(settings),
    }
}

async fn connect_bus(config: &NatsConfig) -> anyhow::Result<Bus> {
    Bus::connect(config).await.with_context(|| format!("NATS at {} cannot be used", config.url))
}

/// Connects, makes the streams that are missing, and makes sure that all are as they should be.
pub async fn set_up_bus(config: &NatsConfig) -> anyhow::Result<Bus> {
    let bus = connect_bus(config).await?;
    bus.set_up().await.context(NOT_SET_UP)?;
    Ok(bus)
}

pub async fn connect_blobs(config: &S3Config) -> anyhow::Result<Blobs> {
    let blobs = Blobs::connect(config)?;
    blobs.ensure_bucket().await.with_context(|| format!("S3 at {} cannot be used", config.endpoint))?;
    Ok(blobs)
}

/// NATS for a role that runs alone: configured, or that of a `kart up` in the data folder.
pub fn nats_of(settings: &Settings) -> anyhow::Result<NatsConfig> {
    let running = || Running::find(&settings.data).map(|running| running.nats_url);
    let url = settings.nats_url.clone().or_else(running);
    let url = url.context("KART_NATS_URL is not set, and no `kart up` runs in the data folder")?;
    Ok(tune(NatsConfig::new(url), settings))
}

/// The log for a role that must not change how it is set up. What the role needs has to be there.
pub async fn bus_with(settings: &Settings, needed: &[Needed]) -> anyhow::Result<Bus> {
    let bus = connect_bus(&nats_of(settings)?).await?;
    bus.check(needed).await.context(NOT_SET_UP)?;
    Ok(bus)
}

/// S3 for a role that runs alone.
pub async fn blobs_of(settings: &Settings) -> anyhow::Result<Blobs> {
    connect_blobs(&s3_of(settings)?).await
}

/// ScyllaDB when nodes are configured.
pub async fn scylla(settings: &Settings) -> anyhow::Result<Option<Arc<dyn ViewStore>>> {
    // A variable that is set to nothing is not set.
    let nodes: Vec<String> = settings.scylla_nodes.iter().filter(|node| !node.is_empty()).cloned().collect();
    if nodes.is_empty() {
        return Ok(None);
    }
    let store = ScyllaStore::connect(&nodes, &settings.scylla_keyspace).await;
    let store = store.with_context(|| format!("ScyllaDB at {} cannot be used", nodes.join(", ")))?;
    Ok(Some(Arc::new(store)))
}

/// ScyllaDB when nodes are configured, else the embedded store of a folder that this process has locked.
pub async fn views_of(settings: &Settings) -> anyhow::Result<Arc<dyn ViewStore>> {
    match scylla(settings).await? {
        Some(store) => Ok(store),
        None => {
            let path = settings.data.join("views.redb");
            Ok(Arc::new(RedbStore::open(&path).with_context(|| format!("cannot open {}", path.display()))?))
        }
    }
}
