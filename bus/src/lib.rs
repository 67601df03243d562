//! Everything that leaves the process: the log of events, the work queue, ticks, control messages and sessions over NATS
//! JetStream, and blobs over S3. No other crate names a subject, a stream, a NATS header or an S3 operation.

pub mod blobs;
mod connection;
pub mod control;
mod direct;
mod health;
pub mod keys;
pub mod local;
pub mod log;
pub mod parked;
pub mod sessions;
mod streams;
mod subjects;
pub mod ticks;
pub mod work;

pub use blobs::{BlobError, Blobs, S3Config, UploadError};
pub use connection::{Bus, BusError, Credentials, NatsConfig};
pub use control::Control;
pub use health::Health;
pub use keys::{KeyError, Keys};
pub use log::{
    AppendError, Appended, Context, Delivered, ExecuteError, Executed, Expect, Filter, Loaded, Log, ReadError,
    RestoreError,
};
pub use parked::Parked;
pub use sessions::Sessions;
pub use streams::Needed;
pub use ticks::Ticks;
pub use work::{Task, Work, WorkError, WorkQueue};

/// What to subscribe to, to read the jobs as a story: `nats sub 'kart.evt.job.>'`.
pub const STORY: &str = "kart.evt.job.>";
