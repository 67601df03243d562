//! A worker's hold on one phase of one job: the lease that everything it writes carries.

use super::Outcome;
use bus::{Bus, Context, Executed, Work};
use schemas::event::Phase;
use schemas::job::{Job, JobCommand};
use schemas::{Actor, Aggregate, JobId, UserId, envelope};
use std::time::{SystemTime, UNIX_EPOCH};
use uuid::Uuid;

pub struct Hold {
    bus: Bus,
    pub job: JobId,
    pub user: UserId,
    pub phase: Phase,
    pub attempt: u32,
    pub lease: Uuid,
}

impl Hold {
    pub fn new(bus: Bus, work: &Work) -> Self {
        let Work { phase, job, user, attempt, .. } = *work;
        Self { bus, job, user, phase, attempt, lease: Uuid::now_v7() }
    }

    /// Executes a command on the job; `label` tells this lease's commands apart.
    pub async fn execute(&self, label: &str, command: impl Fn() -> JobCommand) -> Result<(), Outcome> {
        self.execute_on::<Job>(self.job, label, command).await.map(|_| ())
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
