//! Mutations into a transaction: those of one row become one write, and rows are written in the order of their keys.

use super::cells::{Cells, Columns};
use super::{Generation, rows_of, tombstones_of};
use crate::store::{Source, sort_key};
use crate::{Mutation, StoreError, Table};
use ::redb::{ReadableTable, WriteTransaction};
use std::collections::BTreeMap;

/// What some mutations do to one table, by key.
struct Changes {
    table: &'static Table,
    rows: Vec<(Vec<u8>, Cells)>,
    deletes: BTreeMap<Vec<u8>, u64>,
}

pub fn write(transaction: &WriteTransaction, generation: Generation, mutations: Vec<Mutation>) -> Result<(), Source> {
    for changes in gather(mutations)?.into_values() {
        changes.write(transaction, generation)?;
    }
    Ok(())
}

fn gather(mutations: Vec<Mutation>) -> Result<BTreeMap<&'static str, Changes>, StoreError> {
    let mut tables = BTreeMap::new();
    for mutation in mutations {
        let (table, stamp) = (mutation.table(), mutation.stamp());
        let changes = tables.entry(table.name).or_insert_with(|| Changes::of(table));
        match mutation {
            Mutation::Delete { key, .. } => {
                let deleted = changes.deletes.entry(sort_key::encode(table, &key)?).or_default();
                *deleted = stamp.max(*deleted);
            }
            Mutation::Upsert { key, columns, .. } => {
                let bytes = sort_key::encode(table, &key)?;
                let mut cells = Cells::with_room_for(key.len() + columns.len());
                (0..).zip(key).for_each(|(column, value)| cells.put(column, stamp, value));
                let mut known = Columns::of(table);
                for (name, value) in columns {
                    let misfit = || StoreError::Column { table: table.versioned_name(), column: name.to_owned() };
                    cells.put(known.find(name).ok_or_else(misfit)?, stamp, value);
                }
                changes.rows.push((bytes, cells));
            }
        }
    }
    Ok(tables)
}

impl Changes {
    fn of(table: &'static Table) -> Self {
        Self { table, rows: vec![], deletes: BTreeMap::new() }
    }

    fn write(self, transaction: &WriteTransaction, generation: Generation) -> Result<(), Source> {
        let name = generation.name_of(self.table);
        if !self.deletes.is_empty() {
            let mut tombstones = transaction.open_table(tombstones_of(&super::tombstones_name(&name)))?;
            for (key, stamp) in self.deletes {
                let old = tombstones.get(key.as_slice())?.map_or(0, |guard| guard.value());
                tombstones.insert(key.as_slice(), old.max(stamp))?;
            }
        }
        let mut rows = transaction.open_table(rows_of(&name))?;
        let mut changed = self.rows;
        changed.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut bytes = Vec::new();
        let mut changed = changed.into_iter().peekable();
        while let Some((key, mut cells)) = changed.next() {
            while let Some((_, more)) = changed.next_if(|(next, _)| *next == key) {
                cells.put_all(more);
            }
            cells.encode(&mut bytes)?;
            // Most rows are new: looking for an old one first would cost as much as writing.
            let old =
                rows.insert(key.as_slice(), bytes.as_slice())?.map(|old| Cells::decode(old.value())).transpose()?;
            if let Some(old) = old {
                cells.put_all(old);
                cells.encode(&mut bytes)?;
                rows.insert(key.as_slice(), bytes.as_slice())?;
            }
        }
        Ok(())
    }
}
