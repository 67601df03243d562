//! Follows the log and keeps every view up to date, for as long as the process lives.

use crate::contiguous::Contiguous;
use crate::folding::{Folded, Folding, Gap, Notice};
use crate::shards::Shards;
use crate::{Checkpoint, Counts, Generation, StoreError, ViewStore};
use bus::{Delivered, Log, Parked, ReadError};
use futures::{Stream, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// Events that are folded at a time, if as many are there.
const CHUNK_EVENTS: usize = 512;
/// Events on their way into the store at most.
const MOST_WAITING: usize = 16_384;
/// The checkpoint follows a busy store no more often, and takes no more than a tenth of its time.
const CHECKPOINT_EVERY: Duration = Duration::from_millis(100);
const CHECKPOINT_SHARE: u32 = 10;
/// However long it takes: so much at most is written again after a crash.
const CHECKPOINT_AT_LEAST_EVERY: Duration = Duration::from_secs(5);
/// How often it looks whether a rebuild has made another generation live.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// What it is called where parked events are kept.
const READER: &str = "projector";
/// How long it rests after a failure: doubled each time, up to the longest.
const FIRST_REST: Duration = Duration::from_millis(200);
const LONGEST_REST: Duration = Duration::from_secs(10);

/// Everything up to this sequence of the log is in the rows.
pub type Position = watch::Receiver<u64>;

/// Follows the log and keeps every view up to date.
pub struct Projector {
    log: Log,
    store: Arc<dyn ViewStore>,
    parked: Option<Parked>,
    progress: Progress,
}

/// How far a projection is, for others to watch.
pub struct Progress {
    pub position: watch::Sender<u64>,
    pub counts: watch::Sender<Counts>,
}

/// Why projecting stopped.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    #[error(transparent)]
    Gap(Gap),
    #[error(transparent)]
    Store(StoreError),
    #[error(transparent)]
    Log(ReadError),
    /// A part of the log ended early.
    #[error("the log ended at {sequence}, before {wanted}")]
    Ended { sequence: u64, wanted: u64 },
}

impl Projector {
    pub fn new(log: Log, store: Arc<dyn ViewStore>) -> Self {
        Self { log, store, parked: None, progress: Progress::default() }
    }

    /// Also puts a copy of what it parks where people look after such things.
    #[must_use]
    pub fn parking_in(self, parked: Parked) -> Self {
        Self { parked: Some(parked), ..self }
    }

    /// Follows the checkpoint.
    pub fn position(&self) -> Position {
        self.progress.position.subscribe()
    }

    /// What became of the events up to the checkpoint.
    pub fn counts(&self) -> watch::Receiver<Counts> {
        self.progress.counts.subscribe()
    }

    /// Projects until `shutdown`. Whatever fails (the log, the store, a gap in the sequence) is reported and tried again
    /// from the checkpoint, without end: being cut off in the middle of a batch is harmless, since its mutations may be
    /// repeated.
    pub async fn run(self, shutdown: CancellationToken) {
        let mut rest = FIRST_REST;
        loop {
            let before = *self.progress.position.borrow();
            let ended = tokio::select! {
                () = shutdown.cancelled() => return,
                ended = self.follow() => ended,
            };
            if *self.progress.position.borrow() > before {
                rest = FIRST_REST;
            }
            let Err(error) = ended else { continue };
            complain(&error, rest);
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(rest) => rest = (rest * 2).min(LONGEST_REST),
            }
        }
    }

    /// Writes the live generation until another one is live. An `Ok` says so.
    async fn follow(&self) -> Result<(), ProjectError> {
        let generation = self.store.live().await.map_err(ProjectError::Store)?;
        let store = self.store.of(generation);
        let checkpoint = store.checkpoint().await.map_err(ProjectError::Store)?;
        self.progress.counts.send_replace(checkpoint.counts);
        self.progress.position.send_replace(checkpoint.sequence);
        tokio::select! {
            ended = project(self.log.follow(checkpoint.sequence + 1), &store, &self.progress, self.parked.as_ref()) => {
                ended
            }
            replaced = self.replaced(generation) => replaced,
        }
    }

    async fn replaced(&self, generation: Generation) -> Result<(), ProjectError> {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let live = self.store.live().await.map_err(ProjectError::Store)?;
            if live != generation {
                tracing::info!(%live, "the views were rebuilt");
                return Ok(());
            }
        }
    }
}

