//! The catalogue: every event that Kart writes, in the order of a job's life.
//!
//! An event carries absolute values, so that applying it twice changes nothing. Bodies are plain JSON that only grows;
//! a breaking change is a new version beside the old one.

use crate::ids::Kind;
use schemars::{Schema, schema_for};

use serde_json::Value;

pub use body::*;
mod body;

/// Builds the [`Event`] enum: a variant for each body, with its aggregate and its name on the wire.
macro_rules! catalogue {
    ($($variant:ident = $kind:ident / $name:literal),* $(,)?) => {
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

            /// Reads a body of the type `kart.<aggregate>.<name>.v<version>`.
            ///
            /// # Errors
            /// `Unknown` for a type that this program does not know (it may be newer), `Body` when the body does not fit.
            pub fn decode(type_name: &str, body: &[u8]) -> Result<Self, DecodeError> {
                let error = |source| DecodeError::Body { type_name: type_name.to_owned(), source };
                $(if type_name == concat!("kart.", aggregate!($kind), ".", $name, ".v1") {
                    return serde_json::from_slice(body).map(Event::$variant).map_err(error);
                })*
                Err(DecodeError::Unknown(type_name.to_owned()))
            }

            /// The JSON Schema of every type.
            pub fn schemas() -> Vec<(String, Schema)> {
                vec![$((concat!("kart.", aggregate!($kind), ".", $name, ".v1").to_owned(), schema_for!($variant))),*]
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
    (Comic) => {
        "comic"
    };
}

catalogue! {
    UserRegistered = User / "registered",
    VideoUploaded = Video / "uploaded",
    VideoChecked = Video / "checked",
    VideoRefused = Video / "refused",
    JobRequested = Job / "requested",
    JobDispatched = Job / "dispatched",
    TrainingStarted = Job / "training-started",
    TrainingProgressed = Job / "training-progressed",
    TrainingCompleted = Job / "trained",
    InferenceStarted = Job / "inference-started",
    PanelRendered = Job / "panel-rendered",
    InferenceCompleted = Job / "inferred",
    JobCompleted = Job / "completed",
    JobFailed = Job / "failed",
    RetryScheduled = Job / "retry-scheduled",
    CancelRequested = Job / "cancel-requested",
    JobCancelled = Job / "cancelled",
    MediaAdded = Media / "added",
    ComicDrafted = Comic / "drafted",
}

impl Event {
    /// `kart.job.training-started.v1`
    pub fn type_name(&self) -> String {
        format!("kart.{}.{}.v1", self.kind().as_str(), self.name())
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
