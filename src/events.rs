//! `kart events`: the log as lines of JSON, one CloudEvent each.

use crate::backends;
use crate::config::Settings;
use anyhow::Context;
use bus::{Delivered, Filter, ReadError};
use futures::{Stream, StreamExt};
use schemas::{AggregateId, JobId, Kind};
use std::io::{ErrorKind, Write};

#[derive(clap::Subcommand)]
pub enum Events {
    /// Print events as they happen, until Ctrl-C
    Tail {
        #[command(flatten)]
        which: Which,
        /// Begin at this sequence instead of now
        #[arg(long)]
        from: Option<u64>,
    },
    /// Print the events so far, oldest first
    Replay {
        #[command(flatten)]
        which: Which,
        /// First sequence
        #[arg(long, default_value_t = 1)]
        from: u64,
        /// Last sequence
        #[arg(long)]
        to: Option<u64>,
    },
}

#[derive(clap::Args, Clone, Debug)]
pub struct Which {
    /// Only events of this job
    #[arg(long)]
    job: Option<JobId>,
    /// Only events of this type: `kart.job.trained.v1`, `job.trained` or `trained`
    #[arg(long = "type")]
    kind: Option<String>,
}

impl Which {
    fn wants(&self, delivered: &Delivered) -> bool {
        let Delivered::Event(event) = delivered else { return true };
        let of_job = self.job.is_none_or(|job| event.aggregate == AggregateId::from(job));
        of_job && self.kind.as_deref().is_none_or(|wanted| matches_type(&event.written.type_name, wanted))
    }

    fn filter(&self, from: u64, to_sequence: Option<u64>) -> Filter {
        let kind: Option<Kind> = self.kind.as_deref().and_then(|text| {
            let text = text.strip_prefix("kart.").unwrap_or(text);
            text.split_once('.').and_then(|(kind, _)| kind.parse().ok())
        });
        Filter { aggregate: self.job.map(Into::into), kind, event: None, from, to_sequence }
    }
}

/// `kart.job.trained.v1` is meant by itself, by `job.trained` and by `trained`.
fn matches_type(type_name: &str, wanted: &str) -> bool {
    let short = type_name.strip_prefix("kart.").and_then(|name| name.rsplit_once('.')).map_or(type_name, |(n, _)| n);
    type_name == wanted || short == wanted || short.split_once('.').is_some_and(|(_, name)| name == wanted)
}

impl Events {
    pub async fn run(&self, settings: &Settings) -> anyhow::Result<()> {
        let (bus, _embedded) = backends::log_of(settings).await?;
        let log = bus.log();
        match self {
            Events::Tail { which, from } => {
                let from = match from {
                    Some(from) => *from,
                    None => log.head().await? + 1,
                };
                print_all(log.follow(from), which).await
            }
            Events::Replay { which, from, to } => print_all(log.replay(which.filter(*from, *to)), which).await,
        }
    }
}

async fn print_all(
    mut events: impl Stream<Item = Result<Delivered, ReadError>> + Unpin,
    which: &Which,
) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    while let Some(delivered) = events.next().await {
        let delivered = delivered?;
        if !which.wants(&delivered) {
            continue;
        }
        let written = match delivered {
            Delivered::Event(event) => serde_json::to_writer(&mut out, &event.to_cloud_event())
                .map_err(std::io::Error::from)
                .and_then(|()| out.write_all(b"\n"))
                .and_then(|()| out.flush()),
            Delivered::Unreadable { sequence, subject, reason, .. } => {
                eprintln!("sequence {sequence} on {subject} is no event that this kart knows: {reason}");
                Ok(())
            }
            Delivered::CaughtUp { .. } => Ok(()),
        };
        match written {
            // `kart events replay | head` is fine.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(()),
            written => written.context("cannot write to stdout")?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::matches_type;

    #[test]
    fn a_type_is_found_by_its_long_and_short_names() {
        for wanted in ["kart.job.trained.v1", "job.trained", "trained"] {
            assert!(matches_type("kart.job.trained.v1", wanted), "{wanted}");
        }
        for other in ["job", "kart.job.trained", "rained", "kart.job.requested.v1", ""] {
            assert!(!matches_type("kart.job.trained.v1", other), "{other}");
        }
    }
}
