//! stub
use crate::{StoreError, ViewStore};
use bus::Log;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Everything up to this sequence of the log is in the rows.
pub type Position = watch::Receiver<u64>;

/// Follows the log and keeps every view up to date.
pub struct Projector {
    _log: Log,
    _store: Arc<dyn ViewStore>,
    position: watch::Sender<u64>,
}

impl Projector {
    pub fn new(log: Log, store: Arc<dyn ViewStore>) -> Self {
        Self { _log: log, _store: store, position: watch::channel(0).0 }
    }
    pub fn position(&self) -> Position {
        self.position.subscribe()
    }
    /// Runs until `shutdown`.
    pub async fn run(self, _shutdown: CancellationToken) -> Result<(), StoreError> {
        unimplemented!()
    }
}
