//! `kart events export`: the log as a file.

use super::keys;
use super::progress::Progress;
use super::which::Which;
use crate::config::Settings;
use crate::{backends, seals, verify};
use anyhow::{Context, bail};
use bus::{Delivered, Log};
use futures::StreamExt;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

pub async fn run(settings: &Settings, file: &Path, which: &Which, keys: Option<&Path>) -> anyhow::Result<()> {
    let (bus, embedded) = backends::log_of(settings).await?;
    // First the keys: a person who registers meanwhile is missing rather than kept without being in the log.
    if let Some(path) = keys {
        keys::write(&bus.keys(), path).await?;
    }
    // What breaks off leaves no file that looks whole.
    let part = file.with_extension("part");
    let pace = write(&bus.log().strict(), &part, which).await?;
    std::fs::rename(&part, file).with_context(|| format!("cannot write {}", file.display()))?;
    eprintln!("{pace}");
    if !which.is_all() {
        eprintln!("a part of the log: it can be read, and not imported");
        return Ok(());
    }
    match backends::blobs_beside(settings, embedded.as_ref()) {
        Ok(blobs) => {
            let beside = verify::beside(file);
            let count = seals::write_file(&blobs, &beside).await?;
            eprintln!("{count} seals in {}", beside.display());
        }
        Err(error) => eprintln!("without seals: {error:#}"),
    }
    Ok(())
}

async fn write(log: &Log, path: &Path, which: &Which) -> anyhow::Result<String> {
    let failed = || format!("cannot write {}", path.display());
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).with_context(failed)?);
    let mut progress = Progress::of(log.head().await?, "events");
    let mut events = log.replay(which.filter(log).await?);
    let mut sieve = which.sieve(1);
    while let Some(delivered) = events.next().await {
        match delivered? {
            Delivered::Event(event) => {
                progress.step();
                if sieve.wants(&event) {
                    out.write_all(&event.to_line()).and_then(|()| out.write_all(b"\n")).with_context(failed)?;
                }
            }
            Delivered::Unreadable { sequence, subject, reason, .. } => {
                bail!("sequence {sequence} on {subject} is no event that this kart can carry over: {reason}");
            }
            Delivered::CaughtUp { .. } => {}
        }
    }
    out.into_inner().map_err(|error| error.into_error()).and_then(|file| file.sync_all()).with_context(failed)?;
    Ok(progress.finish())
}
