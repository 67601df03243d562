//! The jobs that have not ended, folded from the log. Pure.

use schemas::event::Phase;
use schemas::job::{Job, Stage};
use schemas::{Aggregate, AggregateId, Event, JobId, Recorded, UserId};
use std::collections::BTreeMap;
use uuid::Uuid;

/// A job between its request and its end.
#[derive(Debug)]
pub struct Open {
    pub job: Job,
    pub owner: UserId,
    /// Shared by everything that follows from the request.
    pub correlation: Uuid,
    /// The job's last event.
    pub cause: Uuid,
    /// How often workers began the present attempt. More than once: the earlier ones went silent or gave it back.
    pub starts: u32,
    /// When somebody asked for its end, Unix milliseconds.
    pub cancel_asked_ms: Option<u64>,
    /// Where in the log it was last handed out: whom we served last.
    pub served: u64,
}

/// Every open job, and how far in the log that is true.
#[derive(Debug, Default)]
pub struct Board {
    pub jobs: BTreeMap<JobId, Open>,
    pub sequence: u64,
}

impl Board {
    pub fn apply(&mut self, recorded: &Recorded) {
        self.sequence = self.sequence.max(recorded.sequence);
        let AggregateId::JobId(id) = recorded.aggregate else { return };
        if let Event::JobRequested(request) = recorded.event() {
            self.jobs.entry(id).or_insert_with(|| Open {
                job: Job::default(),
                owner: request.owner,
                correlation: recorded.new.correlation,
                cause: recorded.new.id,
                starts: 0,
                cancel_asked_ms: None,
                served: 0,
            });
        }
        let Some(open) = self.jobs.get_mut(&id) else { return };
        open.apply(recorded);
        if open.job.stage.has_ended() {
            self.jobs.remove(&id);
        }
    }

    /// Jobs that stand before this one, counting those that nobody works on yet; `None` when it does not wait.
    pub fn place(&self, id: JobId) -> Option<usize> {
        let phase = self.jobs.get(&id)?.waits_for()?;
        Some(self.jobs.iter().filter(|(other, open)| **other < id && open.waits_for() == Some(phase)).count())
    }

    /// How many jobs are in the work queue for a phase, not taken yet.
    pub fn queued(&self, phase: Phase) -> usize {
        let queued = |open: &&Open| matches!(open.job.stage, Stage::Dispatched { phase: p, .. } if p == phase);
        self.jobs.values().filter(queued).count()
    }
}

impl Open {
    fn apply(&mut self, recorded: &Recorded) {
        self.cause = recorded.new.id;
        match recorded.event() {
            Event::JobDispatched(_) => (self.starts, self.served) = (0, recorded.sequence),
            Event::TrainingStarted(_) | Event::InferenceStarted(_) => self.starts += 1,
            Event::CancelRequested(_) => self.cancel_asked_ms = Some(unix_ms(recorded.new.time)),
            _ => {}
        }
        self.job.apply(recorded.event());
    }

    /// The phase that nobody works on yet.
    fn waits_for(&self) -> Option<Phase> {
        match self.job.stage {
            Stage::Waiting { phase, .. } | Stage::Dispatched { phase, .. } => Some(phase),
            _ => None,
        }
    }
}

pub fn unix_ms(time: time::OffsetDateTime) -> u64 {
    u64::try_from(time.unix_timestamp_nanos() / 1_000_000).unwrap_or(0)
}
