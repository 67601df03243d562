//! The streams, consumers and buckets that Kart needs, and how each is set up.

mod drift;
mod set_up;

pub(crate) use set_up::{examine, set_up, wait_for};

use crate::NatsConfig;
use crate::subjects::{self, EVENTS_STREAM, KEYS_BUCKET, PARKED_STREAM, SESSIONS_BUCKET, TICKS_STREAM, WORK_STREAM};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer::{self, AckPolicy, DeliverPolicy, IntoConsumerConfig, pull};
use async_nats::jetstream::stream::{
    Compression, Config, DiscardPolicy, PersistenceMode, RetentionPolicy, StorageType,
};
use schemas::event::Phase;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An event is small: media are references.
pub const MAX_EVENT_BYTES: usize = 64 * 1024;
/// Work comes back when its worker dies, also often; the job's own attempts are what ends it.
const MAX_DELIVER: i64 = 100;
/// Work of one phase in hand at once: more workers than that find nothing.
const MAX_ACK_PENDING: i64 = 1_000;
/// Workers of one phase that wait at once.
const MAX_WAITING: i64 = 512;
/// As long as the cookie of a guest.
const SESSION_AGE: Duration = Duration::from_secs(180 * 24 * 60 * 60);

/// What a part of Kart needs of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needed {
    /// The stream of events.
    Log,
    /// The work queue, and the consumer of each phase.
    Work,
    Ticks,
    Parked,
    /// The bucket of signed-in sessions.
    Sessions,
    /// The bucket of the users' keys.
    Keys,
}

impl Needed {
    pub const ALL: [Needed; 6] =
        [Needed::Log, Needed::Work, Needed::Ticks, Needed::Parked, Needed::Sessions, Needed::Keys];

    /// As an operator would call it.
    pub(crate) fn item(self) -> String {
        match self {
            Needed::Log => format!("stream {EVENTS_STREAM}"),
            Needed::Work => format!("stream {WORK_STREAM}"),
            Needed::Ticks => format!("stream {TICKS_STREAM}"),
            Needed::Parked => format!("stream {PARKED_STREAM}"),
            Needed::Sessions => format!("bucket {SESSIONS_BUCKET}"),
            Needed::Keys => format!("bucket {KEYS_BUCKET}"),
        }
    }

    pub(crate) fn stream_name(self) -> String {
        match self {
            Needed::Log => EVENTS_STREAM.to_owned(),
            Needed::Work => WORK_STREAM.to_owned(),
            Needed::Ticks => TICKS_STREAM.to_owned(),
            Needed::Parked => PARKED_STREAM.to_owned(),
            Needed::Sessions => subjects::stream_of_bucket(SESSIONS_BUCKET),
            Needed::Keys => subjects::stream_of_bucket(KEYS_BUCKET),
        }
    }

    fn stream(self, kart: &NatsConfig) -> Config {
        let config = match self {
            Needed::Log => events(kart),
            Needed::Work => work(),
            Needed::Ticks => ticks(kart),
            Needed::Parked => parked(),
            Needed::Sessions => Config { max_age: SESSION_AGE, ..bucket(SESSIONS_BUCKET) },
            // A key that is erased is deleted, which writes over its bytes on the disk.
            Needed::Keys => Config { deny_delete: false, ..bucket(KEYS_BUCKET) },
        };
        Config { name: self.stream_name(), num_replicas: kart.replicas, ..config }
    }

    fn consumers(self, kart: &NatsConfig) -> Vec<consumer::Config> {
        match self {
            Needed::Work => vec![worker(kart, Phase::Training), worker(kart, Phase::Inference)],
            _ => vec![],
        }
    }
}

/// For ever, and never changed: no age, nothing deleted or rolled up. When a limit is set and reached, new events are
/// refused; old ones never make room.
fn events(kart: &NatsConfig) -> Config {
    Config {
        subjects: vec![subjects::EVENTS.into()],
        storage: StorageType::File,
        compression: Some(Compression::S2),
        discard: DiscardPolicy::New,
        max_bytes: kart.log_max_bytes.map_or(0, |bytes| i64::try_from(bytes).unwrap_or(i64::MAX)),
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
fn work() -> Config {
    Config {
        subjects: vec![subjects::ALL_WORK.into()],
        storage: StorageType::File,
        retention: RetentionPolicy::WorkQueue,
        discard: DiscardPolicy::New,
        duplicate_window: HOUR,
        ..Default::default()
    }
}

/// Many a second, and losing some is harmless: they are not waited for. A lone server forgets a stream in memory itself
/// when it restarts, a cluster does not; only a lone server can write a file at its leisure.
fn ticks(kart: &NatsConfig) -> Config {
    let (storage, persist_mode) = match kart.replicas {
        0 | 1 => (StorageType::File, Some(PersistenceMode::Async)),
        _ => (StorageType::Memory, None),
    };
    Config {
        subjects: vec![subjects::TICKS.into()],
        storage,
        persist_mode,
        max_messages_per_subject: 1,
        duplicate_window: 2 * MINUTE,
        max_age: HOUR,
        allow_direct: true,
        ..Default::default()
    }
}

fn parked() -> Config {
    Config {
        subjects: vec![subjects::PARKED.into(), subjects::MAX_DELIVERIES.into()],
        storage: StorageType::File,
        duplicate_window: HOUR,
        max_age: 30 * DAY,
        ..Default::default()
    }
}

/// A key-value bucket is a stream that keeps the last message of each subject (JetStream ADR-8).
fn bucket(name: &str) -> Config {
    Config {
        subjects: vec![subjects::entries_of_bucket(name)],
        storage: StorageType::File,
        max_messages_per_subject: 1,
        discard: DiscardPolicy::New,
        duplicate_window: 2 * MINUTE,
        allow_direct: true,
        allow_rollup: true,
        deny_delete: true,
        ..Default::default()
    }
}

/// `ack_wait` is the lease. No backoff: it would override the lease.
fn worker(kart: &NatsConfig, phase: Phase) -> consumer::Config {
    let config = pull::Config {
        durable_name: Some(subjects::worker(phase).into()),
        filter_subject: subjects::work_of(phase),
        deliver_policy: DeliverPolicy::All,
        ack_policy: AckPolicy::Explicit,
        ack_wait: kart.lease,
        max_deliver: MAX_DELIVER,
        max_ack_pending: MAX_ACK_PENDING,
        max_waiting: MAX_WAITING,
        num_replicas: kart.replicas,
        ..Default::default()
    };
    config.into_consumer_config()
}

/// The server refused a message because its stream, or the store below all of them, has no room.
pub(crate) fn is_full(error: &async_nats::jetstream::Error) -> bool {
    match error.error_code() {
        ErrorCode::ACCOUNT_RESOURCES_EXCEEDED
        | ErrorCode::INSUFFICIENT_RESOURCES
        | ErrorCode::MEMORY_RESOURCES_EXCEEDED
        | ErrorCode::STORAGE_RESOURCES_EXCEEDED => true,
        // Also what a broken disk looks like: only the text tells.
        ErrorCode::STREAM_STORE_FAILED => {
            let text = error.to_string();
            text.contains("maximum bytes exceeded") || text.contains("maximum messages exceeded")
        }
        _ => false,
    }
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
