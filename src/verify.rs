//! `kart events verify`: whether the log, or an exported file, is whole and unchanged.
//!
//! Every event is read as strictly as it was written; sequences have no holes; each event links to the one before it in
//! its aggregate and follows the aggregate's rules; the bytes that events speak of are there; the seals, which were made
//! outside the log, agree; and the rows that pages read are those that the log makes. An exported file needs no server.

mod blobs;
mod checker;
mod file;
mod report;
mod rules;

pub use file::Lines;
pub use report::{Kind, Report};

use crate::backends;
use crate::config::Settings;
use crate::events::Progress;
use crate::seals::{self, Seal, SealKey, Sealed, public_key_of};
use crate::views;
use anyhow::{Context, bail};
use blobs::Holdings;
use bus::{Delivered, Filter, Log, ReadError};
use checker::Checker;
use ed25519_dalek::VerifyingKey;
use futures::StreamExt;
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Verify {
    /// An exported file; the log itself when none is given
    file: Option<PathBuf>,
    /// Do not look at videos, pictures and models
    #[arg(long)]
    no_blobs: bool,
    /// Do not compare the read models with what the log says
    #[arg(long)]
    no_views: bool,
    /// Seals to hold a file against [default: FILE.seals, if it is there]
    #[arg(long, requires = "file")]
    seals: Option<PathBuf>,
    /// A public key whose seals are trusted, in hexadecimal [default: that of the data folder]
    #[arg(long = "trust", value_parser = trusted_key)]
    trusted: Vec<VerifyingKey>,
}

/// What came of it.
pub struct Verified {
    pub report: Report,
    /// The last sequence.
    pub last: u64,
    pub seals: u64,
    /// How fast it was.
    pub pace: String,
}

fn trusted_key(text: &str) -> anyhow::Result<VerifyingKey> {
    public_key_of(text).context("an Ed25519 public key is 64 hexadecimal digits")
}

pub async fn run(settings: &Settings, verify: &Verify) -> anyhow::Result<()> {
    let trusted: Vec<_> = match verify.trusted.is_empty() {
        true => SealKey::public(settings).into_iter().collect(),
        false => verify.trusted.clone(),
    };
    let verified = match &verify.file {
        Some(file) => {
            let beside = beside(file);
            let seals = verify.seals.clone().or_else(|| beside.is_file().then_some(beside));
            let sealed = seals.map(|path| {
                seals::read_file(&path, &trusted).with_context(|| format!("cannot read {}", path.display()))
            });
            verify_file(file, sealed.transpose()?, !trusted.is_empty())?
        }
        None => verify_log(settings, &trusted, verify).await?,
    };
    print!("{}", verified.report);
    eprintln!("{}", verified.pace);
    let (last, seals) = (verified.last, verified.seals);
    match verified.report.kinds().as_slice() {
        [] => println!("{last} events are whole and unchanged; {seals} seals agree"),
        [Kind::View] => bail!("the log is whole, but pages show something else; `kart views rebuild` mends that"),
        _ => bail!("the log is not what was written"),
    }
    Ok(())
}

/// Where the seals of an exported file are.
pub fn beside(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(".seals");
    name.into()
}

/// What seals there are, with what is wrong with them in the report.
fn checker(sealed: Option<Sealed>, trusts: bool) -> Checker {
    let Sealed { genuine, wrong, orphaned } = sealed.unwrap_or_default();
    if !trusts && !wrong.is_empty() {
        eprintln!("{} seals were not looked at: no key is trusted; name one with --trust", wrong.len());
    }
    let seals: Vec<Seal> = genuine;
    let mut checker = Checker::new(seals);
    if trusts {
        wrong.iter().for_each(|(name, forged)| checker.report.add(Kind::Seal, 0, format!("{name}: {forged}")));
    }
    for sequence in orphaned {
        checker.report.add(Kind::Seal, sequence, "the seal that this one was made upon is not there");
    }
    checker
}

