//! `kart events`: the log as lines of JSON, one CloudEvent each, to watch, to verify, to carry away and to bring back.

mod export;
mod import;
mod keys;
mod moment;
mod owners;
mod print;
mod progress;
mod which;

use crate::config::Settings;
use crate::seals;
use crate::verify::{self, Verify};
use std::path::PathBuf;
use which::Which;

pub use progress::Progress;

#[derive(clap::Subcommand)]
pub enum Events {
    /// Print events as they happen, until Ctrl-C; with --from, first those since then
    Tail {
        #[command(flatten)]
        which: Which,
    },
    /// Print the events so far, oldest first
    Replay {
        #[command(flatten)]
        which: Which,
    },
    /// Check the log, or an exported file: nothing missing, nothing changed. Exits with 1 when something is wrong
    Verify(Verify),
    /// Seal the log as it stands now: a signed statement of its hash, in S3
    Seal,
    /// Write the events so far into a file, and their seals beside it
    Export {
        file: PathBuf,
        #[command(flatten)]
        which: Which,
        /// Also write people's keys here, without which what they wrote cannot be read. A secret; keep it for a short
        /// time only: it outlives whoever wants to be forgotten
        #[arg(long)]
        keys: Option<PathBuf>,
    },
    /// Fill an empty log from an exported file
    Import {
        file: PathBuf,
        /// People's keys, as `export --keys` wrote them
        #[arg(long)]
        keys: Option<PathBuf>,
    },
}

impl Events {
    pub async fn run(&self, settings: &Settings) -> anyhow::Result<()> {
        match self {
            Events::Tail { which } => print::tail(settings, which).await,
            Events::Replay { which } => print::replay(settings, which).await,
            Events::Verify(verify) => verify::run(settings, verify).await,
            Events::Seal => seals::seal_now(settings).await,
            Events::Export { file, which, keys } => export::run(settings, file, which, keys.as_deref()).await,
            Events::Import { file, keys } => import::run(settings, file, keys.as_deref()).await,
        }
    }
}
