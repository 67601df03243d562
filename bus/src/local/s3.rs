//! An S3 server in process over a folder, so that development takes the same path as production.

use super::durable::Durable;
use super::{LocalError, file_error, lock, secret};
use crate::S3Config;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

const ACCESS_KEY: &str = "kart";
const BUCKET: &str = "kart";
const REGION: &str = "local";

/// Many uploads at once stay small in memory.
const CONNECTION_BUFFER: usize = 64 << 10;
/// An S3 server over a folder. Stops when dropped, open connections too.
pub struct S3Server {
    address: SocketAddr,
    secret_key: String,
    task: JoinHandle<()>,
    _lock: std::fs::File,
}

impl S3Server {
    /// Starts on a loopback port (a free one when `None`) over `dir`, which keeps objects and credentials.
    ///
    /// # Errors
    /// See [`LocalError`].
    pub async fn spawn(dir: &Path, port: Option<u16>) -> Result<Self, LocalError> {
        let lock = lock(dir).await?;
        let secret_key = secret::load_or_make(&dir.join("secret-key"))?;
        let root = dir.join("objects");
        std::fs::create_dir_all(&root).map_err(file_error(&root))?;
        let durable = Durable::open(&root).map_err(|reason| LocalError::S3 { reason })?;
        let mut builder = S3ServiceBuilder::new(durable);
        builder.set_auth(SimpleAuth::from_single(ACCESS_KEY, secret_key.as_str()));
        let failed = |error: std::io::Error| LocalError::S3 { reason: error.to_string() };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port.unwrap_or(0))).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let task = tokio::spawn(serve(listener, builder.build()));
        Ok(Self { address, secret_key, task, _lock: lock })
    }

    /// Endpoint, bucket and credentials.
    pub fn config(&self) -> S3Config {
        S3Config {
            endpoint: format!("http://{}", self.address),
            region: REGION.to_owned(),
            bucket: BUCKET.to_owned(),
            access_key: ACCESS_KEY.to_owned(),
            secret_key: self.secret_key.clone(),
        }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, service: S3Service) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((socket, _)) => {
                    let service = service.clone();
                    connections.spawn(async move {
                        let _ = socket.set_nodelay(true);
                        let mut http = Builder::new(TokioExecutor::new());
                        http.http1().max_buf_size(CONNECTION_BUFFER);
                        if let Err(error) = http.serve_connection(TokioIo::new(socket), service).await {
                            tracing::debug!("local S3 connection: {error}");
                        }
                    });
                }
                Err(error) => tracing::warn!("local S3 server: {error}"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}
