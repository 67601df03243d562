//! A job by its id: everything that its page shows.

mod row;
#[cfg(test)]
mod tests;

pub use row::{JobError, JobRow, PhaseStatus, Status, read};

use crate::{Mutation, Order, Table, Type, Value};
use schemas::event::{JobFailed, JobRequested, Phase, TrainingCompleted};
use schemas::{AggregateId, Event, Recorded};
use time::OffsetDateTime;

pub static TABLE: Table = Table {
    name: "jobs",
    version: 1,
    columns: &[
        ("id", Type::Uuid),
        ("owner", Type::Uuid),
        ("video", Type::Uuid),
        ("title", Type::Text),
        ("status", Type::Text),
        ("training_status", Type::Text),
        ("training_attempt", Type::Int),
        ("training_device", Type::Text),
        ("training_started", Type::Time),
        ("training_ms", Type::Int),
        ("inference_status", Type::Text),
        ("inference_attempt", Type::Int),
        ("inference_device", Type::Text),
        ("inference_started", Type::Time),
        ("inference_ms", Type::Int),
        ("step", Type::Int),
        ("steps", Type::Int),
        ("loss", Type::Real),
        ("curve", Type::Reals),
        ("panels_drawn", Type::Int),
        ("panels", Type::Int),
        ("teachers", Type::Texts),
        ("advice", Type::Texts),
        ("cancel_requested", Type::Flag),
        ("error_phase", Type::Text),
        ("error_code", Type::Text),
        ("error_detail", Type::Text),
        ("error_retryable", Type::Flag),
        ("retry_due", Type::Time),
        ("created", Type::Time),
        ("completed", Type::Time),
        ("comic", Type::Uuid),
        ("page", Type::Uuid),
        ("background", Type::Uuid),
        ("model_key", Type::Text),
        ("last_sequence", Type::Int),
        ("style", Type::Text),
        ("redraw_of", Type::Uuid),
    ],
    partition: 1,
    clustering: 0,
    order: Order::Ascending,
};

/// The columns of a phase.
fn status_of(phase: Phase) -> &'static str {
    match phase {
        Phase::Training => "training_status",
        Phase::Inference => "inference_status",
    }
}

fn attempt_of(phase: Phase) -> &'static str {
    match phase {
        Phase::Training => "training_attempt",
        Phase::Inference => "inference_attempt",
    }
}

/// What the start of an attempt wipes away.
const NO_ERROR: [(&str, Value); 5] = [
    ("error_phase", Value::Null),
    ("error_code", Value::Null),
    ("error_detail", Value::Null),
    ("error_retryable", Value::Null),
    ("retry_due", Value::Null),
];

pub fn apply(recorded: &Recorded) -> Vec<Mutation> {
    let AggregateId::JobId(id) = recorded.aggregate else { return vec![] };
    if let Event::JobErased(_) = recorded.event() {
        return vec![TABLE.delete(recorded.sequence, [id.into()])];
    }
    let mut columns = columns(recorded);
    columns.push(("last_sequence", recorded.sequence.into()));
    vec![Mutation::Upsert { table: &TABLE, key: vec![id.into()], columns, sequence: recorded.sequence }]
}