fn complain(error: &(dyn std::error::Error + 'static), rest: Duration) {
    tracing::error!(error, rest_ms = rest.as_millis(), "projecting stopped; it goes on after a rest");
}

impl Default for Progress {
    fn default() -> Self {
        Self { position: watch::channel(0).0, counts: watch::channel(Counts::default()).0 }
    }
}

/// Writes what `deliveries`, which continue after the store's checkpoint, lead to, until they end. Cut off at any point
/// it may be started again: what was written already is written again, and changes nothing.
///
/// # Errors
/// `Gap` when an event is missing, `Store`. Errors among the deliveries are passed over: a subscription mends itself.
pub async fn project(
    deliveries: impl Stream<Item = Result<Delivered, ReadError>> + Send,
    store: &Arc<dyn ViewStore>,
    progress: &Progress,
    parked: Option<&Parked>,
) -> Result<(), ProjectError> {
    let checkpoint = store.checkpoint().await.map_err(ProjectError::Store)?;
    let mut folding = Folding::load(store, checkpoint.sequence).await.map_err(ProjectError::Store)?;
    let mut writing = Writing::start(store, checkpoint, progress);
    let mut ready = std::pin::pin!(deliveries.ready_chunks(CHUNK_EVENTS));
    loop {
        let room = writing.has_room();
        let deliveries = tokio::select! {
            biased;
            written = writing.go_on() => {
                written?;
                continue;
            }
            deliveries = ready.next(), if room => deliveries,
        };
        let Some(deliveries) = deliveries else { return writing.finish().await };
        let (folded, gap) = folding.fold(store, deliveries).await.map_err(ProjectError::Store)?;
        for notice in std::mem::take(&mut folding.notices) {
            put_aside(parked, &notice).await;
        }
        writing.send(folded);
        if let Some(gap) = gap {
            writing.finish().await?;
            return Err(ProjectError::Gap(gap));
        }
    }
}

/// For a person to look at. The row in the views is what counts: being unable to say so elsewhere stops nothing.
async fn put_aside(parked: Option<&Parked>, notice: &Notice) {
    let Some(parked) = parked else { return };
    let Notice { sequence, subject, reason } = notice;
    if let Err(error) = parked.park(READER, *sequence, subject, reason).await {
        tracing::warn!(sequence, %error, "a parked event is in the views only");
    }
}

/// Events on their way into the store, and the checkpoint behind them.
struct Writing<'a> {
    store: &'a Arc<dyn ViewStore>,
    progress: &'a Progress,
    shards: Shards,
    contiguous: Contiguous,
    /// The checkpoint that is in the store.
    stored: u64,
    /// The next one while much is written.
    next: Instant,
    storing: Option<Storing>,
}

/// A checkpoint on its way. In a task of its own: it goes on while others wait for something else in the store.
struct Storing {
    checkpoint: Checkpoint,
    since: Instant,
    task: AbortOnDropHandle<Result<(), StoreError>>,
}

impl<'a> Writing<'a> {
    fn start(store: &'a Arc<dyn ViewStore>, checkpoint: Checkpoint, progress: &'a Progress) -> Self {
        let contiguous = Contiguous::from(checkpoint);
        let (stored, next) = (checkpoint.sequence, Instant::now() + CHECKPOINT_EVERY);
        Self { store, progress, shards: Shards::start(store), contiguous, stored, next, storing: None }
    }

    /// Bounds what is in memory when the store, or one shard of it, is slower than the log.
    fn has_room(&self) -> bool {
        self.contiguous.waiting() < MOST_WAITING
    }

    fn send(&mut self, events: Vec<Folded>) {
        events.iter().for_each(|_| self.contiguous.start());
        self.shards.send(events);
    }

    /// Waits for the next thing that happens on the store's side. Nothing is lost when this is cancelled.
    async fn go_on(&mut self) -> Result<(), ProjectError> {
        let behind = self.stored < self.contiguous.checkpoint().sequence;
        // While much is written the checkpoint follows in steps: each costs a sync to disk.
        let since = Instant::now();
        let due = self.contiguous.waiting() == 0 || self.next <= since;
        if self.storing.is_none() && behind && due {
            let checkpoint = self.contiguous.checkpoint();
            let store = Arc::clone(self.store);
            let task = tokio::spawn(async move { store.set_checkpoint(checkpoint).await });
            self.storing = Some(Storing { checkpoint, since, task: AbortOnDropHandle::new(task) });
        }
        let storing = self.storing.is_some();
        tokio::select! {
            biased;
            stored = async { (&mut self.storing.as_mut().expect("it is being stored").task).await }, if storing => {
                let Storing { checkpoint, since, .. } = self.storing.take().expect("it was being stored");
                stored.expect("storing does not panic").map_err(ProjectError::Store)?;
                self.stored = checkpoint.sequence;
                let rest = (since.elapsed() * CHECKPOINT_SHARE).clamp(CHECKPOINT_EVERY, CHECKPOINT_AT_LEAST_EVERY);
                self.next = Instant::now() + rest;
                self.progress.counts.send_replace(checkpoint.counts);
                self.progress.position.send_replace(checkpoint.sequence);
            }
            done = self.shards.done.recv() => {
                let done = done.expect("the shards live as long as this").map_err(ProjectError::Store)?;
                done.into_iter().for_each(|(sequence, outcome)| self.contiguous.finish(sequence, outcome));
            }
            () = tokio::time::sleep_until(self.next), if behind && !storing => {}
        }
        Ok(())
    }

    /// Waits until everything is in the store.
    async fn finish(mut self) -> Result<(), ProjectError> {
        while self.contiguous.waiting() > 0 || self.stored < self.contiguous.checkpoint().sequence {
            self.go_on().await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
