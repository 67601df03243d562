//! `kart up`: every role in one process, and the servers they need.

use crate::backends::{self, Embedded, Running};
use crate::config::{Settings, WebSettings, WorkSettings};
use crate::views::{self, Request};
use crate::{control, roles, seals};
use bus::Bus;
use control::Asked;
use orchestrator::Slots;
use projector::{Projector, ViewStore, Views};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The projector may take this long to catch up before the pages open; later it catches up in the open.
const CATCH_UP: Duration = Duration::from_secs(30);

pub async fn run(
    settings: &Settings,
    web: &WebSettings,
    work: &WorkSettings,
    shutdown: CancellationToken,
) -> anyhow::Result<()> {
    let embedded = Embedded::start(settings).await?;
    let nats = embedded.nats_config(settings);
    let s3 = embedded.s3_config(settings)?;
    let blobs = backends::connect_blobs(&s3).await?;
    // Before the streams are set up: a stream that is missing would be made anew.
    seals::refuse_a_shorter_log(&Bus::connect(&nats).await?, &blobs, settings).await?;
    let bus = backends::set_up_bus(&nats).await?;
    let store = backends::views_of(settings).await?;
    let listener = roles::listen(web).await?;
    let url = format!("http://{}", listener.local_addr()?);

    let (asked, requests) = mpsc::channel(1);
    let controlling = control::listen(settings.data.clone(), asked, shutdown.clone())?;
    let projecting = tokio::spawn(project(bus.clone(), store.clone(), requests, shutdown.clone()));
    let head = bus.log().head().await?;
    // Falling short only means that the pages start a little behind.
    let caught_up = Views::new(store.clone()).reach(head, CATCH_UP).await?;
    tracing::info!(head, caught_up, "projector");
    let running = Running {
        url: url.clone(),
        nats_url: nats.url.clone(),
        s3_endpoint: s3.endpoint,
        s3_bucket: s3.bucket,
        s3_access_key: s3.access_key,
        s3_secret_key: s3.secret_key,
    };
    running.write(&settings.data)?;

    let training = {
        let (bus, blobs, settings, work) = (bus.clone(), blobs.clone(), settings.clone(), work.clone());
        let shutdown = shutdown.clone();
        tokio::spawn(async move { roles::train(bus, blobs, &settings, &work, shutdown).await })
    };
    let sealing = tokio::spawn(seals::keep_sealing(bus.log(), blobs.clone(), settings.clone(), shutdown.clone()));
    roles::say(&format!("ready {url}"));
    roles::say(&format!("watch the story:  nats --server {} sub '{}'", without_sign_in(&nats.url), bus::STORY));
    let free = work.trainers.max(1);
    let slots = Slots { training: free, inference: free };
    let served = roles::serve(bus, blobs, store, web, slots, listener, shutdown.clone()).await;
    // Whatever ended the web ends the rest.
    shutdown.cancel();
    Running::forget(&settings.data);
    let (trained, _, _, _) = tokio::join!(training, projecting, controlling, sealing);
    embedded.stop().await;
    served.and(trained?)
}

/// Watching needs no sign-in on the embedded server, and a password does not belong on a terminal.
fn without_sign_in(url: &str) -> String {
    match (url.split_once("://"), url.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
        _ => url.to_owned(),
    }
}

/// Follows the log, and does what `kart views` asks for meanwhile.
async fn project(
    bus: Bus,
    store: Arc<dyn ViewStore>,
    mut requests: mpsc::Receiver<Asked>,
    shutdown: CancellationToken,
) {
    let log = bus.log().opened();
    let projector = Projector::new(log.clone(), store.clone()).parking_in(bus.parked());
    let projecting = tokio::spawn(projector.run(shutdown.clone()));
    // Ended with this: a rebuild that is cut off changes nothing.
    let mut answering = JoinSet::new();
    let one_at_a_time = Arc::new(Mutex::new(()));
    while let Some(Some(Asked { request, answer })) = shutdown.run_until_cancelled(requests.recv()).await {
        let (log, store, turn) = (log.clone(), store.clone(), one_at_a_time.clone());
        answering.spawn(async move {
            let _turn = if request == Request::Status { None } else { Some(turn.lock().await) };
            let answered = views::execute(request, &log, store).await.map_err(|error| format!("{error:#}"));
            // Nobody waits any more: nothing to do.
            let _ = answer.send(answered);
        });
    }
    if let Err(panic) = projecting.await {
        tracing::error!(%panic, "the projector ended");
    }
}
