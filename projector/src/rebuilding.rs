//! Rebuilding every view from the log, and telling how far they are.

use crate::folding::Counts;
use crate::projecting::{Progress, ProjectError, project};
use crate::{StoreError, ViewStore, views};
use bus::{Filter, Log};
use futures::StreamExt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Rows of a view are counted up to here; beyond, counting costs more than it tells.
const COUNTED_ROWS: u64 = 100_000;

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub counts: Counts,
    /// The rows show everything up to here.
    pub sequence: u64,
    pub took: Duration,
}

/// One view, and how far it is behind the log.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewStatus {
    pub view: &'static str,
    pub version: u32,
    pub sequence: u64,
    /// Events that the log has and the view does not show yet.
    pub lag: u64,
    /// `None`: too many to count.
    pub rows: Option<u64>,
}

impl Report {
    pub fn events_per_second(&self) -> f64 {
        self.sequence as f64 / self.took.as_secs_f64().max(f64::EPSILON)
    }
}

/// Empties the views and fills them from the log, up to its present end. Stop the projector first. Pages show less until
/// it is done; a view that gets a new version is filled beside the old one instead, by the projector.
///
/// # Errors
/// `Gap` when the log lacks an event, `Ended` when it stops early.
pub async fn rebuild(log: &Log, store: Arc<dyn ViewStore>) -> Result<Report, ProjectError> {
    let head = log.head().await.map_err(ProjectError::Log)?;
    store.clear().await.map_err(ProjectError::Store)?;
    fill(log, &store, head).await
}

/// Projects the log up to `head` into an empty store.
pub(crate) async fn fill(log: &Log, store: &Arc<dyn ViewStore>, head: u64) -> Result<Report, ProjectError> {
    let started = Instant::now();
    let progress = Progress::default();
    if head > 0 {
        let part = log.replay(Filter { from: 1, to_sequence: Some(head), ..Filter::default() });
        project(part, 0, store, &progress).await?;
    }
    let sequence = *progress.position.borrow();
    if sequence < head {
        return Err(ProjectError::Ended { sequence, wanted: head });
    }
    let counts = *progress.counts.borrow();
    Ok(Report { counts, sequence, took: started.elapsed() })
}

/// How far each view is.
///
/// # Errors
/// When the log or the store cannot be read.
pub async fn status(log: &Log, store: Arc<dyn ViewStore>) -> Result<Vec<ViewStatus>, ProjectError> {
    let sequence = store.checkpoint().await.map_err(ProjectError::Store)?;
    let head = log.head().await.map_err(ProjectError::Log)?;
    let mut views = Vec::new();
    for table in views::TABLES {
        views.push(ViewStatus {
            view: table.name,
            version: table.version,
            sequence,
            lag: head.saturating_sub(sequence),
            rows: count(store.as_ref(), table).await.map_err(ProjectError::Store)?,
        });
    }
    Ok(views)
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
