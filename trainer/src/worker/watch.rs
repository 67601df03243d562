//! Looks all the while, whatever the worker is doing, for a reason to stop doing it.

use super::{Hold, Outcome};
use futures::StreamExt;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Nudges come at once, but one may be lost while the connection is.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// Does `work` unless the job is cancelled or this worker shuts down. When this returns, no computation of the phase
/// runs any more: the slot is free.
pub async fn unless_stopped(hold: &Hold, shutdown: &CancellationToken, work: impl Future<Output = Outcome>) -> Outcome {
    let outcome = tokio::select! {
        outcome = work => outcome,
        reason = reason(hold, shutdown) => reason,
    };
    hold.stop.cancel();
    hold.computing.close();
    hold.computing.wait().await;
    outcome
}

async fn reason(hold: &Hold, shutdown: &CancellationToken) -> Outcome {
    let nudges = match hold.bus.control().follow(hold.job).await {
        Ok(nudges) => nudges,
        Err(error) => return Outcome::Unavailable(error.to_string()),
    };
    let mut nudges = nudges.fuse();
    loop {
        // A log that cannot be read is no reason: whoever wants to write will notice.
        match hold.job().await {
            Ok(job) if job.stage.has_ended() => return Outcome::Superseded,
            Ok(job) if job.cancel_requested => return Outcome::Cancelled,
            Ok(_) => {}
            Err(outcome) => tracing::debug!(?outcome, job = %hold.job, "cannot look whether to stop"),
        }
        tokio::select! {
            Some(()) = nudges.next() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
            () = shutdown.cancelled() => return Outcome::Interrupted,
        }
    }
}
