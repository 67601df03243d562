//! Mutations into a transaction: those of one row become one write, and rows are written in the order of their keys.

use super::cells::{Cells, Columns};
use super::{Generation, deleted_at, rows_of, tombstones_name, tombstones_of};
use crate::store::{Source, sort_key};
use crate::{Mutation, StoreError, Table};
use ::redb::{ReadableTable, ReadableTableMetadata, WriteTransaction};
use std::collections::BTreeMap;

type RowsTable<'a> = ::redb::Table<'a, &'static [u8], &'static [u8]>;

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
        let mut rows = transaction.open_table(rows_of(&name))?;
        let mut tombstones = transaction.open_table(tombstones_of(&tombstones_name(&name)))?;
        for (key, stamp) in self.deletes {
            let old = tombstones.get(key.as_slice())?.map_or(0, |guard| guard.value());
            tombstones.insert(key.as_slice(), old.max(stamp))?;
            // Hiding it is not enough: whoever is forgotten is not in the file either.
            remove(&mut rows, &key, stamp)?;
        }
        let deletes = (!tombstones.is_empty()?).then_some(&tombstones);
        let mut changed = self.rows;
        changed.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut bytes = Vec::new();
        let mut changed = changed.into_iter().peekable();
        while let Some((key, mut cells)) = changed.next() {
            while let Some((_, more)) = changed.next_if(|(next, _)| *next == key) {
                cells.put_all(more);
            }
            if let Some(tombstones) = deletes {
                let deleted = deleted_at(tombstones, self.table, &cells)?;
                cells = cells.after(deleted);
                if cells.is_empty() {
                    continue;
                }
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

/// Removes what the rows under a prefix held when they were deleted.
fn remove(rows: &mut RowsTable<'_>, prefix: &[u8], deleted: u64) -> Result<(), Source> {
    let mut doomed = Vec::new();
    for entry in rows.range(prefix..)? {
        let (key, cells) = entry?;
        if !key.value().starts_with(prefix) {
            break;
        }
        doomed.push((key.value().to_owned(), Cells::decode(cells.value())?.after(deleted)));
    }
    let mut bytes = Vec::new();
    for (key, later) in doomed {
        if later.is_empty() {
            rows.remove(key.as_slice())?;
        } else {
            later.encode(&mut bytes)?;
            rows.insert(key.as_slice(), bytes.as_slice())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::RedbStore;
    use super::*;
    use crate::Value;
    use crate::views::videos::TABLE;
    use ::redb::ReadableDatabase;
    use uuid::Uuid;

    fn rows_in_file(store: &RedbStore) -> u64 {
        let transaction = store.database.begin_read().unwrap();
        transaction.open_table(rows_of(&Generation::FIRST.name_of(&TABLE))).unwrap().len().unwrap()
    }

    #[test]
    fn what_is_deleted_is_not_in_the_file_and_does_not_come_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = RedbStore::open(&folder.path().join("views.redb")).unwrap();
        let [gone, other] = [1_u128, 2].map(|id| Value::Uuid(Uuid::from_u128(id)));
        let upsert = |key: &Value, stamp| TABLE.upsert(stamp, [key.clone()], []);
        store.write_now(vec![upsert(&gone, 1), upsert(&other, 2)]).unwrap();
        assert_eq!(rows_in_file(&store), 2);
        store.write_now(vec![TABLE.delete(5, [gone.clone()])]).unwrap();
        assert_eq!(rows_in_file(&store), 1);
        store.write_now(vec![upsert(&gone, 4)]).unwrap();
        assert_eq!(rows_in_file(&store), 1, "an upsert from before the delete came late");
        store.write_now(vec![upsert(&gone, 6)]).unwrap();
        assert_eq!(rows_in_file(&store), 2, "what is written later stays");
    }
}
