//! Are the live rows those that the log leads to?

use crate::projecting::ProjectError;
use crate::rebuilding::advance;
use crate::{RedbStore, Row, StoreError, Table, Value, ViewStore, views};
use bus::Log;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;

/// Rows that are compared at a time.
const ROWS_AT_ONCE: usize = 500;
/// Differences are looked for up to here: more say no more.
pub const MOST_DIFFERENCES: usize = 1000;
/// A row that differs is looked at again, since it may just be changing: so often, after so long.
const LOOKS: usize = 25;
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// A row that the log leads to otherwise, or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub table: &'static Table,
    pub key: Vec<Value>,
    pub live: Option<Row>,
    pub fresh: Option<Row>,
}

/// What comparing two sets of rows found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// They were compared as of here, or later.
    pub sequence: u64,
    /// At most [`MOST_DIFFERENCES`].
    pub differences: Vec<Difference>,
    /// Rows that went on changing while they were looked at.
    pub unsettled: usize,
}

impl Comparison {
    pub fn is_equal(&self) -> bool {
        self.differences.is_empty() && self.unsettled == 0
    }
}

impl Difference {
    /// The columns that differ: name, live, fresh.
    pub fn columns(&self) -> Vec<(&'static str, Option<&Value>, Option<&Value>)> {
        let names = self.table.columns.iter().map(|(name, _)| *name);
        let pairs = names.map(|name| (name, value(&self.live, name), value(&self.fresh, name)));
        pairs.filter(|(_, live, fresh)| live != fresh).collect()
    }
}

fn value<'a>(row: &'a Option<Row>, column: &str) -> Option<&'a Value> {
    row.as_ref()?.columns.get(column)
}

/// Makes the rows anew in a scratch store on disk, up to where the live ones are, and compares row by row. The projector
/// may go on meanwhile; one that stands still should have ended cleanly, or rows are ahead of their checkpoint.
///
/// # Errors
/// As [`crate::rebuild`]; `Ended` also when the views are ahead of the log, which lost something then.
pub async fn diff(log: &Log, store: Arc<dyn ViewStore>) -> Result<Comparison, ProjectError> {
    let place = "a temporary folder";
    let open = |error: std::io::Error| StoreError::Open { place: place.to_owned(), source: error.into() };
    let folder = tempfile::tempdir().map_err(open).map_err(ProjectError::Store)?;
    let scratch = RedbStore::open(&folder.path().join("scratch.redb")).map_err(ProjectError::Store)?;
    let live = store.of(store.live().await.map_err(ProjectError::Store)?);
    compare(log, &live, &(Arc::new(scratch) as Arc<dyn ViewStore>)).await
}

/// Compares every row of two stores, advancing `fresh` to wherever `live` is.
pub(crate) async fn compare(
    log: &Log,
    live: &Arc<dyn ViewStore>,
    fresh: &Arc<dyn ViewStore>,
) -> Result<Comparison, ProjectError> {
    let mut sequence = sequence_of(live).await?;
    advance(log, fresh, sequence).await?;
    let mut suspects = Vec::new();
    for table in views::TABLES {
        suspects.extend(suspect(live.as_ref(), fresh.as_ref(), table).await.map_err(ProjectError::Store)?);
        if suspects.len() >= MOST_DIFFERENCES {
            suspects.truncate(MOST_DIFFERENCES);
            break;
        }
    }
    let mut differences = Vec::new();
    for _ in 0..LOOKS {
        if suspects.is_empty() {
            break;
        }
        let head = log.head().await.map_err(ProjectError::Log)?;
        tokio::time::sleep(LOOK_AGAIN).await;
        let reached = sequence_of(live).await?;
        advance(log, fresh, reached).await?;
        // Two looks are the same for certain when all that was in the log at the first is in the rows at the second,
        // or when nobody writes them.
        let conclusive = reached >= head || reached == sequence;
        let looked = look_again(live, fresh, suspects).await.map_err(ProjectError::Store)?;
        let (same, moving): (Vec<_>, Vec<_>) = looked.into_iter().partition(|(_, same)| *same && conclusive);
        differences.extend(same.into_iter().map(|(difference, _)| difference));
        suspects = moving.into_iter().map(|(difference, _)| difference).collect();
        sequence = reached;
    }
    Ok(Comparison { sequence, differences, unsettled: suspects.len() })
}

async fn sequence_of(store: &Arc<dyn ViewStore>) -> Result<u64, ProjectError> {
    Ok(store.checkpoint().await.map_err(ProjectError::Store)?.sequence)
}

/// Rows of a table that differ at first sight: those of `live`, then those that only `fresh` has.
async fn suspect(
    live: &dyn ViewStore,
    fresh: &dyn ViewStore,
    table: &'static Table,
) -> Result<Vec<Difference>, StoreError> {
    let mut found = Vec::new();
    let mut chunks = live.scan(table).chunks(ROWS_AT_ONCE);
    while let Some(chunk) = chunks.next().await
        && found.len() < MOST_DIFFERENCES
    {
        let rows: Vec<Row> = chunk.into_iter().collect::<Result<_, _>>()?;
        let others = fresh.get(table, rows.iter().map(key_of).collect()).await?;
        let pairs = rows.into_iter().zip(others).filter(|(row, other)| other.as_ref() != Some(row));
        found.extend(pairs.map(|(row, fresh)| Difference { table, key: key_of(&row), live: Some(row), fresh }));
    }
    let mut chunks = fresh.scan(table).chunks(ROWS_AT_ONCE);
    while let Some(chunk) = chunks.next().await
        && found.len() < MOST_DIFFERENCES
    {
        let rows: Vec<Row> = chunk.into_iter().collect::<Result<_, _>>()?;
        let others = live.get(table, rows.iter().map(key_of).collect()).await?;
        let missing = rows.into_iter().zip(others).filter(|(_, other)| other.is_none());
        found.extend(missing.map(|(row, _)| Difference { table, key: key_of(&row), live: None, fresh: Some(row) }));
    }
    Ok(found)
}

/// Those that still differ, each with whether it is as it was.
async fn look_again(
    live: &Arc<dyn ViewStore>,
    fresh: &Arc<dyn ViewStore>,
    suspects: Vec<Difference>,
) -> Result<Vec<(Difference, bool)>, StoreError> {
    let mut looked = Vec::new();
    for before in suspects {
        let (table, key) = (before.table, &before.key);
        let (live, fresh) = (live.row(table, key).await?, fresh.row(table, key).await?);
        if live != fresh {
            let now = Difference { live, fresh, ..before.clone() };
            let same = now == before;
            looked.push((now, same));
        }
    }
    Ok(looked)
}

fn key_of(row: &Row) -> Vec<Value> {
    row.table.key().iter().map(|(name, _)| row.columns.get(*name).cloned().unwrap_or(Value::Null)).collect()
}
