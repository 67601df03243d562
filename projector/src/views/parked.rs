//! Aggregates that stand still because one of their events could not be read. For operators; the rest of the log goes on.

use crate::{Mutation, Order, Row, StoreError, Table, Type, Value};
use schemas::{AggregateId, Kind};
use serde::Serialize;

pub static TABLE: Table = Table {
    name: "parked",
    version: 1,
    columns: &[
        // Few rows, read as a whole: one partition for all.
        ("reader", Type::Text),
        ("kind", Type::Text),
        ("aggregate", Type::Uuid),
        ("sequence", Type::Int),
        ("event_type", Type::Text),
        ("reason", Type::Text),
    ],
    partition: 1,
    clustering: 2,
    order: Order::Ascending,
};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ParkedRow {
    #[serde(serialize_with = "as_text")]
    pub aggregate: AggregateId,
    /// The event that could not be read; nothing of this aggregate from there on is in the views.
    pub sequence: u64,
    pub type_name: String,
    pub reason: String,
}

pub fn partition() -> [Value; 1] {
    ["projector".into()]
}

/// Writes down that `aggregate` stands still since `sequence`.
pub fn park(aggregate: AggregateId, sequence: u64, type_name: &str, reason: &str) -> Mutation {
    let [reader] = partition();
    TABLE.upsert(
        sequence,
        [reader, aggregate.kind().as_str().into(), aggregate.uuid().into()],
        [("sequence", sequence.into()), ("event_type", type_name.into()), ("reason", reason.into())],
    )
}

pub fn read(row: &Row) -> Result<ParkedRow, StoreError> {
    let kind: Kind = row.parsed("kind")?;
    Ok(ParkedRow {
        aggregate: AggregateId::new(kind, row.uuid("aggregate")?),
        sequence: row.count("sequence")?,
        type_name: row.text("event_type")?,
        reason: row.text("reason")?,
    })
}

fn as_text<S: serde::Serializer>(aggregate: &AggregateId, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(aggregate)
}
