//! The CQL that the views need, as text: only what both ScyllaDB and Cassandra 5 speak.
//!
//! No LWT, no counters, no writes without a timestamp: they do not mix with timestamps made from sequences.

use super::Generation;
use crate::{Order, Table, Type};

/// How far each generation is: the sequence, and what became of the events up to it.
pub const CREATE_CHECKPOINTS: &str = "CREATE TABLE IF NOT EXISTS checkpoints \
    (views text PRIMARY KEY, sequence bigint, applied bigint, repeated bigint, unknown bigint, unreadable bigint, \
    held bigint)";
pub const WRITE_CHECKPOINT: &str = "INSERT INTO checkpoints \
    (views, sequence, applied, repeated, unknown, unreadable, held) VALUES (?, ?, ?, ?, ?, ?, ?) USING TIMESTAMP ?";
pub const READ_CHECKPOINT: &str =
    "SELECT sequence, applied, repeated, unknown, unreadable, held FROM checkpoints WHERE views = ?";
pub const DELETE_CHECKPOINT: &str = "DELETE FROM checkpoints USING TIMESTAMP ? WHERE views = ?";
/// Which generation pages read: one row.
pub const CREATE_GENERATIONS: &str = "CREATE TABLE IF NOT EXISTS generations (name text PRIMARY KEY, live bigint)";
pub const WRITE_LIVE: &str = "INSERT INTO generations (name, live) VALUES ('views', ?) USING TIMESTAMP ?";
pub const READ_LIVE: &str = "SELECT live FROM generations WHERE name = 'views'";
pub const LIST_COLUMNS: &str =
    "SELECT column_name FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?";
pub const LIST_TABLES: &str = "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?";

/// `copies` in every data centre.
pub fn create_keyspace(keyspace: &str, copies: usize) -> String {
    format!(
        "CREATE KEYSPACE IF NOT EXISTS {keyspace} \
         WITH replication = {{'class': 'NetworkTopologyStrategy', 'replication_factor': {copies}}}"
    )
}

pub fn create_table(table: &Table, generation: Generation) -> String {
    let columns: Vec<_> = table.columns.iter().map(|&(name, kind)| format!("{name} {}", type_name(kind))).collect();
    let (partition, clustering) = table.key().split_at(table.partition);
    let key: Vec<_> = [format!("({})", names(partition))]
        .into_iter()
        .chain(clustering.iter().map(|(n, _)| (*n).to_owned()))
        .collect();
    let order = match table.order {
        _ if clustering.is_empty() => String::new(),
        order => {
            let word = if order == Order::Ascending { "ASC" } else { "DESC" };
            let columns: Vec<_> = clustering.iter().map(|(name, _)| format!("{name} {word}")).collect();
            format!(" WITH CLUSTERING ORDER BY ({})", columns.join(", "))
        }
    };
    let name = generation.name_of(table);
    format!("CREATE TABLE IF NOT EXISTS {name} ({}, PRIMARY KEY ({})){order}", columns.join(", "), key.join(", "))
}

/// `table` is a name that the database gave or [`Generation::name_of`] made.
pub fn add_column(table: &str, &(name, kind): &(&str, Type)) -> String {
    format!("ALTER TABLE {table} ADD {name} {}", type_name(kind))
}

/// Binds the key, `columns` and the timestamp.
pub fn upsert<'a>(table: &'a Table, generation: Generation, columns: impl Iterator<Item = &'a str>) -> String {
    let columns: Vec<_> = table.key().iter().map(|(name, _)| *name).chain(columns).collect();
    let marks = vec!["?"; columns.len()].join(", ");
    format!("INSERT INTO {} ({}) VALUES ({marks}) USING TIMESTAMP ?", generation.name_of(table), columns.join(", "))
}

/// Binds the timestamp and the first `columns` columns of the key.
pub fn delete(table: &Table, generation: Generation, columns: usize) -> String {
    format!("DELETE FROM {} USING TIMESTAMP ? WHERE {}", generation.name_of(table), equal(&table.key()[..columns]))
}

/// Binds the whole key.
pub fn select_row(table: &Table, generation: Generation) -> String {
    format!("SELECT {} FROM {} WHERE {}", names(table.columns), generation.name_of(table), equal(table.key()))
}

