//! Views in a ScyllaDB (or Cassandra 5) keyspace.
//!
//! Every write carries a timestamp made from its sequence ([`Mutation::stamp`]), so that the cluster itself keeps the
//! latest value of each column whatever arrives twice, late, or from two projectors at once. All statements are prepared
//! and idempotent: the driver may repeat them.

use super::{Batch, Source, StoreError, ViewStore, cql};
use crate::{Mutation, Row, Table, Type, Value, views};
use ::scylla::client::caching_session::{CachingSession, CachingSessionBuilder};
use ::scylla::client::session_builder::SessionBuilder;
use ::scylla::frame::types::Consistency;
use ::scylla::statement::Statement;
use ::scylla::value::{CqlTimestamp, CqlValue, Row as CqlRow};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};

/// Aggregates whose mutations are under way at once.
const LANES_AT_ONCE: usize = 64;
/// Rows of one answer: bounds what the driver and a node hold.
const PAGE_ROWS: i32 = 500;
/// Copies in every data centre, where there are as many nodes.
const COPIES: usize = 3;
/// Distinct upserts, reads and deletes stay far below it.
const STATEMENTS: usize = 512;

/// Views in one keyspace of a cluster.
pub struct ScyllaStore {
    session: CachingSession,
}

impl ScyllaStore {
    /// Connects to `nodes` (`host:port`) and makes what is missing of the keyspace and its tables.
    ///
    /// # Errors
    /// `Open` when no node answers or the keyspace's name is not one; `SetUp` when a table cannot be made.
    pub async fn connect(nodes: &[String], keyspace: &str) -> Result<Self, StoreError> {
        let open = |source| StoreError::Open { place: format!("keyspace {keyspace} of {}", nodes.join(", ")), source };
        if !is_plain_name(keyspace) {
            return Err(open("a keyspace is named in lower-case letters, digits and _, at most 48".into()));
        }
        let session = SessionBuilder::new().known_nodes(nodes).build().await.map_err(|error| open(error.into()))?;
        let copies = session.get_cluster_state().get_nodes_info().len().clamp(1, COPIES);
        let session = CachingSessionBuilder::new(session).max_capacity(STATEMENTS).build();
        let store = Self { session };
        store.set_up(&cql::create_keyspace(keyspace, copies), keyspace).await?;
        store.session.get_session().use_keyspace(keyspace, false).await.map_err(|error| open(error.into()))?;
        store.set_up(cql::CREATE_CHECKPOINTS, "checkpoints").await?;
        for table in views::TABLES {
            store.set_up(&cql::create_table(table), &table.versioned_name()).await?;
        }
        Ok(store)
    }

    /// Runs a schema change and waits until all nodes know it.
    async fn set_up(&self, statement: &str, item: &str) -> Result<(), StoreError> {
        let done = self.session.get_session().query_unpaged(statement, ()).await;
        done.map(drop).map_err(|error| StoreError::SetUp { item: item.to_owned(), source: error.into() })
    }

    async fn put(&self, mutation: &Mutation) -> Result<(), Source> {
        let table = mutation.table();
        let stamp = CqlValue::BigInt(i64::try_from(mutation.stamp())?);
        let (text, values) = match mutation {
            Mutation::Upsert { key, columns, .. } => {
                let text = cql::upsert(table, columns.iter().map(|(name, _)| *name));
                let values = key.iter().chain(columns.iter().map(|(_, value)| value)).map(to_cql);
                (text, values.chain([Some(stamp)]).collect())
            }
            Mutation::Delete { key, .. } => {
                let values: Vec<_> = [Some(stamp)].into_iter().chain(key.iter().map(to_cql)).collect();
                (cql::delete(table, key.len()), values)
            }
        };
        self.session.execute_unpaged(statement(&text), values).await?;
        Ok(())
    }

    async fn write_batch(&self, batch: Batch) -> Result<(), Source> {
        let lanes = stream::iter(&batch.lanes).map(Ok::<_, Source>);
        lanes
            .try_for_each_concurrent(LANES_AT_ONCE, |lane| async move {
                for mutation in lane {
                    self.put(mutation).await?;
                }
                Ok(())
            })
            .await?;
        let sequence = i64::try_from(batch.checkpoint)?;
        // The sequence is its own timestamp: a projector that lags behind another never moves the checkpoint back.
        let values = (views::layout(), sequence, sequence);
        self.session.execute_unpaged(statement(cql::WRITE_CHECKPOINT), values).await?;
        Ok(())
    }

    async fn read_checkpoint(&self) -> Result<u64, Source> {
        let answer = self.session.execute_unpaged(statement(cql::READ_CHECKPOINT), (views::layout(),)).await?;
        let row = answer.into_rows_result()?.maybe_first_row::<(i64,)>()?;
        Ok(row.map_or(Ok(0), |(sequence,)| u64::try_from(sequence))?)
    }

