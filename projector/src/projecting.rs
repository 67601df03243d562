//! Follows the log and keeps every view up to date, for as long as the process lives.

use crate::folding::{Counts, Folding, Gap};
use crate::parking::Parking;
use crate::{StoreError, ViewStore, Views};
use bus::{Delivered, Log, ReadError};
use futures::{Stream, StreamExt};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Events of one batch at most. When the projector is behind, many share one commit; when it is not, each has its own.
const BATCH_EVENTS: usize = 512;
/// How long it rests after a failure: doubled each time, up to the longest.
const FIRST_REST: Duration = Duration::from_millis(200);
const LONGEST_REST: Duration = Duration::from_secs(10);

/// Everything up to this sequence of the log is in the rows.
pub type Position = watch::Receiver<u64>;

/// Follows the log and keeps every view up to date.
pub struct Projector {
    log: Log,
    store: Arc<dyn ViewStore>,
    progress: Progress,
}

/// How far a projection is, for others to watch.
pub(crate) struct Progress {
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
        Self { log, store, progress: Progress::default() }
    }

    /// Follows the checkpoint.
    pub fn position(&self) -> Position {
        self.progress.position.subscribe()
    }

    /// What became of the events since the last start or failure.
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
            if let Err(error) = ended {
                let error = &error as &dyn std::error::Error;
                tracing::error!(error, rest_ms = rest.as_millis(), "projecting stopped; it goes on after a rest");
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = tokio::time::sleep(rest) => rest = (rest * 2).min(LONGEST_REST),
            }
        }
    }

    async fn follow(&self) -> Result<(), ProjectError> {
        let checkpoint = self.store.checkpoint().await.map_err(ProjectError::Store)?;
        self.progress.position.send_replace(checkpoint);
        project(self.log.follow(checkpoint + 1), checkpoint, &self.store, &self.progress).await
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self { position: watch::channel(0).0, counts: watch::channel(Counts::default()).0 }
    }
}

/// Writes what `deliveries`, which continue after `checkpoint`, lead to, until they end.
pub(crate) async fn project(
    deliveries: impl Stream<Item = Result<Delivered, ReadError>> + Send,
    checkpoint: u64,
    store: &Arc<dyn ViewStore>,
    progress: &Progress,
) -> Result<(), ProjectError> {
    let parking = Parking::load(&Views::new(Arc::clone(store))).await.map_err(ProjectError::Store)?;
    let mut folding = Folding::new(checkpoint, parking);
    let mut ready = std::pin::pin!(deliveries.ready_chunks(BATCH_EVENTS));
    while let Some(deliveries) = ready.next().await {
        let (batch, gap) = folding.fold(deliveries);
        if let Some(batch) = batch {
            let sequence = batch.checkpoint;
            store.write(batch).await.map_err(ProjectError::Store)?;
            progress.counts.send_replace(folding.counts);
            progress.position.send_replace(sequence);
        }
        if let Some(gap) = gap {
            return Err(ProjectError::Gap(gap));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
