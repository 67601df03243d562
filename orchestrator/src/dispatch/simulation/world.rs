//! The world: who says what to whom, how long that takes, and what goes wrong.

use super::agenda::Agenda;
use super::checks::{Checks, Violation};
use super::dispatcher::Dispatcher;
use super::log::{Decided, Draft, Log};
use super::queue::Queue;
use super::worker::{Do, Said, Worker};
use super::{DISPATCHERS, Rules, Scale, USERS, cast};
use crate::dispatch::board::Board;
use bus::Context;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use schemas::event::{Phase, Priority};
use schemas::job::{JobCommand, Stage};
use schemas::{Event, JobId, Refusal, UserId};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

const START_MS: u64 = 1_800_000_000_000;
/// All but the greedy user's jobs come within this time.
const ARRIVALS_MS: u64 = 800_000;
/// Whatever has not ended by then never will.
const LONGEST_MS: u64 = 2 * 3_600_000;
/// For messages that are under way when the last job ends, and for leases of acknowledgements that were lost.
const SETTLE_MS: u64 = 120_000;
/// Longer than a dispatcher needs to offer what it dispatched, also when it restarts.
const LOST_AFTER_MS: u64 = 20_000;
const TRIES: u32 = 5;

pub enum Thing {
    Request(JobId, UserId, Priority),
    RequestCancel(JobId),
    Commit(Call, Draft),
    Answer(Call, Answer),
    Look(usize, u64),
    Act(usize, u64),
    Worker(usize, u64, Do),
    Chaos,
    Restart(usize),
}

/// A command on its way to the log.
pub struct Call {
    pub who: Who,
    pub job: JobId,
    pub context: Context,
    pub command: JobCommand,
    pub tries: u32,
}

#[derive(Clone, Copy)]
pub enum Who {
    User,
    /// Number and life.
    Dispatcher(usize, u64),
    Worker {
        number: usize,
        life: u64,
        lease: Uuid,
        said: Said,
    },
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    Done(u64),
    Refused(Refusal),
    Unavailable,
}

pub struct World {
    pub agenda: Agenda<Thing>,
    pub rng: StdRng,
    pub log: Log,
    pub queue: Queue,
    pub checks: Checks,
    pub workers: Vec<Worker>,
    pub dispatchers: Vec<Dispatcher>,
    pub happened: BTreeMap<&'static str, usize>,
    /// How long each plan took.
    pub planning: Vec<Duration>,
    scale: Scale,
    ended: usize,
}

impl World {
    pub fn new(seed: u64, rules: Rules, scale: Scale) -> Self {
        let mut world = Self {
            agenda: Agenda::new(START_MS),
            rng: StdRng::seed_from_u64(seed),
            log: Log::new(rules),
            queue: Queue::new(rules),
            checks: Checks::default(),
            workers: (0..scale.workers).map(|_| Worker::default()).collect(),
            dispatchers: (0..DISPATCHERS).map(|_| Dispatcher::default()).collect(),
            happened: HAPPENINGS.iter().map(|what| (*what, 0)).collect(),
            planning: vec![],
            scale,
            ended: 0,
        };
        for number in 0..scale.jobs {
            let (user, after_ms) = match number < scale.greedy {
                true => (0, world.rng.random_range(0..1_000)),
                false => (world.rng.random_range(1..USERS), world.rng.random_range(0..ARRIVALS_MS)),
            };
            let priority = if world.rng.random_bool(0.1) { Priority::Low } else { Priority::Normal };
            world.agenda.after(after_ms, Thing::Request(cast::job(number), cast::user(user), priority));
        }
        for number in 0..scale.workers {
            world.poll(number, number as u64);
        }
        for number in 0..DISPATCHERS {
            world.agenda.after(number as u64, Thing::Look(number, 0));
            world.agenda.after(60_000 * (number as u64 + 1), Thing::Restart(number));
        }
        world.agenda.after(1_000, Thing::Chaos);
        world
    }

    /// To the end, or until something is violated that is looked for.
    pub fn run(mut self, until: Option<Violation>) -> Outcome {
        let mut until_ms = START_MS + LONGEST_MS;
        while let Some(thing) = self.agenda.next() {
            let found = until.is_some_and(|violation| self.checks.found.contains_key(&violation));
            if found || self.agenda.now_ms > until_ms {
                break;
            }
            self.happen(thing);
            if self.ended >= self.scale.jobs {
                until_ms = until_ms.min(self.agenda.now_ms + SETTLE_MS);
            }
        }
        self.settle()
    }

    pub fn note(&mut self, what: &'static str) {
        *self.happened.get_mut(what).expect("it is listed") += 1;
    }

    pub fn chance(&mut self, share: f64) -> bool {
        self.rng.random_bool(share)
    }

    pub fn uuid(&mut self) -> Uuid {
        Uuid::from_u128(self.rng.random())
    }

