//! The log: every event, in one stream, for ever.

use crate::Bus;
use futures::stream::BoxStream;
use schemas::{Actor, Aggregate, AggregateId, Event, Head, Kind, NewEvent, Recorded, Refusal};
use time::OffsetDateTime;
use uuid::Uuid;

/// The stream `KART_EVENTS`. Cheap to clone.
#[derive(Clone)]
pub struct Log {
    pub(crate) bus: Bus,
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
    Unreadable { sequence: u64, subject: String, type_name: Option<String>, reason: String },
    /// Everything up to `sequence` has been delivered; nothing waits.
    CaughtUp { sequence: u64 },
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
    /// The outcome is unknown; the same events may be appended again safely.
    #[error("the log cannot be written: {reason}")]
    Unavailable { reason: String },
    #[error("the append of {aggregate} is not well formed: {reason}")]
    Invalid { aggregate: AggregateId, reason: String },
}

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the log cannot be read: {reason}")]
    Unavailable { reason: String },
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
    /// Appends events of one aggregate: all or none.
    ///
    /// # Errors
    /// See [`AppendError`].
    pub async fn append(
        &self,
        _aggregate: AggregateId,
        _expect: Expect,
        _events: Vec<NewEvent>,
    ) -> Result<Appended, AppendError> {
        unimplemented!()
    }

    /// All events of an aggregate, oldest first.
    ///
    /// # Errors
    /// `Unreadable` for an event that this program does not know: its rules cannot be kept then.
    pub async fn load(&self, _aggregate: AggregateId) -> Result<Loaded, ReadError> {
        unimplemented!()
    }

    /// The events of an aggregate after `sequence`.
    ///
    /// # Errors
    /// As [`Log::load`].
    pub async fn load_after(&self, _aggregate: AggregateId, _sequence: u64) -> Result<Vec<Recorded>, ReadError> {
        unimplemented!()
    }

    /// Load, fold, decide, append. On a conflict it loads and decides again, at most five times.
    ///
    /// # Errors
    /// `Refused` when the rules forbid it.
    pub async fn execute<A>(
        &self,
        _id: A::Id,
        _context: &Context,
        _command: impl Fn() -> A::Command,
    ) -> Result<Executed<A>, ExecuteError>
    where
        A: Aggregate,
    {
        unimplemented!()
    }

    /// Every event from sequence `from` on (0 and 1: the beginning), without end.
    pub fn follow(&self, _from: u64) -> BoxStream<'static, Result<Delivered, ReadError>> {
        unimplemented!()
    }

    /// A part of the log, up to the head that was seen at the start.
    pub fn replay(&self, _filter: Filter) -> BoxStream<'static, Result<Delivered, ReadError>> {
        unimplemented!()
    }

    /// The last sequence of the log; 0 when it is empty.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn head(&self) -> Result<u64, ReadError> {
        unimplemented!()
    }
}
