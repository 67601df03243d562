//! An uploaded video by its id.

use crate::{Mutation, Order, Row, StoreError, Table, Type};
use schemas::{AggregateId, Event, Hash, Recorded, UserId, VideoId};
use serde::Serialize;
use time::OffsetDateTime;

pub static TABLE: Table = Table {
    name: "videos",
    version: 1,
    columns: &[
        ("id", Type::Uuid),
        ("owner", Type::Uuid),
        ("name", Type::Text),
        ("container", Type::Text),
        ("blob_key", Type::Text),
        ("bytes", Type::Int),
        ("sha256", Type::Text),
        ("created", Type::Time),
        ("codec", Type::Text),
        ("duration_ms", Type::Int),
        ("width", Type::Int),
        ("height", Type::Int),
        ("frames_per_second", Type::Real),
        ("advice", Type::Texts),
        ("refusal_code", Type::Text),
        ("refusal_detail", Type::Text),
        ("last_sequence", Type::Int),
    ],
    partition: 1,
    clustering: 0,
    order: Order::Ascending,
};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VideoRow {
    pub id: VideoId,
    pub owner: UserId,
    /// The file name that the browser gave.
    pub name: String,
    /// `mp4`, `matroska`, …
    pub container: String,
    /// Where its bytes are in S3.
    pub key: String,
    pub bytes: u64,
    pub sha256: Hash,
    #[serde(with = "time::serde::rfc3339")]
    pub created: OffsetDateTime,
    /// `None` until a trainer has looked.
    pub facts: Option<VideoFacts>,
    pub advice: Vec<String>,
    /// Why it cannot be used.
    pub refusal: Option<VideoRefusal>,
    /// Of the newest event in this row.
    pub last_sequence: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VideoFacts {
    pub codec: String,
    pub duration_ms: u64,
    /// Upright, in pixels.
    pub width: u32,
    pub height: u32,
    pub frames_per_second: f32,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VideoRefusal {
    /// Stable and kebab-case.
    pub code: String,
    pub detail: String,
}

pub fn apply(recorded: &Recorded) -> Vec<Mutation> {
    let AggregateId::VideoId(id) = recorded.aggregate else { return vec![] };
    let mut columns = match recorded.event() {
        Event::VideoUploaded(e) => vec![
            ("owner", e.owner.into()),
            ("name", (&e.name).into()),
            ("container", (&e.container).into()),
            ("blob_key", (&e.blob.key).into()),
            ("bytes", e.blob.bytes.into()),
            ("sha256", e.blob.sha256.into()),
            ("created", recorded.new.time.into()),
        ],
        Event::VideoChecked(e) => vec![
            ("codec", (&e.codec).into()),
            ("duration_ms", e.duration_ms.into()),
            ("width", e.width.into()),
            ("height", e.height.into()),
            ("frames_per_second", e.frames_per_second.into()),
            ("advice", (&e.advice).into()),
        ],
        Event::VideoRefused(e) => vec![("refusal_code", (&e.code).into()), ("refusal_detail", (&e.detail).into())],
        Event::VideoErased(_) => return vec![TABLE.delete(recorded.sequence, [id.into()])],
        _ => return vec![],
    };
    columns.push(("last_sequence", recorded.sequence.into()));
    vec![Mutation::Upsert { table: &TABLE, key: vec![id.into()], columns, sequence: recorded.sequence }]
}

pub fn read(row: &Row) -> Result<Option<VideoRow>, StoreError> {
    if !row.has("owner") {
        return Ok(None);
    }
    let refusal = match row.maybe("refusal_code", Row::text)? {
        None => None,
        Some(code) => Some(VideoRefusal { code, detail: row.text("refusal_detail")? }),
    };
    Ok(Some(VideoRow {
        id: VideoId(row.uuid("id")?),
        owner: UserId(row.uuid("owner")?),
        name: row.text("name")?,
        container: row.text("container")?,
        key: row.text("blob_key")?,
        bytes: row.count("bytes")?,
        sha256: row.parsed("sha256")?,
        created: row.time("created")?,
        facts: facts(row)?,
        advice: row.maybe("advice", Row::texts)?.unwrap_or_default(),
        refusal,
        last_sequence: row.count("last_sequence")?,
    }))
}

fn facts(row: &Row) -> Result<Option<VideoFacts>, StoreError> {
    let Some(codec) = row.maybe("codec", Row::text)? else { return Ok(None) };
    Ok(Some(VideoFacts {
        codec,
        duration_ms: row.count("duration_ms")?,
        width: row.count("width")?,
        height: row.count("height")?,
        frames_per_second: row.real("frames_per_second")?,
    }))
}
