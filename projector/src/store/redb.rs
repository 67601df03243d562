//! Views in one redb file: the embedded store of a single machine.
//!
//! A row is a JSON object of cells; each cell knows the stamp of the mutation that wrote it, and the highest stamp wins,
//! as ScyllaDB's timestamps have it. Deletes leave a tombstone for the row or the partition, so that an older upsert that
//! arrives late stays invisible. A batch and its checkpoint are one transaction, durable when it returns.

use super::{Batch, Source, StoreError, ViewStore, sort_key};
use crate::{Mutation, Row, Table, Value, views};
use ::redb::backends::InMemoryBackend;
use ::redb::{
    Database, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction,
};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;

/// Checkpoint by [`views::layout`].
const CHECKPOINTS: TableDefinition<&str, u64> = TableDefinition::new("checkpoints");
/// Rows read at a time by a scan.
const SCAN_ROWS: usize = 500;

/// Columns with the stamp that wrote them.
type Cells = BTreeMap<String, (u64, Value)>;
/// Rows by key, as bytes.
type Rows<'a> = TableDefinition<'a, &'static [u8], &'static [u8]>;
/// Stamps of deletes, by key or partition.
type Tombstones<'a> = TableDefinition<'a, &'static [u8], u64>;
type Keyed = (Vec<u8>, Row);

/// Views in one file. One process at a time may open it.
#[derive(Clone)]
pub struct RedbStore {
    database: Arc<Database>,
}

impl RedbStore {
    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// `Open` when the file is damaged, or another process has it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::set_up(Database::create(path), &path.display().to_string())
    }

    /// Holds the rows in memory: for comparisons.
    ///
    /// # Errors
    /// `Open`.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::set_up(Database::builder().create_with_backend(InMemoryBackend::new()), "memory")
    }

    fn set_up(database: Result<Database, ::redb::DatabaseError>, place: &str) -> Result<Self, StoreError> {
        let open = |source| StoreError::Open { place: place.to_owned(), source };
        let store = Self { database: Arc::new(database.map_err(|error| open(error.into()))?) };
        // Reading a table that was never written is an error: make them all.
        store.make_tables().map_err(open)?;
        Ok(store)
    }

    fn make_tables(&self) -> Result<(), Source> {
        let transaction = self.database.begin_write()?;
        make_tables(&transaction)?;
        Ok(transaction.commit()?)
    }

    fn write_now(&self, batch: Batch) -> Result<(), Source> {
        let transaction = self.database.begin_write()?;
        for mutation in batch.lanes.iter().flatten() {
            put(&transaction, mutation)?;
        }
        let mut checkpoints = transaction.open_table(CHECKPOINTS)?;
        let layout = views::layout();
        let old = checkpoints.get(layout.as_str())?.map_or(0, |guard| guard.value());
        checkpoints.insert(layout.as_str(), old.max(batch.checkpoint))?;
        drop(checkpoints);
        Ok(transaction.commit()?)
    }

    fn clear_now(&self) -> Result<(), Source> {
        let transaction = self.database.begin_write()?;
        for table in views::TABLES {
            transaction.delete_table(rows_of(&table.versioned_name()))?;
            transaction.delete_table(tombstones_of(&tombstones_name(table)))?;
        }
        transaction.open_table(CHECKPOINTS)?.remove(views::layout().as_str())?;
        make_tables(&transaction)?;
        Ok(transaction.commit()?)
    }

    /// Rows from `start` on, as long as their keys start with `prefix`.
    fn read_range(
        &self,
        table: &'static Table,
        prefix: &[u8],
        start: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Vec<Keyed>, Source> {
        let reader = Reader::new(&self.database.begin_read()?, table)?;
        let mut found = Vec::new();
        for entry in reader.rows.range::<&[u8]>((start, Bound::Unbounded))? {
            let (key, cells) = entry?;
            if found.len() == limit || !key.value().starts_with(prefix) {
                break;
            }
            if let Some(row) = reader.visible(cells.value())? {
                found.push((key.value().to_owned(), row));
            }
        }
        Ok(found)
    }

    fn read_one(&self, table: &'static Table, key: &[u8]) -> Result<Option<Row>, Source> {
        let reader = Reader::new(&self.database.begin_read()?, table)?;
        let cells = reader.rows.get(key)?;
        cells.map_or(Ok(None), |cells| reader.visible(cells.value()))
    }

    /// Runs `work` where it may wait for the disk.
    fn off_thread<T: Send + 'static>(
        &self,
        fail: impl FnOnce(Source) -> StoreError + Send + 'static,
        work: impl FnOnce(&Self) -> Result<T, Source> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, StoreError>> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || work(&store))
            .map(move |outcome| outcome.unwrap_or_else(|panic| Err(panic.into())).map_err(fail))
            .boxed()
    }
}

impl ViewStore for RedbStore {
    fn write(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        let item = format!("the views up to {}", batch.checkpoint);
        self.off_thread(|source| StoreError::Write { item, source }, move |store| store.write_now(batch))
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.off_thread(read_error("the checkpoint".to_owned()), |store| {
            let checkpoints = store.database.begin_read()?.open_table(CHECKPOINTS)?;
            Ok(checkpoints.get(views::layout().as_str())?.map_or(0, |guard| guard.value()))
        })
    }

