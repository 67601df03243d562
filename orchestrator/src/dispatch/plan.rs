//! What to do next, decided from the board alone. Pure, so that two dispatchers decide alike and a test needs no server.

use super::board::{Board, Open};
use bus::{Priority, Work};
use schemas::event::Phase;
use schemas::job::Stage;
use schemas::{JobId, UserId};
use std::collections::{HashMap, HashSet};
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
const MAX_STARTS: u32 = 5;
/// A worker that was asked to stop and stays silent for so long is gone.
const CANCEL_GRACE_MS: u64 = 60_000;

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
    Fail(JobId),
}

/// Which work this process put in the queue already.
pub type Offered = HashSet<(JobId, Phase, u32)>;

pub fn plan(board: &Board, offered: &Offered, slots: Slots, now_ms: u64) -> Vec<Step> {
    let mut steps: Vec<Step> = board.jobs.iter().filter_map(|(&id, open)| step_of(id, open, offered, now_ms)).collect();
    for (phase, size) in [(Phase::Inference, slots.inference), (Phase::Training, slots.training)] {
        let room = size.saturating_sub(board.queued(phase));
        steps.extend(fair(board, phase, room, now_ms).into_iter().map(Step::Dispatch));
    }
    steps
}

/// What one job needs, whatever the others do.
fn step_of(id: JobId, open: &Open, offered: &Offered, now_ms: u64) -> Option<Step> {
    let overdue = open.cancel_asked_ms.is_some_and(|asked_ms| now_ms >= asked_ms + CANCEL_GRACE_MS);
    match (open.job.stage, open.job.cancel_requested) {
        (Stage::Inferred, _) => Some(Step::Finish(id)),
        (Stage::Running { lease, .. }, true) if overdue => Some(Step::Cancel { job: id, lease: Some(lease) }),
        (Stage::Running { .. }, true) => Some(Step::Nudge(id)),
        (Stage::Running { .. }, false) if open.starts > MAX_STARTS => Some(Step::Fail(id)),
        (Stage::Waiting { .. } | Stage::Dispatched { .. }, true) => Some(Step::Cancel { job: id, lease: None }),
        (Stage::Dispatched { phase, attempt }, false) if !offered.contains(&(id, phase, attempt)) => {
            let work = Work { phase, job: id, user: open.owner, attempt, priority: Priority::default() };
            Some(Step::Offer(work))
        }
        _ => None,
    }
}

/// Up to `room` jobs whose phase is due: always the user's with the fewest jobs in hand, then of those the one served
/// longest ago, then the oldest job.
fn fair(board: &Board, phase: Phase, room: usize, now_ms: u64) -> Vec<JobId> {
    let mut in_hand: HashMap<UserId, usize> = HashMap::new();
    let mut served: HashMap<UserId, u64> = HashMap::new();
    let mut due: Vec<(JobId, UserId)> = vec![];
    for (&id, open) in &board.jobs {
        let last = served.entry(open.owner).or_default();
        *last = open.served.max(*last);
        match open.job.stage {
            Stage::Dispatched { .. } | Stage::Running { .. } => *in_hand.entry(open.owner).or_default() += 1,
            Stage::Waiting { phase: p, due_ms, .. } if p == phase && due_ms <= now_ms && !open.job.cancel_requested => {
                due.push((id, open.owner));
            }
            _ => {}
        }
    }
    let mut chosen = vec![];
    while chosen.len() < room {
        let rank = |&(id, owner): &(JobId, UserId)| {
            (in_hand.get(&owner).copied().unwrap_or(0), served.get(&owner).copied().unwrap_or(0), id)
        };
        let Some((place, &(id, owner))) = due.iter().enumerate().min_by_key(|(_, job)| rank(job)) else { break };
        due.swap_remove(place);
        chosen.push(id);
        *in_hand.entry(owner).or_default() += 1;
    }
    chosen
}

#[cfg(test)]
mod tests;
