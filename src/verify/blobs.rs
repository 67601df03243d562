//! The bytes that events speak of: they are in S3 and have the hash that the log says, or were erased and are gone.

use super::report::{Finding, Kind};
use crate::events::Progress;
use anyhow::Context;
use bus::{BlobError, Blobs};
use futures::{StreamExt, TryStreamExt};
use schemas::event::Picture;
use schemas::{AggregateId, Blob, Event, JobId, MediaId, Recorded, UserId};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Blobs that are read at once.
const AT_ONCE: usize = 8;

/// Folded from the log: which bytes there are to be, and who holds them.
#[derive(Default)]
pub struct Holdings {
    blobs: BTreeMap<String, Held>,
    erased: HashSet<AggregateId>,
    owners: HashMap<AggregateId, UserId>,
    /// Pictures that came into a library: from then on that decides whether their bytes stay.
    library: HashSet<MediaId>,
}

struct Held {
    blob: Blob,
    /// Of the last event that speaks of it.
    sequence: u64,
    holders: Vec<Holder>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Holder {
    Thing(AggregateId),
    /// A picture that a job drew, for the library.
    Picture(JobId, MediaId),
}

impl Holdings {
    pub fn event(&mut self, recorded: &Recorded) {
        let (thing, sequence) = (recorded.aggregate, recorded.sequence);
        match recorded.event() {
            Event::VideoUploaded(e) => {
                self.owners.insert(thing, e.owner);
                self.hold(&e.blob, Holder::Thing(thing), sequence);
            }
            Event::JobRequested(e) => {
                self.owners.insert(thing, e.owner);
            }
            Event::TrainingCompleted(e) => self.hold(&e.model, Holder::Thing(thing), sequence),
            Event::PanelRendered(e) => self.picture(thing, &e.picture, sequence),
            Event::InferenceCompleted(e) => {
                let pictures = e.panels.iter().chain(&e.cutouts).chain(&e.background).chain([&e.page]);
                pictures.for_each(|picture| self.picture(thing, picture, sequence));
            }
            Event::MediaAdded(e) => {
                self.owners.insert(thing, e.owner);
                self.library.insert(e.picture.media);
                self.erased.remove(&thing);
                self.hold(&e.picture.blob, Holder::Thing(thing), sequence);
            }
            Event::UserErased(_) | Event::VideoErased(_) | Event::JobErased(_) | Event::MediaErased(_) => {
                self.erased.insert(thing);
            }
            _ => {}
        }
    }

    fn picture(&mut self, thing: AggregateId, picture: &Picture, sequence: u64) {
        if let AggregateId::JobId(job) = thing {
            self.hold(&picture.blob, Holder::Picture(job, picture.media), sequence);
        }
    }

    fn hold(&mut self, blob: &Blob, holder: Holder, sequence: u64) {
        let new = || Held { blob: blob.clone(), sequence, holders: vec![] };
        let held = self.blobs.entry(blob.key.clone()).or_insert_with(new);
        (held.blob, held.sequence) = (blob.clone(), sequence);
        if !held.holders.contains(&holder) {
            held.holders.push(holder);
        }
    }

    /// Whether somebody still has a right to the bytes.
    fn is_wanted(&self, held: &Held) -> bool {
        held.holders.iter().any(|holder| match *holder {
            Holder::Picture(_, media) if self.library.contains(&media) => self.is_there(media.into()),
            Holder::Picture(job, _) => self.is_there(job.into()),
            Holder::Thing(thing) => self.is_there(thing),
        })
    }

    fn is_there(&self, thing: AggregateId) -> bool {
        let owner_erased = self.owners.get(&thing).is_some_and(|owner| self.erased.contains(&(*owner).into()));
        !self.erased.contains(&thing) && !owner_erased
    }

    /// Looks at every blob.
    ///
    /// # Errors
    /// When S3 does not answer: nothing is known then.
    pub async fn check(&self, blobs: &Blobs) -> anyhow::Result<(Vec<Finding>, String)> {
        let mut progress = Progress::of(self.blobs.len() as u64, "blobs");
        let looks = self.blobs.values().map(|held| look(blobs, held, self.is_wanted(held)));
        let mut looks = futures::stream::iter(looks).buffer_unordered(AT_ONCE);
        let mut findings = vec![];
        while let Some(finding) = looks.try_next().await? {
            progress.step();
            findings.extend(finding);
        }
        findings.sort_by_key(|finding| finding.sequence);
        Ok((findings, progress.finish()))
    }
}

async fn look(blobs: &Blobs, held: &Held, wanted: bool) -> anyhow::Result<Option<Finding>> {
    let Blob { key, sha256, bytes } = &held.blob;
    let finding = |kind, detail| Ok(Some(Finding { kind, sequence: held.sequence, detail }));
    if !wanted {
        return match blobs.head(key).await {
            Err(BlobError::NotFound { .. }) => Ok(None),
            Ok(_) => finding(Kind::BlobKept, format!("{key} should be gone")),
            Err(error) => Err(error.into()),
        };
    }
    let mut stream = match blobs.stream(key, None).await {
        Err(BlobError::NotFound { .. }) => return finding(Kind::BlobMissing, key.clone()),
        Err(error) => return Err(error.into()),
        Ok(blob) => blob.stream,
    };
    let (mut hash, mut length) = (Sha256::new(), 0);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.with_context(|| format!("{key} cannot be read to its end"))?;
        hash.update(&chunk);
        length += chunk.len() as u64;
    }
    let found: [u8; 32] = hash.finalize().into();
    if length != *bytes || found != sha256.0 {
        let detail = format!("{key} is {length} bytes with hash {}; it was {bytes} with {sha256}", hex::encode(found));
        return finding(Kind::BlobAltered, detail);
    }
    Ok(None)
}
