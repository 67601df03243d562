//! The catalogue: every event that Kart writes, in the order of a job's life.
//!
//! An event carries absolute values, so that applying it twice changes nothing. Bodies are plain JSON that only grows;
//! a breaking change is a new version, and the old one is read as the new ([`old`]).

use crate::ids::Kind;
use schemars::{Schema, schema_for};

use serde_json::Value;

pub use comic::*;
pub use job::*;
pub use media::*;
pub use scene::*;
pub use user::*;
pub use video::*;
mod blobs;
mod comic;
mod job;
mod media;
mod old;
mod scene;
mod user;
mod video;

use crate::ids::UserId;
use crate::personal::{CannotOpen, Key, Personal};
use uuid::Uuid;

/// Builds the [`Event`] enum: a variant for each body, with its aggregate and its name on the wire.
macro_rules! catalogue {
    ($($variant:ident = $kind:ident / $name:literal / $version:literal),* $(,)?) => {
        /// Something that happened.
        #[derive(Clone, Debug, PartialEq)]
        pub enum Event { $($variant($variant)),* }

        $(impl From<$variant> for Event {
            fn from(body: $variant) -> Self { Event::$variant(body) }
        })*

        impl Event {
            /// Which aggregate it belongs to.
            pub fn kind(&self) -> Kind {
                match self { $(Event::$variant(_) => Kind::$kind),* }
            }

            /// The last word of its subject: `training-started`.
            pub fn name(&self) -> &'static str {
                match self { $(Event::$variant(_) => $name),* }
            }

            /// The type that it is written as: `kart.job.training-started.v1`.
            pub fn type_name(&self) -> &'static str {
                match self {
                    $(Event::$variant(_) => concat!("kart.", aggregate!($kind), ".", $name, ".v", $version)),*
                }
            }

            /// Its body as JSON.
            pub fn body(&self) -> Value {
                let body = match self { $(Event::$variant(body) => serde_json::to_value(body)),* };
                body.expect("event bodies have string keys and finite numbers")
            }

            /// Its body as the bytes of a message.
            pub fn to_bytes(&self) -> Vec<u8> {
                let body = match self { $(Event::$variant(body) => serde_json::to_vec(body)),* };
                body.expect("event bodies have string keys and finite numbers")
            }

            /// Reads a body of the type `kart.<aggregate>.<name>.v<version>`; an old version becomes the present one.
            ///
            /// # Errors
            /// `Unknown` for a type that this program does not know (it may be newer), `Body` when the body does not fit.
            pub fn decode(type_name: &str, body: &[u8]) -> Result<Self, DecodeError> {
                let error = |source| DecodeError::Body { type_name: type_name.to_owned(), source };
                $(if type_name == concat!("kart.", aggregate!($kind), ".", $name, ".v", $version) {
                    return serde_json::from_slice(body).map(Event::$variant).map_err(error);
                })*
                match old::decode(type_name, body) {
                    Some(decoded) => decoded.map_err(error),
                    None => Err(DecodeError::Unknown(type_name.to_owned())),
                }
            }

            /// The JSON Schema of every type that can be read: those that are written, then the old versions.
            pub fn schemas() -> Vec<(&'static str, Schema)> {
                let mut all = vec![
                    $((concat!("kart.", aggregate!($kind), ".", $name, ".v", $version), schema_for!($variant))),*
                ];
                all.extend(old::schemas());
                all
            }
        }
    };
}

macro_rules! aggregate {
    (User) => {
        "user"
    };
    (Video) => {
        "video"
    };
    (Job) => {
        "job"
    };
    (Media) => {
        "media"
    };
    (Scene) => {
        "scene"
    };
    (Comic) => {
        "comic"
    };
}

