//! What to do next, decided from the board alone. Pure, so that two dispatchers decide alike and a test needs no server.

use super::board::{Board, Open};
use bus::Work;
use schemas::JobId;
use schemas::event::Phase;
use schemas::job::{JobCommand, Stage};
use std::collections::HashMap;
use uuid::Uuid;

/// How many jobs may sit in the work queue for each phase. Few, so that the order stays ours to decide; more than the
/// trainers can take at once, so that none waits for us.
#[derive(Clone, Copy, Debug)]
pub struct Slots {
    pub training: usize,
    pub inference: usize,
}

impl Default for Slots {
    fn default() -> Self {
        Self { training: 4, inference: 4 }
    }
}

/// An attempt that is begun so often without an end kills its workers.
pub const MAX_STARTS: u32 = 5;
/// A worker answers a nudge within a second. One that has not in this time is taken to be gone; if it is not, whatever it
/// still writes is refused.
pub const CANCEL_GRACE_MS: u64 = 10_000;
/// A nudge may be lost.
const NUDGE_EVERY_MS: u64 = 1_000;

#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Say in the log that the waiting phase goes to the queue.
    Dispatch(JobId),
    /// Put a dispatched phase into the queue; again after a restart, the queue keeps it once.
    Offer(Work),
    /// Everything is drawn: fill the library, draft the comic, end the job.
    Finish(JobId),
    /// Tell the worker to look whether it should stop.
    Nudge(JobId),
    /// Nobody works on it: end it as asked.
    Cancel { job: JobId, lease: Option<Uuid> },
    /// It killed too many workers.
    Fail { job: JobId, lease: Uuid },
}

/// What this process did that the log does not tell. Lost with the process, and harmless to do again.
#[derive(Debug, Default)]
pub struct Memory {
    /// Which attempt of a job it put into the queue.
    offered: HashMap<JobId, (Phase, u32)>,
    /// When it nudged a job's worker, Unix milliseconds.
    nudged: HashMap<JobId, u64>,
}

impl Memory {
    pub fn offered(&mut self, work: &Work) {
        self.offered.insert(work.job, (work.phase, work.attempt));
    }

    pub fn nudged(&mut self, job: JobId, now_ms: u64) {
        self.nudged.insert(job, now_ms);
    }

    fn forget_all_but(&mut self, board: &Board) {
        self.offered.retain(|job, _| board.active.contains(job));
        self.nudged.retain(|job, _| board.active.contains(job));
    }
}

/// Looks at the jobs in hand and at whose turn it is: however many wait, that costs the same.
pub fn plan(board: &mut Board, memory: &mut Memory, slots: Slots, now_ms: u64) -> Vec<Step> {
    board.advance(now_ms);
    memory.forget_all_but(board);
    let active = board.active.iter().filter_map(|id| Some((*id, board.jobs.get(id)?)));
    let mut steps: Vec<Step> = active.filter_map(|(id, open)| step_of(id, open, memory, now_ms)).collect();
    for (phase, size) in [(Phase::Inference, slots.inference), (Phase::Training, slots.training)] {
        let room = size.saturating_sub(board.queued(phase));
        steps.extend(board.next(phase, room).into_iter().map(Step::Dispatch));
    }
    steps
}

/// What one job needs, whatever the others do.
fn step_of(id: JobId, open: &Open, memory: &Memory, now_ms: u64) -> Option<Step> {
    let overdue = open.cancel_asked_ms.is_some_and(|asked_ms| now_ms >= asked_ms + CANCEL_GRACE_MS);
    let nudged = memory.nudged.get(&id).is_some_and(|nudged_ms| now_ms < nudged_ms + NUDGE_EVERY_MS);
    match (open.job.stage, open.job.cancel_requested) {
        (Stage::Inferred, _) => Some(Step::Finish(id)),
        (Stage::Running { lease, .. }, true) if overdue => Some(Step::Cancel { job: id, lease: Some(lease) }),
        (Stage::Running { .. }, true) => (!nudged).then_some(Step::Nudge(id)),
        (Stage::Running { lease, .. }, false) if open.job.starts > MAX_STARTS => Some(Step::Fail { job: id, lease }),
        (Stage::Waiting { .. } | Stage::Dispatched { .. }, true) => Some(Step::Cancel { job: id, lease: None }),
        (Stage::Dispatched { phase, attempt }, false) if memory.offered.get(&id) != Some(&(phase, attempt)) => {
            Some(Step::Offer(Work { phase, job: id, user: open.owner, attempt, priority: open.priority }))
        }
        _ => None,
    }
}

/// What a step says to its job, and what that is called; `None` for steps that are more than a word.
pub fn command(step: &Step, now_ms: u64) -> Option<(JobId, &'static str, JobCommand)> {
    match *step {
        Step::Dispatch(job) => Some((job, "dispatch", JobCommand::Dispatch)),
        Step::Cancel { job, lease } => Some((job, "cancel", JobCommand::Cancel { lease })),
        Step::Fail { job, lease } => {
            let detail = "Working on this video stopped our trainers again and again. We are looking into it.";
            let (code, detail) = ("worker-lost".to_owned(), detail.to_owned());
            Some((job, "fail", JobCommand::Fail { lease, code, detail, retryable: false, now_ms }))
        }
        Step::Offer(_) | Step::Nudge(_) | Step::Finish(_) => None,
    }
}

#[cfg(test)]
mod tests;
