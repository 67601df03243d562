//! What happened to one thing, event by event: the audit page. It outlives the thing and its owner: when they are erased,
//! that it was there remains, and nothing that they wrote.

use crate::{Mutation, Order, Row, StoreError, Table, Type, Value};
use schemas::{AggregateId, Event, Hash, Kind, Personal, Recorded};
use serde::Serialize;
use time::OffsetDateTime;
use uuid::Uuid;

pub static TABLE: Table = Table {
    name: "timeline",
    version: 2,
    columns: &[
        ("kind", Type::Text),
        ("aggregate", Type::Uuid),
        ("sequence", Type::Int),
        ("event", Type::Uuid),
        ("event_type", Type::Text),
        ("happened", Type::Time),
        ("actor", Type::Text),
        ("causation", Type::Uuid),
        ("correlation", Type::Uuid),
        ("body", Type::Text),
        ("hash", Type::Text),
        ("previous", Type::Text),
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
    pub event: Uuid,
    /// `kart.job.training-started.v1`
    pub type_name: String,
    #[serde(with = "time::serde::rfc3339")]
    pub time: OffsetDateTime,
    /// `user/0192…` or `role/trainer`
    pub actor: String,
    pub causation: Option<Uuid>,
    pub correlation: Uuid,
    /// The event's body as it was written, as JSON; what people wrote is sealed in it.
    pub body: String,
    /// What the event adds to the aggregate's chain of hashes.
    pub hash: Hash,
    pub previous: Option<Hash>,
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
    let new = &recorded.new;
    vec![TABLE.upsert(
        recorded.sequence,
        [kind, aggregate, recorded.sequence.into()],
        [
            ("event", new.id.into()),
            ("event_type", (&recorded.written.type_name).into()),
            ("happened", new.time.into()),
            ("actor", new.actor.to_string().into()),
            ("causation", new.causation.into()),
            ("correlation", new.correlation.into()),
            ("body", body(recorded).into()),
            ("hash", recorded.hash.into()),
            ("previous", recorded.previous.into()),
        ],
    )]
}

/// The body as it was written, and as the hash covers it: what people wrote is sealed in it, and stays so. From before
/// texts were sealed one may stand in the open; it is left out.
fn body(recorded: &Recorded) -> String {
    let written = &recorded.written;
    let in_the_open = |event: &Event| matches!(event.personal(), Some((_, Personal::Plain(_))));
    if recorded.event().personal().is_some()
        && let Ok(mut event) = Event::decode(&written.type_name, &written.body)
        && in_the_open(&event)
    {
        event.redact();
        return event.body().to_string();
    }
    String::from_utf8_lossy(&written.body).into_owned()
}

pub fn read(row: &Row) -> Result<TimelineRow, StoreError> {
    Ok(TimelineRow {
        kind: row.text("kind")?,
        aggregate: row.uuid("aggregate")?,
        sequence: row.count("sequence")?,
        event: row.uuid("event")?,
        type_name: row.text("event_type")?,
        time: row.time("happened")?,
        actor: row.text("actor")?,
        causation: row.maybe("causation", Row::uuid)?,
        correlation: row.uuid("correlation")?,
        body: row.text("body")?,
        hash: row.parsed("hash")?,
        previous: row.maybe("previous", Row::parsed)?,
    })
}