catalogue! {
    UserRegistered = User / "registered" / 1,
    NotificationTargetAdded = User / "notification-target-added" / 1,
    NotificationTargetRemoved = User / "notification-target-removed" / 1,
    UserErased = User / "erased" / 1,
    VideoUploaded = Video / "uploaded" / 2,
    VideoChecked = Video / "checked" / 1,
    VideoRefused = Video / "refused" / 1,
    VideoErased = Video / "erased" / 1,
    JobRequested = Job / "requested" / 2,
    JobDispatched = Job / "dispatched" / 1,
    TrainingStarted = Job / "training-started" / 1,
    TrainingProgressed = Job / "training-progressed" / 1,
    TrainingCompleted = Job / "trained" / 1,
    InferenceStarted = Job / "inference-started" / 1,
    PanelRendered = Job / "panel-rendered" / 1,
    InferenceCompleted = Job / "inferred" / 1,
    JobInterrupted = Job / "interrupted" / 1,
    JobCompleted = Job / "completed" / 1,
    JobFailed = Job / "failed" / 1,
    RetryScheduled = Job / "retry-scheduled" / 1,
    CancelRequested = Job / "cancel-requested" / 1,
    JobCancelled = Job / "cancelled" / 1,
    JobErased = Job / "erased" / 1,
    MediaAdded = Media / "added" / 1,
    MediaNamed = Media / "named" / 1,
    MediaTagged = Media / "tagged" / 1,
    MediaVersionAdded = Media / "version-added" / 1,
    MediaRemoved = Media / "removed" / 1,
    MediaRestored = Media / "restored" / 1,
    MediaErased = Media / "erased" / 1,
    SceneCreated = Scene / "created" / 1,
    AssetPlaced = Scene / "asset-placed" / 1,
    AssetMoved = Scene / "asset-moved" / 1,
    AssetUnplaced = Scene / "asset-unplaced" / 1,
    BalloonPlaced = Scene / "balloon-placed" / 1,
    BalloonEdited = Scene / "balloon-edited" / 1,
    BalloonRemoved = Scene / "balloon-removed" / 1,
    SceneReady = Scene / "ready" / 1,
    SceneDrafted = Scene / "drafted" / 1,
    SceneRemoved = Scene / "removed" / 1,
    SceneRestored = Scene / "restored" / 1,
    SceneErased = Scene / "erased" / 1,
    ComicDrafted = Comic / "drafted" / 2,
    ComicCreated = Comic / "created" / 1,
    ComicTitled = Comic / "titled" / 1,
    SceneAdded = Comic / "scene-added" / 1,
    SceneMoved = Comic / "scene-moved" / 1,
    SceneDropped = Comic / "scene-dropped" / 1,
    LayoutChosen = Comic / "layout-chosen" / 1,
    ComicPublished = Comic / "published" / 1,
    ComicUnpublished = Comic / "unpublished" / 1,
    ComicRated = Comic / "rated" / 1,
    ComicReported = Comic / "reported" / 1,
    ComicRemoved = Comic / "removed" / 1,
    ComicRestored = Comic / "restored" / 1,
    ComicErased = Comic / "erased" / 1,
}

/// The owner and the personal text of an event, borrowed or borrowed mutably.
macro_rules! personal {
    ($event:expr $(, $mut:ident)?) => {
        match $event {
            Event::NotificationTargetAdded(e) => Some((e.owner, & $($mut)? e.address)),
            Event::VideoUploaded(e) => Some((e.owner, & $($mut)? e.name)),
            Event::JobRequested(e) => Some((e.owner, & $($mut)? e.title)),
            Event::MediaNamed(e) => Some((e.owner, & $($mut)? e.name)),
            Event::MediaTagged(e) => Some((e.owner, & $($mut)? e.tags)),
            Event::BalloonPlaced(e) => Some((e.owner, & $($mut)? e.content.text)),
            Event::BalloonEdited(e) => Some((e.owner, & $($mut)? e.content.text)),
            Event::ComicDrafted(e) => Some((e.owner, & $($mut)? e.title)),
            Event::ComicCreated(e) => Some((e.owner, & $($mut)? e.title)),
            Event::ComicTitled(e) => Some((e.owner, & $($mut)? e.title)),
            _ => None,
        }
    };
}

impl Event {
    /// The text in it that a person wrote, and whose it is.
    pub fn personal(&self) -> Option<(UserId, &Personal)> {
        personal!(self)
    }

    fn personal_mut(&mut self) -> Option<(UserId, &mut Personal)> {
        personal!(self, mut)
    }

    /// Seals a plain text with its owner's key; `id` is the event's.
    pub fn seal(&mut self, id: Uuid, key: &Key) {
        if let Some((_, text)) = self.personal_mut() {
            text.seal(key, id);
        }
    }

    /// Puts the erased mark in the place of what a person wrote.
    pub fn redact(&mut self) {
        if let Some((_, text)) = self.personal_mut() {
            *text = Personal::ERASED;
        }
    }

    /// Opens a sealed text; without a key it is erased.
    ///
    /// # Errors
    /// When the key does not fit.
    pub fn open(&mut self, id: Uuid, key: Option<&Key>) -> Result<(), CannotOpen> {
        self.personal_mut().map_or(Ok(()), |(_, text)| text.open(key, id))
    }
}

/// Why a message is not an event that we know.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("no event type is called {0}")]
    Unknown(String),
    #[error("the body of {type_name} does not fit")]
    Body { type_name: String, source: serde_json::Error },
}
