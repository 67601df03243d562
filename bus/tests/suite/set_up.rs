use crate::servers::{nats, nats_with, raw_client};
use async_nats::jetstream;
use bus::{Bus, BusError, NatsConfig};
use std::time::Duration;

#[tokio::test]
async fn setting_up_again_changes_nothing() {
    let nats = nats().await;
    nats.bus.set_up().await.unwrap();
    let second = Bus::connect(&nats.server.config()).await.unwrap();
    second.set_up().await.unwrap();
    let health = second.health().await.unwrap();
    assert!(health.connected && health.streams_present);
    assert_eq!(health.log_head, 0);
    assert!(health.server_version.starts_with("2."), "{health:?}");
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

#[tokio::test]
async fn a_stream_that_somebody_changed_is_an_error_that_names_the_setting() {
    let nats = nats().await;
    let client = raw_client(&nats).await;
    let jetstream = jetstream::new(client);
    let mut stream = jetstream.get_stream("KART_EVENTS").await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    config.max_age = Duration::from_secs(3600);
    jetstream.update_stream(&config).await.unwrap();
    let error = nats.bus.set_up().await.unwrap_err();
    assert!(
        matches!(&error, BusError::Drift { item, field, .. } if item == "stream KART_EVENTS" && field == "max_age"),
        "{error}"
    );
}

#[tokio::test]
async fn another_lease_than_the_one_set_up_is_an_error_that_names_the_setting() {
    let nats = nats_with(|config| config.lease = Duration::from_secs(20)).await;
    let config = NatsConfig { lease: Duration::from_secs(40), ..nats.server.config() };
    let error = Bus::connect(&config).await.unwrap().set_up().await.unwrap_err();
    assert!(matches!(&error, BusError::Drift { field, .. } if field == "ack_wait"), "{error}");
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

#[tokio::test]
async fn health_says_when_nothing_is_set_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut server = bus::local::NatsServer::spawn(dir.path(), None).await.unwrap();
    let bus = Bus::connect(&server.config()).await.unwrap();
    assert!(!bus.health().await.unwrap().streams_present);
    server.kill().await;
    let health = bus.health().await;
    assert!(matches!(health, Err(BusError::Unavailable { .. })), "{health:?}");
}
