//! A row as a store gives it back, read column by column into the typed row of a view.

use crate::{StoreError, Table, Value};
use std::collections::BTreeMap;
use time::OffsetDateTime;
use uuid::Uuid;

/// The columns of one row that hold something.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    pub table: &'static Table,
    pub columns: BTreeMap<String, Value>,
}

macro_rules! getters {
    ($($(#[$doc:meta])* $name:ident($variant:ident) -> $type:ty = |$value:ident| $make:expr;)*) => {
        impl Row {
            $($(#[$doc])*
            pub fn $name(&self, column: &str) -> Result<$type, StoreError> {
                match self.columns.get(column) {
                    Some(Value::$variant($value)) => Ok($make),
                    _ => Err(self.misfit(column)),
                }
            })*
        }
    };
}

getters! {
    uuid(Uuid) -> Uuid = |v| *v;
    text(Text) -> String = |v| v.clone();
    int(Int) -> i64 = |v| *v;
    real(Real) -> f32 = |v| *v as f32;
    flag(Flag) -> bool = |v| *v;
    time(Time) -> OffsetDateTime = |v| from_milliseconds(*v);
    texts(Texts) -> Vec<String> = |v| v.clone();
    reals(Reals) -> Vec<f32> = |v| v.iter().map(|&x| x as f32).collect();
}

impl Row {
    /// An integer that is never negative.
    pub fn count<T: TryFrom<i64>>(&self, column: &str) -> Result<T, StoreError> {
        T::try_from(self.int(column)?).map_err(|_| self.misfit(column))
    }

    /// A text that has a typed form.
    pub fn parsed<T: std::str::FromStr>(&self, column: &str) -> Result<T, StoreError> {
        self.text(column)?.parse().map_err(|_| self.misfit(column))
    }

    /// One of a fixed set of words.
    pub fn word<T: Copy>(&self, column: &str, all: &[T], as_str: fn(T) -> &'static str) -> Result<T, StoreError> {
        let text = self.text(column)?;
        all.iter().copied().find(|&word| as_str(word) == text).ok_or_else(|| self.misfit(column))
    }

    /// Reads a column that may be empty: `row.maybe("title", Row::text)`.
    pub fn maybe<T>(
        &self,
        column: &str,
        read: impl Fn(&Self, &str) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        self.has(column).then(|| read(self, column)).transpose()
    }

    pub fn has(&self, column: &str) -> bool {
        self.columns.contains_key(column)
    }

    pub(crate) fn misfit(&self, column: &str) -> StoreError {
        StoreError::Column { table: self.table.versioned_name(), column: column.to_owned() }
    }
}

fn from_milliseconds(milliseconds: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(milliseconds) * 1_000_000)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
