//! Pages of rows, and where the next one starts.

use crate::{Row, StoreError, Table, Value};
use serde::Serialize;
use std::fmt;
use std::str::FromStr;

/// The clustering key of the last row that a page showed. Opaque to whoever passes it on.
#[derive(Clone, Debug, PartialEq)]
pub struct Cursor(Vec<Value>);

/// Some rows, and where to go on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// `None`: these were the last.
    pub next: Option<Cursor>,
}

impl Cursor {
    pub(crate) fn after(row: &Row) -> Self {
        let columns = row.table.clustering_key().iter();
        Self(columns.map(|(name, _)| row.columns.get(*name).cloned().unwrap_or(Value::Null)).collect())
    }

    /// The clustering key, if it is one of `table`: a cursor comes from a URL and may be another page's.
    pub(crate) fn key_in(&self, table: &'static Table) -> Result<&[Value], StoreError> {
        let types = table.clustering_key().iter().map(|&(_, kind)| Some(kind));
        if self.0.iter().map(Value::type_of).eq(types) { Ok(&self.0) } else { Err(StoreError::BadCursor) }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let json = serde_json::to_vec(&self.0).map_err(|_| fmt::Error)?;
        f.write_str(&hex::encode(json))
    }
}

impl FromStr for Cursor {
    type Err = StoreError;
    fn from_str(text: &str) -> Result<Self, StoreError> {
        let json = hex::decode(text).map_err(|_| StoreError::BadCursor)?;
        serde_json::from_slice(&json).map(Self).map_err(|_| StoreError::BadCursor)
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
