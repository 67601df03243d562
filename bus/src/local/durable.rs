//! s3s-fs writes files and leaves them to the page cache. Here an acknowledgement waits until the object and the
//! folders above it are on the disk. It also adds the listing of open uploads, which s3s-fs lacks.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, CompleteMultipartUploadInput, CompleteMultipartUploadOutput,
    CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput, DeleteObjectInput,
    DeleteObjectOutput, GetObjectInput, GetObjectOutput, HeadBucketInput, HeadBucketOutput, HeadObjectInput,
    HeadObjectOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput, ListObjectsV2Input, ListObjectsV2Output,
    MultipartUpload, PutObjectInput, PutObjectOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use s3s_fs::FileSystem;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use uuid::Uuid;

pub struct Durable {
    inner: Arc<FileSystem>,
    root: PathBuf,
}

impl Durable {
    pub fn open(root: &Path) -> Result<Self, String> {
        let root = root.canonicalize().map_err(|error| error.to_string())?;
        remove_orphan_parts(&root, None).map_err(|error| error.to_string())?;
        let inner = FileSystem::new(&root).map_err(|error| format!("{error:?}"))?;
        Ok(Self { inner: Arc::new(inner), root })
    }

    /// Writes the object and every folder from it up to the root to disk.
    async fn sync(&self, bucket: &str, key: &str) -> S3Result<()> {
        let (root, object) = (self.root.clone(), self.root.join(bucket).join(key));
        let synced = tokio::task::spawn_blocking(move || {
            object
                .ancestors()
                .take_while(|path| path.starts_with(&root))
                .try_for_each(|path| File::open(path)?.sync_all())
        });
        match synced.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(s3_error!(InternalError, "cannot write to disk: {error}")),
            Err(_) => Err(s3_error!(InternalError, "stopped while writing to disk")),
        }
    }

    /// Which key an open upload is for; s3s-fs keeps no such note.
    fn note(&self, upload_id: &str) -> S3Result<PathBuf> {
        let id: Uuid = upload_id.parse().map_err(|_| s3_error!(NoSuchUpload))?;
        Ok(self.root.join(format!(".open-upload-{id}")))
    }

    fn forget(&self, upload_id: &str) {
        if let Ok(note) = self.note(upload_id) {
            let _ = std::fs::remove_file(note);
        }
    }
}

/// Keys stay inside the bucket's folder.
fn check(key: &str) -> S3Result<()> {
    let word = |word: &str| !matches!(word, "" | "." | "..");
    if key.split('/').all(word) { Ok(()) } else { Err(s3_error!(InvalidArgument, "the key is no plain path")) }
}

/// Of an object that is gone.
fn remove_traces(root: &Path, bucket: &str, key: &str) -> io::Result<()> {
    let name = format!(".bucket-{}.object-{}", URL_SAFE_NO_PAD.encode(bucket), URL_SAFE_NO_PAD.encode(key));
    for note in ["metadata", "internal"] {
        match std::fs::remove_file(root.join(format!("{name}.{note}.json"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let bucket = root.join(bucket);
    let mut folder = bucket.join(key);
    // Up to the first that is not empty.
    while folder.pop() && folder != bucket {
        match std::fs::remove_dir(&folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => break,
            _ => {}
        }
    }
    match File::open(folder) {
        // Another delete removed it, and syncs.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        opened => opened?.sync_all(),
    }
}

/// Removes parts whose upload is gone, of one upload or of all.
fn remove_orphan_parts(root: &Path, of: Option<&str>) -> io::Result<()> {
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let id = name.to_str().and_then(|name| Some(name.strip_prefix(".upload_id-")?.split_once(".part-")?.0));
        if id.is_some_and(|id| of.is_none_or(|of| of == id) && !is_open(root, id)) {
            match std::fs::remove_file(entry.path()) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
    }
    Ok(())
}

fn is_open(root: &Path, upload_id: &str) -> bool {
    root.join(format!(".upload-{upload_id}.json")).exists()
}

#[async_trait::async_trait]
impl S3 for Durable {
    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        let bucket = request.input.bucket.clone();
        let response = self.inner.create_bucket(request).await?;
        self.sync(&bucket, "").await?;
        Ok(response)
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.inner.head_bucket(request).await
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        check(&key)?;
        let response = self.inner.put_object(request).await?;
        self.sync(&bucket, &key).await?;
        Ok(response)
    }

    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        check(&request.input.key)?;
        self.inner.get_object(request).await
    }

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        check(&request.input.key)?;
        self.inner.head_object(request).await
    }

    /// Takes along what s3s-fs leaves: its notes, which name the key, and folders that are empty now.
    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        check(&key)?;
        let response = self.inner.delete_object(request).await?;
        remove_traces(&self.root, &bucket, &key)
            .map_err(|error| s3_error!(InternalError, "cannot remove the traces of an object: {error}"))?;
        Ok(response)
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.inner.list_objects_v2(request).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        check(&key)?;
        let response = self.inner.create_multipart_upload(request).await?;
        let note = self.note(response.output.upload_id.as_deref().unwrap_or_default())?;
        let noted = std::fs::write(note, format!("{bucket}/{key}"));
        noted.map_err(|error| s3_error!(InternalError, "cannot note the upload: {error}"))?;
        Ok(response)
    }

    /// Runs to its end even when the client goes away, and leaves nothing when the upload was aborted meanwhile.
    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        let (inner, root) = (self.inner.clone(), self.root.clone());
        let upload_id = request.input.upload_id.clone();
        let written = tokio::spawn(async move {
            let response = inner.upload_part(request).await;
            if !is_open(&root, &upload_id) {
                let _ = remove_orphan_parts(&root, Some(&upload_id));
            }
            response
        });
        written.await.map_err(|_| s3_error!(InternalError, "stopped while writing a part"))?
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        let (bucket, key) = (request.input.bucket.clone(), request.input.key.clone());
        let upload_id = request.input.upload_id.clone();
        check(&key)?;
        let response = self.inner.complete_multipart_upload(request).await?;
        self.sync(&bucket, &key).await?;
        self.forget(&upload_id);
        Ok(response)
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        let upload_id = request.input.upload_id.clone();
        let response = self.inner.abort_multipart_upload(request).await?;
        // Parts that were finished while the others were removed.
        let _ = remove_orphan_parts(&self.root, Some(&upload_id));
        self.forget(&upload_id);
        Ok(response)
    }

    /// All at once: there are never many.
    async fn list_multipart_uploads(
        &self,
        request: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        let bucket = request.input.bucket;
        let uploads = open_uploads(&self.root, &bucket)
            .map_err(|error| s3_error!(InternalError, "cannot list the open uploads: {error}"))?;
        let output = ListMultipartUploadsOutput {
            bucket: Some(bucket),
            is_truncated: Some(false),
            uploads: Some(uploads),
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }
}

fn open_uploads(root: &Path, bucket: &str) -> io::Result<Vec<MultipartUpload>> {
    let mut uploads = Vec::new();
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(id) = name.to_str().and_then(|name| name.strip_prefix(".open-upload-")) else { continue };
        let noted = std::fs::read_to_string(entry.path())?;
        let Some((of, key)) = noted.split_once('/') else { continue };
        if of == bucket && is_open(root, id) {
            uploads.push(MultipartUpload {
                key: Some(key.to_owned()),
                upload_id: Some(id.to_owned()),
                initiated: Some(entry.metadata()?.modified()?.into()),
                ..Default::default()
            });
        }
    }
    Ok(uploads)
}
