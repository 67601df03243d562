//! The work queue in memory: at least once, under leases, with a window in which an offer is remembered.

use super::{LEASE_MS, Rules};
use bus::Work;
use schemas::JobId;
use schemas::event::Phase;
use std::collections::{BTreeMap, HashMap};

/// Short, so that offers are repeated after it.
const WINDOW_MS: u64 = 60_000;

#[derive(Default)]
pub struct Queue {
    messages: BTreeMap<u64, Message>,
    offered_ms: HashMap<(JobId, Phase, u32), u64>,
    last: u64,
    rules: Rules,
    /// Offers of work that stood already.
    pub repeated: usize,
}

struct Message {
    work: Work,
    /// Nobody else gets it before.
    held_until_ms: u64,
    delivered: bool,
}

impl Queue {
    pub fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    pub fn offer(&mut self, work: &Work, now_ms: u64) {
        let key = (work.job, work.phase, work.attempt);
        let remembered = self.offered_ms.get(&key).is_some_and(|at_ms| now_ms < at_ms + WINDOW_MS);
        let stands = self.messages.values().any(|message| message.work == *work);
        self.repeated += usize::from(stands);
        if self.rules.dedupe && (remembered || stands) {
            return;
        }
        self.offered_ms.insert(key, now_ms);
        self.last += 1;
        self.messages.insert(self.last, Message { work: work.clone(), held_until_ms: 0, delivered: false });
    }

    /// The message, and whether somebody had it before.
    pub fn take(&mut self, phase: Phase, now_ms: u64) -> Option<(u64, Work, bool)> {
        let free = |message: &Message| message.work.phase == phase && message.held_until_ms <= now_ms;
        let (&id, message) = self.messages.iter_mut().find(|(_, message)| free(message))?;
        message.held_until_ms = now_ms + LEASE_MS;
        Some((id, message.work.clone(), std::mem::replace(&mut message.delivered, true)))
    }

    /// How many workers hold a lease on a phase of a job.
    pub fn holders(&self, work: &Work, now_ms: u64) -> usize {
        self.messages.values().filter(|message| message.work == *work && message.held_until_ms > now_ms).count()
    }

    pub fn stands(&self, job: JobId) -> bool {
        self.messages.values().any(|message| message.work.job == job)
    }

    /// As on a real queue, whoever holds an old delivery of the message renews it, acknowledges it or gives it back.
    pub fn keep(&mut self, id: u64, now_ms: u64) {
        if let Some(message) = self.messages.get_mut(&id) {
            message.held_until_ms = now_ms + LEASE_MS;
        }
    }

    pub fn done(&mut self, id: u64) {
        self.messages.remove(&id);
    }

    pub fn give_back(&mut self, id: u64) {
        if let Some(message) = self.messages.get_mut(&id) {
            message.held_until_ms = 0;
        }
    }

    pub fn len(&self) -> usize {
        self.messages.len()
    }
}
