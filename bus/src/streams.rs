//! The streams, consumers and buckets that Kart needs, made when missing and checked when present.

use crate::subjects::{self, EVENTS_STREAM, KEYS_BUCKET, PARKED_STREAM, SESSIONS_BUCKET, TICKS_STREAM, WORK_STREAM};
use crate::{Bus, BusError};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{AckPolicy, pull};
use async_nats::jetstream::context::{CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Compression, Config, DiscardPolicy, RetentionPolicy, StorageType, Stream};
use schemas::event::Phase;
use serde_json::Value;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An event is small: media are references.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;
/// Work comes back when its worker dies, also often; the job's own attempts are what ends it.
const MAX_DELIVER: i64 = 100;
/// As long as the cookie of a guest.
const SESSION_AGE: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// Settings of a stream on which the promises rest, as the server spells them.
const CHECKED_OF_STREAM: [&str; 16] = [
    "subjects",
    "retention",
    "storage",
    "num_replicas",
    "discard",
    "max_age",
    "max_msgs",
    "max_bytes",
    "max_msgs_per_subject",
    "max_msg_size",
    "duplicate_window",
    "allow_direct",
    "allow_atomic",
    "deny_delete",
    "deny_purge",
    "persist_mode",
];
const CHECKED_OF_CONSUMER: [&str; 5] = ["ack_policy", "ack_wait", "max_deliver", "filter_subject", "backoff"];

pub(crate) async fn set_up(bus: &Bus) -> Result<(), BusError> {
    for config in [events(bus), work(bus), ticks(bus), parked(bus)] {
        let stream = ensure_stream(bus, &config).await?;
        if config.name == WORK_STREAM {
            for phase in [Phase::Training, Phase::Inference] {
                ensure_worker(bus, &stream, phase).await?;
            }
        }
    }
    ensure_bucket(bus, SESSIONS_BUCKET, SESSION_AGE).await?;
    ensure_bucket(bus, KEYS_BUCKET, Duration::ZERO).await
}

/// For ever, and never changed: no age, no limit, nothing deleted or rolled up.
fn events(bus: &Bus) -> Config {
    Config {
        name: EVENTS_STREAM.into(),
        subjects: vec![subjects::EVENTS.into()],
        storage: StorageType::File,
        compression: Some(Compression::S2),
        discard: DiscardPolicy::New,
        num_replicas: bus.config.replicas,
        duplicate_window: 10 * MINUTE,
        max_message_size: MAX_EVENT_BYTES as i32,
        allow_direct: true,
        allow_atomic_publish: true,
        deny_delete: true,
        deny_purge: true,
        ..Default::default()
    }
}

/// The window is long: work may wait for a free worker, and must not be offered twice meanwhile.
fn work(bus: &Bus) -> Config {
    Config {
        name: WORK_STREAM.into(),
        subjects: vec![subjects::ALL_WORK.into()],
        storage: StorageType::File,
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        num_replicas: bus.config.replicas,
        duplicate_window: HOUR,
        ..Default::default()
    }
}

fn ticks(bus: &Bus) -> Config {
    Config {
        name: TICKS_STREAM.into(),
        subjects: vec![subjects::TICKS.into()],
        storage: StorageType::Memory,
        max_messages_per_subject: 1,
        duplicate_window: 2 * MINUTE,
        max_age: HOUR,
        num_replicas: bus.config.replicas,
        allow_direct: true,
        ..Default::default()
    }
}

fn parked(bus: &Bus) -> Config {
    Config {
        name: PARKED_STREAM.into(),
        subjects: vec![subjects::PARKED.into(), subjects::MAX_DELIVERIES.into()],
        storage: StorageType::File,
        duplicate_window: HOUR,
        max_age: 30 * DAY,
        num_replicas: bus.config.replicas,
        ..Default::default()
    }
}

/// `ack_wait` is the lease. No backoff: it would override the lease.
fn worker(bus: &Bus, phase: Phase) -> pull::Config {
    pull::Config {
        durable_name: Some(subjects::worker(phase).into()),
        filter_subject: subjects::work_of(phase),
        ack_policy: AckPolicy::Explicit,
        ack_wait: bus.config.lease,
        max_deliver: MAX_DELIVER,
        num_replicas: bus.config.replicas,
        ..Default::default()
    }
}

