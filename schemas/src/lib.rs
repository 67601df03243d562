//! The vocabulary of Kart: ids, the events in the order of a job's life, their envelope, and the pure rules of every
//! aggregate. No I/O happens here.

pub mod aggregate;
pub mod blob;
pub mod comic;
pub mod envelope;
pub mod event;
pub mod ids;
pub mod job;
pub mod limits;
pub mod line;
pub mod media;
pub mod personal;
pub mod progress;
pub mod scene;
pub mod stroke;
pub mod style;
pub mod user;
pub mod video;

pub use aggregate::{Aggregate, Refusal};
pub use blob::{Blob, Hash};
pub use envelope::{Actor, Head, HeaderError, NewEvent, Recorded, Written};
pub use event::{DecodeError, Event};
pub use ids::{AggregateId, BalloonId, ComicId, JobId, Kind, MediaId, PlacementId, SceneId, TargetId, UserId, VideoId};
pub use limits::Invalid;
pub use line::LineError;
pub use personal::Personal;
pub use stroke::Stroke;
pub use style::Style;
