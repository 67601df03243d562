//! Fine-grained progress that travels outside the log, many times a second. Losing one is harmless.

use crate::{Blob, JobId, event::Phase};
use serde::{Deserialize, Serialize};

/// How far a phase is, right now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tick {
    pub job: JobId,
    pub phase: Phase,
    /// What is being done, for people: `decoding`, `looking for faces`, `training`, `drawing`.
    pub stage: String,
    pub step: u32,
    pub of: u32,
    pub loss: Option<f32>,
    /// The whole loss curve so far, thinned to at most 64 points.
    pub curve: Vec<f32>,
    pub eta_ms: Option<u64>,
    /// The newest preview picture, in S3.
    pub preview: Option<Blob>,
    /// The colours that the network uses by now, `#rrggbb`: what the person wears and is, then what is around them.
    #[serde(default)]
    pub palette: Vec<String>,
}
