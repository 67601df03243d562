//! `kart views`: how far the read models are, and making them anew from the log.

use crate::backends::{self, Running};
use crate::config::Settings;
use crate::control;
use bus::Log;
use projector::ViewStore;
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::sync::Arc;

#[derive(clap::Subcommand)]
pub enum ViewsCommand {
    /// How far each read model has followed the log
    Status,
    /// Make every read model anew from the log
    Rebuild,
}

/// What is asked of the process that has the store.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    Status,
    Rebuild,
}

impl ViewsCommand {
    pub async fn run(&self, settings: &Settings) -> anyhow::Result<()> {
        let request = match self {
            ViewsCommand::Status => Request::Status,
            ViewsCommand::Rebuild => Request::Rebuild,
        };
        let text = match Running::find(&settings.data) {
            Some(_) if settings.scylla_nodes.iter().all(String::is_empty) => {
                control::ask(&settings.data, &request).await?
            }
            _ => {
                let (bus, _embedded) = backends::log_of(settings).await?;
                execute(request, &bus.log().opened(), backends::views_of(settings).await?).await?
            }
        };
        print!("{text}");
        Ok(())
    }
}

/// Does it and says what there is to say.
pub async fn execute(request: Request, log: &Log, store: Arc<dyn ViewStore>) -> anyhow::Result<String> {
    let mut text = String::new();
    match request {
        Request::Status => {
            let status = projector::status(log, store).await?;
            writeln!(text, "{:<24} {:>7} {:>12} {:>8}", "view", "version", "sequence", "behind")?;
            for view in status {
                writeln!(text, "{:<24} {:>7} {:>12} {:>8}", view.view, view.version, view.sequence, view.lag)?;
            }
        }
        Request::Rebuild => {
            let report = projector::rebuild(log, store).await?;
            let (events, speed) = (report.sequence, report.events_per_second());
            writeln!(text, "rebuilt every view from {events} events, {speed:.0} events/s")?;
        }
    }
    Ok(text)
}
