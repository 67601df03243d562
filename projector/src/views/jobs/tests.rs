//! A job's row, event by event.

use super::*;
use crate::{RedbStore, ViewStore, Views};
use schemas::event::{
    CancelRequested, InferenceStarted, JobCancelled, JobDispatched, JobInterrupted, JobRequested, Priority, Redraw,
    RetryScheduled, TrainingCompleted, TrainingProgressed, TrainingStarted,
};
use schemas::{Actor, Blob, Hash, JobId, NewEvent, UserId, VideoId};
use uuid::Uuid;

const AT: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

/// The row after `events`.
async fn after(events: Vec<Event>) -> JobRow {
    let (job, folder) = (JobId::new(), tempfile::tempdir().unwrap());
    let store = RedbStore::open(&folder.path().join("views.redb")).unwrap();
    let record = |(sequence, event): (u64, Event)| {
        let (actor, correlation) = (Actor::role("trainer"), Uuid::nil());
        let new = NewEvent { id: Uuid::now_v7(), time: AT, actor, causation: None, correlation, event };
        Recorded::of(sequence, job.into(), None, new)
    };
    let mutations =
        (1..).zip([requested()].into_iter().chain(events)).map(record).flat_map(|event| apply(&event)).collect();
    store.write(mutations).await.unwrap();
    Views::new(std::sync::Arc::new(store)).job(job).await.unwrap().unwrap()
}

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

/// The first event of a job that draws another one again.
fn redrawn(of: JobId) -> Event {
    let Event::JobRequested(request) = requested() else { unreachable!() };
    let model = Blob { key: "model".into(), sha256: Hash::of(b"m"), bytes: 1 };
    JobRequested { style: "manga".parse().ok(), redraw: Some(Redraw { of, model }), ..request }.into()
}

#[tokio::test]
async fn a_job_that_draws_again_has_its_training_behind_it() {
    let of = JobId::new();
    let row = after(vec![redrawn(of)]).await;
    assert_eq!((row.status, row.training_status), (Status::Starting, PhaseStatus::Succeeded));
    assert_eq!((row.style.as_str(), row.redraw_of, row.model_key.as_deref()), ("manga", Some(of), Some("model")));
    let start = InferenceStarted { attempt: 1, lease: Uuid::nil(), device: "CPU".into() };
    let row = after(vec![redrawn(of), dispatched(Phase::Inference, 1), start.into()]).await;
    assert_eq!((row.status, row.inference_status), (Status::Processing, PhaseStatus::Running));
    let first = after(vec![]).await;
    assert_eq!((first.style.as_str(), first.redraw_of), ("bold-ink", None));
}

fn dispatched(phase: Phase, attempt: u32) -> Event {
    JobDispatched { phase, attempt }.into()
}

fn started(attempt: u32) -> Event {
    TrainingStarted { attempt, lease: Uuid::nil(), device: "CPU (2 threads)".into(), teachers: vec!["aa".into()] }
        .into()
}

fn failed(attempt: u32, retryable: bool) -> Event {
    let (code, detail) = ("internal".to_owned(), "it broke".to_owned());
    JobFailed { phase: Phase::Training, attempt, code, detail, retryable }.into()
}

#[tokio::test]
async fn a_job_starts_queues_and_processes() {
    let row = after(vec![]).await;
    assert_eq!((row.status, row.training_status), (Status::Starting, PhaseStatus::Waiting));
    let row = after(vec![dispatched(Phase::Training, 1)]).await;
    assert_eq!((row.status, row.training_status), (Status::Starting, PhaseStatus::Queued));
    let progress = TrainingProgressed { attempt: 1, lease: Uuid::nil(), step: 3, of: 60, loss: 0.25, checkpoint: None };
    let row = after(vec![dispatched(Phase::Training, 1), started(1), progress.into()]).await;
    assert_eq!((row.status, row.training_status), (Status::Processing, PhaseStatus::Running));
    assert_eq!((row.step, row.of, row.loss), (3, 60, Some(0.25)));
    assert_eq!((row.device.as_deref(), row.started), (Some("CPU (2 threads)"), Some(AT)));
    assert_eq!((row.inference_status, row.last_sequence), (PhaseStatus::Waiting, 4));
}

