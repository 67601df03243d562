//! stub
use crate::{RebuildError, Row, ViewStore};
use bus::Log;
use std::sync::Arc;

/// A row that a rebuild would make otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    pub live: Option<Row>,
    pub rebuilt: Option<Row>,
}

pub async fn diff(_log: &Log, _store: Arc<dyn ViewStore>) -> Result<Vec<Difference>, RebuildError> {
    unimplemented!()
}
