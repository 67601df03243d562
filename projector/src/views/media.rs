//! A picture in somebody's library, by its id.

use crate::{Mutation, Order, Row, StoreError, Table, Type};
use schemas::event::MediaKind;
use schemas::{AggregateId, Event, Hash, JobId, MediaId, Recorded, UserId};
use serde::Serialize;
use time::OffsetDateTime;

pub static TABLE: Table = Table {
    name: "media",
    version: 1,
    columns: &[
        ("id", Type::Uuid),
        ("owner", Type::Uuid),
        ("kind", Type::Text),
        ("content_type", Type::Text),
        ("blob_key", Type::Text),
        ("bytes", Type::Int),
        ("sha256", Type::Text),
        ("width", Type::Int),
        ("height", Type::Int),
        ("alt", Type::Text),
        ("at_ms", Type::Int),
        ("job", Type::Uuid),
        ("model_key", Type::Text),
        ("created", Type::Time),
        ("last_sequence", Type::Int),
    ],
    partition: 1,
    clustering: 0,
    order: Order::Ascending,
};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MediaRow {
    pub id: MediaId,
    pub owner: UserId,
    pub kind: MediaKind,
    /// `image/png`, …
    pub content_type: String,
    /// Where its bytes are in S3.
    pub key: String,
    pub bytes: u64,
    pub sha256: Hash,
    /// Pixels.
    pub width: u32,
    pub height: u32,
    pub alt: String,
    /// Where in the video its frame stands.
    pub at_ms: Option<u64>,
    pub job: JobId,
    /// The weights that drew it, in S3.
    pub model_key: String,
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// Of the newest event in this row.
    pub last_sequence: u64,
}

pub fn apply(recorded: &Recorded) -> Vec<Mutation> {
    let AggregateId::MediaId(id) = recorded.aggregate else { return vec![] };
    let e = match recorded.event() {
        Event::MediaAdded(e) => e,
        Event::MediaErased(_) => return vec![TABLE.delete(recorded.sequence, [id.into()])],
        _ => return vec![],
    };
    vec![TABLE.upsert(
        recorded.sequence,
        [id.into()],
        [
            ("owner", e.owner.into()),
            ("kind", e.kind.as_str().into()),
            ("content_type", (&e.content_type).into()),
            ("blob_key", (&e.picture.blob.key).into()),
            ("bytes", e.picture.blob.bytes.into()),
            ("sha256", e.picture.blob.sha256.into()),
            ("width", e.picture.width.into()),
            ("height", e.picture.height.into()),
            ("alt", (&e.picture.alt).into()),
            ("at_ms", e.picture.at_ms.into()),
            ("job", e.job.into()),
            ("model_key", (&e.model.key).into()),
            ("created", recorded.new.time.into()),
            ("last_sequence", recorded.sequence.into()),
        ],
    )]
}

pub fn read(row: &Row) -> Result<Option<MediaRow>, StoreError> {
    Ok(Some(MediaRow {
        id: MediaId(row.uuid("id")?),
        owner: UserId(row.uuid("owner")?),
        kind: kind(row)?,
        content_type: row.text("content_type")?,
        key: row.text("blob_key")?,
        bytes: row.count("bytes")?,
        sha256: row.parsed("sha256")?,
        width: row.count("width")?,
        height: row.count("height")?,
        alt: row.text("alt")?,
        at_ms: row.maybe("at_ms", Row::count)?,
        job: JobId(row.uuid("job")?),
        model_key: row.text("model_key")?,
        created: row.time("created")?,
        last_sequence: row.count("last_sequence")?,
    }))
}

/// What a picture is, from column `kind`.
pub(super) fn kind(row: &Row) -> Result<MediaKind, StoreError> {
    const KINDS: [MediaKind; 4] = [MediaKind::Panel, MediaKind::Cutout, MediaKind::Background, MediaKind::Page];
    row.word("kind", &KINDS, MediaKind::as_str)
}
