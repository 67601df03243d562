//! The tables of a generation: one of rows and one of tombstones for each view.

use super::CHECKPOINTS;
use crate::store::{Generation, Source};
use crate::views;
use ::redb::{ReadableTable, TableDefinition, TableHandle, WriteTransaction};

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

/// Drops the tables of every generation but `live`. The highest generation that was there.
pub fn drop_others(transaction: &WriteTransaction, live: Generation) -> Result<Generation, Source> {
    let mut last = live;
    let tables: Vec<_> = transaction.list_tables()?.collect();
    for table in tables {
        let Some(generation) = Generation::in_name(table.name()) else { continue };
        last = last.max(generation);
        if generation != live {
            transaction.open_table(CHECKPOINTS)?.remove(generation.layout().as_str())?;
            transaction.delete_table(table)?;
        }
    }
    Ok(last)
}

/// Drops what an older Kart left of the live generation: nobody reads those tables, and nobody would erase a person from
/// them. Their checkpoint goes as well, so that the older Kart, if it comes back, fills its tables anew.
pub fn drop_old_versions(transaction: &WriteTransaction, live: Generation) -> Result<(), Source> {
    let current: Vec<String> = names(live).flat_map(|name| [tombstones_name(&name), name]).collect();
    let tables: Vec<_> = transaction.list_tables()?.collect();
    for table in tables {
        if Generation::in_name(table.name()) == Some(live) && !current.iter().any(|name| name == table.name()) {
            tracing::info!(table = table.name(), "a table of an older version is dropped");
            transaction.delete_table(table)?;
        }
    }
    let mut checkpoints = transaction.open_table(CHECKPOINTS)?;
    let layout = live.layout();
    let of_live = |key: &str| key.split(' ').next().and_then(Generation::in_name) == Some(live);
    let mut old = Vec::new();
    for entry in checkpoints.iter()? {
        let (key, _) = entry?;
        old.extend((of_live(key.value()) && key.value() != layout).then(|| key.value().to_owned()));
    }
    for key in old {
        checkpoints.remove(key.as_str())?;
    }
    Ok(())
}

fn names(generation: Generation) -> impl Iterator<Item = String> {
    views::TABLES.into_iter().map(move |table| generation.name_of(table))
}
