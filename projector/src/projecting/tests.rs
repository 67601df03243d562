//! What reaches the store when the log delivers something odd.

use super::*;
use crate::{RedbStore, Status};
use futures::stream;
use schemas::event::{CancelRequested, JobRequested, Priority, TrainingProgressed};
use schemas::{Actor, Blob, Event, Hash, JobId, NewEvent, Recorded, UserId, VideoId};
use uuid::Uuid;

fn requested() -> Event {
    let blob = Blob { key: "video".into(), sha256: Hash::of(b""), bytes: 1 };
    JobRequested { owner: UserId::new(), video: VideoId::new(), title: "me".into(), blob, priority: Priority::Normal }
        .into()
}

fn progressed(step: u32) -> Event {
    TrainingProgressed { attempt: 1, lease: Uuid::nil(), step, of: 9, loss: 0.5, checkpoint: None }.into()
}

fn event(sequence: u64, job: JobId, event: Event) -> Result<Delivered, ReadError> {
    let new = NewEvent {
        id: Uuid::now_v7(),
        time: schemas::envelope::now(),
        actor: Actor::role("trainer"),
        causation: None,
        correlation: Uuid::nil(),
        event,
    };
    let recorded = Recorded::of(sequence, job.into(), None, new);
    Ok(Delivered::Event(Box::new(recorded)))
}

fn unreadable(sequence: u64, subject: String, type_name: Option<&str>) -> Result<Delivered, ReadError> {
    let (type_name, reason) = (type_name.map(str::to_owned), "step is missing".to_owned());
    Ok(Delivered::Unreadable { sequence, subject, type_name, reason })
}

struct Desk {
    store: Arc<dyn ViewStore>,
    views: Views,
}

impl Desk {
    fn new() -> Self {
        let store: Arc<dyn ViewStore> = Arc::new(RedbStore::in_memory().unwrap());
        Self { views: Views::new(Arc::clone(&store)), store }
    }

    /// As after a start: continues at the checkpoint.
    async fn project(&self, deliveries: Vec<Result<Delivered, ReadError>>) -> (Result<(), ProjectError>, Counts) {
        let progress = Progress::default();
        let checkpoint = self.views.position().await.unwrap();
        let ended = project(stream::iter(deliveries), checkpoint, &self.store, &progress).await;
        (ended, *progress.counts.borrow())
    }

    async fn step(&self, job: JobId) -> u32 {
        self.views.job(job).await.unwrap().unwrap().step
    }
}

#[tokio::test]
async fn it_waits_at_a_gap_and_goes_on_when_the_missing_event_comes() {
    let (desk, job) = (Desk::new(), JobId::new());
    let history = || [event(1, job, requested()), event(2, job, progressed(2)), event(4, job, progressed(4))];
    let (ended, _) = desk.project(history().into()).await;
    assert!(matches!(ended, Err(ProjectError::Gap(Gap { expected: 3, found: 4 }))), "{ended:?}");
    assert_eq!((desk.views.position().await.unwrap(), desk.step(job).await), (2, 2));

    let (ended, counts) = desk.project(vec![event(3, job, progressed(3)), event(4, job, progressed(4))]).await;
    ended.unwrap();
    assert_eq!((desk.views.position().await.unwrap(), desk.step(job).await, counts.applied), (4, 4, 2));
}

#[tokio::test]
async fn what_is_delivered_again_is_not_applied_again() {
    let (desk, job) = (Desk::new(), JobId::new());
    let first = event(1, job, requested());
    let (ended, counts) = desk.project(vec![first, event(1, job, requested()), event(2, job, progressed(1))]).await;
    ended.unwrap();
    assert_eq!(counts.applied, 2);
}

#[tokio::test]
async fn an_unknown_type_is_skipped_and_counted() {
    let (desk, job) = (Desk::new(), JobId::new());
    let newer = unreadable(2, format!("some.job.{job}.praised"), Some("kart.job.praised.v1"));
    let (ended, counts) = desk.project(vec![event(1, job, requested()), newer, event(3, job, progressed(3))]).await;
    ended.unwrap();
    assert_eq!(counts, Counts { applied: 2, unknown: 1, unreadable: 0, held: 0 });
    assert_eq!((desk.views.position().await.unwrap(), desk.step(job).await), (3, 3));
    assert_eq!(desk.views.parked(None, 10).await.unwrap().rows, []);
}

#[tokio::test]
async fn an_aggregate_with_a_poisoned_event_is_parked_and_the_others_go_on() {
    let (desk, sick, well) = (Desk::new(), JobId::new(), JobId::new());
    let poison = unreadable(3, format!("some.job.{sick}.progressed"), Some("kart.job.training-progressed.v1"));
    let (ended, counts) = desk
        .project(vec![
            event(1, sick, requested()),
            event(2, well, requested()),
            poison,
            event(4, sick, progressed(4)),
            event(5, well, progressed(5)),
        ])
        .await;
    ended.unwrap();
    assert_eq!(counts, Counts { applied: 3, unknown: 0, unreadable: 1, held: 1 });
    assert_eq!((desk.step(sick).await, desk.step(well).await), (0, 5));
    assert_eq!(desk.views.position().await.unwrap(), 5);

    // Also after a restart.
    let poison = unreadable(7, format!("some.job.{sick}.requested"), Some("kart.job.requested.v1"));
    let (_, counts) = desk.project(vec![event(6, sick, CancelRequested {}.into()), poison]).await;
    assert_eq!((counts.applied, counts.held), (0, 2));
    let parked = desk.views.parked(None, 10).await.unwrap().rows;
    assert_eq!((parked.len(), parked[0].aggregate, parked[0].sequence), (1, sick.into(), 3));
    assert!(parked[0].reason.contains("step"));
}

#[tokio::test]
async fn a_message_that_is_nobodys_is_counted_and_holds_nobody_up() {
    let (desk, job) = (Desk::new(), JobId::new());
    let (ended, counts) = desk.project(vec![unreadable(1, "nobody".into(), None), event(2, job, requested())]).await;
    ended.unwrap();
    assert_eq!((counts.applied, counts.unreadable), (1, 1));
    let job = desk.views.job(job).await.unwrap().unwrap();
    assert_eq!((job.status, job.last_sequence), (Status::Starting, 2));
}

#[tokio::test]
async fn a_log_out_of_reach_for_a_while_changes_nothing() {
    let (desk, job) = (Desk::new(), JobId::new());
    let lost = Err(ReadError::Unavailable { reason: "no server".into() });
    let caught_up = Ok(Delivered::CaughtUp { sequence: 1 });
    let (ended, _) =
        desk.project(vec![event(1, job, requested()), caught_up, lost, event(2, job, progressed(2))]).await;
    ended.unwrap();
    assert_eq!(desk.step(job).await, 2);
}
