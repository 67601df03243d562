//! The dispatcher: folds jobs from the log and moves each to its next phase. Any number of orchestrators may run it: the
//! log decides who won, and the queue stores an offer once.

pub mod board;
mod desk;
mod finish;
mod plan;
#[cfg(test)]
mod simulation;

pub use plan::Slots;

use board::unix_ms;
use bus::{Bus, Context, Delivered, ExecuteError, ReadError};
use desk::Desk;
use futures::StreamExt;
use plan::{Step, command};
use schemas::job::{Job, JobCommand};
use schemas::{Actor, JobId};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often it looks for what has become due, and tries again what did not work.
const WAKE: Duration = Duration::from_secs(1);

/// Runs until `shutdown`.
pub async fn dispatch(bus: Bus, slots: Slots, shutdown: CancellationToken) {
    let mut log = bus.log().opened().follow(0);
    let mut dispatcher = Dispatcher { bus, desk: Desk::new(slots) };
    let mut wake = tokio::time::interval(WAKE);
    wake.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            item = log.next() => match item {
                Some(item) => dispatcher.read(item),
                None => {
                    tracing::error!("the log ended; the dispatcher begins again");
                    log = dispatcher.bus.log().opened().follow(dispatcher.desk.board.sequence + 1);
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
    desk: Desk,
}

impl Dispatcher {
    fn read(&mut self, item: Result<Delivered, ReadError>) {
        match item {
            Ok(Delivered::Event(recorded)) => self.desk.read(&recorded),
            Ok(Delivered::CaughtUp { .. }) => self.desk.caught_up(),
            Ok(Delivered::Unreadable { sequence, type_name, reason, .. }) => {
                tracing::warn!(sequence, type_name, reason, "the dispatcher skips an event");
                self.desk.skip(sequence);
            }
            Err(error) => tracing::warn!(%error, "the log cannot be read now"),
        }
    }

    async fn act(&mut self) {
        for step in self.desk.steps(now_ms()) {
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
            Step::Offer(work) => {
                self.bus.work().offer(work).await.map_err(DispatchError::Offer)?;
                self.desk.memory.offered(work);
                Ok(())
            }
            Step::Nudge(job) => {
                self.bus.control().cancel(*job).await.map_err(DispatchError::Nudge)?;
                self.desk.memory.nudged(*job, now_ms());
                Ok(())
            }
            Step::Finish(job) => self.finish(*job).await,
            said => match command(said, now_ms()) {
                Some((job, what, command)) => self.tell(job, what, command).await,
                None => Ok(()),
            },
        }
    }

    /// Tells a job something. A refusal means that it moved on meanwhile: the board will see.
    async fn tell(&mut self, id: JobId, what: &str, command: JobCommand) -> Result<(), DispatchError> {
        let Some(open) = self.desk.board.jobs.get(&id) else { return Ok(()) };
        let context = context(open, &label(what, open), id);
        match self.bus.log().execute::<Job>(id, &context, || command.clone()).await {
            Ok(executed) => self.desk.wrote(executed.head.map_or(0, |head| head.sequence)),
            Err(ExecuteError::Refused(refusal)) => tracing::debug!(%id, what, %refusal, "refused"),
            Err(error) => return Err(DispatchError::Log(error)),
        }
        Ok(())
    }

    async fn finish(&mut self, id: JobId) -> Result<(), DispatchError> {
        let Some(open) = self.desk.board.jobs.get(&id) else { return Ok(()) };
        match finish::finish(&self.bus.log(), id, open).await {
            Ok(sequence) => self.desk.wrote(sequence),
            Err(ExecuteError::Refused(refusal)) => tracing::debug!(%id, %refusal, "refused to finish"),
            Err(error) => return Err(DispatchError::Log(error)),
        }
        Ok(())
    }
}

/// What a command is called: once for each attempt of a phase.
fn label(what: &str, open: &board::Open) -> String {
    format!("{what} {:?}", open.job.current())
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

fn now_ms() -> u64 {
    unix_ms(schemas::envelope::now())
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
