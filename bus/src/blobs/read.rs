//! Reading blobs, and listing them.

use super::{BlobError, BlobHead, BlobStream, Blobs, Listed, check_key};
use bytes::{Bytes, BytesMut};
use futures::{StreamExt, TryStreamExt};
use rusoto_s3::{GetObjectRequest, HeadObjectRequest, ListObjectsV2Request, S3};
use std::io;
use std::ops::Range;

impl Blobs {
    /// A whole blob of at most `limit` bytes.
    ///
    /// # Errors
    /// `TooLarge`, `NotFound`, `Corrupt` when it breaks off.
    pub async fn get(&self, key: &str, limit: u64) -> Result<Bytes, BlobError> {
        let BlobStream { bytes, mut stream, .. } = self.stream(key, None).await?;
        if bytes > limit {
            return Err(BlobError::TooLarge { key: key.to_owned(), bytes, limit });
        }
        let broken = |reason: String| BlobError::Corrupt { key: key.to_owned(), reason };
        let mut whole = BytesMut::with_capacity(bytes as usize);
        while let Some(chunk) = stream.try_next().await.map_err(|error| broken(error.to_string()))? {
            whole.extend_from_slice(&chunk);
            if whole.len() as u64 > bytes {
                return Err(broken("it is longer than announced".to_owned()));
            }
        }
        if whole.len() as u64 != bytes {
            return Err(broken(format!("{} of {bytes} bytes came", whole.len())));
        }
        Ok(whole.freeze())
    }

    /// A blob, or the bytes `range` of it (end exclusive), as they come. A stalled server makes the stream fail.
    ///
    /// # Errors
    /// `NotFound`, `Refused` for a range that the blob does not have.
    pub async fn stream(&self, key: &str, range: Option<Range<u64>>) -> Result<BlobStream, BlobError> {
        check_key(key)?;
        if range.as_ref().is_some_and(Range::is_empty) {
            return Err(BlobError::Refused { operation: "GetObject", reason: "the range is empty".to_owned() });
        }
        let header = range.map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        let request = || GetObjectRequest {
            bucket: self.bucket.clone(),
            key: key.to_owned(),
            range: header.clone(),
            ..Default::default()
        };
        let answer = self.call("GetObject", key, || self.client.get_object(request())).await?;
        let bytes = answer.content_length.unwrap_or(0).max(0) as u64;
        // `bytes 0-9/100`
        let total = answer.content_range.as_deref().and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        let idle = self.timeout;
        let stream = match answer.body {
            None => futures::stream::empty().boxed(),
            Some(body) => tokio_stream::StreamExt::timeout(body, idle)
                .map(|item| item.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())))
                .boxed(),
        };
        Ok(BlobStream { bytes, total: total.unwrap_or(bytes), stream })
    }

    /// # Errors
    /// `NotFound`.
    pub async fn head(&self, key: &str) -> Result<BlobHead, BlobError> {
        check_key(key)?;
        let request = || HeadObjectRequest { bucket: self.bucket.clone(), key: key.to_owned(), ..Default::default() };
        let head = self.call("HeadObject", key, || self.client.head_object(request())).await?;
        let bytes = head.content_length.unwrap_or(0).max(0) as u64;
        Ok(BlobHead { bytes, etag: head.e_tag, content_type: head.content_type })
    }

    /// All blobs whose key begins with `prefix`.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>, BlobError> {
        let mut listed = Vec::new();
        let mut token = None;
        loop {
            let request = || ListObjectsV2Request {
                bucket: self.bucket.clone(),
                prefix: Some(prefix.to_owned()),
                continuation_token: token.clone(),
                ..Default::default()
            };
            let page = self.call("ListObjectsV2", "", || self.client.list_objects_v2(request())).await?;
            listed.extend(page.contents.into_iter().flatten().filter_map(|object| {
                let bytes = object.size.unwrap_or(0).max(0) as u64;
                Some(Listed { key: object.key?, bytes, last_modified: object.last_modified })
            }));
            token = page.next_continuation_token;
            if token.is_none() || page.is_truncated != Some(true) {
                return Ok(listed);
            }
        }
    }
}
