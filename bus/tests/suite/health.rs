use crate::servers::{context, nats, nats_with, raw_client};
use async_nats::jetstream;
use bus::{Bus, BusError};
use schemas::UserId;
use schemas::user::{User, UserCommand};
use std::time::Duration;

#[tokio::test]
async fn what_is_set_up_is_ready() {
    let nats = nats().await;
    let health = nats.bus.health().await.unwrap();
    assert!(health.ready() && !health.nearly_full(), "{health:?}");
    assert_eq!((health.log_head, health.log_bytes, health.log_limit_bytes), (0, 0, None));
    assert!(health.server_version.starts_with("2."), "{health:?}");
}

#[tokio::test]
async fn what_is_missing_or_does_not_answer_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = bus::local::NatsServer::spawn(dir.path(), None).await.unwrap();
    let bus = Bus::connect(&server.config()).await.unwrap();
    let health = bus.health().await.unwrap();
    assert!(!health.ready());
    for item in ["KART_EVENTS", "KART_WORK", "KART_TICKS", "KART_PARKED", "kart-sessions", "kart-keys"] {
        assert!(health.problems.iter().any(|problem| problem.contains(item)), "{item}: {health:?}");
    }
    server.kill().await;
    let health = bus.health().await;
    assert!(matches!(health, Err(BusError::Unavailable { .. })), "{health:?}");
}

/// What somebody did to the server, and what health has to name.
#[tokio::test]
async fn what_was_deleted_or_changed_under_us_is_said() {
    let nats = nats().await;
    let jetstream = jetstream::new(raw_client(&nats).await);
    let problem = async || {
        let health = nats.bus.health().await.unwrap();
        assert!(!health.ready());
        health.problems.join("; ")
    };
    for name in ["KART_EVENTS", "KART_WORK", "KART_TICKS", "KART_PARKED", "KV_kart-sessions", "KV_kart-keys"] {
        jetstream.delete_stream(name).await.unwrap();
        let said = problem().await;
        assert!(said.contains(name.trim_start_matches("KV_")) && said.contains("missing"), "{said}");
        nats.bus.set_up().await.unwrap();
    }
    let work = jetstream.get_stream("KART_WORK").await.unwrap();
    work.delete_consumer("infer").await.unwrap();
    assert!(problem().await.contains("consumer infer is missing"));
    nats.bus.set_up().await.unwrap();

    let mut config = jetstream.get_stream("KART_EVENTS").await.unwrap().cached_info().config.clone();
    config.max_age = Duration::from_secs(3600);
    jetstream.update_stream(&config).await.unwrap();
    let said = problem().await;
    assert!(said.contains("KART_EVENTS") && said.contains("max_age") && said.contains("3600000000000"), "{said}");
    config.max_age = Duration::ZERO;
    jetstream.update_stream(&config).await.unwrap();
    assert!(nats.bus.health().await.unwrap().ready());
}

#[tokio::test]
async fn a_log_that_is_nearly_full_says_so() {
    let nats = nats_with(|config| config.log_max_bytes = Some(20_000)).await;
    let mut health = nats.bus.health().await.unwrap();
    assert!(!health.nearly_full());
    while !health.nearly_full() {
        let register = || UserCommand::RegisterGuest;
        nats.bus.log().execute::<User>(UserId::new(), &context(), register).await.expect("there is room");
        health = nats.bus.health().await.unwrap();
    }
    assert!(health.log_bytes > 16_000 && health.log_bytes <= 20_000, "{health:?}");
    assert!(health.ready(), "it still works");
}
