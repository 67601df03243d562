//! A worker: takes work under a lease, says how it goes, and draws from refusals what the trainer's worker draws.

use super::checks::Violation;
use super::world::{Answer, Call, Thing, Who, World};
use super::{LEASE_MS, cast};
use bus::Work;
use rand::Rng;
use schemas::event::Phase;
use schemas::job::JobCommand;
use schemas::{JobId, Refusal};
use uuid::Uuid;

/// One in so many videos kills every worker that opens it.
const POISONED: u128 = 400;
const IDLE_MS: u64 = 1_000;

#[derive(Default)]
pub struct Worker {
    pub life: u64,
    task: Option<Task>,
    /// Killed or shut down, and not started again yet.
    gone: bool,
    leaving: bool,
    stopped_until_ms: u64,
    /// Only its newest poll counts.
    poll: u64,
}

struct Task {
    message: u64,
    work: Work,
    lease: Uuid,
    begun_ms: u64,
    step: u32,
    /// It waits for the log's answer.
    waits: bool,
    nudged: bool,
}

pub enum Do {
    Poll(u64),
    Keep(Uuid),
    Go(Uuid),
    Nudge(JobId),
    Hear(Uuid, Said, Answer),
    ShutDown,
    Revive,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Said {
    Start,
    Progress,
    Result,
    Cancel,
    Interrupt,
}

impl Worker {
    pub fn stopped_ms(&self, now_ms: u64) -> u64 {
        self.stopped_until_ms.saturating_sub(now_ms)
    }

    pub fn is_busy(&self) -> bool {
        self.task.is_some()
    }

    pub fn works_on(&self, job: JobId) -> bool {
        self.task.as_ref().is_some_and(|task| task.work.job == job)
    }

    fn is_idle(&self) -> bool {
        self.task.is_none() && !self.gone && !self.leaving
    }
}

impl World {
    pub fn work(&mut self, number: usize, life: u64, what: Do) {
        let now_ms = self.agenda.now_ms;
        let worker = &mut self.workers[number];
        if worker.life != life {
            return;
        }
        let stopped_ms = worker.stopped_ms(now_ms);
        if stopped_ms > 0 {
            return self.agenda.after(stopped_ms, Thing::Worker(number, life, what));
        }
        let holds = |lease: Uuid| worker.task.as_ref().is_some_and(|task| task.lease == lease);
        match what {
            Do::Poll(poll) if poll == worker.poll && worker.is_idle() => self.take(number),
            Do::Keep(lease) if holds(lease) => self.keep(number),
            Do::Go(lease) if holds(lease) => self.go(number),
            Do::Hear(lease, said, answer) if holds(lease) => self.hear(number, said, answer),
            Do::Nudge(job) if worker.works_on(job) => self.hear_nudge(number),
            Do::ShutDown => self.shut_down(number),
            Do::Revive => {
                (worker.gone, worker.leaving) = (false, false);
                self.poll(number, 1);
            }
            _ => {}
        }
    }

    pub fn poll(&mut self, number: usize, after_ms: u64) {
        let worker = &mut self.workers[number];
        worker.poll += 1;
        let (life, poll) = (worker.life, worker.poll);
        self.agenda.after(after_ms, Thing::Worker(number, life, Do::Poll(poll)));
    }

    /// There is new work.
    pub fn wake_one(&mut self) {
        let first = self.rng.random_range(0..self.workers.len());
        let mut numbers = (0..self.workers.len()).map(|offset| (first + offset) % self.workers.len());
        if let Some(number) = numbers.find(|number| self.workers[*number].is_idle()) {
            self.poll(number, 2);
        }
    }

    fn take(&mut self, number: usize) {
        let now_ms = self.agenda.now_ms;
        let mut phases = [Phase::Training, Phase::Inference];
        if self.chance(0.5) {
            phases.reverse();
        }
        let Some((message, work, again)) = phases.into_iter().find_map(|phase| self.queue.take(phase, now_ms)) else {
            return self.poll(number, IDLE_MS);
        };
        if self.queue.holders(&work, now_ms) > 1 {
            self.checks.report(Violation::TwoHolders, || format!("{work:?}"));
        }
        let lease = self.uuid();
        let task = Task { message, work, lease, begun_ms: now_ms, step: 0, waits: false, nudged: false };
        self.workers[number].task = Some(task);
        self.keep(number);
        self.say(number, Said::Start);
        if again && self.chance(0.3) {
            // Bad luck comes in threes: the worker before may come back to life.
            let (life, after_ms) = (self.workers[number].life, self.rng.random_range(0..5_000));
            self.agenda.after(after_ms, Thing::Worker(number, life, Do::ShutDown));
        }
    }

    /// Renews the lease now, and again in a third of it.
    fn keep(&mut self, number: usize) {
        let Worker { task: Some(task), life, .. } = &self.workers[number] else { return };
        self.queue.keep(task.message, self.agenda.now_ms);
        self.agenda.after(LEASE_MS / 3, Thing::Worker(number, *life, Do::Keep(task.lease)));
    }

