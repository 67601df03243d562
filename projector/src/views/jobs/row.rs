//! The typed row of a job, and how it is read.

use super::status_of;
use crate::{Row, StoreError, Value};
use schemas::event::Phase;
use schemas::{ComicId, JobId, MediaId, Style, UserId, VideoId};
use serde::Serialize;
use time::OffsetDateTime;

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
    /// What trains it, or draws it where nothing is trained: `CPU (2 threads)`, or the GPU's name.
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
    /// What it is drawn in.
    pub style: String,
    /// The job whose comic this one draws again.
    pub redraw_of: Option<JobId>,
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
    let device = row.maybe("training_device", Row::text)?.or(row.maybe("inference_device", Row::text)?);
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
        style: row.maybe("style", Row::text)?.unwrap_or_else(|| Style::default().as_str().to_owned()),
        redraw_of: row.maybe("redraw_of", Row::uuid)?.map(JobId),
        last_sequence: row.count("last_sequence")?,
    }))
}

/// A phase of a job that ended without it will not be made.
fn phase_status(row: &Row, phase: Phase, job: Status) -> Result<PhaseStatus, StoreError> {
    let status = row.word(status_of(phase), &PhaseStatus::ALL, PhaseStatus::as_str)?;
    let open = matches!(status, PhaseStatus::Waiting | PhaseStatus::Queued | PhaseStatus::Running);
    Ok(if open && job.has_ended() { PhaseStatus::Canceled } else { status })
}