async fn ensure_stream(bus: &Bus, config: &Config) -> Result<Stream, BusError> {
    let failed = |reason: String| BusError::SetUp { item: format!("stream {}", config.name), reason };
    match bus.jetstream.get_stream(&config.name).await {
        Ok(_) => {}
        Err(error) if is_missing(&error.kind()) => match bus.jetstream.create_stream(config.clone()).await {
            Ok(_) => {}
            // Another process was faster; what it made is checked below.
            Err(error) if already_exists(&error.kind()) => {}
            Err(error) => return Err(failed(describe(&error))),
        },
        Err(error) => return Err(failed(describe(&error))),
    }
    let stream = bus.jetstream.get_stream(&config.name).await.map_err(|error| failed(describe(&error)))?;
    let found = to_json(&stream.cached_info().config);
    compare(&format!("stream {}", config.name), &to_json(config), &found, &CHECKED_OF_STREAM)?;
    Ok(stream)
}

async fn ensure_worker(bus: &Bus, stream: &Stream, phase: Phase) -> Result<(), BusError> {
    let config = worker(bus, phase);
    let name = subjects::worker(phase);
    let item = format!("consumer {name}");
    let failed = |reason: String| BusError::SetUp { item: item.clone(), reason };
    let consumer = stream
        .get_or_create_consumer::<pull::Config>(name, config.clone())
        .await
        .map_err(|error| failed(describe(&error)))?;
    compare(&item, &to_json(&config), &to_json(&consumer.cached_info().config), &CHECKED_OF_CONSUMER)
}

async fn ensure_bucket(bus: &Bus, bucket: &str, max_age: Duration) -> Result<(), BusError> {
    if bus.jetstream.get_key_value(bucket).await.is_ok() {
        return Ok(());
    }
    let config = Config {
        name: subjects::stream_of_bucket(bucket),
        subjects: vec![subjects::entries_of_bucket(bucket)],
        storage: StorageType::File,
        max_messages_per_subject: 1,
        max_age,
        discard: DiscardPolicy::New,
        duplicate_window: 2 * MINUTE,
        allow_direct: true,
        allow_rollup: true,
        // A key that is erased is deleted, which writes over its bytes on the disk.
        deny_delete: bucket != KEYS_BUCKET,
        num_replicas: bus.config.replicas,
        ..Default::default()
    };
    let made = bus.jetstream.create_stream(config).await;
    made.map(|_| ()).map_err(|error| BusError::SetUp { item: format!("bucket {bucket}"), reason: describe(&error) })
}

pub(crate) fn is_missing(kind: &GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn already_exists(kind: &CreateStreamErrorKind) -> bool {
    matches!(kind, CreateStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NAME_EXIST)
}

/// The settings that the server understands are the ones in its JSON; comparing that form needs no list of types here.
fn compare(item: &str, want: &Value, have: &Value, fields: &[&str]) -> Result<(), BusError> {
    for field in fields {
        let (want, have) = (normal(&want[field]), normal(&have[field]));
        if want != have {
            let (item, field) = (item.to_owned(), (*field).to_owned());
            return Err(BusError::Drift { item, field, found: have.to_string(), expected: want.to_string() });
        }
    }
    Ok(())
}

/// The server writes "no limit" as -1 where the client leaves 0, and leaves out what is false.
fn normal(value: &Value) -> Value {
    match value {
        Value::Bool(false) => Value::Null,
        Value::Number(number) if number.as_i64().is_some_and(|n| n <= 0) => Value::Null,
        Value::String(text) if text.is_empty() => Value::Null,
        Value::Array(items) if items.is_empty() => Value::Null,
        other => other.clone(),
    }
}

fn to_json(config: &impl serde::Serialize) -> Value {
    serde_json::to_value(config).unwrap_or_default()
}

/// An error with its causes, in one line.
pub(crate) fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