    fn row<'a>(&'a self, table: &'static Table, key: &'a [Value]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        match sort_key::encode(table, key) {
            Ok(key) => self.off_thread(read_error(table.versioned_name()), move |store| store.read_one(table, &key)),
            Err(error) => futures::future::ready(Err(error)).boxed(),
        }
    }

    fn rows<'a>(
        &'a self,
        table: &'static Table,
        partition: &'a [Value],
        after: Option<&'a [Value]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        async move {
            let prefix = sort_key::encode(table, partition)?;
            let after = after.map(|key| sort_key::encode(table, partition.iter().chain(key))).transpose()?;
            let found = self.off_thread(read_error(table.versioned_name()), move |store| {
                let start = after.as_deref().map_or(Bound::Included(prefix.as_slice()), Bound::Excluded);
                store.read_range(table, &prefix, start, limit)
            });
            Ok(found.await?.into_iter().map(|(_, row)| row).collect())
        }
        .boxed()
    }

    fn scan(&self, table: &'static Table) -> BoxStream<'_, Result<Row, StoreError>> {
        let chunks = stream::try_unfold(Some(Vec::new()), move |after: Option<Vec<u8>>| async move {
            let Some(after) = after else { return Ok(None) };
            let found = self.off_thread(read_error(table.versioned_name()), move |store| {
                // No key is empty: excluding the empty one starts at the beginning.
                store.read_range(table, &[], Bound::Excluded(&after), SCAN_ROWS)
            });
            let found = found.await?;
            let next = found.last().map(|(key, _)| key.clone());
            let rows: Vec<_> = found.into_iter().map(|(_, row)| Ok::<_, StoreError>(row)).collect();
            Ok(Some((stream::iter(rows), next)))
        });
        chunks.try_flatten().boxed()
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let fail = |source| StoreError::Write { item: "empty views".to_owned(), source };
        self.off_thread(fail, Self::clear_now)
    }
}

/// What one transaction sees of a table.
struct Reader {
    table: &'static Table,
    rows: ReadOnlyTable<&'static [u8], &'static [u8]>,
    tombstones: ReadOnlyTable<&'static [u8], u64>,
}

impl Reader {
    fn new(transaction: &ReadTransaction, table: &'static Table) -> Result<Self, Source> {
        Ok(Self {
            table,
            rows: transaction.open_table(rows_of(&table.versioned_name()))?,
            tombstones: transaction.open_table(tombstones_of(&tombstones_name(table)))?,
        })
    }

    /// The row without what was deleted later; `None` when all of it was.
    fn visible(&self, cells: &[u8]) -> Result<Option<Row>, Source> {
        let mut cells: Cells = serde_json::from_slice(cells)?;
        let key: Vec<_> = self.table.key().iter().filter_map(|(name, _)| cells.get(*name)).map(|(_, v)| v).collect();
        let mut deleted = 0;
        for length in [self.table.partition, key.len()] {
            let key = sort_key::encode(self.table, key[..length.min(key.len())].iter().copied())?;
            deleted = deleted.max(self.tombstones.get(key.as_slice())?.map_or(0, |guard| guard.value()));
        }
        cells.retain(|_, (stamp, _)| *stamp > deleted);
        // Every upsert writes the key: without it there is no row.
        if !cells.contains_key(self.table.columns[0].0) {
            return Ok(None);
        }
        let columns = cells.into_iter().map(|(name, (_, value))| (name, value));
        let columns = columns.filter(|(_, value)| *value != Value::Null).collect();
        Ok(Some(Row { table: self.table, columns }))
    }
}

fn make_tables(transaction: &WriteTransaction) -> Result<(), Source> {
    for table in views::TABLES {
        transaction.open_table(rows_of(&table.versioned_name()))?;
        transaction.open_table(tombstones_of(&tombstones_name(table)))?;
    }
    transaction.open_table(CHECKPOINTS)?;
    Ok(())
}

fn put(transaction: &WriteTransaction, mutation: &Mutation) -> Result<(), Source> {
    let stamp = mutation.stamp();
    match mutation {
        Mutation::Delete { table, key, .. } => {
            let key = sort_key::encode(table, key)?;
            let mut tombstones = transaction.open_table(tombstones_of(&tombstones_name(table)))?;
            let old = tombstones.get(key.as_slice())?.map_or(0, |guard| guard.value());
            tombstones.insert(key.as_slice(), old.max(stamp))?;
        }
        Mutation::Upsert { table, key, columns, .. } => {
            let bytes = sort_key::encode(table, key)?;
            let mut rows = transaction.open_table(rows_of(&table.versioned_name()))?;
            let old = rows.get(bytes.as_slice())?.map(|guard| serde_json::from_slice(guard.value())).transpose()?;
            let mut cells: Cells = old.unwrap_or_default();
            let key = table.key().iter().map(|(name, _)| *name).zip(key);
            for (name, value) in key.chain(columns.iter().map(|(name, value)| (*name, value))) {
                if cells.get(name).is_none_or(|(old, _)| *old < stamp) {
                    cells.insert(name.to_owned(), (stamp, value.clone()));
                }
            }
            rows.insert(bytes.as_slice(), serde_json::to_vec(&cells)?.as_slice())?;
        }
    }
    Ok(())
}

fn rows_of(name: &str) -> Rows<'_> {
    TableDefinition::new(name)
}

fn tombstones_of(name: &str) -> Tombstones<'_> {
    TableDefinition::new(name)
}

fn tombstones_name(table: &Table) -> String {
    format!("{}_deleted", table.versioned_name())
}

fn read_error(item: String) -> impl FnOnce(Source) -> StoreError + Send {
    move |source| StoreError::Read { item, source }
}
