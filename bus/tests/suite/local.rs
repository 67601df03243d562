use crate::servers::{DEADLINE, Nats, job, nats, new_event, raw_client, requested, s3, until};
use async_nats::jetstream::{self, consumer::pull};
use bus::Expect;
use bus::local::{LocalError, NatsServer, S3Server};
use futures::StreamExt;

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
    assert_eq!(bus.health().await.unwrap().problems, Vec::<String>::new(), "the store was kept");
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

/// Somebody who does not sign in.
async fn watcher(nats: &Nats) -> async_nats::Client {
    async_nats::connect(format!("127.0.0.1:{}", nats.server.port())).await.unwrap()
}

#[tokio::test]
async fn a_watcher_sees_what_happens_and_reads_the_log() {
    let nats = nats().await;
    let client = watcher(&nats).await;
    let mut story = client.subscribe(bus::STORY).await.unwrap();
    client.flush().await.unwrap();
    nats.bus.log().append(job(), Expect::New, vec![new_event(requested())]).await.unwrap();
    let told = tokio::time::timeout(DEADLINE, story.next()).await.unwrap().unwrap();
    assert!(told.subject.ends_with(".requested"), "{}", told.subject);
    let stream = jetstream::new(client).get_stream("KART_EVENTS").await.unwrap();
    assert_eq!(stream.direct_get(1).await.unwrap().subject, told.subject);
    let consumer = stream.create_consumer(pull::OrderedConfig::default()).await.unwrap();
    let read = tokio::time::timeout(DEADLINE, consumer.messages().await.unwrap().next()).await.unwrap().unwrap();
    assert_eq!(read.unwrap().subject, told.subject);
}

#[tokio::test]
async fn a_watcher_changes_nothing_not_even_by_what_the_server_answers() {
    let nats = nats().await;
    nats.bus.log().append(job(), Expect::New, vec![new_event(requested())]).await.unwrap();
    let client = watcher(&nats).await;
    for subject in ["kart.evt.job.x.requested", "$KV.kart-keys.x", "$JS.API.STREAM.DELETE.KART_EVENTS"] {
        client.publish(subject, "".into()).await.unwrap();
    }
    // An answer without a body is what the server takes for the wish to delete a stream.
    let nothing = r#"{"seq":1000000}"#;
    for (ask, body, answer_to) in [
        ("$JS.API.DIRECT.GET.KART_EVENTS", nothing, "$JS.API.STREAM.DELETE.KART_EVENTS"),
        ("$JS.API.DIRECT.GET.KART_EVENTS", nothing, "$JS.API.STREAM.DELETE.KART_WORK"),
        ("$JS.API.STREAM.INFO.KART_EVENTS", "", "$JS.API.STREAM.PURGE.KV_kart-keys"),
        ("$JS.API.STREAM.INFO.KART_EVENTS", "", "kart.evt.job.x.requested"),
        ("$JS.API.STREAM.INFO.KART_EVENTS", "", "$KV.kart-keys.x"),
    ] {
        client.publish_with_reply(ask, answer_to, body.into()).await.unwrap();
    }
    // All of it has arrived.
    client.request("$JS.API.STREAM.INFO.KART_EVENTS", "".into()).await.unwrap();
    let keys = async || {
        let jetstream = jetstream::new(raw_client(&nats).await);
        jetstream.get_stream("KV_kart-keys").await.unwrap().cached_info().state.messages
    };
    let before = keys().await;
    // Among those who sign in it would work: what comes after it has been done.
    let client = raw_client(&nats).await;
    client.publish_with_reply("$JS.API.STREAM.INFO.KART_EVENTS", "$KV.kart-keys.proof", "".into()).await.unwrap();
    until("the proof is there", async || keys().await == before + 1).await;
    assert_eq!(nats.bus.health().await.unwrap().problems, Vec::<String>::new());
    assert_eq!(nats.bus.log().head().await.unwrap(), 1);
}

#[tokio::test]
async fn streams_of_an_earlier_kart_are_found_again() {
    let nats = nats().await;
    nats.bus.log().append(job(), Expect::New, vec![new_event(requested())]).await.unwrap();
    drop(nats.server);
    let streams = nats.dir.path().join("store/jetstream");
    // As long as nobody had an account, they lay here.
    std::fs::rename(streams.join("KART"), streams.join("$G")).unwrap();
    let again = NatsServer::spawn(nats.dir.path(), None).await.unwrap();
    let bus = bus::Bus::connect(&again.config()).await.unwrap();
    bus.set_up().await.unwrap();
    assert_eq!(bus.log().head().await.unwrap(), 1);
}
