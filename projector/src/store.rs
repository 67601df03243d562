//! Where rows live: two adapters, held to one suite of tests (`tests/stores`).

mod cql;
mod redb;
mod scylla;
mod sort_key;

pub use self::redb::RedbStore;
pub use self::scylla::ScyllaStore;

use crate::{Mutation, Row, Table, Value};
use futures::future::BoxFuture;
use futures::stream::BoxStream;

/// What some consecutive events of the log lead to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Mutations by aggregate, each in the log's order. Lanes are independent of one another.
    pub lanes: Vec<Vec<Mutation>>,
    /// Everything up to this sequence is in the store once the batch is written.
    pub checkpoint: u64,
}

/// Holds the tables of [`crate::views::TABLES`].
pub trait ViewStore: Send + Sync {
    /// Writes a batch, and moves the checkpoint only after all of it.
    fn write(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The highest sequence up to which everything is in the tables; 0 when they are new.
    fn checkpoint(&self) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// The row with this whole key.
    fn row<'a>(&'a self, table: &'static Table, key: &'a [Value]) -> BoxFuture<'a, Result<Option<Row>, StoreError>>;

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

    /// Empties every table and sets the checkpoint to 0.
    fn clear(&self) -> BoxFuture<'_, Result<(), StoreError>>;
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

/// The key of a row as bytes, to find it among others.
pub(crate) fn key_of(row: &Row) -> Result<Vec<u8>, StoreError> {
    let values = row.table.key().iter().map(|(name, _)| row.columns.get(*name).unwrap_or(&Value::Null));
    sort_key::encode(row.table, values)
}
