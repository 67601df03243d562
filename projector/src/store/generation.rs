//! Generations: complete sets of tables side by side, so that a rebuild fills one while pages read another.

use crate::Table;
use crate::views::TABLES;
use std::fmt;

/// One complete set of tables. Pages read the live one; numbers are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u64);

impl Generation {
    pub const FIRST: Self = Self(1);

    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// `jobs_v1` in the first generation, `jobs_v1_g2` in the second.
    pub fn name_of(self, table: &Table) -> String {
        if self == Self::FIRST { table.versioned_name() } else { format!("{}_g{}", table.versioned_name(), self.0) }
    }

    /// What a checkpoint holds for: a new version of a view starts from the beginning of the log.
    pub fn layout(self) -> String {
        TABLES.map(|table| self.name_of(table)).join(" ")
    }

    /// The generation of a view's table, whatever its version; `None` for a table of something else.
    pub fn in_name(name: &str) -> Option<Self> {
        let rest = TABLES.iter().find_map(|table| name.strip_prefix(table.name)?.strip_prefix("_v"))?;
        let (version, rest) = digits(rest);
        version.parse::<u32>().ok()?;
        let Some(rest) = rest.strip_prefix("_g") else { return Some(Self::FIRST) };
        digits(rest).0.parse().ok().map(Self)
    }
}

fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_table_tells_its_generation() {
        for generation in [Generation::FIRST, Generation(2), Generation(31)] {
            for table in TABLES {
                let name = generation.name_of(table);
                assert_eq!(Generation::in_name(&name), Some(generation), "{name}");
                assert_eq!(Generation::in_name(&format!("{name}_deleted")), Some(generation), "{name}");
            }
        }
        for name in ["checkpoints", "generations", "jobs", "jobs_v", "jobs_vx_g2", "horses_v1"] {
            assert_eq!(Generation::in_name(name), None, "{name}");
        }
    }
}