#[tokio::test]
async fn a_job_names_what_has_trained_it() {
    let trained = |device: Option<&str>| TrainingCompleted {
        attempt: 1,
        lease: Uuid::nil(),
        model: Blob { key: "model".into(), sha256: Hash::of(b"model"), bytes: 5 },
        steps: 60,
        curve: vec![0.5],
        duration_ms: 9,
        advice: vec![],
        device: device.map(str::to_owned),
    };
    let start = InferenceStarted { attempt: 1, lease: Uuid::nil(), device: "CPU".into() };
    for (device, shown) in [(None, "CPU (2 threads)"), (Some("CPU (1 thread)"), "CPU (1 thread)")] {
        let events = vec![dispatched(Phase::Training, 1), started(1), trained(device).into(), start.clone().into()];
        assert_eq!(after(events).await.device.as_deref(), Some(shown));
    }
}

#[tokio::test]
async fn a_retryable_failure_waits_for_another_attempt_which_wipes_it_away() {
    let retry = RetryScheduled { phase: Phase::Training, attempt: 2, due_ms: 2_000 };
    let events = vec![dispatched(Phase::Training, 1), started(1), failed(1, true), retry.into()];
    let row = after(events.clone()).await;
    assert_eq!((row.status, row.training_status), (Status::Processing, PhaseStatus::Waiting));
    assert_eq!((row.training_attempt, row.completed), (2, None));
    assert_eq!(row.retry_due, Some(AT + time::Duration::seconds(2)));
    let error = row.error.unwrap();
    assert_eq!((error.code.as_str(), error.phase, error.retryable), ("internal", Phase::Training, true));

    let row = after([events, vec![dispatched(Phase::Training, 2), started(2)]].concat()).await;
    assert_eq!((row.status, row.training_status), (Status::Processing, PhaseStatus::Running));
    assert_eq!((row.error, row.retry_due, row.training_attempt), (None, None, 2));
}

#[tokio::test]
async fn an_interrupted_job_waits_for_a_worker_and_has_used_up_nothing() {
    let interrupted = JobInterrupted { phase: Phase::Training, attempt: 1, lease: Uuid::nil() };
    let events = vec![dispatched(Phase::Training, 1), started(1), interrupted.into()];
    let row = after(events.clone()).await;
    assert_eq!((row.status, row.training_status), (Status::Processing, PhaseStatus::Queued));
    assert_eq!((row.training_attempt, row.error.is_none(), row.completed), (1, true, None));
    let row = after([events, vec![started(1)]].concat()).await;
    assert_eq!((row.training_status, row.training_attempt), (PhaseStatus::Running, 1));
}

#[tokio::test]
async fn a_final_failure_ends_the_job_and_the_phase_that_never_came() {
    let row = after(vec![dispatched(Phase::Training, 1), started(1), failed(1, false)]).await;
    assert_eq!((row.status, row.completed), (Status::Failed, Some(AT)));
    assert_eq!((row.training_status, row.inference_status), (PhaseStatus::Failed, PhaseStatus::Canceled));
    assert!(!row.error.unwrap().retryable);
}

#[tokio::test]
async fn a_canceled_job_says_so_in_the_phase_that_it_met() {
    let asked = vec![dispatched(Phase::Training, 1), started(1), CancelRequested {}.into()];
    let row = after(asked.clone()).await;
    assert_eq!((row.status, row.cancel_requested), (Status::Processing, true));
    let row = after([asked, vec![JobCancelled {}.into()]].concat()).await;
    assert_eq!((row.status, row.completed), (Status::Canceled, Some(AT)));
    assert_eq!((row.training_status, row.inference_status), (PhaseStatus::Canceled, PhaseStatus::Canceled));
}
