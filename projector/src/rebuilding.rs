//! stub
use crate::{StoreError, ViewStore};
use bus::{Log, ReadError};
use std::sync::Arc;
use std::time::Duration;

/// What a rebuild did.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    pub events: u64,
    /// Skipped because this program does not know their type.
    pub unknown: u64,
    /// Aggregates that stand still.
    pub parked: u64,
    /// The rows show everything up to here.
    pub sequence: u64,
    pub took: Duration,
}

/// One view, and how far it is behind the log.
#[derive(Clone, Debug, PartialEq)]
pub struct ViewStatus {
    pub view: &'static str,
    pub version: u32,
    pub sequence: u64,
    /// Events that the log has and the view does not show yet.
    pub lag: u64,
    pub rows: Option<u64>,
}

#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    #[error(transparent)]
    Log(ReadError),
    #[error(transparent)]
    Store(StoreError),
}

pub async fn rebuild(_log: &Log, _store: Arc<dyn ViewStore>) -> Result<Report, RebuildError> {
    unimplemented!()
}

pub async fn status(_log: &Log, _store: Arc<dyn ViewStore>) -> Result<Vec<ViewStatus>, RebuildError> {
    unimplemented!()
}
