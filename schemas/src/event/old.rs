//! Versions that are not written any more. Each is read as the present one by a pure function: its `From`.

use super::{ComicDrafted, Event, JobRequested, Picture, Priority, VideoUploaded};
use crate::blob::Blob;
use crate::ids::{JobId, UserId, VideoId};
use schemars::{JsonSchema, Schema, schema_for};
use serde::Deserialize;

macro_rules! old_versions {
    ($($name:literal = $body:ident),* $(,)?) => {
        /// `None`: no old version is called so.
        pub fn decode(type_name: &str, body: &[u8]) -> Option<Result<Event, serde_json::Error>> {
            match type_name {
                $($name => Some(serde_json::from_slice::<$body>(body).map(Event::from)),)*
                _ => None,
            }
        }

        pub fn schemas() -> Vec<(&'static str, Schema)> {
            vec![$(($name, schema_for!($body))),*]
        }
    };
}

old_versions! {
    "kart.video.uploaded.v1" = VideoUploadedV1,
    "kart.job.requested.v1" = JobRequestedV1,
    "kart.comic.drafted.v1" = ComicDraftedV1,
}

/// Before the name was sealed.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "VideoUploaded")]
struct VideoUploadedV1 {
    owner: UserId,
    /// The file name that the browser gave, cleaned; shown to its owner only.
    name: String,
    /// What the first bytes say: `mp4`, `matroska`, `avi`, …
    container: String,
    blob: Blob,
}

impl From<VideoUploadedV1> for Event {
    fn from(VideoUploadedV1 { owner, name, container, blob }: VideoUploadedV1) -> Self {
        VideoUploaded { owner, name: name.into(), container, blob }.into()
    }
}

/// Before the title was sealed.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "JobRequested")]
struct JobRequestedV1 {
    owner: UserId,
    video: VideoId,
    /// What to call the job on pages: the video's name.
    title: String,
    blob: Blob,
}

impl From<JobRequestedV1> for Event {
    fn from(JobRequestedV1 { owner, video, title, blob }: JobRequestedV1) -> Self {
        JobRequested {
            owner,
            video,
            title: title.into(),
            blob,
            priority: Priority::Normal,
            style: None,
            redraw: None,
            strokes: vec![],
        }
        .into()
    }
}

/// Before the title was sealed.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "ComicDrafted")]
struct ComicDraftedV1 {
    owner: UserId,
    job: JobId,
    title: String,
    page: Picture,
    panels: Vec<Picture>,
}

impl From<ComicDraftedV1> for Event {
    fn from(ComicDraftedV1 { owner, job, title, page, panels }: ComicDraftedV1) -> Self {
        ComicDrafted { owner, job, title: title.into(), page, panels }.into()
    }
}
