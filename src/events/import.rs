//! `kart events import`: an exported file becomes a log again.

use super::keys;
use super::progress::Progress;
use crate::backends;
use crate::config::Settings;
use crate::verify::{self, Lines};
use anyhow::{Context, bail};
use bus::Log;
use schemas::{Event, Recorded, UserId};
use std::collections::HashSet;
use std::path::Path;

/// Events that are handed over at once.
const CHUNK: usize = 1_000;

pub async fn run(settings: &Settings, file: &Path, keys: Option<&Path>) -> anyhow::Result<()> {
    // All of it is verified before any of it is written.
    let verified = verify::verify_file(file, None, false)?;
    if !verified.report.is_clean() {
        print!("{}", verified.report);
        bail!("{} is not what was exported; nothing was written", file.display());
    }
    let (bus, _embedded) = backends::log_to_fill(settings).await?;
    let log = bus.log();
    log.must_be_empty().await?;
    let (erased, pace) = write(&log, file, verified.last).await?;
    eprintln!("{pace}");
    let restored = match keys {
        Some(path) => keys::restore(&bus.keys(), path, &erased).await?,
        None => 0,
    };
    println!("{} events and {restored} keys are in; now run `kart views rebuild`", verified.last);
    Ok(())
}

/// Who was erased, and how fast it went.
async fn write(log: &Log, file: &Path, expected: u64) -> anyhow::Result<(HashSet<UserId>, String)> {
    let mut progress = Progress::of(expected, "events");
    let mut erased = HashSet::new();
    let mut chunk: Vec<Recorded> = Vec::with_capacity(CHUNK);
    for line in Lines::open(file)? {
        let event = line?.ok().context("the file changed while it was read")?;
        if let (Event::UserErased(_), schemas::AggregateId::UserId(user)) = (event.event(), event.aggregate) {
            erased.insert(user);
        }
        progress.step();
        chunk.push(event);
        if chunk.len() == CHUNK {
            log.restore(&chunk).await?;
            chunk.clear();
        }
    }
    log.restore(&chunk).await?;
    Ok((erased, progress.finish()))
}
