//! Tables, values and mutations: what both stores understand.

use serde::{Deserialize, Serialize};
use std::fmt;
use time::OffsetDateTime;
use uuid::Uuid;

/// A view's table. In the store it is called `<name>_v<version>`.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    /// Grows whenever a column goes, moves, or means something else: the new table is filled beside the old one. A new
    /// column at the end needs no new version: it is empty in the rows from before it.
    pub version: u32,
    /// Key columns first, in key order. Embedded rows know a column by its position here.
    pub columns: &'static [(&'static str, Type)],
    /// How many of the first columns say which partition a row is in. A partition is read as a whole or in pages.
    pub partition: usize,
    /// How many columns after those order the rows inside a partition.
    pub clustering: usize,
    pub order: Order,
}

/// The order of rows inside a partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    Ascending,
    Descending,
}

/// Types that CQL and redb both hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    Uuid,
    Text,
    /// 64 bits, signed.
    Int,
    /// 64-bit floating point.
    Real,
    Flag,
    /// Milliseconds since 1970.
    Time,
    /// A list that is replaced as a whole.
    Texts,
    /// A list that is replaced as a whole.
    Reals,
}

/// A value of one of the [`Type`]s, or none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Value {
    Null,
    Uuid(Uuid),
    Text(String),
    Int(i64),
    Real(f64),
    Flag(bool),
    Time(i64),
    Texts(Vec<String>),
    Reals(Vec<f64>),
}

/// One change of one row (or, for a delete by partition, of its rows). Values are absolute; what a later sequence wrote
/// stays, column by column.
#[derive(Clone, Debug, PartialEq)]
pub enum Mutation {
    /// Sets some columns, and brings the row into being.
    Upsert { table: &'static Table, key: Vec<Value>, columns: Vec<(&'static str, Value)>, sequence: u64 },
    /// Removes what was written before `sequence`. `key` is a whole key, or a partition. An upsert of the same sequence
    /// stays, so that one event can replace a partition.
    Delete { table: &'static Table, key: Vec<Value>, sequence: u64 },
}

impl Table {
    /// `jobs_v1`
    pub fn versioned_name(&self) -> String {
        format!("{}_v{}", self.name, self.version)
    }

    /// Columns of the primary key.
    pub fn key(&self) -> &'static [(&'static str, Type)] {
        &self.columns[..self.partition + self.clustering]
    }

    pub fn clustering_key(&self) -> &'static [(&'static str, Type)] {
        &self.key()[self.partition..]
    }

    pub fn upsert<const K: usize, const C: usize>(
        &'static self,
        sequence: u64,
        key: [Value; K],
        columns: [(&'static str, Value); C],
    ) -> Mutation {
        Mutation::Upsert { table: self, key: key.into(), columns: columns.into(), sequence }
    }

    pub fn delete<const K: usize>(&'static self, sequence: u64, key: [Value; K]) -> Mutation {
        Mutation::Delete { table: self, key: key.into(), sequence }
    }
}

impl Mutation {
    /// When it was written, as stores compare it: an upsert wins over a delete of the same sequence.
    pub fn stamp(&self) -> u64 {
        match self {
            Mutation::Delete { sequence, .. } => sequence * 2,
            Mutation::Upsert { sequence, .. } => sequence * 2 + 1,
        }
    }

    pub fn table(&self) -> &'static Table {
        match self {
            Mutation::Upsert { table, .. } | Mutation::Delete { table, .. } => table,
        }
    }
}

impl Value {
    /// `None` for null, which every column but those of the key may hold.
    pub fn type_of(&self) -> Option<Type> {
        Some(match self {
            Value::Null => return None,
            Value::Uuid(_) => Type::Uuid,
            Value::Text(_) => Type::Text,
            Value::Int(_) => Type::Int,
            Value::Real(_) => Type::Real,
            Value::Flag(_) => Type::Flag,
            Value::Time(_) => Type::Time,
            Value::Texts(_) => Type::Texts,
            Value::Reals(_) => Type::Reals,
        })
    }
}

/// For people.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("-"),
            Value::Uuid(id) => id.fmt(f),
            Value::Text(text) => write!(f, "{text:?}"),
            Value::Int(number) | Value::Time(number) => number.fmt(f),
            Value::Real(number) => number.fmt(f),
            Value::Flag(flag) => flag.fmt(f),
            Value::Texts(texts) => write!(f, "{texts:?}"),
            Value::Reals(numbers) => write!(f, "{numbers:?}"),
        }
    }
}

macro_rules! value_from {
    ($($from:ty => |$value:ident| $make:expr),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from($value: $from) -> Self { $make }
        })*
    };
}

value_from! {
    Uuid => |v| Value::Uuid(v),
    schemas::UserId => |v| Value::Uuid(v.0),
    schemas::VideoId => |v| Value::Uuid(v.0),
    schemas::JobId => |v| Value::Uuid(v.0),
    schemas::MediaId => |v| Value::Uuid(v.0),
    schemas::ComicId => |v| Value::Uuid(v.0),
    &str => |v| Value::Text(v.to_owned()),
    String => |v| Value::Text(v),
    &String => |v| Value::Text(v.clone()),
    &schemas::Personal => |v| Value::Text(v.shown().to_owned()),
    schemas::Hash => |v| Value::Text(v.to_string()),
    u32 => |v| Value::Int(v.into()),
    // Sizes, durations and sequences stay far below 2⁶³.
    u64 => |v| Value::Int(i64::try_from(v).unwrap_or(i64::MAX)),
    f32 => |v| Value::Real(v.into()),
    bool => |v| Value::Flag(v),
    OffsetDateTime => |v| Value::Time(milliseconds(v)),
    &Vec<String> => |v| Value::Texts(v.clone()),
    Vec<String> => |v| Value::Texts(v),
    &Vec<f32> => |v| Value::Reals(v.iter().map(|&x| x.into()).collect()),
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

fn milliseconds(time: OffsetDateTime) -> i64 {
    let nanoseconds = time.unix_timestamp_nanos();
    // Years 0 to 9999, the range of a time, fit in milliseconds.
    i64::try_from(nanoseconds.div_euclid(1_000_000)).unwrap_or(i64::MAX)
}