fn columns(recorded: &Recorded) -> Vec<(&'static str, Value)> {
    let time = recorded.new.time;
    match recorded.event() {
        Event::JobRequested(e) => requested(e, time),
        Event::JobDispatched(e) => {
            vec![(status_of(e.phase), PhaseStatus::Queued.into()), (attempt_of(e.phase), e.attempt.into())]
        }
        Event::TrainingStarted(e) => [
            ("status", Status::Processing.into()),
            ("training_status", PhaseStatus::Running.into()),
            ("training_attempt", e.attempt.into()),
            ("training_device", (&e.device).into()),
            ("training_started", time.into()),
            ("teachers", (&e.teachers).into()),
            ("step", 0u32.into()),
            ("loss", Value::Null),
        ]
        .into_iter()
        .chain(NO_ERROR)
        .collect(),
        Event::TrainingProgressed(e) => {
            vec![("step", e.step.into()), ("steps", e.of.into()), ("loss", e.loss.into())]
        }
        Event::TrainingCompleted(e) => trained(e),
        Event::InferenceStarted(e) => [
            ("status", Status::Processing.into()),
            ("inference_status", PhaseStatus::Running.into()),
            ("inference_attempt", e.attempt.into()),
            ("inference_device", (&e.device).into()),
            ("inference_started", time.into()),
            ("panels_drawn", 0u32.into()),
        ]
        .into_iter()
        .chain(NO_ERROR)
        .collect(),
        Event::PanelRendered(e) => vec![("panels_drawn", (e.index + 1).into()), ("panels", e.of.into())],
        Event::InferenceCompleted(e) => vec![
            ("inference_status", PhaseStatus::Succeeded.into()),
            ("inference_ms", e.duration_ms.into()),
            ("page", e.page.media.into()),
            ("background", e.background.as_ref().map(|picture| picture.media).into()),
            ("panels_drawn", (e.panels.len() as u64).into()),
            ("panels", (e.panels.len() as u64).into()),
        ],
        Event::JobInterrupted(e) => vec![(status_of(e.phase), PhaseStatus::Queued.into())],
        Event::JobCompleted(e) => {
            vec![("status", Status::Succeeded.into()), ("comic", e.comic.into()), ("completed", time.into())]
        }
        Event::JobFailed(e) => failure(e, time),
        Event::RetryScheduled(e) => vec![
            (attempt_of(e.phase), e.attempt.into()),
            ("retry_due", Value::Time(i64::try_from(e.due_ms).unwrap_or(i64::MAX))),
        ],
        Event::CancelRequested(_) => vec![("cancel_requested", true.into())],
        // The event does not say which phase it met; `read` shows those that had not ended as canceled.
        Event::JobCancelled(_) => vec![("status", Status::Canceled.into()), ("completed", time.into())],
        _ => vec![],
    }
}

/// A new job, and nothing left of one before it.
fn requested(e: &JobRequested, time: OffsetDateTime) -> Vec<(&'static str, Value)> {
    let trained = if e.redraw.is_some() { PhaseStatus::Succeeded } else { PhaseStatus::Waiting };
    vec![
        ("owner", e.owner.into()),
        ("video", e.video.into()),
        ("title", (&e.title).into()),
        ("status", Status::Starting.into()),
        ("training_status", trained.into()),
        ("training_attempt", 1u32.into()),
        ("inference_status", PhaseStatus::Waiting.into()),
        ("inference_attempt", 1u32.into()),
        ("cancel_requested", false.into()),
        ("created", time.into()),
        ("model_key", e.redraw.as_ref().map(|redraw| &redraw.model.key).into()),
        ("style", e.style.as_ref().map(|style| style.as_str()).into()),
        ("redraw_of", e.redraw.as_ref().map(|redraw| redraw.of).into()),
    ]
}

fn trained(e: &TrainingCompleted) -> Vec<(&'static str, Value)> {
    let mut columns = vec![
        ("training_status", PhaseStatus::Succeeded.into()),
        ("training_ms", e.duration_ms.into()),
        ("step", e.steps.into()),
        ("steps", e.steps.into()),
        ("loss", e.curve.last().copied().into()),
        ("curve", (&e.curve).into()),
        ("advice", (&e.advice).into()),
        ("model_key", (&e.model.key).into()),
    ];
    columns.extend(e.device.as_ref().map(|device| ("training_device", device.into())));
    columns
}

fn failure(e: &JobFailed, time: OffsetDateTime) -> Vec<(&'static str, Value)> {
    let mut columns = vec![
        ("error_phase", e.phase.as_str().into()),
        ("error_code", (&e.code).into()),
        ("error_detail", (&e.detail).into()),
        ("error_retryable", e.retryable.into()),
    ];
    if e.retryable {
        columns.push((status_of(e.phase), PhaseStatus::Waiting.into()));
    } else {
        columns.push((status_of(e.phase), PhaseStatus::Failed.into()));
        columns.push(("status", Status::Failed.into()));
        columns.push(("completed", time.into()));
    }
    columns
}
