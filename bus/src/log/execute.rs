//! Commands: load, fold, decide, append; and again when somebody else was faster.

use super::turns::Turn;
use super::{AppendError, Context, ExecuteError, Executed, Expect, Loaded, Log};
use schemas::{Aggregate, Event, NewEvent, Recorded};
use std::time::{Duration, Instant};

/// A conflict means that somebody else got on, so many tries are no sign of trouble; a long time is.
const PATIENCE: Duration = Duration::from_secs(10);
/// A loser waits a random part of this times its number of tries, so that racers of several processes do not meet again.
const PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(100);

impl Log {
    /// Load, fold, decide, append. On a conflict it loads and decides again, for at most ten seconds. Losers within one
    /// process go one after the other, so that any number of them gets through.
    ///
    /// A command whose events are in the log already is not decided again: it counts as executed, as a duplicate.
    ///
    /// # Errors
    /// `Refused` when the rules forbid it; `Append(Conflict)` when others were faster for ten seconds.
    pub async fn execute<A: Aggregate>(
        &self,
        id: A::Id,
        context: &Context,
        command: impl Fn() -> A::Command,
    ) -> Result<Executed<A>, ExecuteError> {
        let aggregate = id.into();
        let (started, mut tries) = (Instant::now(), 0);
        let mut turn: Option<Turn> = None;
        loop {
            let loaded = self.load(aggregate).await.map_err(ExecuteError::Read)?;
            let mut state = A::fold(loaded.events.iter().map(Recorded::event));
            if let Some(events) = done_before(&loaded, context) {
                return Ok(Executed { state, head: loaded.head, events, duplicate: true });
            }
            let events = state.decide(command()).map_err(ExecuteError::Refused)?;
            if events.is_empty() {
                return Ok(Executed { state, head: loaded.head, events, duplicate: false });
            }
            let expect = loaded.head.map_or(Expect::New, Expect::After);
            match self.append(aggregate, expect, with_envelope(context, &events)).await {
                // Ours were there: since when, and what came after them, the next round sees.
                Ok(appended) if appended.duplicate => {}
                Ok(appended) => {
                    events.iter().for_each(|event| state.apply(event));
                    return Ok(Executed { state, head: Some(appended.head), events, duplicate: false });
                }
                Err(AppendError::Conflict { .. }) if started.elapsed() < PATIENCE => {}
                Err(error) => return Err(ExecuteError::Append(error)),
            }
            if turn.is_none() {
                // Nobody waits longer for those before it than for the aggregate.
                turn = tokio::time::timeout(PATIENCE, self.bus.turns.wait(aggregate)).await.ok();
                continue;
            }
            tries += 1;
            let longest = (PAUSE * tries).min(LONGEST_PAUSE);
            tokio::time::sleep(longest.mul_f64(rand::random())).await;
        }
    }
}

/// The events of this very command, when an earlier try wrote them.
fn done_before(loaded: &Loaded, context: &Context) -> Option<Vec<Event>> {
    let first = loaded.events.iter().position(|recorded| recorded.new.id == NewEvent::id_of(context.command, 0))?;
    let ours = loaded.events[first..].iter().enumerate();
    let ours = ours.take_while(|(ordinal, recorded)| recorded.new.id == NewEvent::id_of(context.command, *ordinal));
    Some(ours.map(|(_, recorded)| recorded.event().clone()).collect())
}

fn with_envelope(context: &Context, events: &[Event]) -> Vec<NewEvent> {
    let envelope = |(ordinal, event): (usize, &Event)| NewEvent {
        id: NewEvent::id_of(context.command, ordinal),
        time: context.time,
        actor: context.actor.clone(),
        causation: context.causation,
        correlation: context.correlation,
        event: event.clone(),
    };
    events.iter().enumerate().map(envelope).collect()
}
