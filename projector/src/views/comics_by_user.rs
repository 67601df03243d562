//! A person's comics, the newest first. Only ids, as with jobs.

use crate::{Mutation, Order, Row, StoreError, Table, Type, Value};
use schemas::event::ComicErased;
use schemas::{AggregateId, ComicId, Event, Recorded};

pub static TABLE: Table = Table {
    name: "comics_by_user",
    version: 1,
    // A comic's id is made from its job's and says nothing about its age: the time goes first.
    columns: &[("owner", Type::Uuid), ("created", Type::Time), ("comic", Type::Uuid), ("title", Type::Text)],
    partition: 1,
    clustering: 2,
    order: Order::Descending,
};

pub fn apply(recorded: &Recorded) -> Vec<Mutation> {
    let AggregateId::ComicId(comic) = recorded.aggregate else { return vec![] };
    match recorded.event() {
        Event::ComicDrafted(e) => {
            let key = [e.owner.into(), recorded.new.time.into(), comic.into()];
            vec![TABLE.upsert(recorded.sequence, key, [("title", (&e.title).into())])]
        }
        Event::ComicErased(ComicErased { owner, made_ms: Some(made_ms) }) => {
            let made = Value::Time(i64::try_from(*made_ms).unwrap_or(i64::MAX));
            vec![TABLE.delete(recorded.sequence, [(*owner).into(), made, comic.into()])]
        }
        _ => vec![],
    }
}

pub fn read(row: &Row) -> Result<ComicId, StoreError> {
    row.uuid("comic").map(ComicId)
}
