//! A person's comics, the newest first. Only ids, as with jobs.

use crate::{Mutation, Order, Row, StoreError, Table, Type};
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
    let (AggregateId::ComicId(comic), Event::ComicDrafted(e)) = (recorded.aggregate, recorded.event()) else {
        return vec![];
    };
    let key = [e.owner.into(), recorded.new.time.into(), comic.into()];
    vec![TABLE.upsert(recorded.sequence, key, [("title", (&e.title).into())])]
}

pub fn read(row: &Row) -> Result<ComicId, StoreError> {
    row.uuid("comic").map(ComicId)
}
