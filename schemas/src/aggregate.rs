//! How an aggregate decides: pure, from its own events alone.

use crate::{Event, Invalid, ids::AggregateId};

/// A thing with rules. Its state is the fold of its events; a command leads to events or is refused.
pub trait Aggregate: Default {
    type Id: Copy + Into<AggregateId>;
    type Command;

    /// What happens next, given all that happened. No events: the command is already done.
    ///
    /// # Errors
    /// [`Refusal`] when the rules forbid it.
    fn decide(&self, command: Self::Command) -> Result<Vec<Event>, Refusal>;

    /// Takes in one event. Events of other aggregates change nothing.
    fn apply(&mut self, event: &Event);

    fn fold<'a>(events: impl IntoIterator<Item = &'a Event>) -> Self {
        let mut state = Self::default();
        events.into_iter().for_each(|event| state.apply(event));
        state
    }
}

/// Why a command is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("there is no such thing")]
    Missing,
    #[error("it exists already")]
    Exists,
    #[error("it has ended")]
    Ended,
    #[error("this does not follow from where it stands")]
    OutOfOrder,
    #[error("another worker holds it by now")]
    StaleLease,
    #[error("it was asked to stop")]
    CancelRequested,
    #[error("this is not for them to do")]
    NotAllowed,
    #[error("it was removed, and has to be restored first")]
    Removed,
    #[error("there is nothing in it yet")]
    Empty,
    #[error(transparent)]
    Invalid(#[from] Invalid),
}

/// What follows from a command that is in order: nothing, where all is so already.
pub(crate) fn unless(done: bool, event: impl Into<Event>) -> Result<Vec<Event>, Refusal> {
    Ok(if done { vec![] } else { vec![event.into()] })
}
