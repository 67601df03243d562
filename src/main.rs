//! The one binary: every role, alone or all in one process, and the commands of an operator.

mod backends;
mod config;
mod control;
mod doctor;
mod erase;
mod events;
mod gpu_check;
mod roles;
mod seals;
mod up;
mod upload;
mod verify;
mod views;

use clap::{Parser, Subcommand};
use config::{Settings, WebSettings, WorkSettings};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Events are many small allocations: rebuilding views is a quarter faster than with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Turns a short video of yourself into your own comic character, and the character into comics.
///
/// `kart up` runs everything on this machine, with its own servers under ./data. To outgrow one machine, run the roles
/// apart and point them at a NATS cluster, an S3 service and ScyllaDB with the options below or KART_* variables.
#[derive(Parser)]
#[command(name = "kart", version, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run every role in this process; whatever server is not configured is started here
    Up {
        #[command(flatten)]
        web: WebSettings,
        #[command(flatten)]
        work: WorkSettings,
    },
    /// Make the streams on NATS that are missing, and check the others
    SetUp,
    /// Run the web pages, the API and the dispatcher
    Orchestrator {
        #[command(flatten)]
        web: WebSettings,
    },
    /// Run workers that train and draw
    Trainer {
        #[command(flatten)]
        work: WorkSettings,
    },
    /// Run the projector, which folds events into the rows that pages show
    Projector,
    /// Upload a video to a running Kart
    Upload(upload::Upload),
    /// Read the log of events, verify it, carry it away and bring it back
    #[command(subcommand)]
    Events(events::Events),
    /// Look after the read models
    #[command(subcommand)]
    Views(views::ViewsCommand),
    /// Delete everything of a person, for good
    Erase(erase::Erase),
    /// Train on this machine's GPUs, compare with the CPU and PyTorch, and print a table
    GpuCheck,
    /// Check everything that Kart needs, and say how to mend what is missing
    Doctor,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_env("KART_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,async_nats=warn,s3s=warn,scylla=warn,hyper=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false).init();
    // One TLS provider for every client. An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let Cli { settings, command } = Cli::parse();
    match command {
        Command::Up { web, work } => up::run(&settings, &web, &work, stop_on_signal()).await,
        Command::SetUp => roles::set_up(&settings).await,
        Command::Orchestrator { web } => roles::orchestrator(&settings, &web, stop_on_signal()).await,
        Command::Trainer { work } => roles::trainer(&settings, &work, stop_on_signal()).await,
        Command::Projector => roles::projector(&settings, stop_on_signal()).await,
        Command::Upload(upload) => upload.run(&settings).await,
        Command::Events(events) => events.run(&settings).await,
        Command::Views(command) => command.run(&settings).await,
        Command::Erase(erase) => erase.run(&settings).await,
        Command::GpuCheck => tokio::task::spawn_blocking(gpu_check::run).await?,
        Command::Doctor => doctor::run(&settings).await,
    }
}

/// Cancelled by Ctrl-C or SIGTERM. A second signal ends the process at once.
fn stop_on_signal() -> CancellationToken {
    use tokio::signal::unix::{SignalKind, signal};
    let token = CancellationToken::new();
    let stop = token.clone();
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        loop {
            tokio::select! { _ = interrupt.recv() => {} _ = terminate.recv() => {} }
            if stop.is_cancelled() {
                std::process::exit(130);
            }
            tracing::info!("stopping");
            stop.cancel();
        }
    });
    token
}
