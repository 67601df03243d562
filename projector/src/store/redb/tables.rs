//! The tables of a generation: one of rows and one of tombstones for each view.

use super::CHECKPOINTS;
use crate::store::{Generation, Source};
use crate::views;
use ::redb::{TableDefinition, TableHandle, WriteTransaction};

/// [`Cells`](super::Cells) by key, as bytes.
type Rows<'a> = TableDefinition<'a, &'static [u8], &'static [u8]>;
/// Stamps of deletes, by key or partition.
type Tombstones<'a> = TableDefinition<'a, &'static [u8], u64>;

pub fn rows_of(name: &str) -> Rows<'_> {
    TableDefinition::new(name)
}

pub fn tombstones_of(name: &str) -> Tombstones<'_> {
    TableDefinition::new(name)
}

pub fn tombstones_name(rows: &str) -> String {
    format!("{rows}_deleted")
}

pub fn make(transaction: &WriteTransaction, generation: Generation) -> Result<(), Source> {
    for name in names(generation) {
        transaction.open_table(rows_of(&name))?;
        transaction.open_table(tombstones_of(&tombstones_name(&name)))?;
    }
    transaction.open_table(CHECKPOINTS)?;
    Ok(())
}

/// Drops every table and checkpoint but those of `live` as this Kart has them: other generations, and what an older Kart
/// left of this one. Nobody reads those, and nobody would erase a person from them; an older Kart that comes back fills its
/// tables anew. The highest generation that was there.
pub fn drop_others(transaction: &WriteTransaction, live: Generation) -> Result<Generation, Source> {
    let kept: Vec<String> = names(live).flat_map(|name| [tombstones_name(&name), name]).collect();
    let mut last = live;
    let tables: Vec<_> = transaction.list_tables()?.collect();
    for table in tables {
        let Some(generation) = Generation::in_name(table.name()) else { continue };
        last = last.max(generation);
        if !kept.iter().any(|name| name == table.name()) {
            transaction.delete_table(table)?;
        }
    }
    let layout = live.layout();
    transaction.open_table(CHECKPOINTS)?.retain(|key, _| key == layout)?;
    Ok(last)
}

fn names(generation: Generation) -> impl Iterator<Item = String> {
    views::TABLES.into_iter().map(move |table| generation.name_of(table))
}
