//! The work queue: each phase of a job is held by one worker at a time.

use crate::Bus;
use schemas::{JobId, UserId, event::Phase};

#[derive(Clone)]
pub struct WorkQueue {
    pub(crate) bus: Bus,
}

/// Which of the waiting work the dispatcher prefers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    High,
    #[default]
    Normal,
}

/// A phase of a job that wants a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    pub phase: Phase,
    pub job: JobId,
    pub user: UserId,
    pub attempt: u32,
    pub priority: Priority,
}

/// Work in hand. Dropped without `done`, it is handed out again when the lease has run out.
#[derive(Debug)]
pub struct Task {
    pub work: Work,
    /// How many times this work was handed out, from 1.
    pub delivery: u64,
}

/// Keeps a task's lease while it lives.
pub struct KeepAlive(tokio::task::JoinHandle<()>);

#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    #[error("the work queue does not answer: {reason}")]
    Unavailable { reason: String },
    /// The message is no work; it was taken out of the queue.
    #[error("{subject} is no work: {reason}")]
    Unreadable { subject: String, reason: String },
    #[error("the work was not acknowledged: {reason}")]
    Lost { reason: String },
}

impl WorkQueue {
    /// Puts work in the queue; the same (job, phase, attempt) again is stored once.
    ///
    /// # Errors
    /// `Unavailable`; offering again is safe.
    pub async fn offer(&self, _work: &Work) -> Result<(), WorkError> {
        unimplemented!()
    }

    /// Takes the next work of a phase, waiting up to a few seconds.
    ///
    /// # Errors
    /// `Unavailable`, `Unreadable`.
    pub async fn take(&self, _phase: Phase) -> Result<Option<Task>, WorkError> {
        unimplemented!()
    }

    /// Work of a phase that waits or is in hand.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn depth(&self, _phase: Phase) -> Result<u64, WorkError> {
        unimplemented!()
    }
}

impl Task {
    /// Renews the lease every third of it, from a task of its own, until the guard is dropped.
    pub fn keep_alive(&self) -> KeepAlive {
        unimplemented!()
    }

    /// The work is done: takes it out of the queue and waits for the server to say so.
    ///
    /// # Errors
    /// `Lost` when the server does not confirm.
    pub async fn done(self) -> Result<(), WorkError> {
        unimplemented!()
    }

    /// Hands the work to somebody else at once (this worker is shutting down).
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn give_back(self) -> Result<(), WorkError> {
        unimplemented!()
    }
}

impl Drop for KeepAlive {
    fn drop(&mut self) {
        self.0.abort();
    }
}
