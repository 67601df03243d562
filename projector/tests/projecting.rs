//! The projector over a real nats-server: it catches up, goes on where it stopped, and does nothing twice.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "stores/histories.rs"]
#[allow(dead_code, reason = "shared with the stores' tests")]
mod histories;

use bus::local::NatsServer;
use bus::{Bus, Context, Expect, Log};
use histories::{Cast, assert_rows, story_of};
use projector::{Counts, Projector, RedbStore, Status, ViewStore, Views, diff, rebuild, status, views};
use schemas::{Actor, AggregateId, NewEvent, Recorded};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(30);

struct House {
    server: NatsServer,
    log: Log,
    store: Arc<dyn ViewStore>,
    _folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = NatsServer::spawn(&folder.path().join("nats"), None).await.unwrap();
        let bus = Bus::connect(&server.config()).await.unwrap();
        bus.set_up().await.unwrap();
        let store = Arc::new(RedbStore::open(&folder.path().join("views.redb")).unwrap());
        Self { server, log: bus.log(), store, _folder: folder }
    }

    /// Appends a story; gives it back as the log has it.
    async fn write(&self, cast: &Cast) -> Vec<Recorded> {
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

    fn project(&self) -> Running {
        let projector = Projector::new(self.log.clone(), Arc::clone(&self.store));
        let (position, counts) = (projector.position(), projector.counts());
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(projector.run(shutdown.clone()));
        Running { position, counts, shutdown, task }
    }
}

struct Running {
    position: projector::Position,
    counts: tokio::sync::watch::Receiver<Counts>,
    shutdown: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    async fn reach(&mut self, sequence: u64) {
        let reached = self.position.wait_for(|position| *position >= sequence);
        tokio::time::timeout(PATIENCE, reached).await.expect("the projector is stuck").unwrap();
    }

    async fn stop(self) -> Counts {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.task).await.expect("it does not stop").unwrap();
        *self.counts.borrow()
    }
}

#[tokio::test]
async fn it_catches_up_and_goes_on_after_a_restart_without_doing_anything_twice() {
    let house = House::new().await;
    let (first, second) = (Cast::new(), Cast::new());
    let history = house.write(&first).await;
    let mut running = house.project();
    running.reach(16).await;
    assert_rows(house.store.as_ref(), &history).await;
    assert_eq!(running.stop().await.applied, 16);

    let more = house.write(&second).await;
    let mut running = house.project();
    running.reach(32).await;
    assert_rows(house.store.as_ref(), &[history, more].concat()).await;
    assert_eq!(running.stop().await.applied, 16, "only what was new");
    let views = Views::new(Arc::clone(&house.store));
    assert_eq!(views.job(second.job).await.unwrap().unwrap().status, Status::Succeeded);
    assert_eq!(views.position().await.unwrap(), 32);
}

#[tokio::test]
async fn a_page_sees_what_was_written_while_the_projector_runs() {
    let house = House::new().await;
    let running = house.project();
    let views = Views::new(Arc::clone(&house.store));
    let cast = Cast::new();
    let history = house.write(&cast).await;
    assert!(views.reach(history.last().unwrap().sequence, PATIENCE).await.unwrap());
    assert_eq!(views.timeline(cast.job, None, 100).await.unwrap().rows.len(), 12);
    running.stop().await;
}

#[tokio::test]
async fn it_goes_on_after_the_server_was_killed() {
    let mut house = House::new().await;
    let mut running = house.project();
    house.write(&Cast::new()).await;
    running.reach(16).await;
    house.server.kill().await;
    house.server.restart().await.unwrap();
    let history = house.write(&Cast::new()).await;
    running.reach(32).await;
    assert_rows(house.store.as_ref(), &history).await;
    assert_eq!(running.stop().await.applied, 32);
}

#[tokio::test]
async fn a_damaged_row_is_found_and_rebuilding_mends_it() {
    let house = House::new().await;
    let cast = Cast::new();
    let history = house.write(&cast).await;
    let mut running = house.project();
    running.reach(16).await;
    running.stop().await;
    assert_eq!(diff(&house.log, Arc::clone(&house.store)).await.unwrap(), []);

    let damage = views::jobs::TABLE.upsert(u64::MAX / 4, [cast.job.into()], [("title", "not what was said".into())]);
    house.store.write(projector::Batch { lanes: vec![vec![damage]], checkpoint: 0 }).await.unwrap();
    let differences = diff(&house.log, Arc::clone(&house.store)).await.unwrap();
    assert_eq!(differences.len(), 1);
    assert_eq!(differences[0].live.as_ref().unwrap().text("title").unwrap(), "not what was said");

    let report = rebuild(&house.log, Arc::clone(&house.store)).await.unwrap();
    assert_eq!((report.sequence, report.counts.applied), (16, 16));
    assert_eq!(diff(&house.log, Arc::clone(&house.store)).await.unwrap(), []);
    assert_rows(house.store.as_ref(), &history).await;
}

#[tokio::test]
async fn the_status_tells_how_far_behind_the_views_are() {
    let house = House::new().await;
    house.write(&Cast::new()).await;
    let lagging = status(&house.log, Arc::clone(&house.store)).await.unwrap();
    assert!(lagging.iter().all(|view| (view.sequence, view.lag, view.rows) == (0, 16, Some(0))));
    rebuild(&house.log, Arc::clone(&house.store)).await.unwrap();
    let views = status(&house.log, Arc::clone(&house.store)).await.unwrap();
    assert!(views.iter().all(|view| (view.sequence, view.lag) == (16, 0)));
    let jobs = views.iter().find(|view| view.view == "jobs").unwrap();
    assert_eq!((jobs.version, jobs.rows), (1, Some(1)));
}

#[tokio::test]
async fn a_command_is_on_its_page_when_its_sequence_is_reached() {
    let house = House::new().await;
    let running = house.project();
    let (cast, command) = (Cast::new(), Uuid::now_v7());
    let (_, requested) = histories::event(&cast, 3, 0);
    let schemas::Event::JobRequested(request) = requested else { unreachable!() };
    let context = Context {
        command,
        actor: Actor::User(cast.owner),
        correlation: command,
        causation: None,
        time: schemas::envelope::now(),
    };
    let make = || schemas::job::JobCommand::Request(request.clone());
    let executed = house.log.execute::<schemas::job::Job>(cast.job, &context, make).await.unwrap();
    let views = Views::new(Arc::clone(&house.store));
    assert!(views.reach(executed.head.unwrap().sequence, PATIENCE).await.unwrap());
    let job = views.job(cast.job).await.unwrap().unwrap();
    assert_eq!((job.status, job.created), (Status::Starting, context.time));
    running.stop().await;
}

#[tokio::test]
async fn a_rebuild_of_thousands_of_events_reaches_the_end() {
    let house = House::new().await;
    for _ in 0..300 {
        house.write(&Cast::new()).await;
    }
    let report = rebuild(&house.log, Arc::clone(&house.store)).await.unwrap();
    assert_eq!(report.sequence, 4_800);
}
