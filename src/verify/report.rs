//! What was found wrong.

use std::collections::BTreeMap;
use std::fmt;

/// So many are told in full; the others are counted.
const TOLD: usize = 20;

/// What is wrong with an event, or with what it speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A line of a file, or a message, that is no event as Kart writes it.
    Unreadable,
    /// Sequences are missing, repeated or out of order.
    Gap,
    /// It does not link to the event before it.
    Chain,
    /// The rules of its aggregate forbid it where it stands.
    Rules,
    /// A seal is not genuine, or says otherwise than the log.
    Seal,
    /// Bytes that an event speaks of are not in S3.
    BlobMissing,
    /// They are there, and are others.
    BlobAltered,
    /// They are there, and should have been erased.
    BlobKept,
    /// A row that pages read is not what the log says.
    View,
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Unreadable => "unreadable",
            Kind::Gap => "gap",
            Kind::Chain => "chain",
            Kind::Rules => "rules",
            Kind::Seal => "seal",
            Kind::BlobMissing => "blob missing",
            Kind::BlobAltered => "blob altered",
            Kind::BlobKept => "blob not erased",
            Kind::View => "view",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: Kind,
    /// Of the event that it is about.
    pub sequence: u64,
    pub detail: String,
}

/// Everything that was found: the first few in full, and how many of each kind.
#[derive(Debug, Default)]
pub struct Report {
    told: Vec<Finding>,
    counts: BTreeMap<Kind, u64>,
    first: Option<u64>,
}

impl Report {
    pub fn add(&mut self, kind: Kind, sequence: u64, detail: impl Into<String>) {
        *self.counts.entry(kind).or_default() += 1;
        self.first = Some(self.first.map_or(sequence, |first| first.min(sequence)));
        if self.told.len() < TOLD {
            self.told.push(Finding { kind, sequence, detail: detail.into() });
        }
    }

    pub fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    #[cfg(test)]
    pub fn first(&self) -> Option<u64> {
        self.first
    }

    pub fn kinds(&self) -> Vec<Kind> {
        self.counts.keys().copied().collect()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Finding { kind, sequence, detail } in &self.told {
            writeln!(f, "sequence {sequence}: {kind}: {detail}")?;
        }
        let total: u64 = self.counts.values().sum();
        if total > self.told.len() as u64 {
            writeln!(f, "… and {} more", total - self.told.len() as u64)?;
        }
        if let Some(first) = self.first {
            let counts: Vec<_> = self.counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
            writeln!(f, "first offending sequence: {first}; found: {}", counts.join(", "))?;
        }
        Ok(())
    }
}
