//! Ten thousand jobs in line at once.

use super::cast;
use crate::dispatch::desk::Desk;
use crate::dispatch::plan::{Slots, Step};
use schemas::event::{JobCancelled, JobDispatched, Phase, Priority};
use schemas::job::JobCommand;
use schemas::{Event, JobId, NewEvent, Recorded};
use std::collections::HashSet;
use std::time::{Duration, Instant};
use uuid::Uuid;

const START_MS: u64 = 1_800_000_000_000;
const USERS: usize = 100;

fn read(desk: &mut Desk, job: JobId, event: Event) {
    let context = cast::context(Uuid::nil(), "test", START_MS);
    let (time, actor) = (context.time, context.actor);
    let new = NewEvent { id: Uuid::nil(), time, actor, causation: None, correlation: Uuid::nil(), event };
    desk.read(&Recorded::of(desk.board.sequence + 1, job.into(), None, new));
}

/// Serves a crowd to the last; returns what a plan took, in the median.
fn serve(jobs: usize) -> Duration {
    let mut desk = Desk::new(Slots { training: 4, inference: 4 });
    desk.caught_up();
    for number in 0..jobs {
        let JobCommand::Request(request) = cast::request(cast::user(number % USERS), Priority::Normal) else {
            return Duration::ZERO;
        };
        read(&mut desk, cast::job(number), request.into());
    }
    let (mut served, mut spent) = (HashSet::new(), vec![]);
    loop {
        let started = Instant::now();
        let steps = desk.steps(START_MS);
        spent.push(started.elapsed());
        if steps.is_empty() {
            break;
        }
        for step in steps {
            let Step::Dispatch(job) = step else { panic!("{step:?}") };
            assert!(served.insert(job), "{job} twice");
            read(&mut desk, job, JobDispatched { phase: Phase::Training, attempt: 1 }.into());
            read(&mut desk, job, JobCancelled {}.into());
        }
    }
    assert_eq!(served.len(), jobs);
    spent.sort_unstable();
    spent[spent.len() / 2]
}

#[test]
fn a_crowd_is_served_to_the_last_and_a_plan_does_not_look_at_everybody() {
    for jobs in [100, 1_000, 10_000] {
        eprintln!("{jobs} jobs in line: {:.1?} a plan", serve(jobs));
    }
}
