//! What reaches the store when the log delivers something odd.

use super::*;
use crate::{RedbStore, Status, Views};
use futures::stream;
use schemas::event::{CancelRequested, JobRequested, PanelRendered, Picture, Priority, TrainingProgressed};
use schemas::{Actor, Blob, Event, Hash, JobId, MediaId, NewEvent, Recorded, UserId, VideoId};
use std::collections::HashMap;
use uuid::Uuid;

fn requested() -> Event {
    let blob = Blob { key: "video".into(), sha256: Hash::of(b""), bytes: 1 };
    JobRequested {
        owner: UserId::new(),
        video: VideoId::new(),
        title: "me".into(),
        blob,
        priority: Priority::Normal,
        style: None,
        redraw: None,
        strokes: vec![],
    }
    .into()
}

fn progressed(step: u32) -> Event {
    TrainingProgressed { attempt: 1, lease: Uuid::nil(), step, of: 9, loss: 0.5, checkpoint: None }.into()
}

/// Writes a log: each event continues the chain of its aggregate.
#[derive(Default)]
struct Author(HashMap<JobId, Hash>);

impl Author {
    fn event(&mut self, sequence: u64, job: JobId, event: Event) -> Result<Delivered, ReadError> {
        let recorded = record(sequence, job, self.0.get(&job).copied(), event);
        self.0.insert(job, recorded.hash);
        Ok(Delivered::Event(Box::new(recorded)))
    }
}

fn record(sequence: u64, job: JobId, previous: Option<Hash>, event: Event) -> Recorded {
    let new = NewEvent {
        id: Uuid::now_v7(),
        time: schemas::envelope::now(),
        actor: Actor::role("trainer"),
        causation: None,
        correlation: Uuid::nil(),
        event,
    };
    Recorded::of(sequence, job.into(), previous, new)
}

fn unreadable(sequence: u64, subject: String, type_name: Option<&str>) -> Result<Delivered, ReadError> {
    let (type_name, reason) = (type_name.map(str::to_owned), "step is missing".to_owned());
    Ok(Delivered::Unreadable { sequence, subject, type_name, reason })
}

struct Desk {
    store: Arc<dyn ViewStore>,
    views: Views,
    _folder: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn ViewStore> = Arc::new(RedbStore::open(&folder.path().join("views.redb")).unwrap());
        Self { views: Views::new(Arc::clone(&store)), store, _folder: folder }
    }

    /// As after a start: continues at the checkpoint.
    async fn project(&self, deliveries: Vec<Result<Delivered, ReadError>>) -> (Result<(), ProjectError>, Counts) {
        let progress = Progress::default();
        let ended = project(stream::iter(deliveries), &self.store, &progress, None).await;
        (ended, self.store.checkpoint().await.unwrap().counts)
    }

    async fn step(&self, job: JobId) -> u32 {
        self.views.job(job).await.unwrap().unwrap().step
    }
}

#[tokio::test]
async fn it_waits_at_a_gap_and_goes_on_when_the_missing_event_comes() {
    let mut author = Author::default();
    let (desk, job) = (Desk::new(), JobId::new());
    let first = [author.event(1, job, requested()), author.event(2, job, progressed(2))];
    let (third, fourth) = (author.event(3, job, progressed(3)), author.event(4, job, progressed(4)));
    let again = |delivery: &Result<Delivered, ReadError>| Ok(delivery.as_ref().unwrap().clone());
    let (ended, _) = desk.project(first.into_iter().chain([again(&fourth)]).collect()).await;
    assert!(matches!(ended, Err(ProjectError::Gap(Gap { expected: 3, found: 4 }))), "{ended:?}");
    assert_eq!((desk.views.position().await.unwrap(), desk.step(job).await), (2, 2));

    let (ended, counts) = desk.project(vec![third, fourth]).await;
    ended.unwrap();
    assert_eq!((desk.views.position().await.unwrap(), desk.step(job).await, counts.applied), (4, 4, 4));
}

