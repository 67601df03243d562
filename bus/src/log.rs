//! The log: every event, in one stream, for ever.

mod append;
mod committer;
mod execute;
mod follow;
mod load;
mod message;
mod outgoing;
mod place;
mod reply;
mod restore;
mod turns;

pub(crate) use committer::Committer;
pub use restore::RestoreError;
pub(crate) use turns::Turns;

use crate::Bus;
use crate::streams::describe;
use crate::subjects::EVENTS_STREAM;
use futures::StreamExt;
use futures::stream::BoxStream;
use schemas::{Actor, AggregateId, Event, Head, Kind, Recorded, Refusal};
use time::OffsetDateTime;
use uuid::Uuid;

/// The stream `KART_EVENTS`. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    pub(crate) bus: Bus,
    /// Whether sealed texts are opened on reading.
    pub(crate) opens: bool,
    /// Whether a message must be written exactly as Kart writes it.
    pub(crate) strict: bool,
}

/// What an append takes for granted. There is no "don't check".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// The aggregate has no events yet.
    New,
    /// Its last event is this one.
    After(Head),
}

/// A successful append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The aggregate's last event now.
    pub head: Head,
    /// The events were there already: an earlier try had succeeded without our knowing.
    pub duplicate: bool,
}

/// An aggregate's events.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    pub events: Vec<Recorded>,
    /// `None`: it has no events.
    pub head: Option<Head>,
}

/// What a subscription yields.
#[derive(Clone, Debug, PartialEq)]
pub enum Delivered {
    Event(Box<Recorded>),
    /// A message that is no event we know. The stream goes on.
    Unreadable {
        sequence: u64,
        subject: String,
        type_name: Option<String>,
        reason: String,
    },
    /// Everything up to `sequence` has been delivered; nothing waits.
    CaughtUp {
        sequence: u64,
    },
}

/// Which part of the log to replay. The default is all of it.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub aggregate: Option<AggregateId>,
    /// Every aggregate of a kind; ignored when `aggregate` is given.
    pub kind: Option<Kind>,
    /// An event's name, such as `training-started`.
    pub event: Option<String>,
    /// First sequence, inclusive; 0 and 1 are the beginning.
    pub from: u64,
    /// Last sequence, inclusive.
    pub to_sequence: Option<u64>,
}

/// Who does what, and why: what the events of a command carry.
#[derive(Clone, Debug)]
pub struct Context {
    /// Event ids are made from it, so that a repeated command writes the same events.
    pub command: Uuid,
    pub actor: Actor,
    pub correlation: Uuid,
    pub causation: Option<Uuid>,
    pub time: OffsetDateTime,
}

/// A command that went through.
#[derive(Debug)]
pub struct Executed<A> {
    /// With the new events applied.
    pub state: A,
    /// `None`: the aggregate has no events, and none were made.
    pub head: Option<Head>,
    /// What happened; empty when there was nothing to do.
    pub events: Vec<Event>,
    /// This very command had been executed before.
    pub duplicate: bool,
}

/// Why an append failed.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// Somebody else wrote first. Load and decide again.
    #[error("{aggregate} has moved on")]
    Conflict { aggregate: AggregateId },
    #[error("an event of {aggregate} is {bytes} bytes; {limit} is the limit")]
    TooLarge { aggregate: AggregateId, bytes: usize, limit: usize },
    /// Nothing was written. It works again when there is room.
    #[error("the log is full: {reason}")]
    Full { reason: String },
    /// The outcome is unknown; the same events may be appended again safely.
    #[error("the log cannot be written: {reason}")]
    Unavailable { reason: String },
    #[error("the append of {aggregate} is not well formed: {reason}")]
    Invalid { aggregate: AggregateId, reason: String },
    /// Nothing more is written for somebody who was erased.
    #[error("the owner of {aggregate} was erased")]
    Erased { aggregate: AggregateId },
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the log cannot be read: {reason}")]
    Unavailable { reason: String },
    /// Never expected: the log was deleted, or a disk lost what had been acknowledged.
    #[error("the log has lost events: {expected} should come next, but {found}")]
    Lost { expected: u64, found: String },
    #[error("message {sequence} on {subject} is no event we know: {reason}")]
    Unreadable { sequence: u64, subject: String, reason: String },
}

/// Why a command was not executed.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    #[error("refused: {0}")]
    Refused(Refusal),
    #[error(transparent)]
    Append(AppendError),
    #[error(transparent)]
    Read(ReadError),
}

impl Log {
    /// The same log, whose readers see what people wrote; what was erased shows as such. Needs the right to read keys.
    pub fn opened(self) -> Self {
        Self { opens: true, ..self }
    }

    /// The same log, whose readers hold every message that is not written exactly as Kart writes it, header by header,
    /// for unreadable. For auditing; those who go by an event's meaning need not care.
    pub fn strict(self) -> Self {
        Self { strict: true, ..self }
    }

    /// The last sequence of the log; 0 when it is empty.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn head(&self) -> Result<u64, ReadError> {
        let stream = self.bus.jetstream.get_stream(EVENTS_STREAM).await;
        let stream = stream.map_err(|error| ReadError::Unavailable { reason: describe(&error) })?;
        Ok(stream.cached_info().state.last_sequence)
    }

    /// Every event from sequence `from` on (0 and 1: the beginning), without end and in order, each once. It survives
    /// restarts of the server by itself. An `Err` says that the log has lost events or was deleted; it goes on if
    /// that heals.
    pub fn follow(&self, from: u64) -> BoxStream<'static, Result<Delivered, ReadError>> {
        follow::stream(self.clone(), Filter { from, ..Filter::default() }, follow::End::Never)
    }

    /// A part of the log, up to the head that was seen at the start. After an `Err` it ends.
    pub fn replay(&self, filter: Filter) -> BoxStream<'static, Result<Delivered, ReadError>> {
        let log = self.clone();
        let stream = async move {
            let last = match (filter.to_sequence, log.head().await) {
                (Some(wanted), Ok(head)) => wanted.min(head),
                (None, Ok(head)) => head,
                (_, Err(error)) => return futures::stream::once(async { Err(error) }).boxed(),
            };
            follow::stream(log, filter, follow::End::At(last))
        };
        futures::stream::once(stream).flatten().boxed()
    }
}
