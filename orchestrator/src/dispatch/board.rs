//! The jobs that have not ended, folded from the log, with what it takes to find the next one fast. Pure.

mod line;
mod pace;
#[cfg(test)]
mod tests;

use line::{Line, Standing};
use pace::Pace;
use schemas::event::{JobRequested, Phase, Priority};
use schemas::job::{Job, Stage};
use schemas::{Aggregate, AggregateId, Event, JobId, Recorded, UserId};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// A job of low priority that has waited so long is served like any other: nobody starves.
const LOW_WAITS_MS: u64 = 10 * 60_000;

/// A job between its request and its end.
#[derive(Debug)]
pub struct Open {
    pub job: Job,
    pub owner: UserId,
    pub priority: Priority,
    /// Shared by everything that follows from the request.
    pub correlation: Uuid,
    /// The job's last event.
    pub cause: Uuid,
    /// When somebody asked for its end, Unix milliseconds.
    pub cancel_asked_ms: Option<u64>,
    requested_ms: u64,
    /// When the present worker began.
    started_ms: u64,
    /// Where in the log it was last handed out.
    served: u64,
    /// Where the line has it.
    standing: Standing,
}

/// Every open job, and how far in the log that is true.
#[derive(Debug, Default)]
pub struct Board {
    pub jobs: BTreeMap<JobId, Open>,
    pub sequence: u64,
    /// Jobs that may need something else than their turn: few, whatever number waits.
    pub active: BTreeSet<JobId>,
    line: Line,
    /// When jobs come into line, or into another: Unix milliseconds.
    changes: BTreeSet<(u64, JobId)>,
    /// Up to when `changes` are made.
    now_ms: u64,
    pace: Pace,
}

/// Where a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// How many are served before it.
    pub position: usize,
    /// Until a worker begins with it, if the past is a guide; `None` when nothing is known.
    pub eta_ms: Option<u64>,
}

impl Board {
    pub fn apply(&mut self, recorded: &Recorded) {
        self.sequence = self.sequence.max(recorded.sequence);
        let AggregateId::JobId(id) = recorded.aggregate else { return };
        if let Event::JobRequested(request) = recorded.event() {
            self.jobs.entry(id).or_insert_with(|| Open::new(request, recorded));
        }
        let Some(open) = self.jobs.get_mut(&id) else { return };
        open.apply(recorded);
        self.pace.apply(recorded.event());
        if let Event::JobDispatched(_) = recorded.event() {
            self.line.served(open.owner, recorded.sequence);
        }
        if open.job.stage.has_ended() {
            self.line.change(open.owner, id, open.standing, Standing::Away);
            self.jobs.remove(&id);
            self.active.remove(&id);
            return;
        }
        if open.is_active() {
            self.active.insert(id);
        } else {
            self.active.remove(&id);
        }
        self.stand(id);
    }

    /// Lets the clock pass: who waited for a time comes into line.
    pub fn advance(&mut self, now_ms: u64) {
        self.now_ms = self.now_ms.max(now_ms);
        while let Some(&(at_ms, id)) = self.changes.first().filter(|(at_ms, _)| *at_ms <= self.now_ms) {
            self.changes.remove(&(at_ms, id));
            self.stand(id);
        }
    }

    /// The jobs whose turn it is, in order, at most `room`: what the dispatcher hands out next.
    pub fn next(&self, phase: Phase, room: usize) -> Vec<JobId> {
        self.line.next(phase, room)
    }

    /// How many jobs are in the work queue for a phase, not taken yet.
    pub fn queued(&self, phase: Phase) -> usize {
        self.line.queued(phase)
    }

    /// Where a job stands that nobody works on yet, in the order in which jobs would be served if no other came; `None`
    /// when it does not wait, or waits for a time.
    pub fn place(&self, id: JobId) -> Option<Place> {
        let open = self.jobs.get(&id)?;
        let (phase, position) = match open.standing {
            Standing::InLine { phase, .. } => {
                (phase, self.queued(phase) + self.line.position(open.owner, id, open.standing)?)
            }
            Standing::Queued { phase } => {
                let before = self.active.iter().filter_map(|other| self.jobs.get(other));
                let before = before.filter(|other| other.standing == open.standing && other.served < open.served);
                (phase, before.count())
            }
            Standing::Away | Standing::Running => return None,
        };
        let running = self.active.iter().filter_map(|other| self.jobs.get(other)?.running());
        Some(Place { position, eta_ms: self.pace.eta_ms(phase, position, running, self.now_ms) })
    }

    /// Puts a job where it belongs now.
    fn stand(&mut self, id: JobId) {
        let Some(open) = self.jobs.get_mut(&id) else { return };
        let (standing, change_ms) = open.stands(self.now_ms);
        self.line.change(open.owner, id, open.standing, standing);
        open.standing = standing;
        self.changes.extend(change_ms.map(|at_ms| (at_ms, id)));
    }
}

impl Open {
    fn new(request: &JobRequested, recorded: &Recorded) -> Self {
        Self {
            job: Job::default(),
            owner: request.owner,
            priority: request.priority,
            correlation: recorded.new.correlation,
            cause: recorded.new.id,
            cancel_asked_ms: None,
            requested_ms: unix_ms(recorded.new.time),
            started_ms: 0,
            served: 0,
            standing: Standing::Away,
        }
    }

    fn apply(&mut self, recorded: &Recorded) {
        self.cause = recorded.new.id;
        match recorded.event() {
            Event::JobDispatched(_) => self.served = recorded.sequence,
            Event::TrainingStarted(_) | Event::InferenceStarted(_) => self.started_ms = unix_ms(recorded.new.time),
            Event::CancelRequested(_) => self.cancel_asked_ms = Some(unix_ms(recorded.new.time)),
            _ => {}
        }
        self.job.apply(recorded.event());
    }

    /// Whether it may need something else than its turn.
    fn is_active(&self) -> bool {
        self.job.cancel_requested || !matches!(self.job.stage, Stage::Waiting { .. })
    }

    /// Where it belongs at `now_ms`, and when that changes by itself.
    fn stands(&self, now_ms: u64) -> (Standing, Option<u64>) {
        let aged_ms = self.requested_ms + LOW_WAITS_MS;
        match self.job.stage {
            Stage::Waiting { .. } if self.job.cancel_requested => (Standing::Away, None),
            Stage::Waiting { due_ms, .. } if due_ms > now_ms => (Standing::Away, Some(due_ms)),
            Stage::Waiting { phase, .. } if self.priority == Priority::Low && aged_ms > now_ms => {
                (Standing::InLine { phase, priority: Priority::Low }, Some(aged_ms))
            }
            Stage::Waiting { phase, .. } => (Standing::InLine { phase, priority: Priority::Normal }, None),
            Stage::Dispatched { phase, .. } => (Standing::Queued { phase }, None),
            Stage::Running { .. } => (Standing::Running, None),
            _ => (Standing::Away, None),
        }
    }

    /// The phase that a worker is at, and since when.
    fn running(&self) -> Option<(Phase, u64)> {
        match self.job.stage {
            Stage::Running { phase, .. } => Some((phase, self.started_ms)),
            _ => None,
        }
    }
}

pub fn unix_ms(time: time::OffsetDateTime) -> u64 {
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}
