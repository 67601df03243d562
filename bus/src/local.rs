//! Servers that come along: a nats-server child and an S3 server in process, for `kart up` and for tests. Both keep
//! what they acknowledged, also when the power fails.

mod accounts;
mod cluster;
mod durable;
mod nats;
mod s3;
mod secret;

pub use cluster::NatsCluster;
pub use nats::NatsServer;
pub use s3::S3Server;

use std::fs::TryLockError;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const LOCK_WITHIN: Duration = Duration::from_secs(1);
const LOCK_EVERY: Duration = Duration::from_millis(20);

/// Why a local server did not start.
#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("no nats-server found as KART_NATS_SERVER, in .tools or on PATH; run tools/fetch-nats-server")]
    NoNatsServer,
    #[error("another process uses {path}")]
    InUse { path: PathBuf },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("nats-server did not start: {reason}")]
    Start { reason: String },
    #[error("the local S3 server did not start: {reason}")]
    S3 { reason: String },
}

fn file_error(path: &Path) -> impl FnOnce(std::io::Error) -> LocalError {
    let path = path.to_owned();
    move |source| LocalError::File { path, source }
}

/// Two servers over one folder would destroy it. The lock goes with the file handle, also when the process dies.
async fn lock(dir: &Path) -> Result<std::fs::File, LocalError> {
    std::fs::create_dir_all(dir).map_err(file_error(dir))?;
    let path = dir.join("lock");
    let file = std::fs::File::create(&path).map_err(file_error(&path))?;
    let deadline = Instant::now() + LOCK_WITHIN;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            // A child that is just being forked shares the handle until it runs its own program.
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => tokio::time::sleep(LOCK_EVERY).await,
            Err(TryLockError::WouldBlock) => return Err(LocalError::InUse { path: dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(LocalError::File { path, source }),
        }
    }
}
