//! The dispatcher's real decisions, and the job's real rules, in a world without servers: users, workers that die, stall and
//! shut down, dispatchers that lag and restart, a queue that repeats itself, and a clock that jumps from one thing to the
//! next. Everything follows from a seed. `KART_SEEDS=100` runs more of them.

mod agenda;
mod cast;
mod checks;
mod crowd;
mod dispatcher;
mod log;
mod queue;
mod worker;
mod world;

use checks::{BOUND, Checks, Violation};
use schemas::event::{JobDispatched, Phase, Priority};
use schemas::job::JobCommand;
use schemas::{Event, NewEvent, Recorded};
use uuid::Uuid;
use world::{Outcome, World};

const USERS: usize = 300;
const DISPATCHERS: usize = 3;
/// For each phase.
const SLOTS: usize = 4;
const LEASE_MS: u64 = 10_000;
const DEFAULT_SEEDS: u64 = 2;

/// What a real log and a real queue promise. Each can be switched off, to see that it is needed.
#[derive(Clone, Copy, Debug)]
struct Rules {
    /// A worker's lease is looked at.
    fencing: bool,
    /// An append states the last event.
    expectation: bool,
    /// An offer of what stands, or was offered lately, is dropped.
    dedupe: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self { fencing: true, expectation: true, dedupe: true }
    }
}

/// How much is asked for.
#[derive(Clone, Copy, Debug)]
struct Scale {
    jobs: usize,
    /// Of these by one user, at once.
    greedy: usize,
    workers: usize,
    /// Something happens to a worker within this time.
    chaos_ms: u64,
}

const WIDE: Scale = Scale { jobs: 5_000, greedy: 2_000, workers: 40, chaos_ms: 6_000 };
/// A few workers that hardly ever finish in peace.
const ROUGH: Scale = Scale { jobs: 1_500, greedy: 500, workers: 8, chaos_ms: 4_000 };

fn run(seed: u64, rules: Rules, scale: Scale, until: Option<Violation>) -> Outcome {
    let outcome = World::new(seed, rules, scale).run(until);
    eprintln!("seed {seed}: {outcome}");
    outcome
}

#[test]
fn every_job_ends_once_and_nobody_starves() {
    holds(WIDE, seeds());
}

#[test]
fn every_job_ends_once_however_rough_it_gets() {
    holds(ROUGH, 2 * seeds());
}

fn seeds() -> u64 {
    std::env::var("KART_SEEDS").ok().and_then(|count| count.parse().ok()).unwrap_or(DEFAULT_SEEDS)
}

#[track_caller]
fn holds(scale: Scale, seeds: u64) {
    for seed in 1..=seeds {
        let outcome = run(seed, Rules::default(), scale, None);
        assert!(outcome.violations.is_empty(), "seed {seed}: {:#?}", outcome.violations);
        assert!(outcome.most_passed <= BOUND, "seed {seed}");
        // A world in which nothing goes wrong would prove nothing.
        for (what, count) in &outcome.happened {
            assert!(*count > 0, "seed {seed}: {what} never happened");
        }
    }
}

/// The check itself, on a history in which jobs are served as they come.
#[test]
fn serving_in_the_order_of_arrival_is_found_to_be_unfair() {
    let mut checks = Checks::default();
    let mut sequence = 0;
    let mut see = |job: usize, event: Event| {
        sequence += 1;
        let context = cast::context(Uuid::nil(), "test", sequence * 1_000);
        let (id, correlation) = (Uuid::from_u128(sequence.into()), context.correlation);
        let new = NewEvent { id, time: context.time, actor: context.actor, causation: None, correlation, event };
        checks.see(&Recorded::of(sequence, cast::job(job).into(), None, new), cast::user(0));
    };
    let greedy = BOUND + 2;
    for job in 0..=greedy {
        let user = cast::user(usize::from(job == greedy));
        if let JobCommand::Request(request) = cast::request(user, Priority::Normal) {
            see(job, request.into());
        }
    }
    for job in 0..=greedy {
        see(job, JobDispatched { phase: Phase::Training, attempt: 1 }.into());
    }
    assert_eq!(checks.found.keys().collect::<Vec<_>>(), [&Violation::PassedOver]);
}

#[track_caller]
fn breaks(rules: Rules, violation: Violation) {
    let found = (1..=5).any(|seed| run(seed, rules, WIDE, Some(violation)).violations.contains_key(&violation));
    assert!(found, "{violation:?} was not found with {rules:?}");
}

#[test]
fn without_fencing_a_worker_that_was_given_up_completes_a_phase_again() {
    breaks(Rules { fencing: false, ..Rules::default() }, Violation::CompletedTwice);
}

#[test]
fn without_expectations_a_job_ends_twice() {
    breaks(Rules { expectation: false, ..Rules::default() }, Violation::SecondEnd);
}

#[test]
fn without_deduplication_two_workers_hold_a_phase() {
    breaks(Rules { dedupe: false, ..Rules::default() }, Violation::TwoHolders);
}
