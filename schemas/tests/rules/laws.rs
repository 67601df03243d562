//! Tables of given, when, then; and what holds for every aggregate, whatever it is asked.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use schemas::{Aggregate, Event, Kind, Refusal};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;

const CASES: u32 = 512;
const COMMANDS: usize = 60;

/// The names of the events that follow.
pub type Then = Result<&'static [&'static str], Refusal>;

/// Given these, when this, then that.
type Row<A> = (Vec<<A as Aggregate>::Command>, <A as Aggregate>::Command, Then);

/// An aggregate to which all of `commands` happened.
pub fn given<A: Aggregate>(commands: impl IntoIterator<Item = A::Command>) -> A {
    let mut state = A::default();
    for (index, command) in commands.into_iter().enumerate() {
        let events = state.decide(command).unwrap_or_else(|refusal| panic!("command {index}: {refusal}"));
        assert!(!events.is_empty(), "command {index} did nothing");
        events.iter().for_each(|event| state.apply(event));
    }
    state
}

/// One row a case: what was asked before, what is asked, what follows.
pub fn check<A: Aggregate>(table: &[Row<A>])
where
    A::Command: Clone + Debug,
{
    for (row, (before, command, then)) in table.iter().enumerate() {
        let asked = format!("row {row}: {command:?}");
        let events = given::<A>(before.clone()).decide(command.clone());
        let names = events.map(|events| events.iter().map(Event::name).collect::<Vec<_>>());
        assert_eq!(names, then.map(<[_]>::to_vec), "{asked}");
    }
}

/// Asks random things and checks, after each:
/// - the state is the fold of the events, and a refusal changes nothing;
/// - an event applied twice is an event applied once;
/// - the same command again is refused, or leads to the same state;
/// - every event reads back from its bytes as it was;
/// - the invariant.
///
/// In the end every event of `kind` must have happened, and something must have been refused: else it shows nothing.
pub fn hold<A>(kind: Kind, command: impl Strategy<Value = A::Command>, invariant: impl Fn(&A, &[Event]))
where
    A: Aggregate + Clone + PartialEq + Debug,
    A::Command: Clone + Debug,
{
    let seen = RefCell::new((BTreeSet::new(), 0_u64));
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    // The same cases in every run: whether every event happens among them is no matter of luck.
    let mut runner = TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let outcome = runner.run(&prop::collection::vec(command, 0..COMMANDS), |commands| {
        let mut state = A::default();
        let mut history = vec![];
        for command in commands {
            let events = state.decide(command.clone());
            let (names, refused) = &mut *seen.borrow_mut();
            *refused += u64::from(events.is_err());
            for event in events.unwrap_or_default() {
                names.insert(event.type_name());
                prop_assert_eq!(event.kind(), kind);
                prop_assert_eq!(&Event::decode(event.type_name(), &event.to_bytes()).unwrap(), &event);
                state.apply(&event);
                let once = state.clone();
                state.apply(&event);
                prop_assert_eq!(&state, &once, "applied twice: {:?}", event);
                history.push(event);
            }
            let mut again = state.clone();
            state.decide(command).unwrap_or_default().iter().for_each(|event| again.apply(event));
            prop_assert_eq!(&again, &state, "asked twice");
            prop_assert_eq!(&A::fold(&history), &state);
            invariant(&state, &history);
        }
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));

    let (names, refused) = seen.into_inner();
    let prefix = format!("kart.{}.", kind.as_str());
    // Old versions are not written.
    let present = Event::schemas().into_iter().map(|(name, _)| name).filter(|name| name.starts_with(&prefix));
    let never: Vec<_> = present.filter(|name| !names.contains(name) && !super::values::OLD.contains(name)).collect();
    assert!(never.is_empty(), "never happened: {never:?}");
    assert!(refused > u64::from(CASES), "only {refused} refusals");
}
