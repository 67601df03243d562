//! `kart events tail` and `replay`.

use super::progress::Progress;
use super::which::{Sieve, Which};
use crate::backends;
use crate::config::Settings;
use anyhow::Context;
use bus::{Delivered, ReadError};
use futures::{Stream, StreamExt};
use std::io::{BufWriter, ErrorKind, IsTerminal, Write};

pub async fn tail(settings: &Settings, which: &Which) -> anyhow::Result<()> {
    let (bus, _embedded) = backends::log_of(settings).await?;
    let log = bus.log();
    let from = match which.from {
        Some(from) => from,
        None => log.head().await? + 1,
    };
    let begin = if which.of_a_user() { 1 } else { from };
    print(log.follow(begin), which.sieve(from), None).await
}

pub async fn replay(settings: &Settings, which: &Which) -> anyhow::Result<()> {
    let (bus, _embedded) = backends::log_of(settings).await?;
    let log = bus.log();
    let filter = which.filter(&log).await?;
    // On a terminal, lines and a bar would write over each other.
    let shown = !std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    let progress = if shown { Some(Progress::of(log.head().await?, "events")) } else { None };
    print(log.replay(filter), which.sieve(1), progress).await
}

async fn print(
    mut events: impl Stream<Item = Result<Delivered, ReadError>> + Unpin,
    mut sieve: Sieve<'_>,
    mut progress: Option<Progress>,
) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    loop {
        // Whoever watches sees a line as soon as nothing more waits.
        let ready = futures::future::poll_immediate(events.next()).await;
        let next = match ready {
            Some(next) => next,
            None => match out.flush() {
                Ok(()) => events.next().await,
                Err(error) => return ended(error),
            },
        };
        let Some(delivered) = next else { break };
        match delivered? {
            Delivered::Event(event) => {
                progress.iter_mut().for_each(Progress::step);
                if sieve.wants(&event)
                    && let Err(error) = out.write_all(&event.to_line()).and_then(|()| out.write_all(b"\n"))
                {
                    return ended(error);
                }
            }
            Delivered::Unreadable { sequence, subject, reason, .. } => {
                eprintln!("sequence {sequence} on {subject} is no event that this kart knows: {reason}");
            }
            Delivered::CaughtUp { .. } => {}
        }
    }
    if let Err(error) = out.flush() {
        return ended(error);
    }
    if let Some(progress) = progress {
        eprintln!("{}", progress.finish());
    }
    Ok(())
}

/// `kart events replay | head` is fine.
fn ended(error: std::io::Error) -> anyhow::Result<()> {
    match error.kind() {
        ErrorKind::BrokenPipe => Ok(()),
        _ => Err(error).context("cannot write to stdout"),
    }
}
