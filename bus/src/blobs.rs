//! Blobs: videos, pictures and weights in S3.

mod call;
mod dispatch;
mod erase;
mod read;
mod spool;
mod upload;

use bytes::Bytes;
use dispatch::Dispatcher;
use futures::stream::BoxStream;
use rusoto_core::{ByteStream, Region};
use rusoto_credential::StaticProvider;
use rusoto_s3::{CreateBucketRequest, DeleteObjectRequest, HeadBucketRequest, PutObjectRequest, S3, S3Client};
use schemas::{Blob, Hash};
use std::time::Duration;

/// For one request of at most 8 MiB, answer included.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The local server keeps a side file whose name is the key in base64, and file names end at 255 bytes.
const MAX_KEY_BYTES: usize = 150;

/// Where blobs live.
#[derive(Clone)]
pub struct S3Config {
    /// `http://host:port`, without a slash at the end.
    pub endpoint: String,
    pub region: String,
    pub bucket: String,
    pub access_key: String,
    pub secret_key: String,
}

/// One bucket. Cheap to clone.
#[derive(Clone)]
pub struct Blobs {
    client: S3Client,
    bucket: String,
    timeout: Duration,
}

/// What HEAD says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobHead {
    pub bytes: u64,
    pub etag: Option<String>,
    pub content_type: Option<String>,
}

/// One blob in a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    pub bytes: u64,
    /// RFC 3339, as the server says.
    pub last_modified: Option<String>,
}

/// A blob, or part of it, as it comes in.
pub struct BlobStream {
    /// Bytes that the stream will yield.
    pub bytes: u64,
    /// Bytes of the whole blob.
    pub total: u64,
    pub stream: BoxStream<'static, std::io::Result<Bytes>>,
}

