//! Where seals are kept: in S3, one object each; and in a file beside an exported log, one line each.

use super::{Forged, Seal};
use bus::{BlobError, Blobs};
use ed25519_dalek::VerifyingKey;
use futures::{StreamExt, TryStreamExt};
use schemas::Hash;
use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

const PREFIX: &str = "seals/";
const MAX_BYTES: u64 = 4096;
/// Seals that are fetched at once.
const AT_ONCE: usize = 16;

/// Seals as they were found: genuine ones, and what is wrong with the others.
#[derive(Debug, Default)]
pub struct Sealed {
    pub genuine: Vec<Seal>,
    pub wrong: Vec<(String, Forged)>,
    /// Sequences of genuine seals whose predecessor is not there.
    pub orphaned: Vec<u64>,
}

impl Sealed {
    /// Reads seals by name.
    fn read(found: Vec<(String, Vec<u8>)>, trusted: &[VerifyingKey]) -> Self {
        let mut sealed = Self::default();
        for (name, bytes) in found {
            match Seal::read(&bytes, trusted) {
                Ok(seal) => sealed.genuine.push(seal),
                Err(forged) => sealed.wrong.push((name, forged)),
            }
        }
        let there: HashSet<Hash> = sealed.genuine.iter().map(Seal::hash).collect();
        let orphaned = |seal: &&Seal| seal.previous.is_some_and(|previous| !there.contains(&previous));
        sealed.orphaned = sealed.genuine.iter().filter(orphaned).map(|seal| seal.sequence).collect();
        sealed
    }
}

/// Sorts by sequence; a seal that somebody else makes of the same sequence has another name.
pub fn key_of(seal: &Seal) -> String {
    format!("{PREFIX}{:020}-{}.json", seal.sequence, &seal.hash().to_string()[..12])
}

/// Every seal as it lies in S3, oldest first, by its key. Without a bucket there are none.
pub async fn raw(blobs: &Blobs) -> Result<Vec<(String, Vec<u8>)>, BlobError> {
    let listed = match blobs.list(PREFIX).await {
        Err(BlobError::NoBucket { .. }) => vec![],
        listed => listed?,
    };
    let mut keys: Vec<_> = listed.into_iter().map(|listed| listed.key).collect();
    keys.sort();
    let gets = keys.into_iter().map(async |key| Ok((key.clone(), blobs.get(&key, MAX_BYTES).await?.to_vec())));
    futures::stream::iter(gets).buffered(AT_ONCE).try_collect().await
}

/// Every seal in S3.
///
/// # Errors
/// When S3 does not answer.
pub async fn stored(blobs: &Blobs, trusted: &[VerifyingKey]) -> Result<Sealed, BlobError> {
    Ok(Sealed::read(raw(blobs).await?, trusted))
}

/// The newest seal with our own signature.
pub async fn newest(blobs: &Blobs, own: VerifyingKey) -> Result<Option<Seal>, BlobError> {
    let mut keys: Vec<_> = blobs.list(PREFIX).await?.into_iter().map(|listed| listed.key).collect();
    keys.sort();
    for key in keys.iter().rev() {
        if let Ok(seal) = Seal::read(&blobs.get(key, MAX_BYTES).await?, &[own]) {
            return Ok(Some(seal));
        }
    }
    Ok(None)
}

pub async fn store(blobs: &Blobs, seal: &Seal) -> Result<(), BlobError> {
    blobs.put(&key_of(seal), seal.to_bytes().into(), "application/json").await.map(|_| ())
}

/// Every seal of a file, one a line.
pub fn read_file(path: &Path, trusted: &[VerifyingKey]) -> std::io::Result<Sealed> {
    let text = std::fs::read(path)?;
    let lines = text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty());
    let named = lines.map(|(number, line)| (format!("line {}", number + 1), line.to_vec()));
    Ok(Sealed::read(named.collect(), trusted))
}

/// Copies every seal in S3 into a file. How many.
pub async fn write_file(blobs: &Blobs, path: &Path) -> anyhow::Result<usize> {
    let seals = raw(blobs).await?;
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for (_, bytes) in &seals {
        file.write_all(bytes)?;
        file.write_all(b"\n")?;
    }
    file.into_inner()?.sync_all()?;
    Ok(seals.len())
}
