//! A job by its id: everything that its page shows.

use crate::{Mutation, Order, Row, StoreError, Table, Type, Value};
use schemas::event::{JobFailed, Phase};
use schemas::{AggregateId, ComicId, Event, JobId, MediaId, Recorded, UserId, VideoId};
use serde::Serialize;
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
    ],
    partition: 1,
    clustering: 0,
    order: Order::Ascending,
};

/// Where a job stands, as the API says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Starting,
    Processing,
    Succeeded,
    Failed,
    Canceled,
}

/// Where one of its two phases stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PhaseStatus {
    /// For the phase before it, for a free place, or for another attempt.
    Waiting,
    /// In the work queue.
    Queued,
    Running,
    Succeeded,
    Failed,
    Canceled,
}

/// Why the last attempt failed. Gone when the next one starts.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobError {
    pub phase: Phase,
    /// Stable and kebab-case.
    pub code: String,
    pub detail: String,
    /// Another attempt follows.
    pub retryable: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JobRow {
    pub id: JobId,
    pub owner: UserId,
    pub video: VideoId,
    pub title: String,
    pub status: Status,
    pub training_status: PhaseStatus,
    pub inference_status: PhaseStatus,
    /// From 1: the attempt that is made or comes next.
    pub training_attempt: u32,
    pub inference_attempt: u32,
    /// Where the newest phase runs: `CPU (2 threads)`, or the GPU's name.
    pub device: Option<String>,
    pub step: u32,
    /// 0 until it is known.
    pub of: u32,
    pub loss: Option<f32>,
    /// The final loss curve, at most 64 points; empty until training is done.
    pub curve: Vec<f32>,
    pub panels_drawn: u32,
    /// 0 until it is known.
    pub panels_of: u32,
    pub training_ms: Option<u64>,
    pub inference_ms: Option<u64>,
    /// SHA-256 of the teacher nets in use.
    pub teachers: Vec<String>,
    pub advice: Vec<String>,
    pub cancel_requested: bool,
    pub error: Option<JobError>,
    /// Not before this will the next attempt be made.
    #[serde(with = "time::serde::rfc3339::option")]
    pub retry_due: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// When the newest attempt at training was started.
    #[serde(with = "time::serde::rfc3339::option")]
    pub started: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub inference_started: Option<OffsetDateTime>,
    /// When it ended, well or not.
    #[serde(with = "time::serde::rfc3339::option")]
    pub completed: Option<OffsetDateTime>,
    pub comic: Option<ComicId>,
    /// Media of the composed page.
    pub page: Option<MediaId>,
    pub background: Option<MediaId>,
    /// Where the trained weights are in S3.
    pub model_key: Option<String>,
    /// Of the newest event in this row.
    pub last_sequence: u64,
}

impl Status {
    const ALL: [Self; 5] = [Self::Starting, Self::Processing, Self::Succeeded, Self::Failed, Self::Canceled];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    pub fn has_ended(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

impl PhaseStatus {
    const ALL: [Self; 6] = [Self::Waiting, Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Canceled];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }
}

impl From<Status> for Value {
    fn from(status: Status) -> Self {
        status.as_str().into()
    }
}

impl From<PhaseStatus> for Value {
    fn from(status: PhaseStatus) -> Self {
        status.as_str().into()
    }
}

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
    let mut columns = columns(recorded);
    columns.push(("last_sequence", recorded.sequence.into()));
    vec![Mutation::Upsert { table: &TABLE, key: vec![id.into()], columns, sequence: recorded.sequence }]
}

fn columns(recorded: &Recorded) -> Vec<(&'static str, Value)> {
    let time = recorded.new.time;
    match recorded.event() {
        Event::JobRequested(e) => vec![
            ("owner", e.owner.into()),
            ("video", e.video.into()),
            ("title", (&e.title).into()),
            ("status", Status::Starting.into()),
            ("training_status", PhaseStatus::Waiting.into()),
            ("training_attempt", 1u32.into()),
            ("inference_status", PhaseStatus::Waiting.into()),
            ("inference_attempt", 1u32.into()),
            ("cancel_requested", false.into()),
            ("created", time.into()),
        ],
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
        Event::TrainingCompleted(e) => vec![
            ("training_status", PhaseStatus::Succeeded.into()),
            ("training_ms", e.duration_ms.into()),
            ("step", e.steps.into()),
            ("steps", e.steps.into()),
            ("loss", e.curve.last().copied().into()),
            ("curve", (&e.curve).into()),
            ("advice", (&e.advice).into()),
            ("model_key", (&e.model.key).into()),
        ],
        Event::InferenceStarted(e) => [
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

pub fn read(row: &Row) -> Result<Option<JobRow>, StoreError> {
    if !row.has("owner") {
        return Ok(None);
    }
    let status = row.word("status", &Status::ALL, Status::as_str)?;
    let error = match row.maybe("error_code", Row::text)? {
        None => None,
        Some(code) => Some(JobError {
            phase: row.word("error_phase", &[Phase::Training, Phase::Inference], Phase::as_str)?,
            code,
            detail: row.text("error_detail")?,
            retryable: row.flag("error_retryable")?,
        }),
    };
    let device = row.maybe("inference_device", Row::text)?.or(row.maybe("training_device", Row::text)?);
    Ok(Some(JobRow {
        id: JobId(row.uuid("id")?),
        owner: UserId(row.uuid("owner")?),
        video: VideoId(row.uuid("video")?),
        title: row.text("title")?,
        status,
        training_status: phase_status(row, Phase::Training, status)?,
        inference_status: phase_status(row, Phase::Inference, status)?,
        training_attempt: row.count("training_attempt")?,
        inference_attempt: row.count("inference_attempt")?,
        device,
        step: row.maybe("step", Row::count)?.unwrap_or(0),
        of: row.maybe("steps", Row::count)?.unwrap_or(0),
        loss: row.maybe("loss", Row::real)?,
        curve: row.maybe("curve", Row::reals)?.unwrap_or_default(),
        panels_drawn: row.maybe("panels_drawn", Row::count)?.unwrap_or(0),
        panels_of: row.maybe("panels", Row::count)?.unwrap_or(0),
        training_ms: row.maybe("training_ms", Row::count)?,
        inference_ms: row.maybe("inference_ms", Row::count)?,
        teachers: row.maybe("teachers", Row::texts)?.unwrap_or_default(),
        advice: row.maybe("advice", Row::texts)?.unwrap_or_default(),
        cancel_requested: row.flag("cancel_requested")?,
        error,
        retry_due: row.maybe("retry_due", Row::time)?,
        created: row.time("created")?,
        started: row.maybe("training_started", Row::time)?,
        inference_started: row.maybe("inference_started", Row::time)?,
        completed: row.maybe("completed", Row::time)?,
        comic: row.maybe("comic", Row::uuid)?.map(ComicId),
        page: row.maybe("page", Row::uuid)?.map(MediaId),
        background: row.maybe("background", Row::uuid)?.map(MediaId),
        model_key: row.maybe("model_key", Row::text)?,
        last_sequence: row.count("last_sequence")?,
    }))
}

/// A phase of a job that ended without it will not be made.
fn phase_status(row: &Row, phase: Phase, job: Status) -> Result<PhaseStatus, StoreError> {
    let status = row.word(status_of(phase), &PhaseStatus::ALL, PhaseStatus::as_str)?;
    let open = matches!(status, PhaseStatus::Waiting | PhaseStatus::Queued | PhaseStatus::Running);
    Ok(if open && job.has_ended() { PhaseStatus::Canceled } else { status })
}
