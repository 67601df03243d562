//! How many events a second reach the disk: `Log::append`, whose waiting appends travel together, beside plain publishes
//! of the same messages, each acknowledged by itself, and beside atomic batches (JetStream ADR-50) that were made before
//! the clock ran, as large as there are writers, one after the other: what the server itself can do. All go to the same
//! server, which writes to disk before it acknowledges.
//!
//! `cargo bench -p bus --bench append [SECONDS]`. Server and writers share the processors.

use async_nats::HeaderMap;
use async_nats::jetstream;
use bus::local::NatsServer;
use bus::{Bus, Expect, Log};
use schemas::event::{JobRequested, Priority};
use schemas::{Actor, AggregateId, Blob, Hash, JobId, NewEvent, UserId, VideoId, envelope};
use std::error::Error;
use std::time::{Duration, Instant};
use uuid::Uuid;

/// As in Kart itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn Error + Send + Sync>;

const WRITERS: [usize; 4] = [1, 16, 200, 1_000];
/// Each measurement is taken so often, in turns, and the best counts: other programs only ever make it slower.
const ROUNDS: usize = 3;
const BODY_BYTES: usize = 400;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let seconds = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(2.0);
    let length = Duration::from_secs_f64(seconds);
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let server = NatsServer::spawn(dir.path(), None).await?;
    let bus = Bus::connect(&server.config()).await?;
    bus.set_up().await?;
    let raw = raw(&server, dir.path()).await?;
    println!("bodies of {} bytes; events a second, on disk", event(UserId::new()).event.to_bytes().len());
    println!("{:>8} {:>10} {:>10} {:>7} {:>10} {:>7}", "writers", "append", "raw", "ratio", "batches", "ratio");
    for writers in WRITERS {
        let (mut best, mut best_raw, mut best_batches) = (0.0_f64, 0.0_f64, 0.0_f64);
        for _ in 0..ROUNDS {
            let log = bus.log();
            best = best.max(rate(writers, length, move |user| append(log.clone(), user)).await?);
            let raw = raw.clone();
            best_batches = best_batches.max(batches(&raw, writers, length).await?);
            best_raw = best_raw.max(rate(writers, length, move |user| publish(raw.clone(), user)).await?);
        }
        let (to_raw, to_batches) = (best / best_raw, best / best_batches);
        println!("{writers:>8} {best:>10.0} {best_raw:>10.0} {to_raw:>7.2} {best_batches:>10.0} {to_batches:>7.2}");
    }
    Ok(())
}

/// So many writers, each a user with a next event as soon as the one before is acknowledged.
async fn rate<W, F>(writers: usize, length: Duration, write: W) -> Result<f64, Failure>
where
    W: Fn(UserId) -> F + Clone + Send + 'static,
    F: Future<Output = Result<(), Failure>> + Send,
{
    let started = Instant::now();
    let tasks = (0..writers).map(|_| {
        let write = write.clone();
        tokio::spawn(async move {
            // The user's key, which seals what they write, is made with their first event.
            let (user, mut count) = (UserId::new(), 0);
            while started.elapsed() < length {
                write(user).await?;
                count += 1;
            }
            Ok::<_, Failure>(count)
        })
    });
    let mut total = 0;
    for task in tasks.collect::<Vec<_>>() {
        total += task.await??;
    }
    Ok(f64::from(total) / started.elapsed().as_secs_f64())
}

async fn append(log: Log, user: UserId) -> Result<(), Failure> {
    log.append(JobId::new().into(), Expect::New, vec![event(user)]).await?;
    Ok(())
}

/// The same message, expectation and all, by itself.
async fn publish(jetstream: jetstream::Context, user: UserId) -> Result<(), Failure> {
    let (subject, headers, body) = message(user);
    jetstream.publish_with_headers(subject, headers, body).await?.await?;
    Ok(())
}

/// Batches of so many messages; making them is not counted.
async fn batches(jetstream: &jetstream::Context, size: usize, length: Duration) -> Result<f64, Failure> {
    let (client, user) = (jetstream.client(), UserId::new());
    let (mut took, mut total) = (Duration::ZERO, 0);
    while took < length {
        let id = Uuid::now_v7().simple().to_string();
        let messages = (1..=size).map(|ordinal| {
            let (subject, mut headers, body) = message(user);
            headers.insert("Nats-Batch-Id", id.as_str());
            headers.insert("Nats-Batch-Sequence", ordinal.to_string());
            (subject, headers, body)
        });
        let mut messages = messages.collect::<Vec<_>>().into_iter();
        let started = Instant::now();
        for (subject, headers, body) in messages.by_ref().take(size - 1) {
            client.publish_with_headers(subject, headers, body).await?;
        }
        let (subject, mut headers, body) = messages.next().ok_or("a batch of none")?;
        headers.insert("Nats-Batch-Commit", "1");
        let answer = client.request_with_headers(subject, headers, body).await?;
        took += started.elapsed();
        let answer: serde_json::Value = serde_json::from_slice(&answer.payload)?;
        if answer["count"] != size {
            return Err(format!("a batch was refused: {answer}").into());
        }
        total += size;
    }
    Ok(total as f64 / took.as_secs_f64())
}

fn message(user: UserId) -> (String, HeaderMap, bytes::Bytes) {
    let (event, aggregate) = (event(user), AggregateId::from(JobId::new()));
    let mut headers = HeaderMap::new();
    for (name, value) in event.headers(aggregate, None) {
        headers.insert(name, value);
    }
    headers.insert("Nats-Expected-Last-Subject-Sequence", "0");
    headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", format!("kart.evt.job.{}.>", aggregate.uuid()));
    let subject = format!("kart.evt.job.{}.{}", aggregate.uuid(), event.event.name());
    (subject, headers, event.event.to_bytes().into())
}

async fn raw(server: &NatsServer, dir: &std::path::Path) -> Result<jetstream::Context, Failure> {
    let password = std::fs::read_to_string(dir.join("password"))?;
    let options = async_nats::ConnectOptions::with_user_and_password("kart".to_owned(), password);
    let mut raw = jetstream::new(options.connect(format!("127.0.0.1:{}", server.port())).await?);
    // A thousand that wait for a disk are slow, not lost.
    raw.set_timeout(Duration::from_secs(60));
    Ok(raw)
}

fn event(owner: UserId) -> NewEvent {
    let request = JobRequested {
        owner,
        video: VideoId::new(),
        title: "".into(),
        blob: Blob { key: "video/0192a1b2/source".to_owned(), sha256: Hash::of(b"x"), bytes: 12_345_678 },
        priority: Priority::Normal,
        style: None,
        redraw: None,
        strokes: vec![],
    };
    let mut event = NewEvent {
        id: Uuid::now_v7(),
        time: envelope::now(),
        actor: Actor::User(request.owner),
        causation: None,
        correlation: Uuid::now_v7(),
        event: request.clone().into(),
    };
    let missing = BODY_BYTES.saturating_sub(event.event.to_bytes().len());
    event.event = JobRequested { title: "x".repeat(missing).into(), ..request }.into();
    event
}
