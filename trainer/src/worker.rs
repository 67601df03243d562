//! The only part of the trainer that does I/O: takes a phase of a job from the queue, runs the pure computation on a
//! blocking thread, and tells the log and the ticks how it goes.
//!
//! Everything that a worker writes carries its lease. When the queue has handed the work to somebody else meanwhile, the
//! job's rules refuse what this worker still writes, and it stops.

mod hold;
mod inference;
mod outcome;
mod picture;
mod reporter;
mod training;
mod video;

use crate::device::Device;
use crate::teach::Teachers;
use bus::{Blobs, Bus, Task};
use hold::Hold;
use outcome::Outcome;
use schemas::event::Phase;
use schemas::job::JobCommand;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

/// Work that was handed out more often than this without an end kills its workers: it is failed.
const MAX_DELIVERIES: u64 = 5;
/// Wait before asking a queue again that did not answer.
const RETRY_WAIT: Duration = Duration::from_secs(2);

/// What a worker works with. Cheap to clone.
#[derive(Clone)]
pub struct Worker {
    pub bus: Bus,
    pub blobs: Blobs,
    /// `None`: panels show the whole frame.
    pub teachers: Option<Arc<Teachers>>,
    pub device: Device,
    /// Folder for videos while they are decoded.
    pub scratch: PathBuf,
}

/// Works on up to `slots` phases at once until `shutdown`; then hands back what it holds.
pub async fn run(worker: Worker, slots: usize, shutdown: CancellationToken) {
    let free = Arc::new(Semaphore::new(slots));
    let work = [Phase::Inference, Phase::Training].map(|phase| take_all(worker.clone(), phase, &free, &shutdown));
    futures::future::join_all(work).await;
    // Every permit back: every task has ended.
    let _ = free.acquire_many(slots as u32).await;
}

async fn take_all(worker: Worker, phase: Phase, free: &Arc<Semaphore>, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        let permit = tokio::select! {
            permit = free.clone().acquire_owned() => permit,
            () = shutdown.cancelled() => return,
        };
        match worker.bus.work().take(phase).await {
            Ok(Some(task)) => {
                let (worker, shutdown) = (worker.clone(), shutdown.clone());
                tokio::spawn(async move {
                    worker.work(task, &shutdown).await;
                    drop(permit);
                });
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "no work can be taken");
                drop(permit);
                tokio::time::sleep(RETRY_WAIT).await;
            }
        }
        // Lets the other phase have the slot.
        tokio::task::yield_now().await;
    }
}

impl Worker {
    async fn work(&self, task: Task, shutdown: &CancellationToken) {
        let keep_alive = task.keep_alive();
        let hold = Hold::new(self.bus.clone(), &task.work);
        tracing::info!(job = %hold.job, phase = hold.phase.as_str(), delivery = task.delivery, "took work");
        let outcome = match hold.phase {
            _ if task.delivery > MAX_DELIVERIES => self.give_up(&hold).await,
            Phase::Training => training::run(self, &hold, shutdown).await,
            Phase::Inference => inference::run(self, &hold, shutdown).await,
        };
        let settled = self.settle(&hold, outcome).await;
        drop(keep_alive);
        let acknowledged = match settled {
            Settled::Done => task.done().await,
            Settled::GiveBack => task.give_back().await,
            // The lease runs out, and the work is handed out again.
            Settled::LetGo => return,
        };
        if let Err(error) = acknowledged {
            tracing::warn!(%error, job = %hold.job, "the queue did not hear that the work is done");
        }
    }

    /// Only the holder of a phase may fail it: takes it first.
    async fn give_up(&self, hold: &Hold) -> Outcome {
        let started = match hold.phase {
            Phase::Training => training::start(self, hold).await,
            Phase::Inference => inference::start(self, hold).await,
        };
        let detail = "The workers that tried this video ended unexpectedly, several times.";
        started.map_or_else(|outcome| outcome, |()| Outcome::failed("worker-lost", detail, true))
    }

    /// Writes down how the phase ended, where that is not written yet.
    async fn settle(&self, hold: &Hold, outcome: Outcome) -> Settled {
        let written = match outcome {
            Outcome::Done | Outcome::Superseded => Ok(()),
            Outcome::Interrupted => {
                let lease = hold.lease;
                match hold.execute("interrupted", || JobCommand::Interrupt { lease }).await {
                    Ok(()) | Err(Outcome::Unavailable(_)) => return Settled::GiveBack,
                    refused => refused,
                }
            }
            // The message in the queue is the new holder's now: to acknowledge it would take the work from them.
            Outcome::TakenOver => return Settled::LetGo,
            Outcome::Unavailable(reason) => {
                tracing::warn!(reason, job = %hold.job, "let go of the work");
                return Settled::LetGo;
            }
            Outcome::Cancelled => {
                let lease = Some(hold.lease);
                hold.execute("cancelled", || JobCommand::Cancel { lease }).await
            }
            Outcome::Failed { code, detail, retryable } => {
                tracing::warn!(code, detail, job = %hold.job, "the phase failed");
                let now_ms = hold::now_ms();
                let fail = || JobCommand::Fail {
                    lease: hold.lease,
                    code: code.to_owned(),
                    detail: detail.clone(),
                    retryable,
                    now_ms,
                };
                hold.execute("failed", fail).await
            }
        };
        match written {
            Ok(()) | Err(Outcome::Superseded | Outcome::Done) => Settled::Done,
            Err(Outcome::Cancelled) => Box::pin(self.settle(hold, Outcome::Cancelled)).await,
            Err(_) => Settled::LetGo,
        }
    }
}

/// What happens to the message in the queue.
enum Settled {
    Done,
    GiveBack,
    LetGo,
}
