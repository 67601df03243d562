//! `kart erase`: an operator does for a person what their own button does.

use crate::backends;
use crate::config::Settings;
use anyhow::Context as _;
use bus::{Context, ExecuteError};
use schemas::user::{User, UserCommand};
use schemas::{Actor, Refusal, UserId, envelope};
use uuid::Uuid;

#[derive(clap::Args)]
pub struct Erase {
    /// As `owner` in the events of whatever is theirs
    user: UserId,
}

impl Erase {
    pub async fn run(&self, settings: &Settings) -> anyhow::Result<()> {
        let (bus, _embedded) = backends::log_of(settings).await?;
        let context = Context {
            command: Uuid::now_v7(),
            actor: Actor::role("operator"),
            correlation: Uuid::now_v7(),
            causation: None,
            time: envelope::now(),
        };
        let executed = bus.log().execute::<User>(self.user, &context, || UserCommand::Erase).await;
        let executed = match executed {
            Err(ExecuteError::Refused(Refusal::Missing)) => anyhow::bail!("nobody is called {}", self.user),
            executed => executed.context("cannot write it down")?,
        };
        match executed.events.is_empty() {
            true => println!("{} was erased before", self.user),
            false => println!("{} is erased; a running orchestrator deletes what is theirs", self.user),
        }
        Ok(())
    }
}
