//! Servers that come along: a nats-server child and an S3 server in process, for `kart up` and for tests.

use crate::{NatsConfig, S3Config};
use std::path::Path;

#[derive(Debug, thiserror::Error)]
pub enum LocalError {
    #[error("no nats-server found on PATH, in .tools or as KART_NATS_SERVER; run tools/fetch-nats-server")]
    NoNatsServer,
    #[error("{path}: {source}")]
    File { path: std::path::PathBuf, source: std::io::Error },
    #[error("nats-server did not start: {reason}")]
    Start { reason: String },
    #[error("the local S3 server did not start: {reason}")]
    S3 { reason: String },
}

/// A nats-server child. Killed when dropped, and when this process dies.
pub struct NatsServer {}

impl NatsServer {
    /// Starts a server on loopback with its store under `dir`; without a port, on a free one.
    ///
    /// # Errors
    /// See [`LocalError`].
    pub async fn spawn(_dir: &Path, _port: Option<u16>) -> Result<Self, LocalError> {
        unimplemented!()
    }

    pub fn config(&self) -> NatsConfig {
        unimplemented!()
    }

    pub fn url(&self) -> String {
        unimplemented!()
    }

    /// Kills the server at once (SIGKILL).
    pub async fn kill(&mut self) {
        unimplemented!()
    }

    /// Starts it again on the same port and store.
    ///
    /// # Errors
    /// See [`LocalError`].
    pub async fn restart(&mut self) -> Result<(), LocalError> {
        unimplemented!()
    }
}

/// An S3 server over a folder. Stops when dropped.
pub struct S3Server {}

impl S3Server {
    /// Starts on a loopback port (a free one when `None`) over `dir`.
    ///
    /// # Errors
    /// See [`LocalError`].
    pub async fn spawn(_dir: &Path, _port: Option<u16>) -> Result<Self, LocalError> {
        unimplemented!()
    }

    /// Endpoint, bucket and credentials.
    pub fn config(&self) -> S3Config {
        unimplemented!()
    }
}
