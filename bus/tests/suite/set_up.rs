use crate::servers::{Nats, nats, nats_with, raw_client, until};
use async_nats::jetstream;
use bus::{Bus, BusError, NatsConfig, Needed, Work};
use schemas::event::Phase;
use schemas::event::Priority;
use schemas::{JobId, UserId};
use std::time::Duration;

#[tokio::test]
async fn setting_up_again_changes_nothing() {
    let nats = nats().await;
    nats.bus.set_up().await.unwrap();
    let second = Bus::connect(&nats.server.config()).await.unwrap();
    second.set_up().await.unwrap();
}

#[tokio::test]
async fn many_may_set_up_at_the_same_time() {
    let dir = tempfile::tempdir().unwrap();
    let server = bus::local::NatsServer::spawn(dir.path(), None).await.unwrap();
    let bus = Bus::connect(&server.config()).await.unwrap();
    let all = futures::future::join_all((0..8).map(|_| bus.set_up())).await;
    for result in all {
        result.unwrap();
    }
}

/// The lease of a phase's consumer.
async fn lease(nats: &Nats, phase: &str) -> Duration {
    let stream = jetstream::new(raw_client(nats).await).get_stream("KART_WORK").await.unwrap();
    stream.consumer_info(phase).await.unwrap().config.ack_wait
}

#[tokio::test]
async fn another_lease_is_taken_over_and_work_that_waits_stays() {
    let nats = nats_with(|config| config.lease = Duration::from_secs(20)).await;
    let work =
        Work { phase: Phase::Training, job: JobId::new(), user: UserId::new(), attempt: 1, priority: Priority::Normal };
    nats.bus.work().offer(&work).await.unwrap();
    let config = NatsConfig { lease: Duration::from_secs(2), ..nats.server.config() };
    Bus::connect(&config).await.unwrap().set_up().await.unwrap();
    for phase in ["train", "infer"] {
        assert_eq!(lease(&nats, phase).await, Duration::from_secs(2), "{phase}");
    }
    // A worker that is configured otherwise keeps the lease that the queue has.
    let task = nats.bus.work().take(Phase::Training).await.unwrap().expect("the work");
    assert_eq!(task.work, work);
    let keep = task.keep_alive();
    let held = std::time::Instant::now();
    while held.elapsed() < Duration::from_secs(5) {
        assert!(nats.bus.work().take(Phase::Training).await.unwrap().is_none(), "after {:?}", held.elapsed());
    }
    drop(keep);
}

#[tokio::test]
async fn the_limit_of_the_log_is_what_is_configured() {
    let nats = nats_with(|config| config.log_max_bytes = Some(10_000_000)).await;
    assert_eq!(nats.bus.health().await.unwrap().log_limit_bytes, Some(10_000_000));
    for limit in [Some(20_000_000), None] {
        let config = NatsConfig { log_max_bytes: limit, ..nats.server.config() };
        let bus = Bus::connect(&config).await.unwrap();
        bus.set_up().await.unwrap();
        assert_eq!(bus.health().await.unwrap().log_limit_bytes, limit);
        // Nothing else was changed with it.
        nats.bus.check(&Needed::ALL).await.unwrap();
    }
}

#[tokio::test]
async fn a_check_makes_nothing_and_waits_for_another_to_do_so() {
    let dir = tempfile::tempdir().unwrap();
    let server = bus::local::NatsServer::spawn(dir.path(), None).await.unwrap();
    let impatient = NatsConfig { connect_deadline: Duration::from_millis(300), ..server.config() };
    let error = Bus::connect(&impatient).await.unwrap().check(&[Needed::Work]).await.unwrap_err();
    assert!(matches!(&error, BusError::Missing { item } if item == "stream KART_WORK"), "{error}");

    let bus = Bus::connect(&server.config()).await.unwrap();
    let (checked, ()) = tokio::join!(bus.check(&Needed::ALL), async {
        until("the check has waited", async || bus.health().await.unwrap().problems.len() == 6).await;
        bus.set_up().await.unwrap();
    });
    checked.unwrap();
}

#[tokio::test]
async fn nobody_there_is_an_error_in_time_and_without_the_password() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut config = NatsConfig::new(format!("nats://kart:hunter2@127.0.0.1:{port}"));
    config.connect_deadline = Duration::from_millis(300);
    let error = Bus::connect(&config).await.err().expect("no bus");
    assert!(matches!(error, BusError::Connect { .. }), "{error}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let nats = nats().await;
    let mut config = NatsConfig::new(format!("nats://kart:wrong@127.0.0.1:{}", nats.server.port()));
    config.connect_deadline = Duration::from_millis(300);
    let error = Bus::connect(&config).await.err().expect("no bus");
    assert!(error.to_string().contains("authorization"), "{error}");
}
