//! Uploads of unknown length in little memory: parts of 8 MiB, gathered in nameless files, two on their way while the
//! next one fills.

use super::erase::abort;
use super::spool::{Part, Spool};
use super::{BlobError, Blobs, UploadError};
use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{Stream, StreamExt};
use rusoto_s3::{
    CompleteMultipartUploadRequest, CompletedMultipartUpload, CompletedPart, CreateMultipartUploadRequest, S3,
    UploadPartRequest,
};
use schemas::{Blob, Hash};
use sha2::{Digest, Sha256};
use std::pin::pin;

/// S3 wants at least 5 MiB of every part but the last.
pub const PART_BYTES: u64 = 8 << 20;
/// S3's own limit.
const MAX_PARTS: u64 = 10_000;
const PARTS_IN_FLIGHT: usize = 2;
const CONTENT_TYPE: &str = "application/octet-stream";

impl Blobs {
    /// Stores bytes as they come, at most `limit` of them, in less than 1 MiB of memory. The SHA-256 is taken on the way.
    /// When it fails or is dropped, nothing stays behind.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn upload<S, E>(&self, key: &str, stream: S, limit: u64) -> Result<Blob, UploadError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        super::check_key(key).map_err(UploadError::Blob)?;
        let limit = limit.min(MAX_PARTS * PART_BYTES);
        let mut parts = Parts { stream: pin!(stream), limit, seen: 0, hash: Sha256::new(), rest: Bytes::new() };
        let first = parts.next().await?;
        if first.bytes < PART_BYTES {
            // Small enough for one request.
            self.put_body(key, CONTENT_TYPE, first.bytes, || first.body()).await.map_err(UploadError::Blob)?;
            return Ok(Blob { key: key.to_owned(), sha256: parts.sha256(), bytes: parts.seen });
        }
        let upload = Multipart::begin(self, key).await.map_err(UploadError::Blob)?;
        match upload.send_all(first, &mut parts).await {
            Ok(etags) => {
                let blob = Blob { key: key.to_owned(), sha256: parts.sha256(), bytes: parts.seen };
                upload.complete(etags, blob).await.map_err(UploadError::Blob)
            }
            Err(error) => {
                upload.abort().await;
                Err(error)
            }
        }
    }
}

/// Cuts a stream into parts, hashing and counting.
struct Parts<S> {
    stream: S,
    limit: u64,
    seen: u64,
    hash: Sha256,
    /// Came with the last part, belongs to the next.
    rest: Bytes,
}

impl<S, E> Parts<S>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// The next part: `PART_BYTES` long, but for the last; empty at the end.
    async fn next(&mut self) -> Result<Part, UploadError> {
        let mut spool = Spool::new().await.map_err(spooling)?;
        loop {
            let room = (PART_BYTES - spool.bytes()) as usize;
            let now = self.rest.split_to(room.min(self.rest.len()));
            spool.write(&now).await.map_err(spooling)?;
            if spool.bytes() == PART_BYTES {
                break;
            }
            let Some(chunk) = self.stream.next().await else { break };
            let chunk = chunk.map_err(|error| UploadError::Body(error.into()))?;
            self.seen += chunk.len() as u64;
            if self.seen > self.limit {
                return Err(UploadError::TooLarge { limit: self.limit });
            }
            self.hash.update(&chunk);
            self.rest = chunk;
        }
        spool.finish().await.map_err(spooling)
    }

    fn sha256(&self) -> Hash {
        Hash(self.hash.clone().finalize().into())
    }
}

fn spooling(error: std::io::Error) -> UploadError {
    UploadError::Blob(BlobError::Unavailable { operation: "a temporary file", reason: error.to_string() })
}

/// An open multipart upload. Dropped before its end, it is aborted in the background.
struct Multipart {
    blobs: Blobs,
    key: String,
    upload_id: String,
    open: bool,
}

impl Multipart {
    async fn begin(blobs: &Blobs, key: &str) -> Result<Self, BlobError> {
        let request = CreateMultipartUploadRequest {
            bucket: blobs.bucket.clone(),
            key: key.to_owned(),
            content_type: Some(CONTENT_TYPE.to_owned()),
            ..Default::default()
        };
        // Tried once: a second try may leave the first's upload open.
        let begun = blobs.client.create_multipart_upload(request);
        let begun = blobs.call_once("CreateMultipartUpload", key, begun).await?;
        let upload_id = begun.upload_id.ok_or_else(|| BlobError::Unavailable {
            operation: "CreateMultipartUpload",
            reason: "the server gave no upload id".to_owned(),
        })?;
        Ok(Self { blobs: blobs.clone(), key: key.to_owned(), upload_id, open: true })
    }