pub fn verify_file(file: &Path, sealed: Option<Sealed>, trusts: bool) -> anyhow::Result<Verified> {
    let mut checker = checker(sealed, trusts);
    let lines = Lines::open(file)?;
    let mut progress = Progress::of(lines.guessed(), "events");
    for line in lines {
        progress.step();
        match line? {
            Ok(event) => checker.event(&event),
            Err(bad) => {
                let sequence = bad.sequence.unwrap_or(checker.next());
                checker.unreadable(sequence, format!("line {}: {}", bad.number, bad.reason));
            }
        }
    }
    let last = checker.next() - 1;
    let (report, seals) = checker.finish();
    Ok(Verified { report, last, seals, pace: progress.finish() })
}

async fn verify_log(settings: &Settings, trusted: &[VerifyingKey], wanted: &Verify) -> anyhow::Result<Verified> {
    let look_at_blobs = !wanted.no_blobs;
    let (bus, embedded) = backends::log_of(settings).await?;
    // Without S3 neither seals nor blobs can be had; what can be checked is checked all the same when that is asked for.
    let blobs = match backends::blobs_beside(settings, embedded.as_ref()) {
        Err(error) if look_at_blobs => return Err(error.context("videos, pictures and seals are there; or --no-blobs")),
        Err(_) => {
            eprintln!("S3 is not configured: seals were not looked at");
            None
        }
        Ok(blobs) => Some(blobs),
    };
    let sealed = match &blobs {
        Some(blobs) => Some(seals::stored(blobs, trusted).await?),
        None => None,
    };
    let mut checker = checker(sealed, !trusted.is_empty());
    let mut holdings = Holdings::default();
    let log = bus.log().strict();
    let head = log.head().await;
    let mut progress = Progress::of(*head.as_ref().unwrap_or(&0), "events");
    match head {
        Ok(_) => read(&log, &mut checker, &mut holdings, &mut progress).await?,
        // nats-server leaves out a stream whose files it cannot read.
        Err(error) => {
            let detail = format!("the server has no log: deleted, or damaged; its own log may say ({error})");
            checker.report.add(Kind::Gap, 1, detail);
        }
    }
    let mut pace = progress.finish();
    let last = checker.next() - 1;
    let (mut report, seals) = checker.finish();
    if let (Some(blobs), true) = (blobs, look_at_blobs) {
        let (findings, blobs_pace) = holdings.check(&blobs).await?;
        findings.into_iter().for_each(|finding| report.add(finding.kind, finding.sequence, finding.detail));
        pace = format!("{pace}; {blobs_pace}");
    }
    if !wanted.no_views {
        compare_views(settings, bus.log(), last, &mut report).await?;
    }
    Ok(Verified { report, last, seals, pace })
}

/// Holds the rows against those of a fresh fold of the log.
async fn compare_views(settings: &Settings, log: Log, last: u64, report: &mut Report) -> anyhow::Result<()> {
    match views::answer(settings, views::Request::Diff, log).await {
        // A line with columns is a row that differs; the others say how much was compared.
        Ok(answer) => answer.text.lines().for_each(|line| match line.contains('\t') {
            true => report.add(Kind::View, last, line),
            false => eprintln!("{line}"),
        }),
        // A damaged log makes no rows; what is wrong with it is in the report.
        Err(error) if !report.is_clean() => eprintln!("the read models were not compared: {error:#}"),
        Err(error) => return Err(error.context("the read models cannot be compared; or --no-views")),
    }
    Ok(())
}

/// Reads the log up to its present head, past whatever is damaged.
async fn read(
    log: &Log,
    checker: &mut Checker,
    holdings: &mut Holdings,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let (first, head) = (log.first().await?, log.head().await?);
    let mut events = log.replay(Filter { from: first, to_sequence: Some(head), ..Filter::default() });
    while let Some(delivered) = events.next().await {
        match delivered {
            Ok(Delivered::Event(event)) => {
                progress.step();
                holdings.event(&event);
                checker.event(&event);
            }
            Ok(Delivered::Unreadable { sequence, subject, reason, .. }) => {
                checker.unreadable(sequence, format!("{subject}: {reason}"));
            }
            // What is missing before the next event shows when that comes.
            Err(ReadError::Lost { .. }) | Ok(Delivered::CaughtUp { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    checker.missing(head + 1);
    Ok(())
}

#[cfg(test)]
mod tests;
