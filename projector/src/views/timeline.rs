//! That something happened to a thing, when and by whom, event by event. It outlives the thing and its owner: when they are
//! erased, that it was there remains. What was said stands in the log alone, where audits read it.

use crate::{Mutation, Order, Row, StoreError, Table, Type, Value};
use schemas::{AggregateId, Hash, Kind, Recorded};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

pub static TABLE: Table = Table {
    name: "timeline",
    version: 3,
    columns: &[
        ("kind", Type::Text),
        ("aggregate", Type::Uuid),
        ("sequence", Type::Int),
        ("event_type", Type::Text),
        ("happened", Type::Time),
        ("actor", Type::Text),
        ("hash", Type::Text),
    ],
    partition: 2,
    clustering: 1,
    order: Order::Ascending,
};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TimelineRow {
    /// `job`, `video`, …
    pub kind: String,
    pub aggregate: Uuid,
    /// Its place in the log.
    pub sequence: u64,
    /// `kart.job.training-started.v1`
    pub type_name: String,
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// `user/0192…` or `role/trainer`
    pub actor: String,
    /// What the event adds to the aggregate's chain of hashes.
    pub hash: Hash,
}

impl TimelineRow {
    /// The event's name: `training-started`.
    pub fn name(&self) -> &str {
        self.type_name.split('.').nth(2).unwrap_or(&self.type_name)
    }
}

pub fn partition(aggregate: AggregateId) -> [Value; 2] {
    [Kind::as_str(aggregate.kind()).into(), aggregate.uuid().into()]
}

pub fn apply(recorded: &Recorded) -> Vec<Mutation> {
    let [kind, aggregate] = partition(recorded.aggregate);
    vec![TABLE.upsert(
        recorded.sequence,
        [kind, aggregate, recorded.sequence.into()],
        [
            ("event_type", (&recorded.written.type_name).into()),
            ("happened", recorded.new.time.into()),
            ("actor", recorded.new.actor.to_string().into()),
            ("hash", recorded.hash.into()),
        ],
    )]
}

pub fn read(row: &Row) -> Result<TimelineRow, StoreError> {
    Ok(TimelineRow {
        kind: row.text("kind")?,
        aggregate: row.uuid("aggregate")?,
        sequence: row.count("sequence")?,
        type_name: row.text("event_type")?,
        time: row.time("happened")?,
        actor: row.text("actor")?,
        hash: row.parsed("hash")?,
    })
}
