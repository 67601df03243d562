//! Each role as a process of its own.

use crate::backends::{self, connect};
use crate::config::{Settings, WebSettings, WorkSettings};
use anyhow::Context;
use bus::{Blobs, Bus};
use orchestrator::{Slots, Web, WebConfig};
use projector::{Projector, ViewStore, Views};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use trainer::device::Device;
use trainer::teach::{self, Teachers};
use trainer::worker::{self, Worker};

const DEFAULT_LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 8080);
const NEED_SCYLLA: &str = "KART_SCYLLA_NODES is not set. The embedded read models belong to one process: run \
                           `kart up`, or point every role at ScyllaDB";

pub async fn orchestrator(settings: &Settings, web: &WebSettings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let (bus, blobs) = connect(settings).await?;
    let store = backends::scylla(settings).await?.context(NEED_SCYLLA)?;
    let listener = listen(web).await?;
    println!("ready http://{}", listener.local_addr()?);
    serve(bus, blobs, store, web, Slots::default(), listener, shutdown).await
}

/// The web and the dispatcher, until `shutdown`.
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
    let dispatching = orchestrator::dispatch(bus.clone(), slots, shutdown.clone());
    let serving = orchestrator::serve(Web { bus, blobs, views: Views::new(store), config }, listener, shutdown);
    let ((), served) = tokio::join!(dispatching, serving);
    Ok(served?)
}

/// The configured address; unless told, 8080 or whatever is free.
pub async fn listen(web: &WebSettings) -> anyhow::Result<TcpListener> {
    let address = web.listen.unwrap_or(DEFAULT_LISTEN);
    match TcpListener::bind(address).await {
        Err(error) if web.listen.is_none() && error.kind() == std::io::ErrorKind::AddrInUse => {
            Ok(TcpListener::bind(SocketAddr::new(address.ip(), 0)).await?)
        }
        listener => listener.with_context(|| format!("cannot listen on {address}")),
    }
}

pub async fn trainer(settings: &Settings, work: &WorkSettings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let (bus, blobs) = connect(settings).await?;
    println!("ready");
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
            tracing::warn!(%error, "working without teachers: panels will show whole frames, without a character");
            None
        }
    };
    let choice = Device::choose();
    tracing::info!(device = %choice.device, reason = choice.reason, "trainer");
    let scratch = settings.data.join("scratch");
    // Videos of workers that were killed.
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
    worker::run(Worker { bus, blobs, teachers, device: choice.device, scratch }, work.trainers, shutdown).await;
    Ok(())
}

pub async fn projector(settings: &Settings, shutdown: CancellationToken) -> anyhow::Result<()> {
    let (bus, _) = connect(settings).await?;
    let store = backends::scylla(settings).await?.context(NEED_SCYLLA)?;
    println!("ready");
    Projector::new(bus.log(), store).run(shutdown).await;
    Ok(())
}
