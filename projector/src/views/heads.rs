//! The last event of each aggregate, as far as the views are: what its next event has to continue.

use crate::{Mutation, Order, Row, StoreError, Table, Type, Value};
use schemas::{AggregateId, Hash, Kind};

pub static TABLE: Table = Table {
    name: "heads",
    version: 1,
    columns: &[("kind", Type::Text), ("aggregate", Type::Uuid), ("sequence", Type::Int), ("hash", Type::Text)],
    partition: 2,
    clustering: 0,
    order: Order::Ascending,
};

/// An aggregate's last event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastEvent {
    pub sequence: u64,
    /// `None`: it is of a type that is not known here, and so is its hash.
    pub hash: Option<Hash>,
}

pub fn key(aggregate: AggregateId) -> [Value; 2] {
    [Kind::as_str(aggregate.kind()).into(), aggregate.uuid().into()]
}

pub fn moved(aggregate: AggregateId, last: LastEvent) -> Mutation {
    let columns = [("sequence", last.sequence.into()), ("hash", last.hash.into())];
    TABLE.upsert(last.sequence, key(aggregate), columns)
}

pub fn read(row: &Row) -> Result<LastEvent, StoreError> {
    Ok(LastEvent { sequence: row.count("sequence")?, hash: row.maybe("hash", Row::parsed)? })
}
