//! A comic by its id.

use crate::{Mutation, Order, Row, StoreError, Table, Type, Value};
use schemas::{AggregateId, ComicId, Event, JobId, MediaId, Recorded, UserId};
use serde::Serialize;
use time::OffsetDateTime;

pub static TABLE: Table = Table {
    name: "comics",
    version: 1,
    columns: &[
        ("id", Type::Uuid),
        ("owner", Type::Uuid),
        ("job", Type::Uuid),
        ("title", Type::Text),
        ("draft", Type::Flag),
        ("page", Type::Uuid),
        ("page_width", Type::Int),
        ("page_height", Type::Int),
        ("page_alt", Type::Text),
        ("panels", Type::Texts),
        ("created", Type::Time),
        ("last_sequence", Type::Int),
    ],
    partition: 1,
    clustering: 0,
    order: Order::Ascending,
};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ComicRow {
    pub id: ComicId,
    pub owner: UserId,
    pub job: JobId,
    pub title: String,
    /// Its author has not published it.
    pub draft: bool,
    /// Media of the composed page.
    pub page: MediaId,
    /// Pixels.
    pub page_width: u32,
    pub page_height: u32,
    pub page_alt: String,
    /// Media of the panels, in reading order.
    pub panels: Vec<MediaId>,
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// Of the newest event in this row.
    pub last_sequence: u64,
}

pub fn apply(recorded: &Recorded) -> Vec<Mutation> {
    let AggregateId::ComicId(id) = recorded.aggregate else { return vec![] };
    let e = match recorded.event() {
        Event::ComicDrafted(e) => e,
        Event::ComicErased(_) => return vec![TABLE.delete(recorded.sequence, [id.into()])],
        _ => return vec![],
    };
    let panels = e.panels.iter().map(|picture| picture.media.to_string()).collect();
    vec![TABLE.upsert(
        recorded.sequence,
        [id.into()],
        [
            ("owner", e.owner.into()),
            ("job", e.job.into()),
            ("title", (&e.title).into()),
            ("draft", true.into()),
            ("page", e.page.media.into()),
            ("page_width", e.page.width.into()),
            ("page_height", e.page.height.into()),
            ("page_alt", (&e.page.alt).into()),
            ("panels", Value::Texts(panels)),
            ("created", recorded.new.time.into()),
            ("last_sequence", recorded.sequence.into()),
        ],
    )]
}

pub fn read(row: &Row) -> Result<Option<ComicRow>, StoreError> {
    let media = |text: &String| text.parse().map_err(|_| row.misfit("panels"));
    Ok(Some(ComicRow {
        id: ComicId(row.uuid("id")?),
        owner: UserId(row.uuid("owner")?),
        job: JobId(row.uuid("job")?),
        title: row.text("title")?,
        draft: row.flag("draft")?,
        page: MediaId(row.uuid("page")?),
        page_width: row.count("page_width")?,
        page_height: row.count("page_height")?,
        page_alt: row.text("page_alt")?,
        panels: row.texts("panels")?.iter().map(media).collect::<Result<_, _>>()?,
        created: row.time("created")?,
        last_sequence: row.count("last_sequence")?,
    }))
}
