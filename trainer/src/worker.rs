//! The only part of the trainer that does I/O: takes a phase of a job from the queue, runs the pure computation on a
//! blocking thread, and tells the log and the ticks how it goes.
//!
//! Everything that a worker writes carries its lease. When the queue has handed the work to somebody else meanwhile, the
//! job's rules refuse what this worker still writes, and it stops.

mod checkpoint;
mod hold;
mod inference;
mod outcome;
mod picture;
mod reporter;
mod training;
mod video;
mod watch;

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

/// Asks for work of one phase while a slot is free. Both phases ask at once: the slot is taken only when work has come,
/// and the one for whom none is left hands its work back.
async fn take_all(worker: Worker, phase: Phase, free: &Arc<Semaphore>, shutdown: &CancellationToken) {
    while !shutdown.is_cancelled() {
        tokio::select! {
            permit = free.acquire() => drop(permit),
            () = shutdown.cancelled() => return,
        }
        match worker.bus.work().take(phase).await {
            Ok(Some(task)) => match free.clone().try_acquire_owned() {
                Ok(permit) => {
                    let (worker, shutdown) = (worker.clone(), shutdown.clone());
                    tokio::spawn(async move {
                        worker.work(task, &shutdown).await;
                        drop(permit);
                    });
                }
                Err(_) => {
                    if let Err(error) = task.give_back().await {
                        tracing::warn!(%error, "work waits until its lease has run out");
                    }
                }
            },
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%error, "no work can be taken");
                tokio::time::sleep(RETRY_WAIT).await;
            }
        }
    }
}

impl Worker {
    async fn work(&self, task: Task, shutdown: &CancellationToken) {
        let keep_alive = task.keep_alive();
        let hold = Hold::new(self.bus.clone(), &task.work);
        tracing::info!(job = %hold.job, phase = hold.phase.as_str(), delivery = task.delivery, "took work");
        let outcome = watch::unless_stopped(&hold, shutdown, self.run_phase(&hold)).await;
        let settled = self.settle(&hold, outcome).await;
        self.clean_up(&hold).await;
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

    async fn run_phase(&self, hold: &Hold) -> Outcome {
        let ended = match hold.phase {
            Phase::Training => training::run(self, hold).await,
            Phase::Inference => inference::run(self, hold).await,
        };
        ended.map_or_else(|outcome| outcome, |()| Outcome::Done)
    }

    /// Writes down how the phase ended, where that is not written yet.
    async fn settle(&self, hold: &Hold, outcome: Outcome) -> Settled {
        let written = match outcome {
            Outcome::Done | Outcome::Superseded => Ok(()),
            Outcome::Interrupted => {
                let lease = hold.lease;
                match hold.execute("interrupted", || JobCommand::Interrupt { lease }).await.map(|_| ()) {
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
                hold.execute("cancelled", || JobCommand::Cancel { lease }).await.map(|_| ())
            }
            Outcome::Failed { code, detail, retryable } => self.fail(hold, code, &detail, retryable).await,
        };
        match written {
            Ok(()) | Err(Outcome::Superseded | Outcome::Done) => Settled::Done,
            Err(Outcome::Cancelled) => Box::pin(self.settle(hold, Outcome::Cancelled)).await,
            Err(_) => Settled::LetGo,
        }
    }

    /// The job's event first: it is refused to a worker that lost its lease, who then says nothing of the video either.
    async fn fail(&self, hold: &Hold, code: &str, detail: &str, retryable: bool) -> Result<(), Outcome> {
        tracing::warn!(code, detail, job = %hold.job, "the phase failed");
        let now_ms = hold::now_ms();
        let fail = || JobCommand::Fail {
            lease: hold.lease,
            code: code.to_owned(),
            detail: detail.to_owned(),
            retryable,
            now_ms,
        };
        let job = hold.execute("failed", fail).await?;
        match job.request {
            Some(request) if !retryable && hold.phase == Phase::Training && code != outcome::MEDIA_GONE => {
                video::refuse(hold, request.video, code, detail).await
            }
            _ => Ok(()),
        }
    }

    /// What was stored for the length of the phase, or of the training.
    async fn clean_up(&self, hold: &Hold) {
        let mut keys = hold.take_scraps();
        if hold.phase == Phase::Training {
            match hold.job().await {
                Ok(job) if !checkpoint::is_wanted(&job) => keys.extend(checkpoint::keys(hold.user, hold.job)),
                _ => {}
            }
        }
        for key in keys {
            if let Err(error) = self.blobs.delete(&key).await {
                tracing::warn!(%error, key, "a blob stays behind");
            }
        }
    }
}

/// What happens to the message in the queue.
enum Settled {
    Done,
    GiveBack,
    LetGo,
}
