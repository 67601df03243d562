//! Views in one redb file: the embedded store of a single machine.
//!
//! Deletes remove what is there and leave a tombstone for the row or the partition, so that an older upsert that arrives
//! late changes nothing.
//! Rows are committed to memory; setting the checkpoint makes them durable together with it, so that a crash leaves
//! exactly what the checkpoint says.

mod cells;
mod tables;
mod writing;

use super::{Checkpoint, Counts, Generation, Source, StoreError, ViewStore, sort_key};
use crate::{Mutation, Row, Table, Value};
use ::redb::{
    Database, DatabaseError, Durability, ReadOnlyTable, ReadTransaction, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, TableDefinition, TableHandle,
};
use cells::Cells;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use std::ops::Bound;
use std::path::Path;
use std::sync::Arc;
use tables::{rows_of, tombstones_name, tombstones_of};
use tokio::sync::watch;

/// Sequence and counts by [`Generation::layout`].
const CHECKPOINTS: TableDefinition<&str, (u64, [u64; 5])> = TableDefinition::new("checkpoints");
/// [`FORMAT`], and the live generation.
const ABOUT: TableDefinition<&str, u64> = TableDefinition::new("about");
const FORMAT_KEY: &str = "format";
const LIVE_KEY: &str = "live";
/// Grows when the bytes of rows change: a file of another format is thrown away, and the projector fills a new one.
const FORMAT: u64 = 2;
/// Rows read at a time by a scan.
const SCAN_ROWS: usize = 500;

type Keyed = (Vec<u8>, Row);

/// Views in one file. One process at a time may open it.
#[derive(Clone)]
pub struct RedbStore {
    database: Arc<Database>,
    /// `None`: whichever is live.
    generation: Option<Generation>,
    moved: Arc<watch::Sender<()>>,
}

