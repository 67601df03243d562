//! A scene: `kart.scene.*`. One picture of a comic, put together from the library; any number of comics may show it.

use crate::Personal;
use crate::ids::{BalloonId, MediaId, PlacementId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An empty scene. Everything in it is placed in these pixels, from the upper left corner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SceneCreated {
    pub owner: UserId,
    pub width: u32,
    pub height: u32,
}

/// Where and how a picture stands in a scene.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pose {
    /// Of the picture's centre, in the scene's pixels.
    pub x: f32,
    pub y: f32,
    /// The higher is in front; equal ones stand in the order of their placements' ids.
    pub z: i32,
    /// 1: a pixel of the picture is a pixel of the scene.
    pub scale: f32,
    /// Degrees, clockwise.
    pub rotation: f32,
    /// Left and right swapped.
    pub flip: bool,
}

/// A picture stands in the scene.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssetPlaced {
    pub owner: UserId,
    /// This appearance of the picture: it may stand in a scene more than once.
    pub placement: PlacementId,
    pub media: MediaId,
    pub pose: Pose,
}

/// It stands elsewhere or otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssetMoved {
    pub owner: UserId,
    pub placement: PlacementId,
    pub pose: Pose,
}

/// It does not stand in the scene any more.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AssetUnplaced {
    pub owner: UserId,
    pub placement: PlacementId,
}

/// How a text is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BalloonKind {
    Speech,
    Thought,
    Caption,
}

/// A place in a scene, in its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    pub x: f32,
    pub y: f32,
}

/// A text over the pictures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Balloon {
    pub kind: BalloonKind,
    /// The centre of the text.
    pub at: Point,
    /// Where its tail points to; none for a caption.
    pub tail: Option<Point>,
    pub text: Personal,
}

/// Somebody in the scene speaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BalloonPlaced {
    pub owner: UserId,
    pub balloon: BalloonId,
    pub content: Balloon,
}

/// What a balloon is now, whatever it was.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BalloonEdited {
    pub owner: UserId,
    pub balloon: BalloonId,
    pub content: Balloon,
}

/// A balloon is gone.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BalloonRemoved {
    pub owner: UserId,
    pub balloon: BalloonId,
}

/// It is as its owner wants it, and stays so while it is ready.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SceneReady {
    pub owner: UserId,
}

/// It is worked on again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SceneDrafted {
    pub owner: UserId,
}

/// It is out of the library; comics that show it keep it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SceneRemoved {
    pub owner: UserId,
}

/// It is in the library again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SceneRestored {
    pub owner: UserId,
}

/// A scene was deleted for good.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SceneErased {
    pub owner: UserId,
}
