//! A comic: `kart.comic.*`.

use super::Picture;
use crate::Personal;
use crate::ids::{JobId, SceneId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A comic was made from a job's pictures. It is a draft until its author publishes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComicDrafted {
    pub owner: UserId,
    pub job: JobId,
    pub title: Personal,
    pub page: Picture,
    pub panels: Vec<Picture>,
}

/// A comic was deleted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComicErased {
    pub owner: UserId,
    /// When it was made, Unix time in milliseconds: its place in its author's list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made_ms: Option<u64>,
}

/// An empty comic, for scenes. It is a draft until its author publishes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComicCreated {
    pub owner: UserId,
    pub title: Personal,
}

/// Its author called it something else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComicTitled {
    pub owner: UserId,
    pub title: Personal,
}

/// A scene is in the comic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SceneAdded {
    pub owner: UserId,
    pub scene: SceneId,
    /// All scenes from now on, in reading order.
    pub scenes: Vec<SceneId>,
}

/// A scene stands elsewhere in the reading order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SceneMoved {
    pub owner: UserId,
    pub scene: SceneId,
    /// All scenes from now on, in reading order.
    pub scenes: Vec<SceneId>,
}

/// A scene is not in the comic any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SceneDropped {
    pub owner: UserId,
    pub scene: SceneId,
    /// All scenes from now on, in reading order.
    pub scenes: Vec<SceneId>,
}

/// What the panels are laid out on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Page,
    Strip,
    Scroll,
}

/// How the panels are arranged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LayoutChosen {
    pub owner: UserId,
    pub format: Format,
    /// Which of the good arrangements: the same number gives the same one.
    pub seed: u32,
    pub right_to_left: bool,
}

/// Everybody can read it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComicPublished {
    pub owner: UserId,
}

/// It is a draft again. What readers thought of it stays.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComicUnpublished {
    pub owner: UserId,
}

/// It is out of its author's list, and was unpublished before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComicRemoved {
    pub owner: UserId,
}

/// It is in its author's list again, as a draft.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComicRestored {
    pub owner: UserId,
}

/// A reader said how good it is, for the first time or anew.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComicRated {
    pub owner: UserId,
    pub by: UserId,
    /// From 1 to 5.
    pub stars: u8,
    /// Over all readers' present ratings, this one included.
    pub sum: u64,
    /// How many readers rated it, this one included.
    pub count: u32,
}

/// What may be wrong with a comic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Complaint {
    /// It shows somebody who did not agree.
    Privacy,
    Copyright,
    Offensive,
    Spam,
}

/// A reader says that it should not be public.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComicReported {
    pub owner: UserId,
    pub by: UserId,
    pub complaint: Complaint,
    /// How many readers reported it, this one included.
    pub count: u32,
}
