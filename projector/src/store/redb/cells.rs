//! A row as the embedded store keeps it: cells that know the stamp of the mutation that wrote them. The highest stamp
//! wins in each column, as ScyllaDB's timestamps have it.

use crate::store::Source;
use crate::{Row, Table, Value};
use std::collections::BTreeMap;

/// A column's position in its table, the stamp, and the value.
type Cell = (u8, u64, Value);

/// The cells of one row, by column.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cells(Vec<Cell>);

impl Cells {
    pub fn with_room_for(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// # Errors
    /// When the bytes are not those of [`Cells::encode`].
    pub fn decode(bytes: &[u8]) -> Result<Self, Source> {
        Ok(Self(postcard::from_bytes(bytes)?))
    }

    /// In place of what `buffer` holds.
    pub fn encode(&self, buffer: &mut Vec<u8>) -> Result<(), Source> {
        buffer.clear();
        postcard::to_io(&self.0, buffer)?;
        Ok(())
    }

    /// Writes a cell, unless a later one is there.
    pub fn put(&mut self, column: u8, stamp: u64, value: Value) {
        // Views write columns in the table's order.
        if self.0.last().is_none_or(|last| last.0 < column) {
            return self.0.push((column, stamp, value));
        }
        match self.0.binary_search_by_key(&column, |cell| cell.0) {
            Ok(at) if self.0[at].1 < stamp => self.0[at] = (column, stamp, value),
            Ok(_) => {}
            Err(at) => self.0.insert(at, (column, stamp, value)),
        }
    }

    pub fn put_all(&mut self, other: Self) {
        other.0.into_iter().for_each(|(column, stamp, value)| self.put(column, stamp, value));
    }

    /// The values of the key, as far as it is there.
    pub fn key<'a>(&'a self, table: &Table) -> impl Iterator<Item = &'a Value> + Clone {
        let length = table.key().len();
        self.0.iter().take_while(move |(column, ..)| usize::from(*column) < length).map(|(.., value)| value)
    }

    /// Without what was deleted at or after its stamp.
    pub fn after(mut self, deleted: u64) -> Self {
        self.0.retain(|(_, stamp, _)| *stamp > deleted);
        self
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What pages see of [`Cells::after`]; `None` when there is no row.
    pub fn visible(self, table: &'static Table, deleted: u64) -> Option<Row> {
        let mut cells = self.after(deleted).0.into_iter().peekable();
        // Every upsert writes the key: without it there is no row.
        if !matches!(cells.peek(), Some((0, ..))) {
            return None;
        }
        let filled = cells.filter(|(.., value)| *value != Value::Null);
        let columns: BTreeMap<_, _> = filled
            .filter_map(|(column, _, value)| Some((table.columns.get(usize::from(column))?.0.to_owned(), value)))
            .collect();
        Some(Row { table, columns })
    }
}

/// Finds columns by name. Views write them in the table's order, so the next one is nearly always where it looks first.
pub struct Columns<'a> {
    table: &'a Table,
    next: usize,
}

impl<'a> Columns<'a> {
    pub fn of(table: &'a Table) -> Self {
        Self { table, next: 0 }
    }

    pub fn find(&mut self, name: &str) -> Option<u8> {
        let count = self.table.columns.len();
        let at = (0..count).map(|step| (self.next + step) % count).find(|&at| self.table.columns[at].0 == name)?;
        self.next = at + 1;
        u8::try_from(at).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views::jobs::TABLE;

    #[test]
    fn the_highest_stamp_wins_whatever_comes_first() {
        let write = |order: [u64; 3]| {
            let mut cells = Cells::default();
            order.iter().for_each(|stamp| cells.put(3, *stamp, Value::Int(*stamp as i64)));
            cells.put(0, 1, Value::Int(0));
            cells
        };
        assert_eq!(write([1, 2, 3]), write([3, 1, 2]));
        let row = write([2, 3, 1]).visible(&TABLE, 0).unwrap();
        assert_eq!(row.columns["title"], Value::Int(3));
    }

    #[test]
    fn cells_come_back_as_they_went_in() {
        let mut cells = Cells::default();
        let values =
            [Value::Uuid(uuid::Uuid::now_v7()), Value::Null, Value::Real(-0.0), Value::Texts(vec!["漫".into()])];
        for (column, value) in (0..).zip(values) {
            cells.put(column, u64::MAX - u64::from(column), value);
        }
        let mut bytes = vec![7];
        cells.encode(&mut bytes).unwrap();
        assert_eq!(Cells::decode(&bytes).unwrap(), cells);
        assert!(Cells::decode(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn columns_are_found_in_any_order() {
        let mut columns = Columns::of(&TABLE);
        assert_eq!([columns.find("title"), columns.find("id"), columns.find("horse")], [Some(3), Some(0), None]);
    }
}
