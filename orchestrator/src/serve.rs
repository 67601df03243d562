//! Serving over hyper: axum's own `serve` sets no time-out for headers.

use crate::app::{App, router};
use crate::config::Web;
use crate::hub::Hub;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// A client that has not sent a whole head by then is cut off; also how long an idle connection is kept.
/// Many uploads at once stay small in memory.
const CONNECTION_BUFFER: usize = 64 << 10;
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A longer head is answered with 431.
const LONGEST_HEAD: usize = 32 << 10;
/// How long running requests may go on after the shutdown.
const GRACE: Duration = Duration::from_secs(10);
/// Before accepting again when the machine has run out of something, such as file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("the log cannot be followed")]
    Hub(#[source] bus::BusError),
}

/// Serves until `shutdown`, then lets running requests end.
///
/// # Errors
/// `Hub` when live events cannot be had at the start.
pub async fn serve(web: Web, listener: TcpListener, shutdown: CancellationToken) -> Result<(), ServeError> {
    let hub = Hub::start(&web.bus, shutdown.clone()).await.map_err(ServeError::Hub)?;
    let router = router(App { web: Arc::new(web), hub, shutdown: shutdown.clone() });
    let graceful = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.cancelled() => break,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        stream.set_nodelay(true).ok();
        let mut builder = http1::Builder::new();
        builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_header_size(LONGEST_HEAD);
        builder.max_buf_size(CONNECTION_BUFFER);
        let service = TowerToHyperService::new(router.clone());
        let connection = graceful.watch(builder.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection broke");
            }
        });
    }
    if tokio::time::timeout(GRACE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    Ok(())
}