#[tokio::test]
async fn what_is_delivered_again_is_not_applied_again() {
    let mut author = Author::default();
    let (desk, job) = (Desk::new(), JobId::new());
    let first = author.event(1, job, requested());
    let again = Ok(first.as_ref().unwrap().clone());
    let (ended, counts) = desk.project(vec![first, again, author.event(2, job, progressed(1))]).await;
    ended.unwrap();
    assert_eq!(counts.applied, 2);
}

#[tokio::test]
async fn an_unknown_type_is_skipped_and_counted() {
    let mut author = Author::default();
    let (desk, job) = (Desk::new(), JobId::new());
    let newer = unreadable(2, format!("some.job.{job}.praised"), Some("kart.job.praised.v1"));
    let (ended, counts) =
        desk.project(vec![author.event(1, job, requested()), newer, author.event(3, job, progressed(3))]).await;
    ended.unwrap();
    assert_eq!(counts, Counts { applied: 2, unknown: 1, ..Counts::default() });
    assert_eq!((desk.views.position().await.unwrap(), desk.step(job).await), (3, 3));
    assert_eq!(desk.views.parked(None, 10).await.unwrap().rows, []);
}

#[tokio::test]
async fn an_aggregate_with_a_poisoned_event_is_parked_and_the_others_go_on() {
    let mut author = Author::default();
    let (desk, sick, well) = (Desk::new(), JobId::new(), JobId::new());
    let poison = unreadable(3, format!("some.job.{sick}.progressed"), Some("kart.job.training-progressed.v1"));
    let (ended, counts) = desk
        .project(vec![
            author.event(1, sick, requested()),
            author.event(2, well, requested()),
            poison,
            author.event(4, sick, progressed(4)),
            author.event(5, well, progressed(5)),
        ])
        .await;
    ended.unwrap();
    assert_eq!(counts, Counts { applied: 3, unreadable: 1, held: 1, ..Counts::default() });
    assert_eq!((desk.step(sick).await, desk.step(well).await), (0, 5));
    assert_eq!(desk.views.position().await.unwrap(), 5);

    // Also after a restart.
    let poison = unreadable(7, format!("some.job.{sick}.requested"), Some("kart.job.requested.v1"));
    let (_, counts) = desk.project(vec![author.event(6, sick, CancelRequested {}.into()), poison]).await;
    assert_eq!((counts.applied, counts.unreadable, counts.held), (3, 1, 3));
    let parked = desk.views.parked(None, 10).await.unwrap().rows;
    assert_eq!((parked.len(), parked[0].aggregate, parked[0].sequence), (1, sick.into(), 3));
    assert!(parked[0].reason.contains("step"));
}

#[tokio::test]
async fn a_message_that_is_nobodys_is_counted_and_holds_nobody_up() {
    let mut author = Author::default();
    let (desk, job) = (Desk::new(), JobId::new());
    let (ended, counts) =
        desk.project(vec![unreadable(1, "nobody".into(), None), author.event(2, job, requested())]).await;
    ended.unwrap();
    assert_eq!((counts.applied, counts.unreadable), (1, 1));
    let job = desk.views.job(job).await.unwrap().unwrap();
    assert_eq!((job.status, job.last_sequence), (Status::Starting, 2));
}

#[tokio::test]
async fn a_log_out_of_reach_for_a_while_changes_nothing() {
    let mut author = Author::default();
    let (desk, job) = (Desk::new(), JobId::new());
    let lost = Err(ReadError::Unavailable { reason: "no server".into() });
    let caught_up = Ok(Delivered::CaughtUp { sequence: 1 });
    let (ended, _) = desk
        .project(vec![author.event(1, job, requested()), caught_up, lost, author.event(2, job, progressed(2))])
        .await;
    ended.unwrap();
    assert_eq!(desk.step(job).await, 2);
}

