//! A video: `kart.video.*`.

use crate::Personal;
use crate::blob::Blob;
use crate::ids::UserId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The whole video is in S3.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VideoUploaded {
    pub owner: UserId,
    /// The file name that the browser gave, cleaned; shown to its owner only.
    pub name: Personal,
    /// What the first bytes say: `mp4`, `matroska`, `avi`, …
    pub container: String,
    pub blob: Blob,
}

/// A trainer opened the video and found it usable.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VideoChecked {
    pub codec: String,
    pub duration_ms: u64,
    /// Upright, in pixels.
    pub width: u32,
    pub height: u32,
    pub frames_per_second: f32,
    /// What the person may do better next time: "hold the camera still", …
    pub advice: Vec<String>,
}

/// A trainer opened the video and cannot use it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VideoRefused {
    /// Stable and kebab-case: `no-video`, `corrupt-media`, …
    pub code: String,
    pub detail: String,
}

/// A video was deleted, with its bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct VideoErased {
    pub owner: UserId,
}