impl RedbStore {
    /// Opens the file, or makes it. A file of an older format is replaced by an empty one: views are made from the log.
    ///
    /// # Errors
    /// `Open` when the file is damaged, or another process has it.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let open = |source| StoreError::Open { place: path.display().to_string(), source };
        let database = match Database::create(path) {
            Ok(database) if is_current(&database).map_err(open)? => database,
            Ok(_) | Err(DatabaseError::UpgradeRequired(_)) => {
                tracing::warn!(path = %path.display(), "the views are of another format; they are made anew");
                std::fs::remove_file(path).map_err(|error| open(error.into()))?;
                Database::create(path).map_err(|error| open(error.into()))?
            }
            Err(error) => return Err(open(error.into())),
        };
        let moved = Arc::new(watch::Sender::new(()));
        let store = Self { database: Arc::new(database), generation: None, moved };
        // Reading a table that was never written is an error: make them all.
        store.make_tables().map_err(open)?;
        Ok(store)
    }

    fn make_tables(&self) -> Result<(), Source> {
        let transaction = self.database.begin_write()?;
        {
            let mut about = transaction.open_table(ABOUT)?;
            about.insert(FORMAT_KEY, FORMAT)?;
            if about.get(LIVE_KEY)?.is_none() {
                about.insert(LIVE_KEY, Generation::FIRST.0)?;
            }
        }
        let live = live_in(&transaction.open_table(ABOUT)?)?;
        tables::make(&transaction, live)?;
        tables::drop_others(&transaction, live)?;
        Ok(transaction.commit()?)
    }

    /// The generation that this handle shows.
    fn shown(&self, about: &impl ReadableTable<&'static str, u64>) -> Result<Generation, Source> {
        self.generation.map_or_else(|| live_in(about), Ok)
    }

    fn write_now(&self, mutations: Vec<Mutation>) -> Result<(), Source> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::None)?;
        let generation = self.shown(&transaction.open_table(ABOUT)?)?;
        writing::write(&transaction, generation, mutations)?;
        Ok(transaction.commit()?)
    }

    fn set_checkpoint_now(&self, checkpoint: Checkpoint) -> Result<(), Source> {
        let transaction = self.database.begin_write()?;
        let generation = self.shown(&transaction.open_table(ABOUT)?)?;
        {
            let mut checkpoints = transaction.open_table(CHECKPOINTS)?;
            let layout = generation.layout();
            let old = checkpoints.get(layout.as_str())?.map_or(0, |guard| guard.value().0);
            if old < checkpoint.sequence {
                let Counts { applied, repeated, unknown, unreadable, held } = checkpoint.counts;
                let counts = [applied, repeated, unknown, unreadable, held];
                checkpoints.insert(layout.as_str(), (checkpoint.sequence, counts))?;
            }
        }
        transaction.commit()?;
        self.moved.send_replace(());
        Ok(())
    }

    fn begin_now(&self) -> Result<Generation, Source> {
        let transaction = self.database.begin_write()?;
        let live = live_in(&transaction.open_table(ABOUT)?)?;
        let last = tables::drop_others(&transaction, live)?;
        tables::make(&transaction, last.next())?;
        transaction.commit()?;
        Ok(last.next())
    }

    /// Nothing can be written between the comparison and the flip: they are one transaction.
    fn flip_now(&self, to: Generation) -> Result<bool, Source> {
        let transaction = self.database.begin_write()?;
        {
            let mut about = transaction.open_table(ABOUT)?;
            let checkpoints = transaction.open_table(CHECKPOINTS)?;
            let live = live_in(&about)?;
            if checkpoint_in(&checkpoints, to)?.sequence < checkpoint_in(&checkpoints, live)?.sequence {
                return Ok(false);
            }
            about.insert(LIVE_KEY, to.0)?;
        }
        transaction.commit()?;
        self.moved.send_replace(());
        Ok(true)
    }

    fn sweep_now(&self) -> Result<(), Source> {
        let transaction = self.database.begin_write()?;
        let live = live_in(&transaction.open_table(ABOUT)?)?;
        tables::drop_others(&transaction, live)?;
        Ok(transaction.commit()?)
    }

    fn reader(&self, table: &'static Table) -> Result<Reader, Source> {
        let transaction = self.database.begin_read()?;
        let generation = self.shown(&transaction.open_table(ABOUT)?)?;
        Reader::new(&transaction, table, generation)
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
    /// Transactions that write wait for one another.
    fn writers(&self) -> usize {
        1
    }

    fn write(&self, mutations: Vec<Mutation>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.off_thread(write_error("the views"), move |store| store.write_now(mutations))
    }

    fn set_checkpoint(&self, checkpoint: Checkpoint) -> BoxFuture<'_, Result<(), StoreError>> {
        self.off_thread(write_error("the checkpoint"), move |store| store.set_checkpoint_now(checkpoint))
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Checkpoint, StoreError>> {
        self.off_thread(read_error("the checkpoint".to_owned()), |store| {
            let transaction = store.database.begin_read()?;
            let generation = store.shown(&transaction.open_table(ABOUT)?)?;
            checkpoint_in(&transaction.open_table(CHECKPOINTS)?, generation)
        })
    }

    fn moved(&self) -> BoxFuture<'_, ()> {
        let mut moved = self.moved.subscribe();
        async move {
            // The sender lives as long as this store.
            let _ = moved.changed().await;
        }
        .boxed()
    }

    fn get(&self, table: &'static Table, keys: Vec<Vec<Value>>) -> BoxFuture<'_, Result<Vec<Option<Row>>, StoreError>> {
        self.off_thread(read_error(table.versioned_name()), move |store| {
            let reader = store.reader(table)?;
            keys.iter().map(|key| reader.row(&sort_key::encode(table, key)?)).collect()
        })
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
                store.reader(table)?.range(&prefix, start, limit)
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
                store.reader(table)?.range(&[], Bound::Excluded(&after), SCAN_ROWS)
            });
            let found = found.await?;
            let next = found.last().map(|(key, _)| key.clone());
            let rows: Vec<_> = found.into_iter().map(|(_, row)| Ok::<_, StoreError>(row)).collect();
            Ok(Some((stream::iter(rows), next)))
        });
        chunks.try_flatten().boxed()
    }

    fn live(&self) -> BoxFuture<'_, Result<Generation, StoreError>> {
        self.off_thread(read_error("the live generation".to_owned()), |store| {
            live_in(&store.database.begin_read()?.open_table(ABOUT)?)
        })
    }

    fn of(&self, generation: Generation) -> Arc<dyn ViewStore> {
        Arc::new(Self { generation: Some(generation), ..self.clone() })
    }

    fn begin(&self) -> BoxFuture<'_, Result<Generation, StoreError>> {
        self.off_thread(write_error("a new generation"), Self::begin_now)
    }

    fn flip(&self, generation: Generation) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.off_thread(write_error("the live generation"), move |store| store.flip_now(generation))
    }

    fn sweep(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.off_thread(write_error("old generations"), Self::sweep_now)
    }
}

