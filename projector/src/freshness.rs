//! How true the rows are: how far behind the log, in events and in time.

use crate::{Checkpoint, Counts, ProjectError, Views};
use bus::Log;
use std::time::Duration;
use time::OffsetDateTime;

/// How far the rows are behind the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Freshness {
    /// Everything up to here is shown.
    pub sequence: u64,
    /// The log's last event.
    pub head: u64,
    /// What became of the events up to `sequence`.
    pub counts: Counts,
    /// How long the oldest event that is not shown yet has been in the log; zero when all are.
    pub staleness: Duration,
}

impl Freshness {
    /// Events that are not shown yet.
    pub fn lag(&self) -> u64 {
        self.head.saturating_sub(self.sequence)
    }
}

impl Views {
    /// Asks the rows and the log, so that it is true whichever process projects, and also when none does.
    ///
    /// # Errors
    /// When the log or the store cannot be read.
    pub async fn freshness(&self, log: &Log) -> Result<Freshness, ProjectError> {
        let Checkpoint { sequence, counts } = self.store.checkpoint().await.map_err(ProjectError::Store)?;
        let head = log.head().await.map_err(ProjectError::Log)?;
        let waiting =
            if head > sequence { log.stored_at(sequence + 1).await.map_err(ProjectError::Log)? } else { None };
        let age = waiting.map(|stored| OffsetDateTime::now_utc() - stored);
        // Two machines' clocks may differ: an age is never negative.
        let staleness = age.and_then(|age| Duration::try_from(age).ok()).unwrap_or_default();
        Ok(Freshness { sequence, head, counts, staleness })
    }
}
