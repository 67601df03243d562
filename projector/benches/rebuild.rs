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

/// As in Kart itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

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
    let raw = pulled.rate.max(pushed.rate);
    pulled.say("raw, pulled", raw);
    pushed.say("raw, pushed", raw);
    measure(events, log.replay(Filter::default()), |_| {}).await.say("replay and decode", raw);
    let fold = measure(events, log.replay(Filter::default()), |delivered| {
        if let Ok(Delivered::Event(event)) = delivered {
            black_box(views::apply(&event));
        }
    });
    fold.await.say("replay, decode, fold", raw);
    let cpu = cpu_seconds();
    let report = into_redb(&log, &folder.path().join("views.redb")).await?;
    Measured::of(events, report.took.as_secs_f64(), cpu_seconds() - cpu).say("rebuild into redb", raw);
    let size = std::fs::metadata(folder.path().join("views.redb"))?.len();
    println!("the views take {} MiB", size >> 20);
    if report.counts.applied != events {
        return Err(format!("not every event was applied: {:?}", report.counts).into());
    }
    Ok(())
}

/// What was measured: events a second, and what each cost this process on all its threads.
struct Measured {
    rate: f64,
    cpu_us: f64,
}

impl Measured {
    fn of(events: u64, seconds: f64, cpu_seconds: f64) -> Self {
        Self { rate: events as f64 / seconds, cpu_us: 1e6 * cpu_seconds / events as f64 }
    }

    fn say(&self, what: &str, raw: f64) {
        let (rate, cpu) = (self.rate, self.cpu_us);
        println!("{what:<22} {rate:>9.0} events/s, {:>3.0} % of raw, {cpu:.1} µs of CPU each", 100.0 * rate / raw);
    }
}

/// Seconds that this process has run on all processors.
fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the name in brackets: the 12th and 13th fields are user and system time, in hundredths of a second.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or_default();
    (ticks(11) + ticks(12)) / 100.0
}

async fn into_redb(log: &Log, path: &std::path::Path) -> Outcome<Report> {
    let store: Arc<dyn ViewStore> = Arc::new(RedbStore::open(path)?);
    Ok(rebuild(log, store).await?)
}

/// Gives each item to `take`, until there have been so many.
async fn measure<T>(events: u64, items: impl Stream<Item = T>, mut take: impl FnMut(T)) -> Measured {
    let (started, cpu) = (Instant::now(), cpu_seconds());
    let mut items = std::pin::pin!(items.take(events as usize));
    while let Some(item) = items.next().await {
        take(item);
    }
    Measured::of(events, started.elapsed().as_secs_f64(), cpu_seconds() - cpu)
}

async fn raw_pull(jetstream: &Context, events: u64) -> Outcome<Measured> {
    let stream = jetstream.get_stream("KART_EVENTS").await?;
    let consumer = stream.create_consumer(pull::OrderedConfig::default()).await?;
    Ok(measure(events, consumer.messages().await?, |message| drop(black_box(message))).await)
}

async fn raw_push(jetstream: &Context, events: u64) -> Outcome<Measured> {
    let stream = jetstream.get_stream("KART_EVENTS").await?;
    let config = push::OrderedConfig { deliver_subject: "bench.raw".to_owned(), ..Default::default() };
    let consumer = stream.create_consumer(config).await?;
    Ok(measure(events, consumer.messages().await?, |message| drop(black_box(message))).await)
}
