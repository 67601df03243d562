//! Rebuilding every view from the log while pages go on reading, and telling how far the views are.

use crate::checking::{Comparison, compare};
use crate::projecting::{Progress, ProjectError, project};
use crate::{Counts, Generation, StoreError, ViewStore, views};
use bus::{Filter, Log};
use futures::StreamExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows of a view are counted up to here; beyond, counting costs more than it tells.
const COUNTED_ROWS: u64 = 100_000;
/// After the flip the old tables stay for those who have not noticed: readers and projectors look four times a second.
const GRACE: Duration = Duration::from_secs(3);

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The new rows show everything up to here.
    pub sequence: u64,
    pub counts: Counts,
    /// How long the replay took, without the comparison.
    pub took: Duration,
    /// What is live now.
    pub generation: Generation,
    /// Where the old rows differed. The new ones are the log's.
    pub comparison: Comparison,
}

/// One view, and how many rows it has.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewStatus {
    pub view: &'static str,
    pub version: u32,
    /// `None`: too many to count.
    pub rows: Option<u64>,
}

impl Report {
    pub fn events_per_second(&self) -> f64 {
        self.sequence as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

/// Fills a new generation from the log, compares it with the live one row by row, makes it live and drops the old one.
/// Projector and pages go on meanwhile and follow by themselves. Cut off in the middle it changes nothing, and what it
/// leaves goes away with the next rebuild.
///
/// The new rows become live also where the old ones differ: they are what the log says. The report tells.
///
/// # Errors
/// `Log` or `Gap` when the log lacks an event, `Ended` when it stops early; the live generation stays then.
pub async fn rebuild(log: &Log, store: Arc<dyn ViewStore>) -> Result<Report, ProjectError> {
    let old = store.live().await.map_err(ProjectError::Store)?;
    let generation = store.begin().await.map_err(ProjectError::Store)?;
    let (live, fresh) = (store.of(old), store.of(generation));
    let report = match replace(log, &store, &live, &fresh, generation).await {
        Ok(report) => report,
        Err(error) => {
            if let Err(error) = store.sweep().await {
                tracing::warn!(%error, "the next rebuild removes what this one left");
            }
            return Err(error);
        }
    };
    tokio::time::sleep(GRACE).await;
    store.sweep().await.map_err(ProjectError::Store)?;
    Ok(report)
}

async fn replace(
    log: &Log,
    store: &Arc<dyn ViewStore>,
    live: &Arc<dyn ViewStore>,
    fresh: &Arc<dyn ViewStore>,
    generation: Generation,
) -> Result<Report, ProjectError> {
    let started = Instant::now();
    // To compare, both have to be at the same sequence; a live one that is behind is no reason to be so as well.
    let reached = live.checkpoint().await.map_err(ProjectError::Store)?.sequence;
    advance(log, fresh, reached).await?;
    let mut took = started.elapsed();
    let comparison = compare(log, live, fresh).await?;
    let started = Instant::now();
    advance(log, fresh, log.head().await.map_err(ProjectError::Log)?).await?;
    took += started.elapsed();
    while !store.flip(generation).await.map_err(ProjectError::Store)? {
        let reached = live.checkpoint().await.map_err(ProjectError::Store)?.sequence;
        advance(log, fresh, reached).await?;
    }
    let checkpoint = fresh.checkpoint().await.map_err(ProjectError::Store)?;
    let (sequence, counts) = (checkpoint.sequence, checkpoint.counts);
    Ok(Report { sequence, counts, took, generation, comparison })
}

/// Projects the log up to `sequence` into a store; nothing when it is there already.
pub(crate) async fn advance(log: &Log, store: &Arc<dyn ViewStore>, sequence: u64) -> Result<(), ProjectError> {
    let from = store.checkpoint().await.map_err(ProjectError::Store)?.sequence + 1;
    if from > sequence {
        return Ok(());
    }
    let part = log.replay(Filter { from, to_sequence: Some(sequence), ..Filter::default() });
    // After an error a replay ends, and an event that is missing is a gap: nothing is passed over.
    project(part, store, &Progress::default(), None).await?;
    let reached = store.checkpoint().await.map_err(ProjectError::Store)?.sequence;
    if reached < sequence {
        return Err(ProjectError::Ended { sequence: reached, wanted: sequence });
    }
    Ok(())
}

/// The views of the live generation.
///
/// # Errors
/// When the store cannot be read.
pub async fn status(store: &Arc<dyn ViewStore>) -> Result<(Generation, Vec<ViewStatus>), StoreError> {
    let generation = store.live().await?;
    let mut all = Vec::new();
    for table in views::TABLES {
        let rows = count(store.of(generation).as_ref(), table).await?;
        all.push(ViewStatus { view: table.name, version: table.version, rows });
    }
    Ok((generation, all))
}

async fn count(store: &dyn ViewStore, table: &'static crate::Table) -> Result<Option<u64>, StoreError> {
    let (mut rows, mut counted) = (store.scan(table), 0);
    while let Some(row) = rows.next().await {
        row?;
        counted += 1;
        if counted > COUNTED_ROWS {
            return Ok(None);
        }
    }
    Ok(Some(counted))
}
