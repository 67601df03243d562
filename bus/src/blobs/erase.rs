//! Removing blobs by prefix, and uploads that are not finished.

use super::{BlobError, Blobs};
use futures::{StreamExt, TryStreamExt, stream};
use rusoto_s3::{AbortMultipartUploadRequest, ListMultipartUploadsRequest, MultipartUpload, S3};
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Deletes that travel together.
const AT_ONCE: usize = 8;

impl Blobs {
    /// Removes every blob whose key begins with `prefix`, and aborts the uploads to such keys. Returns how many there
    /// were. What is written later than its listing stays: ask again.
    ///
    /// # Errors
    /// See [`BlobError`]; some may be gone then.
    pub async fn erase(&self, prefix: &str) -> Result<usize, BlobError> {
        let aborted = self.abort_uploads(|upload| upload.key.as_deref().is_some_and(|key| key.starts_with(prefix)));
        let aborted = aborted.await?;
        let listed = self.list(prefix).await?;
        let count = aborted + listed.len();
        let deletes = stream::iter(listed.into_iter().map(|blob| async move { self.delete(&blob.key).await }));
        deletes.buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        Ok(count)
    }

    /// Ends multipart uploads that began more than `age` ago. Returns how many.
    ///
    /// # Errors
    /// See [`BlobError`].
    pub async fn abort_stale_uploads(&self, age: Duration) -> Result<usize, BlobError> {
        let before = OffsetDateTime::now_utc() - age;
        self.abort_uploads(|upload| began_before(upload, before)).await
    }

    async fn abort_uploads(&self, which: impl Fn(&MultipartUpload) -> bool) -> Result<usize, BlobError> {
        let mut aborted = 0;
        let mut marker = (None, None);
        loop {
            let request = || ListMultipartUploadsRequest {
                bucket: self.bucket.clone(),
                key_marker: marker.0.clone(),
                upload_id_marker: marker.1.clone(),
                ..Default::default()
            };
            let page = self.call("ListMultipartUploads", "", || self.client.list_multipart_uploads(request())).await?;
            for upload in page.uploads.into_iter().flatten().filter(&which) {
                let (Some(key), Some(id)) = (upload.key, upload.upload_id) else { continue };
                abort(self.clone(), key, id).await;
                aborted += 1;
            }
            marker = (page.next_key_marker, page.next_upload_id_marker);
            if marker.0.is_none() || page.is_truncated != Some(true) {
                return Ok(aborted);
            }
        }
    }
}

/// An upload without a readable date is left alone.
fn began_before(upload: &MultipartUpload, before: OffsetDateTime) -> bool {
    let initiated = upload.initiated.as_deref().and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok());
    initiated.is_some_and(|initiated| initiated <= before)
}

pub(super) async fn abort(blobs: Blobs, key: String, upload_id: String) {
    let request = || AbortMultipartUploadRequest {
        bucket: blobs.bucket.clone(),
        key: key.clone(),
        upload_id: upload_id.clone(),
        ..Default::default()
    };
    let aborted = blobs.call("AbortMultipartUpload", &key, || blobs.client.abort_multipart_upload(request())).await;
    if let Err(error) = aborted
        && !matches!(error, BlobError::NotFound { .. })
    {
        tracing::warn!(key, "an upload stays open until the reaper comes: {error}");
    }
}
