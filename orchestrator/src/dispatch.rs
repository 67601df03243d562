//! The dispatcher: folds jobs from the log and moves each to its next phase. Any number of orchestrators may run it: the
//! log decides who won, and the queue stores an offer once.

pub mod board;
mod finish;
mod plan;

pub use plan::Slots;

use board::{Board, unix_ms};
use bus::{Bus, Context, Delivered, ExecuteError, ReadError};
use futures::StreamExt;
use plan::{Offered, Step, plan};
use schemas::job::{Job, JobCommand};
use schemas::{Actor, JobId};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often it looks for retries that have become due, and tries again what did not work.
const WAKE: Duration = Duration::from_secs(1);

/// Runs until `shutdown`.
pub async fn dispatch(bus: Bus, slots: Slots, shutdown: CancellationToken) {
    let mut log = bus.log().opened().follow(0);
    let mut dispatcher =
        Dispatcher { bus, slots, board: Board::default(), offered: Offered::new(), caught_up: false, written: 0 };
    let mut wake = tokio::time::interval(WAKE);
    wake.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            item = log.next() => match item {
                Some(item) => dispatcher.read(item),
                None => {
                    tracing::error!("the log ended; the dispatcher begins again");
                    log = dispatcher.bus.log().opened().follow(dispatcher.board.sequence + 1);
                    wake.tick().await;
                }
            },
            _ = wake.tick() => {}
        }
        dispatcher.act().await;
    }
}

struct Dispatcher {
    bus: Bus,
    slots: Slots,
    board: Board,
    offered: Offered,
    caught_up: bool,
    /// Where our own last event stands in the log. Until the board has read it, it does not know what we did.
    written: u64,
}

impl Dispatcher {
    fn read(&mut self, item: Result<Delivered, ReadError>) {
        match item {
            Ok(Delivered::Event(recorded)) => self.board.apply(&recorded),
            Ok(Delivered::CaughtUp { .. }) => self.caught_up = true,
            Ok(Delivered::Unreadable { sequence, type_name, reason, .. }) => {
                tracing::warn!(sequence, type_name, reason, "the dispatcher skips an event");
                self.board.sequence = self.board.sequence.max(sequence);
            }
            Err(error) => tracing::warn!(%error, "the log cannot be read now"),
        }
    }

    async fn act(&mut self) {
        if !self.caught_up || self.board.sequence < self.written {
            return;
        }
        self.offered.retain(|(job, ..)| self.board.jobs.contains_key(job));
        for step in plan(&self.board, &self.offered, self.slots, unix_ms(schemas::envelope::now())) {
            if let Err(error) = self.run(&step).await {
                tracing::warn!(?step, %error, "the dispatcher tries again");
                // One job that cannot be read holds up no other; a server that does not answer holds up all.
                if !matches!(error, DispatchError::Log(ExecuteError::Read(ReadError::Unreadable { .. }))) {
                    return;
                }
            }
        }
    }

    async fn run(&mut self, step: &Step) -> Result<(), DispatchError> {
        tracing::debug!(?step, "dispatching");
        match step {
            Step::Dispatch(job) => self.tell(*job, "dispatch", || JobCommand::Dispatch).await,
            Step::Offer(work) => {
                self.bus.work().offer(work).await.map_err(DispatchError::Offer)?;
                self.offered.insert((work.job, work.phase, work.attempt));
                Ok(())
            }
            Step::Nudge(job) => self.bus.control().cancel(*job).await.map_err(DispatchError::Nudge),
            Step::Cancel { job, lease } => self.tell(*job, "cancel", || JobCommand::Cancel { lease: *lease }).await,
            Step::Fail(job) => self.tell(*job, "fail", fail).await,
            Step::Finish(job) => self.finish(*job).await,
        }
    }

    /// Tells a job something. A refusal means that it moved on meanwhile: the board will see.
    async fn tell(&mut self, id: JobId, what: &str, command: impl Fn() -> JobCommand) -> Result<(), DispatchError> {
        let Some(open) = self.board.jobs.get(&id) else { return Ok(()) };
        let context = context(open, &format!("{what} {:?}", open.job.current()), id);
        match self.bus.log().execute::<Job>(id, &context, command).await {
            Ok(executed) => self.written = self.written.max(executed.head.map_or(0, |head| head.sequence)),
            Err(ExecuteError::Refused(refusal)) => tracing::debug!(%id, what, %refusal, "refused"),
            Err(error) => return Err(DispatchError::Log(error)),
        }
        Ok(())
    }

    async fn finish(&mut self, id: JobId) -> Result<(), DispatchError> {
        let Some(open) = self.board.jobs.get(&id) else { return Ok(()) };
        match finish::finish(&self.bus.log(), id, open).await {
            Ok(sequence) => self.written = self.written.max(sequence),
            Err(ExecuteError::Refused(refusal)) => tracing::debug!(%id, %refusal, "refused to finish"),
            Err(error) => return Err(DispatchError::Log(error)),
        }
        Ok(())
    }
}

fn fail() -> JobCommand {
    JobCommand::Fail {
        lease: None,
        code: "internal".to_owned(),
        detail: "Working on this video stopped our trainers again and again. We are looking into it.".to_owned(),
        retryable: false,
        now_ms: unix_ms(schemas::envelope::now()),
    }
}

/// The same command from every dispatcher, and from this one after a crash: the ids are made from what is done.
fn context(open: &board::Open, what: &str, id: JobId) -> Context {
    Context {
        command: Uuid::new_v5(&id.0, what.as_bytes()),
        actor: Actor::role("dispatcher"),
        correlation: open.correlation,
        causation: Some(open.cause),
        time: schemas::envelope::now(),
    }
}

#[derive(Debug, thiserror::Error)]
enum DispatchError {
    #[error("the log: {0}")]
    Log(ExecuteError),
    #[error("offering work: {0}")]
    Offer(bus::WorkError),
    #[error("nudging a worker: {0}")]
    Nudge(bus::BusError),
}
