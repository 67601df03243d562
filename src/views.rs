//! `kart views`: how far the read models are, whether they are what the log says, and making them anew from it.

use crate::backends::{self, Running};
use crate::config::Settings;
use crate::control;
use bus::Log;
use projector::{Comparison, Freshness, ViewStore, Views};
use serde::{Deserialize, Serialize};
use std::fmt::Write;
use std::sync::Arc;

#[derive(clap::Subcommand)]
pub enum ViewsCommand {
    /// How far the read models have followed the log
    Status,
    /// Make every read model anew from the log, beside the live ones, and put them in their place
    ///
    /// Pages stay up and complete meanwhile. Rows of the old read models that differ from the new ones are listed; the
    /// new ones are used all the same, since they are what the log says, and the exit code is 0.
    Rebuild,
    /// Make every read model anew in a scratch file and compare it with the live one, row by row
    ///
    /// Exits with 1 when a row differs. Nothing is changed.
    Diff,
}

/// What is asked of the process that has the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Request {
    Status,
    Rebuild,
    Diff,
}

/// What there is to say, and whether all is well.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    pub text: String,
    pub good: bool,
}

impl ViewsCommand {
    pub async fn run(&self, settings: &Settings) -> anyhow::Result<()> {
        let request = match self {
            ViewsCommand::Status => Request::Status,
            ViewsCommand::Rebuild => Request::Rebuild,
            ViewsCommand::Diff => Request::Diff,
        };
        let (bus, _embedded) = backends::log_of(settings).await?;
        let answer = answer(settings, request, bus.log()).await?;
        print!("{}", answer.text);
        anyhow::ensure!(answer.good, "the read models are not what the log says; `kart views rebuild` mends them");
        Ok(())
    }
}

/// Asks the process that has the store, or opens the store.
pub async fn answer(settings: &Settings, request: Request, log: Log) -> anyhow::Result<Answer> {
    match Running::find(&settings.data) {
        Some(_) if settings.scylla_nodes.iter().all(String::is_empty) => control::ask(&settings.data, &request).await,
        _ => execute(request, &log.opened(), backends::views_of(settings).await?).await,
    }
}

/// Does it and says what there is to say.
pub async fn execute(request: Request, log: &Log, store: Arc<dyn ViewStore>) -> anyhow::Result<Answer> {
    let mut text = String::new();
    let mut good = true;
    match request {
        Request::Status => status(&mut text, log, store).await?,
        Request::Rebuild => {
            let report = projector::rebuild(log, store).await?;
            tell(&mut text, &report.comparison)?;
            let (events, speed) = (report.sequence, report.events_per_second());
            writeln!(text, "rebuilt every view from {events} events, {speed:.0} events/s")?;
            writeln!(text, "generation {} is live", report.generation)?;
        }
        Request::Diff => {
            let comparison = projector::diff(log, store).await?;
            tell(&mut text, &comparison)?;
            good = comparison.differences.is_empty();
        }
    }
    Ok(Answer { text, good })
}

async fn status(text: &mut String, log: &Log, store: Arc<dyn ViewStore>) -> anyhow::Result<()> {
    let (generation, views) = projector::status(&store).await?;
    let fresh = Views::new(store).freshness(log).await?;
    let Freshness { sequence, counts, staleness, .. } = fresh;
    writeln!(text, "generation {generation}, sequence {sequence}")?;
    writeln!(text, "behind     {} events, {:.1} s", fresh.lag(), staleness.as_secs_f64())?;
    writeln!(
        text,
        "events     {} applied, {} repeated, {} of unknown types, {} unreadable, {} held",
        counts.applied, counts.repeated, counts.unknown, counts.unreadable, counts.held
    )?;
    writeln!(text, "\n{:<24} {:>7} {:>12} {:>12} {:>8}", "view", "version", "rows", "sequence", "behind")?;
    for view in views {
        let rows = view.rows.map_or_else(|| "many".to_owned(), |rows| rows.to_string());
        let (name, version, lag) = (view.view, view.version, fresh.lag());
        writeln!(text, "{name:<24} {version:>7} {rows:>12} {sequence:>12} {lag:>8}")?;
    }
    Ok(())
}

/// One line for each column that differs: table, key, column, what is live, what the log says.
fn tell(text: &mut String, comparison: &Comparison) -> std::fmt::Result {
    for difference in &comparison.differences {
        let key: Vec<_> = difference.key.iter().map(ToString::to_string).collect();
        for (column, live, fresh) in difference.columns() {
            let show = |value: Option<&projector::Value>| value.map_or_else(|| "-".to_owned(), ToString::to_string);
            let table = difference.table.versioned_name();
            writeln!(text, "{table}\t{}\t{column}\t{}\t{}", key.join("/"), show(live), show(fresh))?;
        }
    }
    if comparison.unsettled > 0 {
        writeln!(text, "{} rows kept changing and could not be compared", comparison.unsettled)?;
    }
    let (count, sequence) = (comparison.differences.len(), comparison.sequence);
    match count {
        0 if comparison.unsettled > 0 => {
            writeln!(text, "every other row is what the log says, as of sequence {sequence}")
        }
        0 => writeln!(text, "every row is what the log says, as of sequence {sequence}"),
        projector::MOST_DIFFERENCES.. => writeln!(text, "{count} rows or more differ, as of sequence {sequence}"),
        _ => writeln!(text, "{count} rows differ, as of sequence {sequence}"),
    }
}