    fn say(&mut self, number: usize, said: Said) {
        let now_ms = self.agenda.now_ms;
        let (fails, retryable) = (self.chance(0.06), self.chance(0.8));
        let Worker { task: Some(task), life, .. } = &mut self.workers[number] else { return };
        task.waits = true;
        let Work { phase, job, attempt, .. } = task.work;
        let lease = task.lease;
        let command = match said {
            Said::Start => cast::start(phase, attempt, lease),
            Said::Progress => cast::progress(phase, attempt, lease, task.step),
            Said::Result if fails => cast::fail(lease, retryable, now_ms),
            Said::Result => cast::complete(phase, attempt, lease, now_ms - task.begun_ms),
            Said::Cancel => JobCommand::Cancel { lease: Some(lease) },
            Said::Interrupt => JobCommand::Interrupt { lease },
        };
        let label = format!("{said:?} {}", task.step);
        let context = cast::context(Uuid::new_v5(&lease, label.as_bytes()), "trainer", now_ms);
        let who = Who::Worker { number, life: *life, lease, said };
        self.call(Call { who, job, context, command, tries: 0 });
    }

    /// A piece of the work is done.
    fn go(&mut self, number: usize) {
        let Some(task) = &mut self.workers[number].task else { return };
        if task.waits {
            return;
        }
        task.step += 1;
        let (poisoned, last) = (task.work.job.0.as_u128() % POISONED == 7, task.step == 3);
        if poisoned {
            return self.kill(number);
        }
        if last && self.chance(0.02) {
            // The log or S3 did not answer: another worker gets it when the lease has run out.
            return self.let_go(number);
        }
        self.say(number, if last { Said::Result } else { Said::Progress });
    }

    /// What the trainer's worker makes of an answer.
    fn hear(&mut self, number: usize, said: Said, answer: Answer) {
        let Worker { task: Some(task), leaving, .. } = &mut self.workers[number] else { return };
        task.waits = false;
        let (nudged, leaving) = (std::mem::take(&mut task.nudged), *leaving);
        match (said, answer) {
            (_, Answer::Unavailable) => self.let_go(number),
            (_, Answer::Refused(Refusal::StaleLease)) => {
                self.note("refused as stale");
                self.let_go(number);
            }
            (Said::Cancel, _) => self.done(number),
            (_, Answer::Refused(Refusal::CancelRequested)) => self.say(number, Said::Cancel),
            (_, Answer::Refused(_)) | (Said::Result, Answer::Done(_)) => self.done(number),
            (Said::Interrupt, Answer::Done(_)) => self.give_back(number),
            (Said::Start | Said::Progress, Answer::Done(_)) if leaving => self.say(number, Said::Interrupt),
            (Said::Start | Said::Progress, Answer::Done(_)) => {
                self.go_on(number);
                if nudged {
                    self.hear_nudge(number);
                }
            }
        }
    }

    fn go_on(&mut self, number: usize) {
        let Worker { task: Some(task), life, .. } = &self.workers[number] else { return };
        let piece_ms = match task.work.phase {
            Phase::Training => self.rng.random_range(1_000..4_000),
            Phase::Inference => self.rng.random_range(300..1_000),
        };
        self.agenda.after(piece_ms, Thing::Worker(number, *life, Do::Go(task.lease)));
    }

    fn hear_nudge(&mut self, number: usize) {
        let Some(task) = &mut self.workers[number].task else { return };
        if task.waits {
            task.nudged = true;
        } else if self.log.job(task.work.job).is_some_and(|job| job.cancel_requested) {
            self.say(number, Said::Cancel);
        }
    }

    fn done(&mut self, number: usize) {
        let lost = self.chance(0.01);
        if let Some(task) = &self.workers[number].task
            && !lost
        {
            self.queue.done(task.message);
        }
        if lost {
            self.note("acknowledgement lost");
        }
        self.let_go(number);
    }

    fn give_back(&mut self, number: usize) {
        if let Some(task) = &self.workers[number].task {
            self.queue.give_back(task.message);
            self.wake_one();
        }
        self.let_go(number);
    }

    fn let_go(&mut self, number: usize) {
        self.workers[number].task = None;
        if self.workers[number].leaving {
            return self.leave(number);
        }
        let after_ms = self.rng.random_range(1..50);
        self.poll(number, after_ms);
    }

    /// Gone, with whatever it holds.
    fn leave(&mut self, number: usize) {
        let after_ms = self.rng.random_range(1_000..15_000);
        let worker = &mut self.workers[number];
        worker.life += 1;
        (worker.gone, worker.task, worker.stopped_until_ms) = (true, None, 0);
        let life = worker.life;
        self.agenda.after(after_ms, Thing::Worker(number, life, Do::Revive));
    }

    /// `kill -9`: silent until the lease runs out.
    pub fn kill(&mut self, number: usize) {
        if self.workers[number].is_busy() {
            self.note("killed at work");
        }
        if !self.workers[number].gone {
            self.leave(number);
        }
    }

    /// `SIGSTOP`, then `SIGCONT`: what it had in hand, it still tries to finish.
    pub fn stop(&mut self, number: usize) {
        let ms = self.rng.random_range(LEASE_MS / 3..LEASE_MS * 3);
        if self.workers[number].is_busy() && ms > LEASE_MS {
            self.note("stalled beyond its lease");
        }
        self.workers[number].stopped_until_ms = self.agenda.now_ms + ms;
    }

    /// `SIGTERM`: hands back what it holds.
    pub fn shut_down(&mut self, number: usize) {
        let worker = &mut self.workers[number];
        if worker.gone || worker.leaving || worker.stopped_until_ms > self.agenda.now_ms {
            return;
        }
        worker.leaving = true;
        match &worker.task {
            None => self.leave(number),
            Some(task) => {
                let waits = task.waits;
                self.note("shut down at work");
                if !waits {
                    self.say(number, Said::Interrupt);
                }
            }
        }
    }
}