/// Why S3 did not do what we asked.
#[derive(Debug, thiserror::Error)]
pub enum BlobError {
    #[error("{key} is not there")]
    NotFound { key: String },
    #[error("S3 refuses our credentials: {reason}")]
    Denied { reason: String },
    #[error("bucket {bucket} does not exist")]
    NoBucket { bucket: String },
    #[error("{operation} did not answer within {limit:?}")]
    TimedOut { operation: &'static str, limit: Duration },
    #[error("{operation} failed: {reason}")]
    Unavailable { operation: &'static str, reason: String },
    /// The server understood, and says no.
    #[error("{operation} was refused: {reason}")]
    Refused { operation: &'static str, reason: String },
    #[error("{key:?} is no key of ours")]
    BadKey { key: String },
    #[error("{key} is {bytes} bytes; at most {limit} were wanted")]
    TooLarge { key: String, bytes: u64, limit: u64 },
    #[error("{key} was stored wrongly: {reason}")]
    Corrupt { key: String, reason: String },
    #[error("the S3 settings cannot be used: {reason}")]
    Config { reason: String },
}

/// Why an upload ended without a blob. Nothing of it stays behind.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    #[error("more than {limit} bytes")]
    TooLarge { limit: u64 },
    /// The bytes stopped coming.
    #[error("the upload broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error(transparent)]
    Blob(BlobError),
}

impl Blobs {
    /// # Errors
    /// `Config` when the settings cannot be used. Does not talk to the server.
    pub fn connect(config: &S3Config) -> Result<Self, BlobError> {
        let refused = |reason: String| BlobError::Config { reason };
        let https = match config.endpoint.split_once("://") {
            Some(("https", _)) => true,
            Some(("http", _)) => false,
            _ => return Err(refused(format!("endpoint {:?} begins neither http:// nor https://", config.endpoint))),
        };
        if config.bucket.is_empty() {
            return Err(refused("no bucket is named".to_owned()));
        }
        let endpoint = config.endpoint.trim_end_matches('/').to_owned();
        let region = Region::Custom { name: config.region.clone(), endpoint };
        let credentials = StaticProvider::new_minimal(config.access_key.clone(), config.secret_key.clone());
        let dispatcher = Dispatcher::new(https).map_err(|error| refused(error.to_string()))?;
        let client = S3Client::new_with(dispatcher, credentials, region);
        Ok(Self { client, bucket: config.bucket.clone(), timeout: TIMEOUT })
    }

    /// Another limit for one request (of an 8 MiB part at most) than half a minute.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Makes the bucket when it is missing.
    ///
    /// # Errors
    /// `Denied` for wrong credentials.
    pub async fn ensure_bucket(&self) -> Result<(), BlobError> {
        let request = || HeadBucketRequest { bucket: self.bucket.clone(), ..Default::default() };
        match self.call("HeadBucket", "", || self.client.head_bucket(request())).await {
            Ok(()) => return Ok(()),
            Err(BlobError::NoBucket { .. } | BlobError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
        let request = CreateBucketRequest { bucket: self.bucket.clone(), ..Default::default() };
        match self.call_once("CreateBucket", "", self.client.create_bucket(request)).await {
            Ok(_) => Ok(()),
            // Another process may have been faster.
            Err(error) => {
                let request = HeadBucketRequest { bucket: self.bucket.clone(), ..Default::default() };
                let there = self.call_once("HeadBucket", "", self.client.head_bucket(request)).await;
                there.map_err(|_| error)
            }
        }
    }

    /// Stores bytes that fit in memory.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub async fn put(&self, key: &str, bytes: Bytes, content_type: &str) -> Result<Blob, BlobError> {
        let (sha256, length) = (Hash::of(&bytes), bytes.len() as u64);
        self.put_body(key, content_type, length, || body(bytes.clone())).await?;
        Ok(Blob { key: key.to_owned(), sha256, bytes: length })
    }

    /// One PUT; each try gets its own body.
    async fn put_body(
        &self,
        key: &str,
        content_type: &str,
        length: u64,
        body: impl Fn() -> ByteStream,
    ) -> Result<(), BlobError> {
        check_key(key)?;
        let request = || PutObjectRequest {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
            content_type: Some(content_type.to_owned()),
            content_length: Some(length as i64),
            body: Some(body()),
            ..Default::default()
        };
        let stored = self.call("PutObject", key, || self.client.put_object(request())).await?;
        match stored.e_tag {
            Some(_) => Ok(()),
            None => Err(BlobError::Corrupt { key: key.to_owned(), reason: "the server gave no ETag".to_owned() }),
        }
    }

    /// # Errors
    /// See [`BlobError`]; it is no error when the blob is not there.
    pub async fn delete(&self, key: &str) -> Result<(), BlobError> {
        check_key(key)?;
        let request = || DeleteObjectRequest { bucket: self.bucket.clone(), key: key.to_owned(), ..Default::default() };
        match self.call("DeleteObject", key, || self.client.delete_object(request())).await {
            Ok(_) | Err(BlobError::NotFound { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// A body that the server can count.
fn body(bytes: Bytes) -> ByteStream {
    let length = bytes.len();
    ByteStream::new_with_size(futures::stream::once(async { Ok(bytes) }), length)
}

/// Keys are ours, never a user's: short, plain, and usable as a path under a folder.
fn check_key(key: &str) -> Result<(), BlobError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let word = |word: &str| !word.is_empty() && !word.starts_with('.') && word.chars().all(plain);
    if key.len() <= MAX_KEY_BYTES && key.split('/').all(word) {
        return Ok(());
    }
    Err(BlobError::BadKey { key: key.chars().take(MAX_KEY_BYTES).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_no_plain_paths_are_refused() {
        for key in ["", "/a", "a/", "a//b", "../a", "a/../b", ".hidden", "a b", "ä", "a\\b", "a\0b", &"k".repeat(200)]
        {
            assert!(check_key(key).is_err(), "{key:?}");
        }
        for key in ["a", "video/0192/source", "media/ab-c_d.png"] {
            assert!(check_key(key).is_ok(), "{key:?}");
        }
    }

    #[test]
    fn settings_that_cannot_work_are_refused_before_any_request() {
        let config = |endpoint: &str, bucket: &str| S3Config {
            endpoint: endpoint.to_owned(),
            region: "local".to_owned(),
            bucket: bucket.to_owned(),
            access_key: "a".to_owned(),
            secret_key: "s".to_owned(),
        };
        for (endpoint, bucket) in [("127.0.0.1:9000", "kart"), ("ftp://host", "kart"), ("http://host", "")] {
            assert!(matches!(Blobs::connect(&config(endpoint, bucket)), Err(BlobError::Config { .. })), "{endpoint}");
        }
        assert!(Blobs::connect(&config("http://127.0.0.1:9000/", "kart")).is_ok());
    }
}
