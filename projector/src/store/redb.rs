//! stub
use super::{Batch, StoreError, ViewStore};
use crate::{Row, Table, Value};
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use std::path::Path;
pub struct RedbStore {}
impl RedbStore {
    pub fn open(_path: &Path) -> Result<Self, StoreError> { unimplemented!() }
}
impl ViewStore for RedbStore {
    fn write(&self, _batch: Batch) -> BoxFuture<'_, Result<(), StoreError>> { unimplemented!() }
    fn checkpoint(&self) -> BoxFuture<'_, Result<u64, StoreError>> { unimplemented!() }
    fn row<'a>(&'a self, _table: &'static Table, _key: &'a [Value]) -> BoxFuture<'a, Result<Option<Row>, StoreError>> { unimplemented!() }
    fn rows<'a>(&'a self, _table: &'static Table, _partition: &'a [Value], _after: Option<&'a [Value]>, _limit: usize) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> { unimplemented!() }
    fn scan(&self, _table: &'static Table) -> BoxStream<'_, Result<Row, StoreError>> { unimplemented!() }
    fn clear(&self) -> BoxFuture<'_, Result<(), StoreError>> { unimplemented!() }
}
