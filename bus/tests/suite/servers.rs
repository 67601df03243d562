//! Servers for a test, and events to send through them.

use bus::local::{NatsServer, S3Server};
use bus::{Blobs, Bus, Context, NatsConfig};
use schemas::event::{JobDispatched, JobRequested, Phase, Priority};
use schemas::{Actor, AggregateId, Blob, Event, Hash, JobId, NewEvent, UserId, VideoId, envelope};
use std::time::Duration;
use tempfile::TempDir;
use uuid::Uuid;

/// Longer than anything takes on a busy machine; a test that needs it has failed.
pub const DEADLINE: Duration = Duration::from_secs(60);

pub struct Nats {
    pub server: NatsServer,
    pub bus: Bus,
    pub dir: TempDir,
}

pub async fn nats() -> Nats {
    nats_with(|_| {}).await
}

pub async fn nats_with(adjust: impl FnOnce(&mut NatsConfig)) -> Nats {
    let dir = tempfile::tempdir().unwrap();
    let server = NatsServer::spawn(dir.path(), None).await.unwrap();
    let mut config = server.config();
    adjust(&mut config);
    let bus = Bus::connect(&config).await.unwrap();
    bus.set_up().await.unwrap();
    Nats { server, bus, dir }
}

/// A connection past the bus.
pub async fn raw_client(nats: &Nats) -> async_nats::Client {
    let password = std::fs::read_to_string(nats.dir.path().join("password")).unwrap();
    let options = async_nats::ConnectOptions::with_user_and_password("kart".to_owned(), password);
    options.connect(format!("127.0.0.1:{}", nats.server.port())).await.unwrap()
}

pub struct S3 {
    pub server: S3Server,
    pub blobs: Blobs,
    pub dir: TempDir,
}

pub async fn s3() -> S3 {
    let dir = tempfile::tempdir().unwrap();
    let server = S3Server::spawn(dir.path(), None).await.unwrap();
    let blobs = Blobs::connect(&server.config()).unwrap();
    blobs.ensure_bucket().await.unwrap();
    S3 { server, blobs, dir }
}

/// Waits until `condition` holds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waited = tokio::time::timeout(DEADLINE, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    assert!(waited.await.is_ok(), "waited in vain until {what}");
}

pub fn requested() -> JobRequested {
    JobRequested {
        owner: UserId::new(),
        video: VideoId::new(),
        title: "dancing.mp4".into(),
        blob: Blob { key: "video/x/source".to_owned(), sha256: Hash::of(b"x"), bytes: 1 },
        priority: Priority::Normal,
        style: None,
        redraw: None,
        strokes: vec![],
    }
}

pub fn dispatched(attempt: u32) -> Event {
    JobDispatched { phase: Phase::Training, attempt }.into()
}

pub fn job() -> AggregateId {
    JobId::new().into()
}

pub fn new_event(event: impl Into<Event>) -> NewEvent {
    NewEvent {
        id: Uuid::now_v7(),
        time: envelope::now(),
        actor: Actor::role("test"),
        causation: None,
        correlation: Uuid::now_v7(),
        event: event.into(),
    }
}

pub fn context() -> Context {
    Context {
        command: Uuid::now_v7(),
        actor: Actor::role("test"),
        correlation: Uuid::now_v7(),
        causation: None,
        time: envelope::now(),
    }
}
