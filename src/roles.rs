//! Each role as a process of its own.

use crate::backends;
use crate::config::{Settings, WebSettings, WorkSettings};
use crate::seals;
use anyhow::Context;
use bus::{Blobs, Bus, Needed};
use orchestrator::{Slots, Web, WebConfig};
use projector::{Projector, ViewStore, Views};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use trainer::device::Device;
use trainer::teach::{self, Teachers};
use trainer::worker::{self, Worker};

const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
const ANY_PORT: &str = "127.0.0.1:0";
/// No upload takes so long.
const STALE_UPLOAD: Duration = Duration::from_secs(24 * 60 * 60);
const REAP_EVERY: Duration = Duration::from_secs(60 * 60);
const NEED_SCYLLA: &str = "KART_SCYLLA_NODES is not set. The embedded read models belong to one process: run \
                           `kart up`, or point every role at ScyllaDB";

/// Makes the streams that are missing and checks the others: for a user that no other role has.
pub async fn set_up(settings: &Settings) -> anyhow::Result<()> {
    backends::set_up_bus(&backends::nats_of(settings)?).await?;
    say("the streams are set up");
    Ok(())
}

/// It sets up as well: on a server where it may not, everything is there already.
pub async fn orchestrator(settings: &Settings, web: &WebSettings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let (nats, blobs) = (backends::nats_of(settings)?, backends::blobs_of(settings).await?);
    // Before the streams are set up: a stream that is missing would be made anew.
    seals::refuse_a_shorter_log(&Bus::connect(&nats).await?, &blobs, settings).await?;
    let bus = backends::set_up_bus(&nats).await?;
    let store = backends::scylla(settings).await?.context(NEED_SCYLLA)?;
    let listener = listen(web).await?;
    say(&format!("ready http://{}", listener.local_addr()?));
    let sealing = seals::keep_sealing(bus.log(), blobs.clone(), settings.clone(), shutdown.clone());
    let sealing = tokio::spawn(sealing);
    let served = serve(bus, blobs, store, web, Slots::default(), listener, shutdown.clone()).await;
    shutdown.cancel();
    sealing.await?;
    served
}

/// Prints a line for whoever started this process. Nobody may be listening any more, and that is no reason to end.
pub fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The web, the dispatcher and the eraser, until `shutdown`.
pub async fn serve(
    bus: Bus,
    blobs: Blobs,
    store: Arc<dyn ViewStore>,
    web: &WebSettings,
    slots: Slots,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let config = WebConfig {
        listen: listener.local_addr()?,
        max_upload: web.max_upload,
        host: web.host.clone(),
        cookie_secure: web.cookie_secure,
        ..WebConfig::default()
    };
    tokio::spawn(reap(blobs.clone(), shutdown.clone()));
    let dispatching = orchestrator::dispatch(bus.clone(), slots, shutdown.clone());
    let erasing = orchestrator::erase(bus.clone(), blobs.clone(), shutdown.clone());
    let serving = orchestrator::serve(Web { bus, blobs, views: Views::new(store), config }, listener, shutdown);
    let ((), (), served) = tokio::join!(dispatching, erasing, serving);
    Ok(served?)
}

/// Removes what uploads left open when their process was killed.
async fn reap(blobs: Blobs, shutdown: CancellationToken) {
    loop {
        match blobs.abort_stale_uploads(STALE_UPLOAD).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "removed uploads that were never finished"),
            Err(error) => tracing::warn!(%error, "unfinished uploads were not looked for"),
        }
        tokio::select! {
            () = tokio::time::sleep(REAP_EVERY) => {}
            () = shutdown.cancelled() => return,
        }
    }
}

/// The configured address; unless told, 8080 or whatever is free.
pub async fn listen(web: &WebSettings) -> anyhow::Result<TcpListener> {
    let address = web.listen.as_deref().unwrap_or(DEFAULT_LISTEN);
    match TcpListener::bind(address).await {
        Err(error) if web.listen.is_none() && error.kind() == std::io::ErrorKind::AddrInUse => {
            Ok(TcpListener::bind(ANY_PORT).await?)
        }
        listener => listener.with_context(|| format!("cannot listen on {address}")),
    }
}

pub async fn trainer(settings: &Settings, work: &WorkSettings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let bus = backends::bus_with(settings, &[Needed::Log, Needed::Work, Needed::Ticks]).await?;
    let blobs = backends::blobs_of(settings).await?;
    say("ready");
    train(bus, blobs, settings, work, shutdown).await
}

/// Workers, until `shutdown`.
pub async fn train(
    bus: Bus,
    blobs: Blobs,
    settings: &Settings,
    work: &WorkSettings,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    if work.trainers == 0 {
        return Ok(());
    }
    let folder = work.teachers.clone().unwrap_or_else(teach::default_folder);
    let loaded = tokio::task::spawn_blocking(move || Teachers::load(&folder)).await?;
    let teachers = match loaded {
        Ok(teachers) => Some(Arc::new(teachers)),
        Err(error) => {
            tracing::warn!(%error, "working without teachers: characters are what moves, and have no faces");
            None
        }
    };
    let choice = tokio::task::spawn_blocking(Device::choose).await?;
    let scratch = own_scratch(&settings.data.join("scratch"))?;
    // A GPU works on one job at a time.
    let workers = choice.devices.into_iter().map(|device| {
        let slots = if matches!(device, Device::Cuda { .. }) { 1 } else { work.trainers };
        tracing::info!(%device, slots, reason = choice.reason, "trainer");
        let (bus, blobs, teachers, scratch) = (bus.clone(), blobs.clone(), teachers.clone(), scratch.clone());
        worker::run(Worker { bus, blobs, teachers, device, scratch }, slots, shutdown.clone())
    });
    futures::future::join_all(workers).await;
    Ok(())
}

/// A folder for this process alone. Those of processes that were killed go away.
fn own_scratch(parent: &Path) -> anyhow::Result<PathBuf> {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let alive = Path::new("/proc").join(entry.file_name()).exists();
        if !alive && let Err(error) = std::fs::remove_dir_all(entry.path()) {
            tracing::warn!(%error, folder = %entry.path().display(), "an old folder stays");
        }
    }
    let own = parent.join(std::process::id().to_string());
    std::fs::create_dir_all(&own).with_context(|| format!("cannot make {}", own.display()))?;
    Ok(own)
}

pub async fn projector(settings: &Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let bus = backends::bus_with(settings, &[Needed::Log, Needed::Parked, Needed::Keys]).await?;
    let store = backends::scylla(settings).await?.context(NEED_SCYLLA)?;
    say("ready");
    Projector::new(bus.log().opened(), store).parking_in(bus.parked()).run(shutdown).await;
    Ok(())
}
