//! The CQL that the views need, as text: only what both ScyllaDB and Cassandra 5 speak.
//!
//! No LWT, no counters, no writes without a timestamp: they do not mix with timestamps made from sequences.

use crate::{Order, Table, Type};

/// The table of the checkpoint, one row a set of views.
pub const CREATE_CHECKPOINTS: &str = "CREATE TABLE IF NOT EXISTS checkpoints (views text PRIMARY KEY, sequence bigint)";
pub const WRITE_CHECKPOINT: &str = "INSERT INTO checkpoints (views, sequence) VALUES (?, ?) USING TIMESTAMP ?";
pub const READ_CHECKPOINT: &str = "SELECT sequence FROM checkpoints WHERE views = ?";
pub const CLEAR_CHECKPOINTS: &str = "TRUNCATE checkpoints";

/// `copies` in every data centre.
pub fn create_keyspace(keyspace: &str, copies: usize) -> String {
    format!(
        "CREATE KEYSPACE IF NOT EXISTS {keyspace} \
         WITH replication = {{'class': 'NetworkTopologyStrategy', 'replication_factor': {copies}}}"
    )
}

pub fn create_table(table: &Table) -> String {
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
    let name = table.versioned_name();
    format!("CREATE TABLE IF NOT EXISTS {name} ({}, PRIMARY KEY ({})){order}", columns.join(", "), key.join(", "))
}

/// Binds the key, `columns` and the timestamp.
pub fn upsert<'a>(table: &'a Table, columns: impl Iterator<Item = &'a str>) -> String {
    let columns: Vec<_> = table.key().iter().map(|(name, _)| *name).chain(columns).collect();
    let marks = vec!["?"; columns.len()].join(", ");
    format!("INSERT INTO {} ({}) VALUES ({marks}) USING TIMESTAMP ?", table.versioned_name(), columns.join(", "))
}

/// Binds the timestamp and the first `columns` columns of the key.
pub fn delete(table: &Table, columns: usize) -> String {
    format!("DELETE FROM {} USING TIMESTAMP ? WHERE {}", table.versioned_name(), equal(&table.key()[..columns]))
}

/// Binds the whole key.
pub fn select_row(table: &Table) -> String {
    format!("SELECT {} FROM {} WHERE {}", names(table.columns), table.versioned_name(), equal(table.key()))
}

/// Binds the partition, then (for `after`) the clustering key, then the limit.
pub fn select_rows(table: &Table, after: bool) -> String {
    let (partition, clustering) = table.key().split_at(table.partition);
    let comparison = if table.order == Order::Ascending { ">" } else { "<" };
    let start = if after {
        format!(" AND ({}) {comparison} ({})", names(clustering), vec!["?"; clustering.len()].join(", "))
    } else {
        String::new()
    };
    let (columns, name) = (names(table.columns), table.versioned_name());
    format!("SELECT {columns} FROM {name} WHERE {}{start} LIMIT ?", equal(partition))
}

pub fn select_all(table: &Table) -> String {
    format!("SELECT {} FROM {}", names(table.columns), table.versioned_name())
}

pub fn truncate(table: &Table) -> String {
    format!("TRUNCATE {}", table.versioned_name())
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

    /// Every statement but the upserts, whose columns vary.
    fn statements() -> String {
        let mut lines = vec![create_keyspace("kart", 3), CREATE_CHECKPOINTS.into(), WRITE_CHECKPOINT.into()];
        lines.push(READ_CHECKPOINT.into());
        lines.push(CLEAR_CHECKPOINTS.into());
        for table in views::TABLES {
            lines.extend([String::new(), create_table(table), select_row(table), select_all(table), truncate(table)]);
            lines.push(upsert(table, table.columns[table.key().len()..].iter().map(|(name, _)| *name)));
            lines.extend([delete(table, table.partition), delete(table, table.key().len())]);
            if table.clustering > 0 {
                lines.extend([select_rows(table, false), select_rows(table, true)]);
            }
        }
        lines.iter().map(|line| if line.is_empty() { "\n".into() } else { format!("{line};\n") }).collect()
    }

    /// A changed table needs a new version, not only a new golden file: `KART_UPDATE_GOLDEN=1 cargo test -p projector`.
    #[test]
    fn the_generated_cql_is_that_of_the_golden_file() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/views.cql");
        if std::env::var_os("KART_UPDATE_GOLDEN").is_some() {
            std::fs::write(path, statements()).unwrap();
        }
        assert_eq!(statements(), std::fs::read_to_string(path).unwrap());
    }
}
