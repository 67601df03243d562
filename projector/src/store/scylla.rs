//! Views in a ScyllaDB (or Cassandra 5) keyspace.
//!
//! Every write carries a timestamp made from its sequence ([`Mutation::stamp`]), so that the cluster itself keeps the
//! latest value of each column whatever arrives twice, late, or from two projectors at once. All statements are prepared
//! and idempotent: the driver may repeat them.

mod set_up;

use super::{Checkpoint, Counts, Generation, Source, StoreError, ViewStore, cql};
use crate::{Mutation, Row, Table, Type, Value};
use ::scylla::client::caching_session::{CachingSession, CachingSessionBuilder};
use ::scylla::client::session_builder::SessionBuilder;
use ::scylla::frame::types::Consistency;
use ::scylla::statement::Statement;
use ::scylla::value::{CqlTimestamp, CqlValue, Row as CqlRow};
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryFutureExt, TryStreamExt};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// Shards of the projector: more of them wait for the cluster at once.
const WRITERS: usize = 16;
/// Mutations of one shard that are under way at once.
const MUTATIONS_AT_ONCE: usize = 8;
/// Rows that are read at once.
const READS_AT_ONCE: usize = 64;
/// Rows of one answer: bounds what the driver and a node hold.
const PAGE_ROWS: i32 = 500;
/// Copies in every data centre, where there are as many nodes.
const COPIES: usize = 3;
/// Distinct upserts, reads and deletes of two generations stay far below it.
const STATEMENTS: usize = 1024;
/// How often a reader looks which generation is live.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often somebody who waits for the checkpoint looks again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);
/// Later than whatever was written of a generation.
const LAST_STAMP: i64 = i64::MAX / 2;

/// Views in one keyspace of a cluster.
#[derive(Clone)]
pub struct ScyllaStore {
    session: Arc<CachingSession>,
    keyspace: Arc<str>,
    /// `None`: whichever is live.
    generation: Option<Generation>,
    shown: Arc<Mutex<Shown>>,
}

