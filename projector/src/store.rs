//! Where rows live: two adapters, held to one suite of tests (`tests/stores`).

mod cql;
mod generation;
mod redb;
mod scylla;
mod sort_key;

pub use self::redb::RedbStore;
pub use self::scylla::ScyllaStore;
pub use generation::Generation;

use crate::{Mutation, Row, Table, Value};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use futures::{FutureExt, TryFutureExt};
use std::sync::Arc;

/// What became of the events of the log, from its beginning. Each event is counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// In the views.
    pub applied: u64,
    /// Skipped: the same event stands earlier in the log.
    pub repeated: u64,
    /// Skipped: a type that this program does not know.
    pub unknown: u64,
    /// Not readable, or not to be believed, though their type is known.
    pub unreadable: u64,
    /// Not applied: their aggregate stands still.
    pub held: u64,
}

/// How far the rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checkpoint {
    /// Everything up to this sequence of the log is in the tables; 0 when they are new.
    pub sequence: u64,
    /// What that consisted of.
    pub counts: Counts,
}

/// Holds the tables of [`crate::views::TABLES`], in one [`Generation`] or more. A store that was opened shows the live
/// one, and follows when another becomes live; [`ViewStore::of`] stays with one.
pub trait ViewStore: Send + Sync {
    /// How many writers at once make it faster.
    fn writers(&self) -> usize;

    /// Writes mutations, in whichever order: the highest sequence wins. They survive a crash only once a checkpoint is
    /// set after them.
    fn write(&self, mutations: Vec<Mutation>) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Moves the checkpoint forward; an older one changes nothing. When it returns, it and all that was written before
    /// are durable.
    fn set_checkpoint(&self, checkpoint: Checkpoint) -> BoxFuture<'_, Result<(), StoreError>>;

    fn checkpoint(&self) -> BoxFuture<'_, Result<Checkpoint, StoreError>>;

    /// Returns when the checkpoint may have moved.
    fn moved(&self) -> BoxFuture<'_, ()>;

    /// The rows with these whole keys, in their order.
    fn get(&self, table: &'static Table, keys: Vec<Vec<Value>>) -> BoxFuture<'_, Result<Vec<Option<Row>>, StoreError>>;

    /// The row with this whole key.
    fn row(&self, table: &'static Table, key: &[Value]) -> BoxFuture<'_, Result<Option<Row>, StoreError>> {
        self.get(table, vec![key.to_vec()]).map_ok(|rows| rows.into_iter().flatten().next()).boxed()
    }

    /// At most `limit` rows of a partition, in the table's order, after the clustering key `after`.
    fn rows<'a>(
        &'a self,
        table: &'static Table,
        partition: &'a [Value],
        after: Option<&'a [Value]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>>;

    /// Every row of a table, in no particular order.
    fn scan(&self, table: &'static Table) -> BoxStream<'_, Result<Row, StoreError>>;

    /// The generation that pages should read now.
    fn live(&self) -> BoxFuture<'_, Result<Generation, StoreError>>;

    /// This store, staying with one generation.
    fn of(&self, generation: Generation) -> Arc<dyn ViewStore>;

    /// Makes the empty tables of a new generation. What an interrupted rebuild left is dropped.
    fn begin(&self) -> BoxFuture<'_, Result<Generation, StoreError>>;

    /// Makes `generation` live, unless it is behind the live one: false then.
    fn flip(&self, generation: Generation) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Drops every generation but the live one.
    fn sweep(&self) -> BoxFuture<'_, Result<(), StoreError>>;
}

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("cannot open the views at {place}")]
    Open { place: String, source: Source },
    #[error("cannot set up {item}")]
    SetUp { item: String, source: Source },
    #[error("cannot write {item}")]
    Write { item: String, source: Source },
    #[error("cannot read {item}")]
    Read { item: String, source: Source },
    #[error("column {column} of {table} does not hold what it should")]
    Column { table: String, column: String },
    /// Somebody sent a cursor that no page gave out.
    #[error("this is not a cursor of that page")]
    BadCursor,
}
