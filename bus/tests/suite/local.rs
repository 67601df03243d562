use crate::servers::{nats, s3, until};
use bus::local::{LocalError, NatsServer, S3Server};

#[tokio::test]
async fn two_servers_never_share_a_folder() {
    let (nats, s3) = (nats().await, s3().await);
    let second = NatsServer::spawn(nats.dir.path(), None).await.err();
    assert!(matches!(second, Some(LocalError::InUse { .. })), "{second:?}");
    let second = S3Server::spawn(s3.dir.path(), None).await.err();
    assert!(matches!(second, Some(LocalError::InUse { .. })), "{second:?}");
}

#[tokio::test]
async fn a_dropped_server_is_gone_and_its_folder_serves_again() {
    let mut nats = nats().await;
    let (pid, dir) = (nats.server.pid().expect("it runs"), nats.dir);
    drop(nats.server);
    assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    let again = NatsServer::spawn(dir.path(), None).await.unwrap();
    let bus = bus::Bus::connect(&again.config()).await.unwrap();
    assert!(bus.health().await.unwrap().streams_present, "the store was kept");
}

#[tokio::test]
async fn the_server_writes_before_it_acknowledges() {
    let nats = nats().await;
    let config = std::fs::read_to_string(nats.dir.path().join("nats-server.conf")).unwrap();
    assert!(config.contains("sync_interval: always"), "{config}");
}

#[tokio::test]
async fn a_server_that_cannot_start_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let failed = NatsServer::spawn(dir.path(), Some(taken.local_addr().unwrap().port())).await.err();
    let text = failed.expect("no server").to_string();
    assert!(text.contains("address already in use"), "{text}");
}

#[tokio::test]
async fn objects_and_credentials_of_the_s3_server_outlive_it() {
    let s3 = s3().await;
    let config = s3.server.config();
    s3.blobs.put("a/b", "kept".into(), "text/plain").await.unwrap();
    drop(s3.server);
    let mut again = None;
    until("the folder is free", async || {
        again = S3Server::spawn(s3.dir.path(), None).await.ok();
        again.is_some()
    })
    .await;
    let again = again.expect("a server");
    assert_eq!(again.config().secret_key, config.secret_key);
    let blobs = bus::Blobs::connect(&again.config()).unwrap();
    assert_eq!(blobs.get("a/b", 100).await.unwrap(), "kept");
}