/// The live generation, as this process last saw it.
struct Shown {
    generation: Generation,
    looked: Instant,
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
        let session = Arc::new(CachingSessionBuilder::new(session).max_capacity(STATEMENTS).build());
        let shown = Shown { generation: Generation::FIRST, looked: Instant::now() };
        let store = Self { session, keyspace: keyspace.into(), generation: None, shown: Arc::new(Mutex::new(shown)) };
        store.set_up(&cql::create_keyspace(keyspace, copies), keyspace).await?;
        store.session.get_session().use_keyspace(keyspace, false).await.map_err(|error| open(error.into()))?;
        store.set_up(cql::CREATE_CHECKPOINTS, "checkpoints").await?;
        store.set_up(cql::CREATE_GENERATIONS, "generations").await?;
        let live = store.read_live().await.map_err(open)?;
        store.make_tables(live).await?;
        store.shown().generation = live;
        Ok(store)
    }

    async fn read_live(&self) -> Result<Generation, Source> {
        let answer = self.session.execute_unpaged(statement(cql::READ_LIVE), ()).await?;
        let row = answer.into_rows_result()?.maybe_first_row::<(i64,)>()?;
        Ok(row.map_or(Ok(Generation::FIRST), |(live,)| u64::try_from(live).map(Generation))?)
    }

    /// The generation that this handle shows. A new one is shown once it holds as much as the old one, so that nobody
    /// sees less than before.
    async fn generation(&self) -> Result<Generation, Source> {
        if let Some(generation) = self.generation {
            return Ok(generation);
        }
        let shown = {
            let mut shown = self.shown();
            if shown.looked.elapsed() < LOOK_EVERY {
                return Ok(shown.generation);
            }
            // One looks; nobody waits for it, and the lock is not held meanwhile.
            shown.looked = Instant::now();
            shown.generation
        };
        let live = self.read_live().await?;
        if live == shown {
            return Ok(shown);
        }
        let (new, old) = (self.read_checkpoint(live).await?, self.read_checkpoint(shown).await?);
        if new.sequence < old.sequence {
            return Ok(shown);
        }
        self.shown().generation = live;
        Ok(live)
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn put(&self, generation: Generation, mutation: &Mutation) -> Result<(), Source> {
        let table = mutation.table();
        let stamp = CqlValue::BigInt(i64::try_from(mutation.stamp())?);
        let (text, values) = match mutation {
            Mutation::Upsert { key, columns, .. } => {
                let text = cql::upsert(table, generation, columns.iter().map(|(name, _)| *name));
                let values = key.iter().chain(columns.iter().map(|(_, value)| value)).map(to_cql);
                (text, values.chain([Some(stamp)]).collect())
            }
            Mutation::Delete { key, .. } => {
                let values: Vec<_> = [Some(stamp)].into_iter().chain(key.iter().map(to_cql)).collect();
                (cql::delete(table, generation, key.len()), values)
            }
        };
        self.session.execute_unpaged(statement(&text), values).await?;
        Ok(())
    }

    async fn write_all(&self, mutations: Vec<Mutation>) -> Result<(), Source> {
        let generation = self.generation().await?;
        let mutations = stream::iter(mutations).map(Ok::<_, Source>);
        mutations
            .try_for_each_concurrent(MUTATIONS_AT_ONCE, |mutation| async move { self.put(generation, &mutation).await })
            .await
    }

    async fn write_checkpoint(&self, checkpoint: Checkpoint) -> Result<(), Source> {
        let layout = self.generation().await?.layout();
        let Counts { applied, repeated, unknown, unreadable, held } = checkpoint.counts;
        // The sequence is its own timestamp: a projector that lags behind another never moves the checkpoint back.
        let numbers = [checkpoint.sequence, applied, repeated, unknown, unreadable, held, checkpoint.sequence];
        let mut values = vec![CqlValue::Text(layout)];
        for number in numbers {
            values.push(CqlValue::BigInt(i64::try_from(number)?));
        }
        self.session.execute_unpaged(statement(cql::WRITE_CHECKPOINT), values).await?;
        Ok(())
    }

    async fn read_checkpoint(&self, generation: Generation) -> Result<Checkpoint, Source> {
        let answer = self.session.execute_unpaged(statement(cql::READ_CHECKPOINT), (generation.layout(),)).await?;
        let row = answer.into_rows_result()?.maybe_first_row::<(i64, i64, i64, i64, i64, i64)>()?;
        let Some(row) = row else { return Ok(Checkpoint::default()) };
        let number = |number: i64| u64::try_from(number);
        Ok(Checkpoint {
            sequence: number(row.0)?,
            counts: Counts {
                applied: number(row.1)?,
                repeated: number(row.2)?,
                unknown: number(row.3)?,
                unreadable: number(row.4)?,
                held: number(row.5)?,
            },
        })
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

    async fn get_one(&self, table: &'static Table, key: Vec<Value>) -> Result<Option<Row>, Source> {
        let text = cql::select_row(table, self.generation().await?);
        let answer = self.session.execute_unpaged(statement(&text), key.iter().map(to_cql).collect::<Vec<_>>()).await?;
        let row = answer.into_rows_result()?.maybe_first_row::<CqlRow>()?;
        row.map(|row| from_cql(table, row)).transpose()
    }

    /// Drops the tables of every generation but `live`. The highest generation that was there.
    async fn drop_others(&self, live: Generation) -> Result<Generation, Source> {
        let answer = self.session.execute_unpaged(statement(cql::LIST_TABLES), (self.keyspace.as_ref(),)).await?;
        let answer = answer.into_rows_result()?;
        let mut last = live;
        for row in answer.rows::<(String,)>()? {
            let (name,) = row?;
            let Some(generation) = Generation::in_name(&name) else { continue };
            last = last.max(generation);
            if generation != live {
                let values = (LAST_STAMP, generation.layout());
                self.session.execute_unpaged(statement(cql::DELETE_CHECKPOINT), values).await?;
                self.set_up(&cql::drop_table(&name), &name).await?;
            }
        }
        Ok(last)
    }

    async fn begin_now(&self) -> Result<Generation, Source> {
        let last = self.drop_others(self.read_live().await?).await?;
        self.make_tables(last.next()).await?;
        Ok(last.next())
    }

    async fn flip_now(&self, to: Generation) -> Result<bool, Source> {
        let live = self.read_live().await?;
        if self.read_checkpoint(to).await?.sequence < self.read_checkpoint(live).await?.sequence {
            return Ok(false);
        }
        // Generations only grow: the number is its own timestamp.
        let number = i64::try_from(to.0)?;
        self.session.execute_unpaged(statement(cql::WRITE_LIVE), (number, number)).await?;
        Ok(true)
    }

    async fn sweep_now(&self) -> Result<(), Source> {
        self.drop_others(self.read_live().await?).await.map(drop)
    }
}

impl ViewStore for ScyllaStore {
    fn writers(&self) -> usize {
        WRITERS
    }

    fn write(&self, mutations: Vec<Mutation>) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write_all(mutations).map(|done| done.map_err(write_error("the views"))).boxed()
    }

    fn set_checkpoint(&self, checkpoint: Checkpoint) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write_checkpoint(checkpoint).map(|done| done.map_err(write_error("the checkpoint"))).boxed()
    }

    fn checkpoint(&self) -> BoxFuture<'_, Result<Checkpoint, StoreError>> {
        async move { self.read_checkpoint(self.generation().await?).await }
            .map(|done| done.map_err(|source| read_error("the checkpoint", source)))
            .boxed()
    }

    fn moved(&self) -> BoxFuture<'_, ()> {
        tokio::time::sleep(LOOK_AGAIN).boxed()
    }

    fn get(&self, table: &'static Table, keys: Vec<Vec<Value>>) -> BoxFuture<'_, Result<Vec<Option<Row>>, StoreError>> {
        let rows = stream::iter(keys).map(move |key| self.get_one(table, key)).buffered(READS_AT_ONCE);
        rows.try_collect().map(|done| done.map_err(|source| read_error(table.name, source))).boxed()
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
            let text = cql::select_rows(table, self.generation().await?, after.is_some());
            self.read(table, text, values).await?.try_collect().await
        }
        .map(|done| done.map_err(|source| read_error(table.name, source)))
        .boxed()
    }

    fn scan(&self, table: &'static Table) -> BoxStream<'_, Result<Row, StoreError>> {
        let rows = async move {
            let text = cql::select_all(table, self.generation().await?);
            self.read(table, text, vec![]).await
        };
        rows.try_flatten_stream().map_err(|source| read_error(table.name, source)).boxed()
    }

    fn live(&self) -> BoxFuture<'_, Result<Generation, StoreError>> {
        self.read_live().map(|done| done.map_err(|source| read_error("the live generation", source))).boxed()
    }

    fn of(&self, generation: Generation) -> Arc<dyn ViewStore> {
        Arc::new(Self { generation: Some(generation), ..self.clone() })
    }

    fn begin(&self) -> BoxFuture<'_, Result<Generation, StoreError>> {
        self.begin_now().map(|done| done.map_err(write_error("a new generation"))).boxed()
    }

    fn flip(&self, generation: Generation) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.flip_now(generation).map(|done| done.map_err(write_error("the live generation"))).boxed()
    }

    fn sweep(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        self.sweep_now().map(|done| done.map_err(write_error("old generations"))).boxed()
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

fn write_error(item: &'static str) -> impl FnOnce(Source) -> StoreError {
    move |source| StoreError::Write { item: item.to_owned(), source }
}
