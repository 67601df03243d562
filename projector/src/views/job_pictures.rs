//! What a job drew, panel by panel while it draws. A new attempt at drawing starts from an empty page.

use crate::{Mutation, Order, Row, StoreError, Table, Type, Value};
use schemas::event::{MediaKind, Picture};
use schemas::{AggregateId, Event, Hash, JobId, MediaId, Recorded};
use serde::Serialize;

pub static TABLE: Table = Table {
    name: "job_pictures",
    version: 1,
    columns: &[
        ("job", Type::Uuid),
        ("kind", Type::Text),
        ("position", Type::Int),
        ("media", Type::Uuid),
        ("blob_key", Type::Text),
        ("bytes", Type::Int),
        ("sha256", Type::Text),
        ("width", Type::Int),
        ("height", Type::Int),
        ("alt", Type::Text),
        ("at_ms", Type::Int),
    ],
    partition: 1,
    clustering: 2,
    order: Order::Ascending,
};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PictureRow {
    pub job: JobId,
    pub kind: MediaKind,
    /// From 0 inside its kind, in reading order.
    pub index: u32,
    pub media: MediaId,
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
}

pub fn apply(recorded: &Recorded) -> Vec<Mutation> {
    let AggregateId::JobId(job) = recorded.aggregate else { return vec![] };
    let sequence = recorded.sequence;
    match recorded.event() {
        Event::InferenceStarted(_) | Event::JobErased(_) => vec![TABLE.delete(sequence, [job.into()])],
        Event::PanelRendered(e) => vec![upsert(sequence, job, MediaKind::Panel, e.index, &e.picture)],
        Event::InferenceCompleted(e) => {
            let page = [(MediaKind::Page, 0, &e.page)];
            let background = e.background.iter().map(|picture| (MediaKind::Background, 0, picture));
            let panels = (0..).zip(&e.panels).map(|(index, picture)| (MediaKind::Panel, index, picture));
            let cutouts = (0..).zip(&e.cutouts).map(|(index, picture)| (MediaKind::Cutout, index, picture));
            let pictures = page.into_iter().chain(background).chain(panels).chain(cutouts);
            pictures.map(|(kind, index, picture)| upsert(sequence, job, kind, index, picture)).collect()
        }
        _ => vec![],
    }
}

fn upsert(sequence: u64, job: JobId, kind: MediaKind, index: u32, picture: &Picture) -> Mutation {
    TABLE.upsert(
        sequence,
        [job.into(), kind.as_str().into(), Value::from(index)],
        [
            ("media", picture.media.into()),
            ("blob_key", (&picture.blob.key).into()),
            ("bytes", picture.blob.bytes.into()),
            ("sha256", picture.blob.sha256.into()),
            ("width", picture.width.into()),
            ("height", picture.height.into()),
            ("alt", (&picture.alt).into()),
            ("at_ms", picture.at_ms.into()),
        ],
    )
}

pub fn read(row: &Row) -> Result<PictureRow, StoreError> {
    Ok(PictureRow {
        job: JobId(row.uuid("job")?),
        kind: super::media::kind(row)?,
        index: row.count("position")?,
        media: MediaId(row.uuid("media")?),
        key: row.text("blob_key")?,
        bytes: row.count("bytes")?,
        sha256: row.parsed("sha256")?,
        width: row.count("width")?,
        height: row.count("height")?,
        alt: row.text("alt")?,
        at_ms: row.maybe("at_ms", Row::count)?,
    })
}
