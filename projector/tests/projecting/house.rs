//! A nats-server, a log and a store of views, gone when dropped.

use crate::histories::{Cast, story_of};
use bus::local::NatsServer;
use bus::{Bus, Expect, Log};
use projector::{Counts, Projector, RedbStore, ViewStore};
use schemas::{AggregateId, NewEvent, Recorded};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct House {
    pub server: NatsServer,
    pub bus: Bus,
    pub log: Log,
    pub store: Arc<dyn ViewStore>,
    pub folder: tempfile::TempDir,
}

impl House {
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = NatsServer::spawn(&folder.path().join("nats"), None).await.unwrap();
        let bus = Bus::connect(&server.config()).await.unwrap();
        bus.set_up().await.unwrap();
        let store = Arc::new(RedbStore::open(&folder.path().join("views.redb")).unwrap());
        Self { server, log: bus.log().opened(), bus, store, folder }
    }

    /// Appends a story; gives it back as the log has it.
    pub async fn write(&self, cast: &Cast) -> Vec<Recorded> {
        let mut heads = HashMap::new();
        let before = self.log.head().await.unwrap();
        for recorded in story_of(cast, before) {
            let aggregate: AggregateId = recorded.aggregate;
            let expect = heads.get(&aggregate).map_or(Expect::New, |head| Expect::After(*head));
            let new = NewEvent { id: Uuid::now_v7(), ..recorded.new };
            heads.insert(aggregate, self.log.append(aggregate, expect, vec![new]).await.unwrap().head);
        }
        let mut history = vec![];
        for aggregate in heads.into_keys() {
            history.extend(self.log.load(aggregate).await.unwrap().events);
        }
        history.sort_by_key(|event| event.sequence);
        history
    }

    pub fn project(&self) -> Running {
        let projector = Projector::new(self.log.clone(), Arc::clone(&self.store)).parking_in(self.bus.parked());
        let (position, counts) = (projector.position(), projector.counts());
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(projector.run(shutdown.clone()));
        Running { position, counts, shutdown, task }
    }
}

pub struct Running {
    position: projector::Position,
    counts: tokio::sync::watch::Receiver<Counts>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    pub async fn reach(&mut self, sequence: u64) {
        let reached = self.position.wait_for(|position| *position >= sequence);
        tokio::time::timeout(PATIENCE, reached).await.expect("the projector is stuck").unwrap();
    }

    pub async fn stop(self) -> Counts {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("it does not stop").unwrap();
        *self.counts.borrow()
    }
}