    /// Sends `first` and all that follow. Their ETags, in order.
    async fn send_all<S, E>(&self, first: Part, parts: &mut Parts<S>) -> Result<Vec<CompletedPart>, UploadError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let mut in_flight = FuturesUnordered::new();
        let mut sent = Vec::new();
        let mut next = first;
        let mut number = 0;
        while next.bytes > 0 {
            number += 1;
            in_flight.push(self.send(number, next));
            // The next part fills while these travel.
            let filling = parts.next();
            let mut filling = pin!(filling);
            let filled = loop {
                tokio::select! {
                    Some(done) = in_flight.next() => sent.push(done.map_err(UploadError::Blob)?),
                    part = &mut filling => break part,
                }
            };
            next = match filled {
                Ok(part) => part,
                Err(error) => {
                    // Parts on their way arrive before the abort, which then removes them; cut off, some servers keep
                    // what they got.
                    while in_flight.next().await.is_some() {}
                    return Err(error);
                }
            };
            while in_flight.len() >= PARTS_IN_FLIGHT {
                if let Some(done) = in_flight.next().await {
                    sent.push(done.map_err(UploadError::Blob)?);
                }
            }
        }
        while let Some(done) = in_flight.next().await {
            sent.push(done.map_err(UploadError::Blob)?);
        }
        sent.sort_by_key(|part| part.part_number);
        Ok(sent)
    }

    async fn send(&self, number: i64, part: Part) -> Result<CompletedPart, BlobError> {
        let request = || UploadPartRequest {
            bucket: self.blobs.bucket.clone(),
            key: self.key.clone(),
            upload_id: self.upload_id.clone(),
            part_number: number,
            content_length: Some(part.bytes as i64),
            body: Some(part.body()),
            ..Default::default()
        };
        let stored = self.blobs.call("UploadPart", &self.key, || self.blobs.client.upload_part(request())).await?;
        Ok(CompletedPart { e_tag: stored.e_tag, part_number: Some(number) })
    }

    /// Puts the parts together, and believes it only when the server shows the whole.
    async fn complete(mut self, parts: Vec<CompletedPart>, blob: Blob) -> Result<Blob, BlobError> {
        let count = parts.len();
        let request = CompleteMultipartUploadRequest {
            bucket: self.blobs.bucket.clone(),
            key: self.key.clone(),
            upload_id: self.upload_id.clone(),
            multipart_upload: Some(CompletedMultipartUpload { parts: Some(parts) }),
            ..Default::default()
        };
        // Tried once: a repeated Complete is refused by some servers although the first had worked. HEAD tells.
        let completed = self.blobs.client.complete_multipart_upload(request);
        let completed = self.blobs.call_once("CompleteMultipartUpload", &self.key, completed).await;
        // A status of 200 can hide an error document; then there is no ETag.
        let etag = completed.as_ref().ok().and_then(|output| output.e_tag.clone());
        let stored = self.blobs.head(&self.key).await;
        let whole = stored.as_ref().is_ok_and(|head| {
            let multipart =
                head.etag.as_deref().is_some_and(|etag| etag.trim_matches('"').ends_with(&format!("-{count}")));
            head.bytes == blob.bytes && if etag.is_some() { head.etag == etag } else { multipart }
        });
        if whole {
            self.open = false;
            return Ok(blob);
        }
        self.abort().await;
        let corrupt = |reason: String| BlobError::Corrupt { key: blob.key.clone(), reason };
        Err(match (completed, stored) {
            (Err(error), _) => error,
            (Ok(_), Err(error)) => error,
            (Ok(_), Ok(head)) => {
                corrupt(format!("{} bytes instead of {}, ETag {:?}", head.bytes, blob.bytes, head.etag))
            }
        })
    }

    async fn abort(mut self) {
        self.open = false;
        abort(self.blobs.clone(), self.key.clone(), self.upload_id.clone()).await;
    }
}

impl Drop for Multipart {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        // Outside a runtime (the process is ending) the reaper of stale uploads finds it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(abort(self.blobs.clone(), self.key.clone(), self.upload_id.clone()));
        }
    }
}