/// Binds the partition, then (for `after`) the clustering key, then the limit.
pub fn select_rows(table: &Table, generation: Generation, after: bool) -> String {
    let (partition, clustering) = table.key().split_at(table.partition);
    let comparison = if table.order == Order::Ascending { ">" } else { "<" };
    let start = if after {
        format!(" AND ({}) {comparison} ({})", names(clustering), vec!["?"; clustering.len()].join(", "))
    } else {
        String::new()
    };
    let (columns, name) = (names(table.columns), generation.name_of(table));
    format!("SELECT {columns} FROM {name} WHERE {}{start} LIMIT ?", equal(partition))
}

pub fn select_all(table: &Table, generation: Generation) -> String {
    format!("SELECT {} FROM {}", names(table.columns), generation.name_of(table))
}

/// `table` is a name that the database gave.
pub fn drop_table(table: &str) -> String {
    format!("DROP TABLE IF EXISTS {table}")
}

fn names(columns: &[(&str, Type)]) -> String {
    columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

fn equal(columns: &[(&str, Type)]) -> String {
    columns.iter().map(|(name, _)| format!("{name} = ?")).collect::<Vec<_>>().join(" AND ")
}

fn type_name(kind: Type) -> &'static str {
    match kind {
        Type::Uuid => "uuid",
        Type::Text => "text",
        Type::Int => "bigint",
        Type::Real => "double",
        Type::Flag => "boolean",
        Type::Time => "timestamp",
        // Frozen: one cell, replaced as a whole, without the tombstone that a plain list writes first.
        Type::Texts => "frozen<list<text>>",
        Type::Reals => "frozen<list<double>>",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::views;

    /// Every statement but the upserts of some columns only.
    fn statements() -> String {
        let (first, second) = (Generation::FIRST, Generation(2));
        let about = [WRITE_CHECKPOINT, READ_CHECKPOINT, DELETE_CHECKPOINT, CREATE_GENERATIONS, WRITE_LIVE, READ_LIVE];
        let mut lines = vec![create_keyspace("kart", 3), CREATE_CHECKPOINTS.into()];
        lines.extend(about.into_iter().chain([LIST_TABLES, LIST_COLUMNS]).map(str::to_owned));
        for table in views::TABLES {
            lines.extend([String::new(), create_table(table, first), select_row(table, first)]);
            lines.extend(table.columns.last().map(|column| add_column(&first.name_of(table), column)));
            lines.extend([select_all(table, first), drop_table(&second.name_of(table))]);
            lines.push(upsert(table, first, table.columns[table.key().len()..].iter().map(|(name, _)| *name)));
            lines.extend([delete(table, first, table.partition), delete(table, second, table.key().len())]);
            if table.clustering > 0 {
                lines.extend([select_rows(table, first, false), select_rows(table, second, true)]);
            }
        }
        lines.iter().map(|line| if line.is_empty() { "\n".into() } else { format!("{line};\n") }).collect()
    }

    /// A changed table may need a new version, not only a new golden file: `KART_UPDATE_GOLDEN=1 cargo test -p projector`.
    #[test]
    fn the_generated_cql_is_that_of_the_golden_file() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/views.cql");
        if std::env::var_os("KART_UPDATE_GOLDEN").is_some() {
            std::fs::write(path, statements()).unwrap();
        }
        assert_eq!(statements(), std::fs::read_to_string(path).unwrap());
    }

    /// Rows of an earlier Kart hold positions of columns: new ones come last, or the table gets a new version.
    #[test]
    fn columns_stay_where_they_are_in_the_rows_of_an_earlier_kart() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/columns");
        let line = |table: &Table| {
            let names: Vec<&str> = table.columns.iter().map(|(name, _)| *name).collect();
            format!("{}: {}\n", Generation::FIRST.name_of(table), names.join(" "))
        };
        let now: Vec<String> = views::TABLES.iter().map(|table| line(table)).collect();
        let before = std::fs::read_to_string(path).unwrap();
        for before in before.lines() {
            let name = before.split(':').next().unwrap();
            let now = now.iter().find(|now| now.starts_with(&format!("{name}:")));
            assert!(now.is_none_or(|now| now.trim_end().starts_with(before)), "{before}\nis now {}", now.unwrap());
        }
        if std::env::var_os("KART_UPDATE_GOLDEN").is_some() {
            std::fs::write(path, now.concat()).unwrap();
        }
        assert_eq!(now.concat(), std::fs::read_to_string(path).unwrap());
    }
}
