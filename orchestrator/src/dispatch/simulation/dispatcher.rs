//! A dispatcher's hands: it reads with a delay, acts step by step, and may be gone at any time.

use super::SLOTS;
use super::worker::{Do, Worker};
use super::world::{Answer, Call, Thing, Who, World};
use crate::dispatch::context;
use crate::dispatch::desk::Desk;
use crate::dispatch::plan::{Slots, Step, command};
use rand::Rng;
use schemas::ComicId;
use schemas::event::JobCompleted;
use schemas::job::JobCommand;
use std::collections::VecDeque;
use std::time::Instant;

pub struct Dispatcher {
    pub desk: Desk,
    life: u64,
    /// How much of the log it has read.
    read: usize,
    steps: VecDeque<Step>,
}

impl Default for Dispatcher {
    fn default() -> Self {
        let desk = Desk::new(Slots { training: SLOTS, inference: SLOTS });
        Self { desk, life: 0, read: 0, steps: VecDeque::new() }
    }
}

impl World {
    pub fn restart(&mut self, number: usize) {
        self.note("dispatcher restarted");
        let life = self.dispatchers[number].life + 1;
        self.dispatchers[number] = Dispatcher { life, ..Dispatcher::default() };
        let after_ms = self.rng.random_range(100..5_000);
        self.agenda.after(after_ms, Thing::Look(number, life));
    }

    /// Reads on, perhaps not to the end, and thinks.
    pub fn look(&mut self, number: usize, life: u64) {
        let behind = self.chance(0.15);
        let (now_ms, end) = (self.agenda.now_ms, self.log.events.len());
        let dispatcher = &mut self.dispatchers[number];
        if dispatcher.life != life {
            return;
        }
        let first = dispatcher.read == 0;
        let until = if behind && !first { self.rng.random_range(dispatcher.read..=end) } else { end };
        self.log.events[dispatcher.read..until].iter().for_each(|recorded| dispatcher.desk.read(recorded));
        dispatcher.read = until;
        if until == end {
            dispatcher.desk.caught_up();
        }
        let started = Instant::now();
        dispatcher.steps = dispatcher.desk.steps(now_ms).into();
        self.planning.push(started.elapsed());
        if until < end {
            self.note("dispatcher behind");
        }
        self.act(number, life);
    }

    /// The next step; after the last, it reads on.
    pub fn act(&mut self, number: usize, life: u64) {
        let now_ms = self.agenda.now_ms;
        let dispatcher = &mut self.dispatchers[number];
        if dispatcher.life != life {
            return;
        }
        let Some(step) = dispatcher.steps.pop_front() else {
            let after_ms = if self.chance(0.02) { 5_000 } else { self.rng.random_range(50..250) };
            return self.agenda.after(after_ms, Thing::Look(number, life));
        };
        let said = match &step {
            Step::Offer(work) => {
                dispatcher.desk.memory.offered(work);
                self.queue.offer(work, now_ms);
                self.wake_one();
                None
            }
            Step::Nudge(job) => {
                dispatcher.desk.memory.nudged(*job, now_ms);
                self.nudge(*job);
                None
            }
            Step::Finish(job) => {
                let done = JobCommand::Complete(JobCompleted { comic: ComicId::of(*job) });
                dispatcher.desk.board.jobs.get(job).map(|open| (*job, context(open, "complete", *job), done))
            }
            said => command(said, now_ms).and_then(|(job, what, command)| {
                let open = dispatcher.desk.board.jobs.get(&job)?;
                Some((job, context(open, &crate::dispatch::label(what, open), job), command))
            }),
        };
        match said {
            Some((job, context, command)) => {
                self.call(Call { who: Who::Dispatcher(number, life), job, context, command, tries: 0 });
            }
            None => self.agenda.after(2, Thing::Act(number, life)),
        }
    }

    pub fn dispatcher_hears(&mut self, number: usize, life: u64, answer: Answer) {
        let dispatcher = &mut self.dispatchers[number];
        if dispatcher.life != life {
            return;
        }
        match answer {
            Answer::Done(sequence) => dispatcher.desk.wrote(sequence),
            Answer::Refused(_) => {}
            // As the real one: the rest waits for the next plan.
            Answer::Unavailable => dispatcher.steps.clear(),
        }
        self.act(number, life);
    }

    /// Whoever works on the job, or believes so, hears it; mostly.
    fn nudge(&mut self, job: schemas::JobId) {
        if self.chance(0.2) {
            return self.note("nudge lost");
        }
        let at_work = |worker: &Worker| worker.works_on(job);
        let hearers: Vec<(usize, u64)> = self
            .workers
            .iter()
            .enumerate()
            .filter(|(_, worker)| at_work(worker))
            .map(|(number, worker)| (number, worker.life))
            .collect();
        for (number, life) in hearers {
            self.agenda.after(5, Thing::Worker(number, life, Do::Nudge(job)));
        }
    }
}
