//! Blobs: videos, pictures and weights in S3.

use bytes::Bytes;
use futures::Stream;
use futures::stream::BoxStream;
use schemas::Blob;
use std::ops::Range;
use std::time::Duration;

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
pub struct Blobs {}

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
    pub fn connect(_config: &S3Config) -> Result<Self, BlobError> {
        unimplemented!()
    }

    /// Makes the bucket when it is missing.
    ///
    /// # Errors
    /// `Denied` for wrong credentials.
    pub async fn ensure_bucket(&self) -> Result<(), BlobError> {
        unimplemented!()
    }

    /// Stores bytes that fit in memory.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub async fn put(&self, _key: &str, _bytes: Bytes, _content_type: &str) -> Result<Blob, BlobError> {
        unimplemented!()
    }

    /// Stores bytes as they come, in bounded memory.
    ///
    /// # Errors
    /// See [`UploadError`].
    pub async fn upload<S, E>(&self, _key: &str, _stream: S, _limit: u64) -> Result<Blob, UploadError>
    where
        S: Stream<Item = Result<Bytes, E>> + Send,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        unimplemented!()
    }

    /// A whole blob of at most `limit` bytes.
    ///
    /// # Errors
    /// `TooLarge`, `NotFound`.
    pub async fn get(&self, _key: &str, _limit: u64) -> Result<Bytes, BlobError> {
        unimplemented!()
    }

    /// A blob, or the bytes `range` of it, as they come.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn stream(&self, _key: &str, _range: Option<Range<u64>>) -> Result<BlobStream, BlobError> {
        unimplemented!()
    }

    /// # Errors
    /// `NotFound`.
    pub async fn head(&self, _key: &str) -> Result<BlobHead, BlobError> {
        unimplemented!()
    }

    /// Deleting what is not there is fine.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub async fn delete(&self, _key: &str) -> Result<(), BlobError> {
        unimplemented!()
    }

    /// All blobs whose key begins with `prefix`.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub async fn list(&self, _prefix: &str) -> Result<Vec<Listed>, BlobError> {
        unimplemented!()
    }

    /// Ends multipart uploads that began more than `age` ago. Returns how many.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub async fn abort_stale_uploads(&self, _age: Duration) -> Result<usize, BlobError> {
        unimplemented!()
    }
}
