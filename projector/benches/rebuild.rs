//! How fast the log is read, folded and rebuilt into the embedded store, beside a raw consumer of the same log.
//!
//! `cargo bench -p projector --bench rebuild`; `KART_BENCH_EVENTS` says how many events (default 1,000,000). Everything
//! runs on this machine: the nats-server reads and decompresses on the same processors.

use async_nats::jetstream::consumer::{pull, push};
use async_nats::jetstream::{self, Context};
use bus::local::NatsServer;
use bus::{Bus, Delivered, Filter, Log};
use futures::{Stream, StreamExt};
use projector::{RedbStore, Report, ViewStore, rebuild, views};
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

#[path = "rebuild/story.rs"]
mod story;
#[path = "rebuild/writer.rs"]
mod writer;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const EVENTS: u64 = 1_000_000;

#[tokio::main]
async fn main() -> Outcome<()> {
    let events = std::env::var("KART_BENCH_EVENTS").map_or(Ok(EVENTS), |count| count.parse())?;
    let folder = tempfile::tempdir()?;
    let server = NatsServer::spawn(&folder.path().join("nats"), None).await?;
    let bus = Bus::connect(&server.config()).await?;
    bus.set_up().await?;
    let jetstream = jetstream::new(writer::connect(&server.url()).await?);

    let started = Instant::now();
    writer::write(&bus, &jetstream, events).await?;
    let bytes = jetstream.get_stream("KART_EVENTS").await?.cached_info().state.bytes;
    println!("{events} events, {} bytes each, written in {:.0?}", bytes / events, started.elapsed());

    let log = bus.log().opened();
    let pulled = raw_pull(&jetstream, events).await?;
    let pushed = raw_push(&jetstream, events).await?;
    let raw = pulled.max(pushed);
    println!("raw ordered consumer   {pulled:>9.0} events/s pulled, {pushed:.0} pushed");
    let read = rate(events, log.replay(Filter::default()), |_| {}).await;
    say("replay and decode", read, raw);
    let fold = rate(events, log.replay(Filter::default()), |delivered| {
        if let Ok(Delivered::Event(event)) = delivered {
            black_box(views::apply(&event));
        }
    });
    say("replay, decode, fold", fold.await, raw);
    let report = into_redb(&log, &folder.path().join("views.redb")).await?;
    say("rebuild into redb", report.events_per_second(), raw);
    let size = std::fs::metadata(folder.path().join("views.redb"))?.len();
    println!("the views take {} MiB", size >> 20);
    if report.counts.applied != events {
        return Err(format!("not every event was applied: {:?}", report.counts).into());
    }
    Ok(())
}

fn say(what: &str, rate: f64, raw: f64) {
    println!("{what:<22} {rate:>9.0} events/s, {:.0} % of raw", 100.0 * rate / raw);
}

async fn into_redb(log: &Log, path: &std::path::Path) -> Outcome<Report> {
    let store: Arc<dyn ViewStore> = Arc::new(RedbStore::open(path)?);
    Ok(rebuild(log, store).await?)
}

/// Items a second, each given to `take`, until there have been so many.
async fn rate<T>(events: u64, items: impl Stream<Item = T>, mut take: impl FnMut(T)) -> f64 {
    let started = Instant::now();
    let mut items = std::pin::pin!(items.take(events as usize));
    while let Some(item) = items.next().await {
        take(item);
    }
    events as f64 / started.elapsed().as_secs_f64()
}

async fn raw_pull(jetstream: &Context, events: u64) -> Outcome<f64> {
    let stream = jetstream.get_stream("KART_EVENTS").await?;
    let consumer = stream.create_consumer(pull::OrderedConfig::default()).await?;
    Ok(rate(events, consumer.messages().await?, |message| drop(black_box(message))).await)
}

async fn raw_push(jetstream: &Context, events: u64) -> Outcome<f64> {
    let stream = jetstream.get_stream("KART_EVENTS").await?;
    let config = push::OrderedConfig { deliver_subject: "bench.raw".to_owned(), ..Default::default() };
    let consumer = stream.create_consumer(config).await?;
    Ok(rate(events, consumer.messages().await?, |message| drop(black_box(message))).await)
}