    /// Rows page by page, without end in memory.
    async fn read(
        &self,
        table: &'static Table,
        text: String,
        values: Vec<Option<CqlValue>>,
    ) -> Result<BoxStream<'static, Result<Row, Source>>, Source> {
        let pager = self.session.execute_iter(statement(&text), values).await?;
        let rows = pager.rows_stream::<CqlRow>()?;
        Ok(rows.map(move |row| from_cql(table, row?)).boxed())
    }

    async fn clear_tables(&self) -> Result<(), Source> {
        for table in views::TABLES {
            self.session.execute_unpaged(statement(&cql::truncate(table)), ()).await?;
        }
        self.session.execute_unpaged(statement(cql::CLEAR_CHECKPOINTS), ()).await?;
        Ok(())
    }
}

impl ViewStore for ScyllaStore {
    fn write(&self, batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> {
        let item = format!("the views up to {}", batch.checkpoint);
        self.write_batch(batch).map(|done| done.map_err(|source| StoreError::Write { item, source })).boxed()
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<u64, StoreError>> {
        self.read_checkpoint().map(|done| done.map_err(|source| read_error("the checkpoint", source))).boxed()
    }

    fn row<'a>(&'a self, table: &'static Table, key: &'a [Value]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> {
        async move {
            let mut rows = self.read(table, cql::select_row(table), key.iter().map(to_cql).collect()).await?;
            rows.try_next().await
        }
        .map(|done| done.map_err(|source| read_error(table.name, source)))
        .boxed()
    }

    fn rows<'a>(
        &'a self,
        table: &'static Table,
        partition: &'a [Value],
        after: Option<&'a [Value]>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        async move {
            let limit = CqlValue::Int(i32::try_from(limit)?);
            let key = partition.iter().chain(after.unwrap_or_default()).map(to_cql);
            let values = key.chain([Some(limit)]).collect();
            self.read(table, cql::select_rows(table, after.is_some()), values).await?.try_collect().await
        }
        .map(|done| done.map_err(|source| read_error(table.name, source)))
        .boxed()
    }

    fn scan(&self, table: &'static Table) -> BoxStream<'_, Result<Row, StoreError>> {
        let rows = self.read(table, cql::select_all(table), vec![]).try_flatten_stream();
        rows.map_err(|source| read_error(table.name, source)).boxed()
    }

    fn clear(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        let fail = |source| StoreError::Write { item: "empty views".to_owned(), source };
        self.clear_tables().map(move |done| done.map_err(fail)).boxed()
    }
}

fn statement(text: &str) -> Statement {
    let mut statement = Statement::new(text).with_page_size(PAGE_ROWS);
    statement.set_is_idempotent(true);
    statement.set_consistency(Consistency::LocalQuorum);
    statement
}

fn to_cql(value: &Value) -> Option<CqlValue> {
    Some(match value {
        Value::Null => return None,
        Value::Uuid(id) => CqlValue::Uuid(*id),
        Value::Text(text) => CqlValue::Text(text.clone()),
        Value::Int(number) => CqlValue::BigInt(*number),
        Value::Real(number) => CqlValue::Double(*number),
        Value::Flag(flag) => CqlValue::Boolean(*flag),
        Value::Time(milliseconds) => CqlValue::Timestamp(CqlTimestamp(*milliseconds)),
        Value::Texts(texts) => CqlValue::List(texts.iter().cloned().map(CqlValue::Text).collect()),
        Value::Reals(numbers) => CqlValue::List(numbers.iter().copied().map(CqlValue::Double).collect()),
    })
}

/// The columns come in the table's order, as the statements ask for them.
fn from_cql(table: &'static Table, row: CqlRow) -> Result<Row, Source> {
    let mut columns = std::collections::BTreeMap::new();
    for (&(name, kind), value) in table.columns.iter().zip(row.columns) {
        if let Some(value) = value {
            let misfit = || StoreError::Column { table: table.versioned_name(), column: name.to_owned() };
            columns.insert(name.to_owned(), value_of(kind, value).ok_or_else(misfit)?);
        }
    }
    Ok(Row { table, columns })
}

fn value_of(kind: Type, value: CqlValue) -> Option<Value> {
    Some(match (kind, value) {
        (Type::Uuid, CqlValue::Uuid(id)) => Value::Uuid(id),
        (Type::Text, CqlValue::Text(text)) => Value::Text(text),
        (Type::Int, CqlValue::BigInt(number)) => Value::Int(number),
        (Type::Real, CqlValue::Double(number)) => Value::Real(number),
        (Type::Flag, CqlValue::Boolean(flag)) => Value::Flag(flag),
        (Type::Time, CqlValue::Timestamp(CqlTimestamp(milliseconds))) => Value::Time(milliseconds),
        (Type::Texts, CqlValue::List(list)) => {
            Value::Texts(list.into_iter().map(CqlValue::into_string).collect::<Option<_>>()?)
        }
        (Type::Reals, CqlValue::List(list)) => {
            Value::Reals(list.iter().map(CqlValue::as_double).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// A name that needs no quotes: it goes into the text of statements.
fn is_plain_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.len() <= 48 && name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain)
}

fn read_error(item: &str, source: Source) -> StoreError {
    StoreError::Read { item: item.to_owned(), source }
}
