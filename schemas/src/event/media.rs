//! A picture in a library: `kart.media.*`.

use crate::Personal;
use crate::blob::Blob;
use crate::ids::{JobId, MediaId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A picture that a job drew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Picture {
    pub media: MediaId,
    pub blob: Blob,
    pub width: u32,
    pub height: u32,
    /// What it shows, for those who cannot see it.
    pub alt: String,
    /// Where in the video its frame stands.
    pub at_ms: Option<u64>,
}

/// What a picture is in the library.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    Panel,
    Cutout,
    Background,
    Page,
}

impl MediaKind {
    pub fn as_str(self) -> &'static str {
        match self {
            MediaKind::Panel => "panel",
            MediaKind::Cutout => "cutout",
            MediaKind::Background => "background",
            MediaKind::Page => "page",
        }
    }
}

/// A picture came into its owner's library.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MediaAdded {
    pub owner: UserId,
    pub kind: MediaKind,
    /// `image/png`, …
    pub content_type: String,
    pub picture: Picture,
    /// Where it came from: panel → model → second of the video.
    pub job: JobId,
    pub model: Blob,
}

/// A picture was deleted from its owner's library, with its bytes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MediaErased {
    pub owner: UserId,
}

/// Its owner called it something.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MediaNamed {
    pub owner: UserId,
    pub name: Personal,
}

/// Its owner's words for finding it again: all of them, one a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MediaTagged {
    pub owner: UserId,
    pub tags: Personal,
}

/// Another picture of the same thing; the newest version is the one to use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MediaVersionAdded {
    pub owner: UserId,
    /// From 2: the picture itself is version 1.
    pub version: u32,
    /// A picture of the same owner, with its own origin.
    pub media: MediaId,
}

/// It is out of the library; scenes that show it keep it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MediaRemoved {
    pub owner: UserId,
}

/// It is in the library again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MediaRestored {
    pub owner: UserId,
}
