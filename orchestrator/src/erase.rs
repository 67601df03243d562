//! Forgetting people. `UserErased` says that somebody is to be forgotten; from there on every orchestrator folds from the
//! log what is left to do: their key and their sessions, an Erased event for each thing of theirs, their blobs. Each part
//! may be done twice, by several at once, and be cut off anywhere. What somebody still writes for them, because they
//! did not know yet, shows in the log and is erased as well.

mod ledger;
mod plan;

use crate::dispatch::board::unix_ms;
use bus::{BlobError, Blobs, Bus, BusError, Context, Delivered, ExecuteError, ReadError};
use futures::StreamExt;
use ledger::{Ledger, Thing};
use plan::{Memory, Step, plan};
use schemas::comic::{Comic, ComicCommand};
use schemas::event::{ComicErased, JobErased, MediaErased, SceneErased, VideoErased};
use schemas::job::{Job, JobCommand};
use schemas::media::{Media, MediaCommand};
use schemas::scene::{Scene, SceneCommand};
use schemas::video::{Video, VideoCommand};
use schemas::{Actor, Aggregate, AggregateId, UserId, envelope};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How often it looks for what has become due, and tries again what did not work.
const WAKE: Duration = Duration::from_secs(1);

/// Forgets whoever asked for it, until `shutdown`.
pub async fn erase(bus: Bus, blobs: Blobs, shutdown: CancellationToken) {
    let mut log = bus.log().follow(0);
    let mut eraser =
        Eraser { bus, blobs, ledger: Ledger::default(), memory: Memory::default(), caught_up: false, written: 0 };
    let mut wake = tokio::time::interval(WAKE);
    wake.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            item = log.next() => match item {
                Some(item) => eraser.read(item),
                None => {
                    log = eraser.bus.log().follow(eraser.ledger.sequence + 1);
                    wake.tick().await;
                }
            },
            _ = wake.tick() => {}
        }
        if let Err(error) = eraser.act().await {
            tracing::warn!(%error, "forgetting somebody is tried again");
            wake.tick().await;
        }
    }
}

struct Eraser {
    bus: Bus,
    blobs: Blobs,
    ledger: Ledger,
    memory: Memory,
    caught_up: bool,
    /// Where our own last event stands in the log.
    written: u64,
}

impl Eraser {
    fn read(&mut self, item: Result<Delivered, ReadError>) {
        match item {
            Ok(Delivered::Event(recorded)) => self.ledger.apply(&recorded),
            Ok(Delivered::CaughtUp { .. }) => self.caught_up = true,
            Ok(Delivered::Unreadable { sequence, .. }) => self.ledger.sequence = self.ledger.sequence.max(sequence),
            Err(error) => tracing::debug!(%error, "the eraser waits for the log"),
        }
    }

    async fn act(&mut self) -> Result<(), EraseError> {
        if !self.caught_up || self.ledger.sequence < self.written {
            return Ok(());
        }
        for step in plan(&self.ledger, &self.memory, now_ms()) {
            self.run(&step).await?;
        }
        Ok(())
    }

    async fn run(&mut self, step: &Step) -> Result<(), EraseError> {
        tracing::debug!(?step, "forgetting");
        match *step {
            Step::Lock(owner) => {
                self.bus.keys().erase(owner).await.map_err(EraseError::Bus)?;
                self.bus.sessions().delete_all_of(owner).await.map_err(EraseError::Bus)?;
                self.memory.people.entry(owner).or_default().locked = true;
            }
            Step::Erase { owner, id, thing } => self.say(owner, id, thing).await?,
            Step::Sweep(owner) => {
                let at_ms = now_ms();
                let mut blobs = 0;
                for prefix in self.ledger.prefixes(owner) {
                    blobs += self.blobs.erase(&prefix).await.map_err(EraseError::Blobs)?;
                }
                tracing::info!(%owner, blobs, "removed the blobs of a person who was erased");
                let touched = self.ledger.sequence;
                self.memory.people.entry(owner).or_default().swept = Some((touched, at_ms));
            }
        }
        Ok(())
    }

    async fn say(&mut self, owner: UserId, id: AggregateId, thing: Thing) -> Result<(), EraseError> {
        match id {
            AggregateId::VideoId(id) => {
                self.tell::<Video>(owner, id, thing, || VideoCommand::Erase(VideoErased { owner })).await
            }
            AggregateId::JobId(id) => {
                self.tell::<Job>(owner, id, thing, || JobCommand::Erase(JobErased { owner })).await?;
                // Whoever works on it looks, and stops.
                self.bus.control().cancel(id).await.map_err(EraseError::Bus)
            }
            AggregateId::MediaId(id) => {
                self.tell::<Media>(owner, id, thing, || MediaCommand::Erase(MediaErased { owner })).await
            }
            AggregateId::SceneId(id) => {
                self.tell::<Scene>(owner, id, thing, || SceneCommand::Erase(SceneErased { owner })).await
            }
            AggregateId::ComicId(id) => {
                let made_ms = Some(thing.made_ms);
                self.tell::<Comic>(owner, id, thing, || ComicCommand::Erase(ComicErased { owner, made_ms })).await
            }
            // No thing: the person, whose event this follows from.
            AggregateId::UserId(_) => Ok(()),
        }
    }

    async fn tell<A: Aggregate>(
        &mut self,
        owner: UserId,
        id: A::Id,
        thing: Thing,
        command: impl Fn() -> A::Command,
    ) -> Result<(), EraseError> {
        let Some((_, _, erasure)) = self.ledger.erased().find(|(user, ..)| *user == owner) else { return Ok(()) };
        let context = Context {
            // The same from every eraser, and after a crash. A picture can be made and erased again.
            command: Uuid::new_v5(&thing.event, b"erase"),
            actor: Actor::role("eraser"),
            correlation: erasure.correlation,
            causation: Some(erasure.event),
            time: envelope::now(),
        };
        match self.bus.log().execute::<A>(id, &context, command).await {
            Ok(executed) => self.written = self.written.max(executed.head.map_or(0, |head| head.sequence)),
            Err(error @ (ExecuteError::Refused(_) | ExecuteError::Read(ReadError::Unreadable { .. }))) => {
                let id: AggregateId = id.into();
                tracing::error!(%id, %error, "cannot be erased");
                self.memory.stuck.insert(id);
            }
            Err(error) => return Err(EraseError::Log(error)),
        }
        Ok(())
    }
}

fn now_ms() -> u64 {
    unix_ms(envelope::now())
}

#[derive(Debug, thiserror::Error)]
enum EraseError {
    #[error("the log: {0}")]
    Log(ExecuteError),
    #[error("{0}")]
    Bus(BusError),
    #[error("the blobs: {0}")]
    Blobs(BlobError),
}
