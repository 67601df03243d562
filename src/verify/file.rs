//! An exported file, line by line.

use anyhow::Context;
use schemas::Recorded;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// A line is an event of at most 64 KiB, perhaps as base64, and what stands around it.
const MAX_LINE_BYTES: u64 = 256 << 10;
/// Of an event that nothing is known about.
const TYPICAL_LINE_BYTES: u64 = 800;

/// Iterates over the events of a file.
pub struct Lines {
    file: BufReader<File>,
    number: u64,
    bytes: u64,
}

/// A line that is no event as Kart writes it.
#[derive(Debug)]
pub struct BadLine {
    /// From 1.
    pub number: u64,
    /// What it says of itself, if it says anything.
    pub sequence: Option<u64>,
    pub reason: String,
}

impl Lines {
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let bytes = file.metadata().map_or(0, |metadata| metadata.len());
        Ok(Self { file: BufReader::with_capacity(1 << 20, file), number: 0, bytes })
    }

    /// About how many there are.
    pub fn guessed(&self) -> u64 {
        self.bytes / TYPICAL_LINE_BYTES
    }

    fn bad(&self, text: &[u8], reason: String) -> BadLine {
        BadLine { number: self.number, sequence: sequence_in(text), reason }
    }
}

impl Iterator for Lines {
    type Item = std::io::Result<Result<Recorded, BadLine>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = vec![];
        let read = std::io::Read::take(&mut self.file, MAX_LINE_BYTES).read_until(b'\n', &mut line);
        match read {
            Ok(0) => return None,
            Ok(_) => self.number += 1,
            Err(error) => return Some(Err(error)),
        }
        let Some(text) = line.strip_suffix(b"\n") else {
            return Some(Ok(Err(self.bad(&line, "it does not end with a newline: the file was cut off".to_owned()))));
        };
        Some(Ok(Recorded::from_line(text).map_err(|error| self.bad(text, error.to_string()))))
    }
}

/// The sequence in a line that may be damaged elsewhere.
fn sequence_in(text: &[u8]) -> Option<u64> {
    const NAME: &[u8] = b"\"sequence\":";
    let at = text.windows(NAME.len()).position(|part| part == NAME)? + NAME.len();
    let digits = text[at..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&text[at..at + digits]).ok()?.parse().ok()
}
