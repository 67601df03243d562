//! Checkpoints of a training in S3. Two keys a job, written in turn: the newest that the log knows stays whole while the
//! next is written.

use super::{Hold, Outcome, Worker};
use crate::net::Checkpoint;
use bytes::Bytes;
use schemas::event::Phase;
use schemas::job::{Job, Stage};
use schemas::{Blob, Hash, JobId, UserId, blob};
use std::time::Duration;

/// At most so much work is lost with a worker, or what lies between two milestones. To store one costs tens of
/// milliseconds beside a training that goes on meanwhile.
pub const EVERY: Duration = Duration::from_secs(2);
/// Weights are about 750 kB, and each of the optimiser's moments as much.
const MAX_BYTES: u64 = 64 << 20;

pub fn keys(owner: UserId, job: JobId) -> [String; 2] {
    [0, 1].map(|turn| blob::keys::checkpoint(owner, job, turn))
}

/// The key that `newest` does not use.
fn next_key(owner: UserId, job: JobId, newest: Option<&Blob>) -> String {
    let [first, second] = keys(owner, job);
    if newest.is_some_and(|blob| blob.key == first) { second } else { first }
}

/// `None` when it cannot be stored: the training goes on without.
pub async fn store(worker: &Worker, hold: &Hold, newest: Option<&Blob>, checkpoint: Vec<u8>) -> Option<Blob> {
    let key = next_key(hold.user, hold.job, newest);
    let stored = worker.blobs.put(&key, Bytes::from(checkpoint), "application/octet-stream").await;
    stored.inspect_err(|error| tracing::warn!(%error, job = %hold.job, "no checkpoint")).ok()
}

/// The job's newest checkpoint, if it is whole.
///
/// # Errors
/// `Unavailable` when S3 does not answer: to begin anew would lose what is there.
pub async fn load(worker: &Worker, job: &Job) -> Result<Option<Checkpoint>, Outcome> {
    let Some(blob) = &job.checkpoint else { return Ok(None) };
    let bytes = match worker.blobs.get(&blob.key, MAX_BYTES).await {
        Ok(bytes) => bytes,
        Err(error @ (bus::BlobError::NotFound { .. } | bus::BlobError::TooLarge { .. })) => {
            tracing::warn!(%error, "the training begins anew");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    if Hash::of(&bytes) != blob.sha256 {
        tracing::warn!(key = blob.key, "a checkpoint is damaged: the training begins anew");
        return Ok(None);
    }
    let read = Checkpoint::from_bytes(&bytes);
    Ok(read.inspect_err(|error| tracing::warn!(%error, key = blob.key, "the training begins anew")).ok())
}

/// Whether somebody may still go on from it.
pub fn is_wanted(job: &Job) -> bool {
    match job.stage {
        Stage::Waiting { phase, .. } | Stage::Dispatched { phase, .. } | Stage::Running { phase, .. } => {
            phase == Phase::Training
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_checkpoint_never_overwrites_the_newest() {
        let (owner, job) = (UserId::new(), JobId::new());
        let blob = |key: String| Blob { key, sha256: Hash::of(b""), bytes: 0 };
        let first = next_key(owner, job, None);
        let second = next_key(owner, job, Some(&blob(first.clone())));
        assert_ne!(second, first);
        assert_eq!(next_key(owner, job, Some(&blob(second.clone()))), first);
        assert_eq!(keys(owner, job), [first, second]);
    }
}
