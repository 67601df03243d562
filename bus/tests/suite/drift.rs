//! Every setting on which a promise rests, changed on a real server, is noticed and named.

use crate::servers::{Nats, nats, raw_client};
use async_nats::jetstream::consumer::{self, ReplayPolicy, pull};
use async_nats::jetstream::stream::{
    Compression, Config, ConsumerLimits, DiscardPolicy, Republish, RetentionPolicy, Source, StorageType,
    SubjectTransform,
};
use async_nats::jetstream::{self, Context};
use bus::BusError;
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

type Change<C> = (&'static str, fn(&mut C));

const CHANGES_OF_LOG: &[Change<Config>] = &[
    ("subjects", |c| c.subjects.push("kart.more.>".into())),
    ("retention", |c| c.retention = RetentionPolicy::Interest),
    ("storage", |c| c.storage = StorageType::Memory),
    ("compression", |c| c.compression = Some(Compression::None)),
    ("discard", |c| c.discard = DiscardPolicy::Old),
    // Not possible without the limit, whose name comes later.
    ("discard_new_per_subject", |c| (c.discard_new_per_subject, c.max_messages_per_subject) = (true, 1_000)),
    ("max_age", |c| c.max_age = HOUR),
    ("max_msgs", |c| c.max_messages = 1_000),
    ("max_msgs_per_subject", |c| c.max_messages_per_subject = 1_000),
    ("max_msg_size", |c| c.max_message_size = 1_000),
    ("max_consumers", |c| c.max_consumers = 10),
    ("duplicate_window", |c| c.duplicate_window = HOUR),
    ("no_ack", |c| c.no_ack = true),
    ("allow_direct", |c| c.allow_direct = false),
    ("allow_atomic", |c| c.allow_atomic_publish = false),
    ("allow_batched", |c| c.allow_batch_publish = true),
    // Not possible without purging.
    ("allow_rollup_hdrs", |c| (c.allow_rollup, c.deny_purge) = (true, false)),
    ("allow_msg_ttl", |c| c.allow_message_ttl = true),
    // Not possible while what is new is refused.
    ("allow_msg_schedules", |c| (c.allow_message_schedules, c.discard) = (true, DiscardPolicy::Old)),
    ("allow_msg_counter", |c| (c.allow_message_counter, c.discard) = (true, DiscardPolicy::Old)),
    ("deny_delete", |c| c.deny_delete = false),
    ("deny_purge", |c| c.deny_purge = false),
    ("first_seq", |c| c.first_sequence = Some(1_000)),
    ("consumer_limits", |c| {
        c.consumer_limits = Some(ConsumerLimits { inactive_threshold: HOUR, max_ack_pending: 10 });
    }),
    ("sources", |c| c.sources = Some(vec![source("KART_PARKED")])),
    ("republish", |c| {
        c.republish = Some(Republish { source: ">".into(), destination: "copy.>".into(), headers_only: false });
    }),
    ("subject_transform", |c| {
        c.subject_transform =
            Some(SubjectTransform { source: "kart.evt.>".into(), destination: "kart.evt.x.>".into() });
    }),
];

const CHANGES_OF_QUEUE: &[Change<Config>] = &[
    ("retention", |c| c.retention = RetentionPolicy::Limits),
    ("discard", |c| c.discard = DiscardPolicy::Old),
    ("max_bytes", |c| c.max_bytes = 10_000_000),
    ("duplicate_window", |c| c.duplicate_window = Duration::from_secs(1)),
    ("storage", |c| c.storage = StorageType::Memory),
];

const CHANGES_OF_BUCKET: &[Change<Config>] = &[
    ("max_msgs_per_subject", |c| c.max_messages_per_subject = 5),
    ("max_age", |c| c.max_age = HOUR),
    ("storage", |c| c.storage = StorageType::Memory),
    ("discard", |c| c.discard = DiscardPolicy::Old),
    ("allow_rollup_hdrs", |c| c.allow_rollup = false),
    ("allow_direct", |c| c.allow_direct = false),
    ("deny_delete", |c| c.deny_delete = !c.deny_delete),
    ("max_bytes", |c| c.max_bytes = 10_000_000),
    ("max_msg_size", |c| c.max_message_size = 10),
    ("republish", |c| {
        c.republish = Some(Republish { source: ">".into(), destination: "copy.>".into(), headers_only: false });
    }),
];

const CHANGES_OF_WORKER: &[Change<consumer::Config>] = &[
    ("filter_subject", |c| c.filter_subject = c.filter_subject.replace(".>", ".high.>")),
    ("max_deliver", |c| c.max_deliver = 5),
    ("max_ack_pending", |c| c.max_ack_pending = 1),
    ("max_waiting", |c| c.max_waiting = 1),
    ("backoff", |c| c.backoff = vec![Duration::from_secs(1), HOUR]),
    ("headers_only", |c| c.headers_only = true),
    ("inactive_threshold", |c| c.inactive_threshold = HOUR),
    ("max_batch", |c| c.max_batch = 1),
    ("max_expires", |c| c.max_expires = Duration::from_secs(1)),
    ("mem_storage", |c| c.memory_storage = true),
    ("replay_policy", |c| c.replay_policy = ReplayPolicy::Original),
    ("sample_freq", |c| c.sample_frequency = 50),
    ("deliver_subject", |c| (c.deliver_subject, c.max_waiting) = (Some("elsewhere".into()), 0)),
];

fn source(name: &str) -> Source {
    Source { name: name.to_owned(), ..Default::default() }
}

async fn raw(nats: &Nats) -> Context {
    jetstream::new(raw_client(nats).await)
}

async fn found(nats: &Nats, case: &str) -> (String, String) {
    match nats.bus.set_up().await {
        Err(BusError::Drift { item, field, found, expected }) => {
            assert_ne!(found, expected, "{case}");
            (item, field)
        }
        other => panic!("{case}: {other:?}"),
    }
}

/// Makes the stream anew with each of the changes.
async fn check_stream(nats: &Nats, name: &str, item: &str, changes: &[Change<Config>]) {
    let jetstream = raw(nats).await;
    let good = jetstream.get_stream(name).await.unwrap().cached_info().config.clone();
    for (field, change) in changes {
        let mut config = good.clone();
        change(&mut config);
        jetstream.delete_stream(name).await.unwrap();
        let made = jetstream.create_stream(&config).await;
        made.unwrap_or_else(|error| panic!("{field} cannot be tried: {error}"));
        assert_eq!(found(nats, field).await, (item.to_owned(), (*field).to_owned()));
    }
    jetstream.delete_stream(name).await.unwrap();
    nats.bus.set_up().await.unwrap();
}

#[tokio::test]
async fn each_setting_of_the_log_is_checked() {
    let nats = nats().await;
    check_stream(&nats, "KART_EVENTS", "stream KART_EVENTS", CHANGES_OF_LOG).await;
    // Cannot be made like that, only become it.
    let jetstream = raw(&nats).await;
    let mut config = jetstream.get_stream("KART_EVENTS").await.unwrap().cached_info().config.clone();
    config.sealed = true;
    jetstream.update_stream(&config).await.unwrap();
    let (item, field) = found(&nats, "sealed").await;
    assert_eq!(item, "stream KART_EVENTS");
    // The server changes others with it.
    assert!(["sealed", "deny_delete", "deny_purge", "discard"].contains(&field.as_str()), "{field}");
}

#[tokio::test]
async fn settings_of_the_other_streams_are_checked() {
    let nats = nats().await;
    check_stream(&nats, "KART_WORK", "stream KART_WORK", CHANGES_OF_QUEUE).await;
    let ticks: &[Change<Config>] = &[
        // Both differ; this one is named first.
        ("persist_mode", |c| (c.storage, c.persist_mode) = (StorageType::Memory, None)),
        ("persist_mode", |c| c.persist_mode = None),
        ("max_msgs_per_subject", |c| c.max_messages_per_subject = -1),
        ("max_age", |c| c.max_age = Duration::ZERO),
    ];
    check_stream(&nats, "KART_TICKS", "stream KART_TICKS", ticks).await;
    let parked: &[Change<Config>] = &[("max_age", |c| c.max_age = HOUR), ("subjects", |c| c.subjects.truncate(1))];
    check_stream(&nats, "KART_PARKED", "stream KART_PARKED", parked).await;
}

#[tokio::test]
async fn settings_of_the_buckets_are_checked() {
    let nats = nats().await;
    check_stream(&nats, "KV_kart-sessions", "bucket kart-sessions", CHANGES_OF_BUCKET).await;
    check_stream(&nats, "KV_kart-keys", "bucket kart-keys", CHANGES_OF_BUCKET).await;
}

#[tokio::test]
async fn each_setting_of_a_worker_is_checked() {
    let nats = nats().await;
    let stream = raw(&nats).await.get_stream("KART_WORK").await.unwrap();
    for name in ["train", "infer"] {
        let good = stream.consumer_info(name).await.unwrap().config;
        for (field, change) in CHANGES_OF_WORKER {
            let mut config = good.clone();
            change(&mut config);
            stream.delete_consumer(name).await.unwrap();
            let made = stream.create_consumer(config).await;
            made.unwrap_or_else(|error| panic!("{field} cannot be tried: {error}"));
            assert_eq!(found(&nats, field).await, (format!("consumer {name}"), (*field).to_owned()));
        }
        stream.delete_consumer(name).await.unwrap();
        nats.bus.set_up().await.unwrap();
        let _: consumer::Consumer<pull::Config> = stream.get_consumer(name).await.unwrap();
    }
}

#[tokio::test]
async fn a_bucket_of_an_earlier_kart_is_as_it_should_be() {
    let nats = nats().await;
    let jetstream = raw(&nats).await;
    jetstream.delete_key_value("kart-sessions").await.unwrap();
    let config = jetstream::kv::Config {
        bucket: "kart-sessions".to_owned(),
        history: 1,
        max_age: 180 * 24 * HOUR,
        storage: StorageType::File,
        num_replicas: 1,
        ..Default::default()
    };
    jetstream.create_key_value(config).await.unwrap();
    nats.bus.set_up().await.unwrap();
}
