//! How a phase ended for the worker that held it.

use bus::ExecuteError;
use schemas::Refusal;

/// Says nothing against the video: it is not there to be looked at.
pub const MEDIA_GONE: &str = "media-gone";

#[derive(Debug)]
pub enum Outcome {
    /// The result is in the log.
    Done,
    /// Somebody asked the job to stop.
    Cancelled,
    /// The job has ended, or has moved on from this phase.
    Superseded,
    /// Another worker holds the phase.
    TakenOver,
    /// This worker is shutting down.
    Interrupted,
    /// The log or S3 does not answer.
    Unavailable(String),
    Failed {
        code: &'static str,
        detail: String,
        retryable: bool,
    },
}

impl Outcome {
    pub fn failed(code: &'static str, detail: impl Into<String>, retryable: bool) -> Self {
        Self::Failed { code, detail: detail.into(), retryable }
    }

    /// Something that should not happen, but may not happen again.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "a phase failed inside");
        Self::failed("internal", "Something went wrong on our side.", true)
    }
}

impl From<ExecuteError> for Outcome {
    fn from(error: ExecuteError) -> Self {
        match error {
            ExecuteError::Refused(Refusal::CancelRequested) => Self::Cancelled,
            ExecuteError::Refused(Refusal::StaleLease) => Self::TakenOver,
            ExecuteError::Refused(_) => Self::Superseded,
            ExecuteError::Append(error) => Self::Unavailable(error.to_string()),
            ExecuteError::Read(error) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<bus::BlobError> for Outcome {
    fn from(error: bus::BlobError) -> Self {
        match error {
            bus::BlobError::NotFound { .. } => Self::failed(MEDIA_GONE, "The video was deleted.", false),
            error => Self::Unavailable(error.to_string()),
        }
    }
}
