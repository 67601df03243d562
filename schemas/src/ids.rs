//! Typed ids. Each is a UUID: version 7 (time-ordered, RFC 9562) when it is made for something new.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A new id that sorts after those made before it.
            #[allow(clippy::new_without_default)]
            pub fn new() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                Ok(Self(text.parse()?))
            }
        }
    };
}

/// The id of an aggregate, not of something in one.
macro_rules! aggregate_id {
    ($(#[$doc:meta])* $name:ident) => {
        id!($(#[$doc])* $name);

        impl From<$name> for AggregateId {
            fn from(id: $name) -> Self {
                Self::$name(id)
            }
        }
    };
}

aggregate_id!(/// A person who uses Kart, also before they signed up.
    UserId);
aggregate_id!(/// An uploaded video.
    VideoId);
aggregate_id!(/// "Train your comic character": one training and one drawing phase over one video.
    JobId);
aggregate_id!(/// A picture in somebody's library.
    MediaId);
aggregate_id!(/// A picture of a comic, put together from the library.
    SceneId);
aggregate_id!(/// A comic.
    ComicId);
id!(/// One appearance of a picture in a scene.
    PlacementId);
id!(/// A text in a scene.
    BalloonId);
id!(/// Where a person wants to be told things.
    TargetId);

impl MediaId {
    /// The id of a picture is made from its owner and its bytes, so that the same picture is stored once for each owner.
    pub fn of(owner: UserId, sha256: &crate::Hash) -> Self {
        Self(Uuid::new_v5(&owner.0, &sha256.0))
    }
}

impl ComicId {
    /// A job makes one comic, whoever writes it down first.
    pub fn of(job: JobId) -> Self {
        Self(Uuid::new_v5(&job.0, b"comic"))
    }
}

/// What an aggregate is: the second word of a subject after the prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    User,
    Video,
    Job,
    Media,
    Scene,
    Comic,
}

impl Kind {
    pub const ALL: [Kind; 6] = [Kind::User, Kind::Video, Kind::Job, Kind::Media, Kind::Scene, Kind::Comic];

    pub fn as_str(self) -> &'static str {
        match self {
            Kind::User => "user",
            Kind::Video => "video",
            Kind::Job => "job",
            Kind::Media => "media",
            Kind::Scene => "scene",
            Kind::Comic => "comic",
        }
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no aggregate is called {0:?}")]
pub struct UnknownKind(pub String);

/// One thing whose events are ordered among themselves and whose rules hold over all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AggregateId {
    UserId(UserId),
    VideoId(VideoId),
    JobId(JobId),
    MediaId(MediaId),
    SceneId(SceneId),
    ComicId(ComicId),
}

impl AggregateId {
    pub fn new(kind: Kind, id: Uuid) -> Self {
        match kind {
            Kind::User => UserId(id).into(),
            Kind::Video => VideoId(id).into(),
            Kind::Job => JobId(id).into(),
            Kind::Media => MediaId(id).into(),
            Kind::Scene => SceneId(id).into(),
            Kind::Comic => ComicId(id).into(),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Self::UserId(_) => Kind::User,
            Self::VideoId(_) => Kind::Video,
            Self::JobId(_) => Kind::Job,
            Self::MediaId(_) => Kind::Media,
            Self::SceneId(_) => Kind::Scene,
            Self::ComicId(_) => Kind::Comic,
        }
    }

    pub fn uuid(&self) -> Uuid {
        match self {
            Self::UserId(id) => id.0,
            Self::VideoId(id) => id.0,
            Self::JobId(id) => id.0,
            Self::MediaId(id) => id.0,
            Self::SceneId(id) => id.0,
            Self::ComicId(id) => id.0,
        }
    }
}

impl fmt::Display for AggregateId {
    /// `job/0192…`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind().as_str(), self.uuid())
    }
}