    fn happen(&mut self, thing: Thing) {
        match thing {
            Thing::Request(job, owner, priority) => self.ask(job, cast::any_request(job, owner, priority)),
            Thing::RequestCancel(job) => {
                match self.log.job(job).map(|job| job.stage) {
                    Some(Stage::Waiting { .. }) => self.note("cancelled in line"),
                    Some(Stage::Dispatched { .. }) => self.note("cancelled in the queue"),
                    Some(Stage::Running { phase: Phase::Training, .. }) => self.note("cancelled in training"),
                    Some(Stage::Running { phase: Phase::Inference, .. }) => self.note("cancelled while drawn"),
                    Some(Stage::Inferred) => self.note("cancelled too late"),
                    _ => {}
                }
                self.ask(job, JobCommand::RequestCancel);
            }
            Thing::Commit(call, draft) => self.commit(call, draft),
            Thing::Answer(call, answer) => self.answer(call, answer),
            Thing::Look(number, life) => self.look(number, life),
            Thing::Act(number, life) => self.act(number, life),
            Thing::Worker(number, life, what) => self.work(number, life, what),
            Thing::Chaos => self.chaos(),
            Thing::Restart(number) => {
                self.restart(number);
                if self.ended < self.scale.jobs {
                    let after_ms = self.rng.random_range(200_000..600_000);
                    self.agenda.after(after_ms, Thing::Restart(number));
                }
            }
        }
    }

    /// A user's command.
    fn ask(&mut self, job: JobId, command: JobCommand) {
        let context = cast::context(self.uuid(), "user", self.agenda.now_ms);
        self.call(Call { who: Who::User, job, context, command, tries: 0 });
    }

    /// Reads and decides now, writes a little later.
    pub fn call(&mut self, mut call: Call) {
        call.context.time = cast::context(call.context.command, "", self.agenda.now_ms).time;
        let after_ms = self.rng.random_range(1..20);
        match self.log.decide(call.job, &call.context, call.command.clone()) {
            Decided::Done(sequence) => self.agenda.after(after_ms, Thing::Answer(call, Answer::Done(sequence))),
            Decided::Refused(refusal) => self.agenda.after(after_ms, Thing::Answer(call, Answer::Refused(refusal))),
            Decided::Draft(draft) => self.agenda.after(after_ms, Thing::Commit(call, draft)),
        }
    }

    fn commit(&mut self, mut call: Call, draft: Draft) {
        if let Who::Worker { number, life, .. } = call.who {
            let worker = &self.workers[number];
            let (dead, stopped_ms) = (worker.life != life, worker.stopped_ms(self.agenda.now_ms));
            // What had left the worker arrives; what had not, is lost with it or waits until it goes on.
            if dead && self.chance(0.5) {
                return;
            }
            if stopped_ms > 0 && self.chance(0.5) {
                return self.agenda.after(stopped_ms, Thing::Commit(call, draft));
            }
        }
        call.context.time = cast::context(call.context.command, "", self.agenda.now_ms).time;
        match self.log.append(call.job, &call.context, draft) {
            Some((sequence, count)) => {
                self.see(count);
                self.agenda.after(1, Thing::Answer(call, Answer::Done(sequence)));
            }
            None if call.tries + 1 < TRIES => {
                self.note("lost a race");
                self.call(Call { tries: call.tries + 1, ..call });
            }
            None => self.agenda.after(1, Thing::Answer(call, Answer::Unavailable)),
        }
    }

    /// The last `count` events are new.
    fn see(&mut self, count: usize) {
        let first = self.log.events.len() - count;
        for index in first..self.log.events.len() {
            let recorded = &self.log.events[index];
            self.checks.see(recorded, cast::user(0));
            let event = recorded.event();
            if let Event::JobFailed(failed) = event
                && failed.code == "worker-lost"
            {
                *self.happened.get_mut("given up").expect("it is listed") += 1;
            }
            if crate::hub::is_end(event) {
                self.ended += 1;
            }
        }
        let job = self.log.events[first..].first().and_then(|recorded| match recorded.aggregate {
            schemas::AggregateId::JobId(id) => Some(id),
            _ => None,
        });
        // So that jobs are cancelled in every stage.
        if let Some(job) = job
            && self.chance(0.008)
        {
            let soon = self.chance(0.3);
            let after_ms = self.rng.random_range(0..if soon { 100 } else { 2_000 });
            self.agenda.after(after_ms, Thing::RequestCancel(job));
            if self.chance(0.3) {
                // A double click.
                self.agenda.after(after_ms + 5, Thing::RequestCancel(job));
            }
        }
    }

    fn answer(&mut self, call: Call, answer: Answer) {
        match call.who {
            Who::User => {}
            Who::Dispatcher(number, life) => self.dispatcher_hears(number, life, answer),
            Who::Worker { number, life, lease, said } => self.work(number, life, Do::Hear(lease, said, answer)),
        }
    }