#[tokio::test]
async fn what_cannot_be_believed_parks_its_aggregate() {
    let desk = Desk::new();
    let mut author = Author::default();
    let jobs: Vec<_> = (0..3).map(|_| JobId::new()).collect();
    let mut old = record(4, jobs[0], None, requested());
    old.new.time = time::OffsetDateTime::UNIX_EPOCH;
    let drawn = |index| {
        let blob = Blob { key: "panel".into(), sha256: Hash::of(b""), bytes: 1 };
        let picture = Picture { media: MediaId(Uuid::nil()), blob, width: 1, height: 1, alt: "me".into(), at_ms: None };
        PanelRendered { attempt: 1, lease: Uuid::nil(), index, of: 4, picture }.into()
    };
    let (ended, counts) = desk
        .project(vec![
            author.event(1, jobs[1], requested()),
            author.event(2, jobs[2], requested()),
            author.event(3, jobs[2], drawn(3)),
            Ok(Delivered::Event(Box::new(old))),
            author.event(5, jobs[1], progressed(120)),
            author.event(6, jobs[2], drawn(4)),
            author.event(7, jobs[1], progressed(1)),
        ])
        .await;
    ended.unwrap();
    assert_eq!(counts, Counts { applied: 3, unreadable: 3, held: 1, ..Counts::default() });
    let mut reasons: Vec<_> =
        desk.views.parked(None, 10).await.unwrap().rows.into_iter().map(|row| (row.sequence, row.reason)).collect();
    reasons.sort();
    let reason = |at: usize| reasons[at].1.trim_start_matches("not to be believed: ");
    assert_eq!(
        [reason(0), reason(1), reason(2)],
        ["it happened in the year 1970", "120 of 9 are done", "5 of 4 are done"]
    );
    assert_eq!(desk.step(jobs[1]).await, 0, "what follows is held");
}

#[tokio::test]
async fn an_aggregate_whose_chain_breaks_stands_still_and_the_others_go_on() {
    let (desk, mut author) = (Desk::new(), Author::default());
    let (sick, well, late) = (JobId::new(), JobId::new(), JobId::new());
    let (ended, _) = desk.project(vec![author.event(1, sick, requested()), author.event(2, well, requested())]).await;
    ended.unwrap();
    // After a restart: the hashes come from the store.
    let forged = record(3, sick, Some(Hash::of(b"another past")), progressed(3));
    let orphan = record(4, late, Some(Hash::of(b"a past that nobody knows")), progressed(4));
    let deliveries = vec![
        Ok(Delivered::Event(Box::new(forged))),
        Ok(Delivered::Event(Box::new(orphan))),
        author.event(5, well, progressed(5)),
        author.event(6, sick, progressed(6)),
    ];
    let (ended, counts) = desk.project(deliveries).await;
    ended.unwrap();
    assert_eq!(counts, Counts { applied: 3, unreadable: 2, held: 1, ..Counts::default() });
    assert_eq!((desk.step(sick).await, desk.step(well).await), (0, 5));
    let parked = desk.views.parked(None, 10).await.unwrap().rows;
    assert_eq!(parked.len(), 2);
    assert!(parked.iter().all(|row| row.reason.starts_with("the chain is broken")), "{parked:?}");
}

#[tokio::test]
async fn an_event_that_stands_in_the_log_twice_changes_nothing_the_second_time() {
    let (desk, mut author, job) = (Desk::new(), Author::default(), JobId::new());
    let first = author.event(1, job, requested());
    let again = |sequence| {
        let Ok(Delivered::Event(event)) = &first else { unreachable!() };
        Ok(Delivered::Event(Box::new(Recorded { sequence, ..(**event).clone() })))
    };
    let deliveries = vec![again(1), author.event(2, job, progressed(2)), again(3), author.event(4, job, progressed(4))];
    let (ended, counts) = desk.project(deliveries).await;
    ended.unwrap();
    assert_eq!(counts, Counts { applied: 3, repeated: 1, ..Counts::default() });
    // Also after a restart, when nothing is remembered.
    let (ended, counts) = desk.project(vec![again(5), author.event(6, job, progressed(6))]).await;
    ended.unwrap();
    assert_eq!(counts, Counts { applied: 4, repeated: 2, ..Counts::default() });
    assert_eq!((desk.step(job).await, desk.views.parked(None, 10).await.unwrap().rows), (6, vec![]));
}
