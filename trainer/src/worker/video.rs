//! The video of a job: fetched, decoded, labelled. Both phases start with it.

use super::reporter::{self, Report, Voice};
use super::{Hold, Outcome, Worker};
use crate::clip::Clip;
use crate::decode::{self, DecodeError};
use crate::teach::{self, PrepareError, Prepared, Teachers};
use futures::StreamExt;
use schemas::event::{VideoChecked, VideoRefused};
use schemas::video::{Video, VideoCommand};
use schemas::{Blob, Hash, Stroke, VideoId};
use sha2::{Digest, Sha256};
use std::path::Path;
use tempfile::NamedTempFile;
use tokio::io::AsyncWriteExt;

/// Frames looked at. More would train on the same windows.
const FRAMES: usize = 24;

/// Writes the video into a scratch file and checks its hash.
pub async fn fetch(worker: &Worker, hold: &Hold, blob: &Blob) -> Result<NamedTempFile, Outcome> {
    reporter::say_stage(hold, "fetching the video").await;
    let file = tempfile::Builder::new().prefix("video-").tempfile_in(&worker.scratch).map_err(Outcome::internal)?;
    let mut out = tokio::fs::File::from_std(file.reopen().map_err(Outcome::internal)?);
    let mut stream = worker.blobs.stream(&blob.key, None).await?.stream;
    let mut hash = Sha256::new();
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Outcome::Unavailable(error.to_string()))?;
        hash.update(&chunk);
        out.write_all(&chunk).await.map_err(Outcome::internal)?;
    }
    out.flush().await.map_err(Outcome::internal)?;
    match Hash(hash.finalize().into()) == blob.sha256 {
        true => Ok(file),
        false => Err(Outcome::internal(format!("{} does not have the hash it was stored with", blob.key))),
    }
}

pub struct Ready {
    pub clip: Clip,
    pub facts: VideoChecked,
}

/// Decodes and labels. Blocking.
pub fn prepare(file: &Path, teachers: Option<&Teachers>, strokes: &[Stroke], voice: &Voice) -> Result<Ready, Outcome> {
    let decoded = decode::decode(file, FRAMES, voice.stop(), &mut |share| voice.say(Report::Stage("decoding", share)))?;
    let length_ms = decoded.facts.duration_ms.or(decoded.times_ms.last().copied()).unwrap_or(0);
    let report = &mut |share| voice.say(Report::Stage("looking for people and faces", share));
    let Prepared { clip, advice } = teach::prepare(teachers, decoded.frames, decoded.times_ms, strokes, report)?;
    let facts = VideoChecked {
        codec: decoded.facts.codec,
        duration_ms: length_ms,
        width: decoded.facts.width,
        height: decoded.facts.height,
        frames_per_second: decoded.facts.frames_per_second,
        advice: advice.iter().map(ToString::to_string).collect(),
    };
    Ok(Ready { clip, facts })
}

/// Says that the video is usable. Only after an event of the job's own under the same lease: a worker that lost its lease
/// was refused that one, and stops before this.
pub async fn check(hold: &Hold, video: VideoId, facts: VideoChecked) -> Result<(), Outcome> {
    hold.execute_on::<Video>(video, "checked", || VideoCommand::Check(facts.clone())).await.map(|_| ())
}

/// Says that the video is not usable; only after the job has failed for it.
pub async fn refuse(hold: &Hold, video: VideoId, code: &str, detail: &str) -> Result<(), Outcome> {
    let refuse = || VideoCommand::Refuse(VideoRefused { code: code.to_owned(), detail: detail.to_owned() });
    hold.execute_on::<Video>(video, "refused", refuse).await.map(|_| ())
}

impl From<DecodeError> for Outcome {
    fn from(error: DecodeError) -> Self {
        match error {
            DecodeError::Refused { code, detail } => Self::failed(code, detail, false),
            // The listener knows why it asked to stop; this is never seen.
            DecodeError::Stopped => Self::Interrupted,
            DecodeError::TooSlow => Self::failed("decode-timeout", error.to_string(), true),
            DecodeError::Scratch(_) => Self::internal(error),
            DecodeError::Ffmpeg(_) => Self::failed("decoder-missing", error.to_string(), true),
        }
    }
}

impl From<PrepareError> for Outcome {
    fn from(error: PrepareError) -> Self {
        let detail = error.to_string();
        match error {
            PrepareError::TooFewFrames(_) => Self::failed("too-short", detail, false),
            PrepareError::Black => Self::failed("too-dark", detail, false),
            PrepareError::Stopped => Self::Interrupted,
            PrepareError::Uneven | PrepareError::Teacher(_) => Self::internal(detail),
        }
    }
}
