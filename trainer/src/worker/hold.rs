//! A worker's hold on one phase of one job: the lease that everything it writes carries.

use super::Outcome;
use bus::{Bus, Context, Executed, Work};
use schemas::event::Phase;
use schemas::job::{Job, JobCommand};
use schemas::{Actor, Aggregate, JobId, UserId, envelope};
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

/// Work that was started more often than this without an end kills its workers: it is failed. Deliveries do not count:
/// work that comes while no slot is free goes back at once.
const MAX_STARTS: u32 = 5;

pub struct Hold {
    pub bus: Bus,
    pub job: JobId,
    pub user: UserId,
    pub phase: Phase,
    pub attempt: u32,
    pub lease: Uuid,
    /// Tells the computation to stop.
    pub stop: CancellationToken,
    /// Computations on threads of their own, which may go on for a moment after they were told to stop.
    pub computing: TaskTracker,
    /// Keys of blobs to delete when the phase has ended.
    scraps: Mutex<Vec<String>>,
}

impl Hold {
    pub fn new(bus: Bus, work: &Work) -> Self {
        let Work { phase, job, user, attempt, .. } = *work;
        Self {
            bus,
            job,
            user,
            phase,
            attempt,
            lease: Uuid::now_v7(),
            stop: CancellationToken::new(),
            computing: TaskTracker::new(),
            scraps: Mutex::default(),
        }
    }

    /// Executes a command on the job, and answers how it stands then; `label` tells this lease's commands apart.
    pub async fn execute(&self, label: &str, command: impl Fn() -> JobCommand) -> Result<Job, Outcome> {
        self.execute_on::<Job>(self.job, label, command).await.map(|executed| executed.state)
    }

    pub async fn execute_on<A: Aggregate>(
        &self,
        id: A::Id,
        label: &str,
        command: impl Fn() -> A::Command,
    ) -> Result<Executed<A>, Outcome> {
        let context = Context {
            command: Uuid::new_v5(&self.lease, label.as_bytes()),
            actor: Actor::role("trainer"),
            correlation: self.job.0,
            causation: None,
            time: envelope::now(),
        };
        Ok(self.bus.log().execute::<A>(id, &context, command).await?)
    }

    /// Takes the phase. Work that was started too often ends here.
    pub async fn start(&self, command: impl Fn() -> JobCommand) -> Result<Job, Outcome> {
        let job = self.execute("start", command).await?;
        if job.starts > MAX_STARTS {
            let detail = "The workers that tried this video ended unexpectedly, several times.";
            return Err(Outcome::failed("worker-lost", detail, true));
        }
        Ok(job)
    }

    pub fn scrap(&self, key: String) {
        self.scraps.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(key);
    }

    pub fn take_scraps(&self) -> Vec<String> {
        std::mem::take(&mut self.scraps.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    /// The job as it stands.
    pub async fn job(&self) -> Result<Job, Outcome> {
        let loaded = self.bus.log().load(self.job.into()).await;
        let loaded = loaded.map_err(|error| Outcome::Unavailable(error.to_string()))?;
        Ok(Job::fold(loaded.events.iter().map(|recorded| recorded.event())))
    }
}

/// Unix time in milliseconds.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