    fn chaos(&mut self) {
        self.look_for_lost_work();
        if self.ended >= self.scale.jobs {
            return;
        }
        let number = self.rng.random_range(0..self.scale.workers);
        match self.rng.random_range(0..100) {
            0..35 => self.kill(number),
            35..70 => self.stop(number),
            _ => self.shut_down(number),
        }
        let after_ms = self.rng.random_range(500..self.scale.chaos_ms);
        self.agenda.after(after_ms, Thing::Chaos);
    }

    /// What is dispatched stands in the queue until it has moved on: nobody else would begin with it.
    fn look_for_lost_work(&mut self) {
        let active = self.dispatchers[0].desk.board.active.iter();
        let lost = active.filter(|id| {
            let quiet_ms = self.agenda.now_ms - self.log.last_ms(**id);
            let lost = match self.log.job(**id).map(|job| job.stage) {
                Some(Stage::Dispatched { .. }) => quiet_ms > LOST_AFTER_MS,
                // A worker may still be at it.
                Some(Stage::Running { .. }) => quiet_ms > 3 * LOST_AFTER_MS,
                _ => false,
            };
            lost && !self.queue.stands(**id)
        });
        if let Some(id) = lost.copied().next() {
            self.checks.report(Violation::WorkLost, || id.to_string());
        }
    }

    /// After the end: nothing may be left anywhere.
    fn settle(mut self) -> Outcome {
        for number in 0..self.scale.jobs {
            let job = cast::job(number);
            if self.checks.jobs.get(&job).is_none_or(|seen| seen.end.is_none()) {
                let stage = self.log.job(job).map(|job| job.stage);
                self.checks.report(Violation::NeverEnded, || format!("{job}: {stage:?}"));
            }
        }
        let mut boards: Vec<Board> = vec![Board::default()];
        self.log.events.iter().for_each(|recorded| boards[0].apply(recorded));
        for dispatcher in std::mem::take(&mut self.dispatchers) {
            boards.push(dispatcher.desk.board);
        }
        for board in &boards {
            let queued = board.queued(Phase::Training) + board.queued(Phase::Inference);
            let (open, active) = (board.jobs.len(), board.active.len());
            if (queued, open, active) != (0, 0, 0) {
                self.checks.report(Violation::Leak, || format!("{open} open, {active} active, {queued} queued"));
            }
        }
        let (messages, busy) = (self.queue.len(), self.workers.iter().filter(|worker| worker.is_busy()).count());
        if (messages, busy) != (0, 0) {
            self.checks.report(Violation::Leak, || format!("{messages} messages, {busy} busy workers"));
        }
        self.happened.insert("offered what stood", self.queue.repeated);
        Outcome::of(self)
    }

    pub fn passed(&self) -> Duration {
        Duration::from_millis(self.agenda.now_ms - START_MS)
    }
}

const HAPPENINGS: [&str; 16] = [
    "cancelled in line",
    "cancelled in the queue",
    "cancelled in training",
    "cancelled while drawn",
    "cancelled too late",
    "lost a race",
    "given up",
    "killed at work",
    "stalled beyond its lease",
    "shut down at work",
    "refused as stale",
    "nudge lost",
    "acknowledgement lost",
    "dispatcher restarted",
    "dispatcher behind",
    "offered what stood",
];

/// What came out.
pub struct Outcome {
    pub violations: BTreeMap<Violation, (usize, String)>,
    pub happened: BTreeMap<&'static str, usize>,
    pub most_passed: usize,
    summary: String,
}

impl Outcome {
    fn of(mut world: World) -> Self {
        let mut ends: BTreeMap<&'static str, usize> = BTreeMap::new();
        world.checks.jobs.values().filter_map(|seen| seen.end).for_each(|end| *ends.entry(end).or_default() += 1);
        let [greedy, others] = world.checks.waits_ms.each_mut().map(|waits| {
            waits.sort_unstable();
            let at = |share: usize| waits.get(waits.len() * share / 100).map_or(0, |ms| ms / 1_000);
            format!("{}/{} s", at(50), at(99))
        });
        world.planning.sort_unstable();
        let plan = world.planning.get(world.planning.len() / 2).copied().unwrap_or_default();
        let summary = format!(
            "{ends:?} in {:.0?}, {} events; passed over {} times beyond once by each; waited (median/p99) {greedy} the \
             greedy user, {others} the others; a plan takes {plan:.0?}; {:?}",
            world.passed(),
            world.log.events.len(),
            world.checks.most_passed,
            world.happened,
        );
        Self {
            violations: world.checks.found,
            happened: world.happened,
            most_passed: world.checks.most_passed,
            summary,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.summary)
    }
}
