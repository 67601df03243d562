//! A job: `kart.job.*`.

use super::Picture;
use crate::blob::Blob;
use crate::ids::{ComicId, JobId, UserId, VideoId};
use crate::{Personal, Stroke, Style};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The two phases of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    Training,
    Inference,
}

impl Phase {
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Training => "training",
            Phase::Inference => "inference",
        }
    }
}

/// Who is served first where several wait.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    #[default]
    Normal,
    /// After everybody's normal jobs, until it has waited long enough to count as one.
    Low,
}

impl Priority {
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Normal => "normal",
            Priority::Low => "low",
        }
    }
}

/// Somebody wants a comic character from a video.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobRequested {
    pub owner: UserId,
    pub video: VideoId,
    /// What to call the job on pages: the video's name.
    pub title: Personal,
    pub blob: Blob,
    #[serde(default)]
    pub priority: Priority,
    /// What to draw it in; the first of [`crate::style::ALL`] where none is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub style: Option<Style>,
    /// Drawn again: nothing is trained. A program that does not know this trains once more, which is slower and no worse.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redraw: Option<Redraw>,
    /// What somebody drew over the video's pictures; it counts more than what Kart sees there. A program that does not know
    /// this goes by what it sees.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub strokes: Vec<Stroke>,
}

/// What an earlier job gives to one that draws the same video again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Redraw {
    pub of: JobId,
    /// Its weights. The blob is shared.
    pub model: Blob,
}

/// A phase was handed to the work queue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobDispatched {
    pub phase: Phase,
    /// From 1; grows when the phase failed and is tried again.
    pub attempt: u32,
}

/// A worker took the training.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrainingStarted {
    pub attempt: u32,
    /// This worker's hold on the phase. Whatever an earlier holder still sends is refused.
    pub lease: Uuid,
    /// `CPU (2 threads)`, or the name of the GPU.
    pub device: String,
    /// SHA-256 of the teacher nets in use; empty when they are missing.
    pub teachers: Vec<String>,
}

/// A milestone; finer progress travels outside the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrainingProgressed {
    pub attempt: u32,
    pub lease: Uuid,
    pub step: u32,
    pub of: u32,
    pub loss: f32,
    /// All that another worker needs to go on from this step; it is deleted when the training has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Blob>,
}

/// The network is trained and its weights are in S3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrainingCompleted {
    pub attempt: u32,
    pub lease: Uuid,
    /// Weights as safetensors.
    pub model: Blob,
    pub steps: u32,
    /// Loss over the steps, thinned to at most 64 points.
    pub curve: Vec<f32>,
    pub duration_ms: u64,
    /// What the person should know: "no person was found: panels show the whole frame", …
    pub advice: Vec<String>,
    /// What it ran on in the end, where it had started on something else: a GPU without room leaves it to the CPU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<String>,
}

/// A worker took the drawing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InferenceStarted {
    pub attempt: u32,
    pub lease: Uuid,
    pub device: String,
}

/// One picture is drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PanelRendered {
    pub attempt: u32,
    pub lease: Uuid,
    /// From 0, in reading order.
    pub index: u32,
    pub of: u32,
    pub picture: Picture,
}

/// Everything is drawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InferenceCompleted {
    pub attempt: u32,
    pub lease: Uuid,
    /// The composed page.
    pub page: Picture,
    pub panels: Vec<Picture>,
    /// The character alone, with transparency.
    pub cutouts: Vec<Picture>,
    /// The scene without the character.
    pub background: Option<Picture>,
    pub duration_ms: u64,
}

/// The comic is made: the job's good end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobCompleted {
    pub comic: ComicId,
}

/// A worker handed its phase back because it shuts down. No attempt is used up: the next worker takes the same one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobInterrupted {
    pub phase: Phase,
    pub attempt: u32,
    pub lease: Uuid,
}

/// A phase failed. With `retryable` false, or when the attempts are used up, this is the job's end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobFailed {
    pub phase: Phase,
    pub attempt: u32,
    /// Stable and kebab-case: `no-video`, `corrupt-media`, `internal`, …
    pub code: String,
    /// For the person, with what they can do about it.
    pub detail: String,
    /// True when another attempt follows.
    pub retryable: bool,
}

/// The phase is tried again, not before `due_ms`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RetryScheduled {
    pub phase: Phase,
    /// The attempt that will be made.
    pub attempt: u32,
    /// Unix time in milliseconds.
    pub due_ms: u64,
}

/// Somebody wants the job to stop.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CancelRequested {}

/// The job stopped because it was asked to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobCancelled {}

/// A job was deleted, with its model. If it ran, this ends it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobErased {
    pub owner: UserId,
}