/// What one transaction sees of a table.
struct Reader {
    table: &'static Table,
    rows: ReadOnlyTable<&'static [u8], &'static [u8]>,
    /// `None`: nothing was deleted.
    tombstones: Option<ReadOnlyTable<&'static [u8], u64>>,
}

impl Reader {
    fn new(transaction: &ReadTransaction, table: &'static Table, generation: Generation) -> Result<Self, Source> {
        let name = generation.name_of(table);
        let tombstones = transaction.open_table(tombstones_of(&tombstones_name(&name)))?;
        let tombstones = (!tombstones.is_empty()?).then_some(tombstones);
        Ok(Self { table, rows: transaction.open_table(rows_of(&name))?, tombstones })
    }

    fn row(&self, key: &[u8]) -> Result<Option<Row>, Source> {
        self.rows.get(key)?.map_or(Ok(None), |cells| self.visible(cells.value()))
    }

    /// Rows from `start` on, as long as their keys start with `prefix`.
    fn range(&self, prefix: &[u8], start: Bound<&[u8]>, limit: usize) -> Result<Vec<Keyed>, Source> {
        let mut found = Vec::new();
        for entry in self.rows.range::<&[u8]>((start, Bound::Unbounded))? {
            let (key, cells) = entry?;
            if found.len() == limit || !key.value().starts_with(prefix) {
                break;
            }
            if let Some(row) = self.visible(cells.value())? {
                found.push((key.value().to_owned(), row));
            }
        }
        Ok(found)
    }

    /// The row without what was deleted later; `None` when all of it was.
    fn visible(&self, cells: &[u8]) -> Result<Option<Row>, Source> {
        let cells = Cells::decode(cells)?;
        let deleted = match &self.tombstones {
            Some(tombstones) => deleted_at(tombstones, self.table, &cells)?,
            None => 0,
        };
        Ok(cells.visible(self.table, deleted))
    }
}

/// The stamp of the last delete of a row or of its partition; 0 when there was none.
fn deleted_at(
    tombstones: &impl ReadableTable<&'static [u8], u64>,
    table: &Table,
    cells: &Cells,
) -> Result<u64, Source> {
    let mut deleted = 0;
    for length in [table.partition, table.key().len()] {
        let key = sort_key::encode(table, cells.key(table).take(length))?;
        deleted = deleted.max(tombstones.get(key.as_slice())?.map_or(0, |guard| guard.value()));
    }
    Ok(deleted)
}

/// Whether the file is new, or of this program's format.
fn is_current(database: &Database) -> Result<bool, Source> {
    let transaction = database.begin_read()?;
    let names: Vec<_> = transaction.list_tables()?.map(|table| table.name().to_owned()).collect();
    if names.is_empty() {
        return Ok(true);
    }
    if !names.iter().any(|name| name == ABOUT.name()) {
        return Ok(false);
    }
    Ok(transaction.open_table(ABOUT)?.get(FORMAT_KEY)?.is_some_and(|format| format.value() == FORMAT))
}

fn live_in(about: &impl ReadableTable<&'static str, u64>) -> Result<Generation, Source> {
    Ok(about.get(LIVE_KEY)?.map_or(Generation::FIRST, |guard| Generation(guard.value())))
}

fn checkpoint_in(
    checkpoints: &impl ReadableTable<&'static str, (u64, [u64; 5])>,
    generation: Generation,
) -> Result<Checkpoint, Source> {
    let Some(guard) = checkpoints.get(generation.layout().as_str())? else { return Ok(Checkpoint::default()) };
    let (sequence, [applied, repeated, unknown, unreadable, held]) = guard.value();
    Ok(Checkpoint { sequence, counts: Counts { applied, repeated, unknown, unreadable, held } })
}

fn read_error(item: String) -> impl FnOnce(Source) -> StoreError + Send {
    move |source| StoreError::Read { item, source }
}

fn write_error(item: &'static str) -> impl FnOnce(Source) -> StoreError + Send {
    move |source| StoreError::Write { item: item.to_owned(), source }
}
