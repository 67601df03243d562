//! Are the live rows those that the log leads to?

use crate::projecting::ProjectError;
use crate::rebuilding::fill;
use crate::store::key_of;
use crate::{RedbStore, Row, StoreError, Table, ViewStore, views};
use bus::Log;
use futures::TryStreamExt;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A row that the log leads to otherwise, or not at all.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub table: &'static Table,
    pub live: Option<Row>,
    pub rebuilt: Option<Row>,
}

/// Rebuilds the views in memory, up to the checkpoint of `store`, and compares every row. Stop the projector first:
/// what it writes meanwhile would differ.
///
/// # Errors
/// As [`crate::rebuild`]; `Ended` also when the views are ahead of the log, which lost something then.
pub async fn diff(log: &Log, store: Arc<dyn ViewStore>) -> Result<Vec<Difference>, ProjectError> {
    let checkpoint = store.checkpoint().await.map_err(ProjectError::Store)?;
    let scratch: Arc<dyn ViewStore> = Arc::new(RedbStore::in_memory().map_err(ProjectError::Store)?);
    fill(log, &scratch, checkpoint).await?;
    let mut differences = Vec::new();
    for table in views::TABLES {
        differences.extend(compare(store.as_ref(), scratch.as_ref(), table).await.map_err(ProjectError::Store)?);
    }
    Ok(differences)
}

async fn compare(
    live: &dyn ViewStore,
    rebuilt: &dyn ViewStore,
    table: &'static Table,
) -> Result<Vec<Difference>, StoreError> {
    let (live, mut rebuilt) = (all(live, table).await?, all(rebuilt, table).await?);
    let mut differences = Vec::new();
    for (key, row) in live {
        let other = rebuilt.remove(&key);
        if other.as_ref() != Some(&row) {
            differences.push(Difference { table, live: Some(row), rebuilt: other });
        }
    }
    differences.extend(rebuilt.into_values().map(|row| Difference { table, live: None, rebuilt: Some(row) }));
    Ok(differences)
}

async fn all(store: &dyn ViewStore, table: &'static Table) -> Result<BTreeMap<Vec<u8>, Row>, StoreError> {
    store.scan(table).and_then(async |row| Ok((key_of(&row)?, row))).try_collect().await
}
