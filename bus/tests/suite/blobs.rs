use crate::servers::{S3, s3, until};
use bus::{BlobError, Blobs, S3Config, UploadError};
use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use schemas::Hash;
use sha2::{Digest, Sha256};
use std::convert::Infallible;
use std::io;
use std::time::Duration;

const CHUNK: usize = 64 << 10;
const MIB: u64 = 1 << 20;

/// Bytes that look random and are the same every time.
fn chunk(number: u64) -> Bytes {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..CHUNK / 8).flat_map(step).collect::<Vec<u8>>().into()
}

fn chunks(bytes: u64) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Unpin {
    stream::iter((0..bytes / CHUNK as u64).map(|number| Ok(chunk(number))))
}

fn hash_of(bytes: u64) -> Hash {
    let mut hash = Sha256::new();
    (0..bytes / CHUNK as u64).for_each(|number| hash.update(chunk(number)));
    Hash(hash.finalize().into())
}

/// Everything in the server's folder that belongs to an upload under way.
fn leftovers(s3: &S3) -> Vec<String> {
    let names = std::fs::read_dir(s3.dir.path().join("objects")).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name.contains("upload") || name.contains("part")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forty_megabytes_arrive_whole_and_leave_no_parts() {
    let s3 = s3().await;
    let bytes = 40 * MIB;
    let blob = s3.blobs.upload("video/a/source", chunks(bytes), bytes).await.unwrap();
    assert_eq!((blob.bytes, blob.sha256), (bytes, hash_of(bytes)));
    assert_eq!(s3.blobs.head("video/a/source").await.unwrap().bytes, bytes);

    let mut hash = Sha256::new();
    let mut stored = s3.blobs.stream("video/a/source", None).await.unwrap();
    assert_eq!((stored.bytes, stored.total), (bytes, bytes));
    while let Some(chunk) = stored.stream.try_next().await.unwrap() {
        hash.update(&chunk);
    }
    assert_eq!(Hash(hash.finalize().into()), blob.sha256);
    assert_eq!(leftovers(&s3), Vec::<String>::new());
}

#[tokio::test]
async fn uploads_around_the_size_of_a_part_arrive_whole() {
    let s3 = s3().await;
    for bytes in [0, CHUNK as u64, 8 * MIB - CHUNK as u64, 8 * MIB, 8 * MIB + CHUNK as u64, 16 * MIB] {
        let blob = s3.blobs.upload("video/size", chunks(bytes), bytes).await.unwrap();
        assert_eq!((blob.bytes, blob.sha256), (bytes, hash_of(bytes)), "{bytes}");
        assert_eq!(s3.blobs.head("video/size").await.unwrap().bytes, bytes);
    }
    assert_eq!(leftovers(&s3), Vec::<String>::new());
}

#[tokio::test]
async fn an_upload_over_its_limit_leaves_nothing() {
    let s3 = s3().await;
    for (sent, limit) in [(CHUNK as u64, 10), (20 * MIB, 20 * MIB - 1), (40 * MIB, 17 * MIB)] {
        let refused = s3.blobs.upload("video/b", chunks(sent), limit).await;
        assert!(matches!(refused, Err(UploadError::TooLarge { limit: l }) if l == limit), "{refused:?}");
        let head = s3.blobs.head("video/b").await;
        assert!(matches!(head, Err(BlobError::NotFound { .. })), "{head:?}");
        assert_eq!(leftovers(&s3), Vec::<String>::new());
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing_and_says_why() {
    let s3 = s3().await;
    let torn = chunks(20 * MIB).map(|chunk| chunk.map_err(io::Error::other));
    let torn = torn.chain(stream::once(async { Err(io::Error::other("the browser went away")) }));
    let refused = s3.blobs.upload("video/c", torn, 99 * MIB).await;
    assert!(matches!(&refused, Err(UploadError::Body(e)) if e.to_string().contains("went away")), "{refused:?}");
    assert!(matches!(s3.blobs.head("video/c").await, Err(BlobError::NotFound { .. })));
    assert_eq!(leftovers(&s3), Vec::<String>::new());
}

#[tokio::test]
async fn an_upload_that_is_dropped_is_aborted() {
    let s3 = s3().await;
    let endless = chunks(20 * MIB).chain(stream::pending());
    let upload = s3.blobs.upload("video/d", endless, 99 * MIB);
    assert!(tokio::time::timeout(Duration::from_secs(3), upload).await.is_err());
    until("the upload is aborted", async || leftovers(&s3).is_empty()).await;
    assert!(matches!(s3.blobs.head("video/d").await, Err(BlobError::NotFound { .. })));
}

#[tokio::test]
async fn an_upload_of_a_process_that_died_is_removed_by_the_reaper_when_it_is_old_enough() {
    let s3 = s3().await;
    // In a runtime that ends at once, nobody is left to abort it.
    let config = s3.server.config();
    let died = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let blobs = Blobs::connect(&config).unwrap();
            let endless = chunks(20 * MIB).chain(stream::pending());
            let upload = blobs.upload("video/e", endless, 99 * MIB);
            let _ = tokio::time::timeout(Duration::from_secs(3), upload).await;
        });
    });
    until("the process died", async || died.is_finished()).await;
    assert!(!leftovers(&s3).is_empty(), "the upload is open");
    assert_eq!(s3.blobs.abort_stale_uploads(Duration::from_secs(3600)).await.unwrap(), 0);
    assert_eq!(s3.blobs.abort_stale_uploads(Duration::ZERO).await.unwrap(), 1);
    assert_eq!(leftovers(&s3), Vec::<String>::new());
    assert_eq!(s3.blobs.abort_stale_uploads(Duration::ZERO).await.unwrap(), 0);
}

#[tokio::test]
async fn a_range_is_served_alone() {
    let s3 = s3().await;
    s3.blobs.put("text", "0123456789".into(), "text/plain").await.unwrap();
    for (range, expected) in [(0..1, "0"), (3..7, "3456"), (9..10, "9"), (0..10, "0123456789")] {
        let part = s3.blobs.stream("text", Some(range)).await.unwrap();
        assert_eq!((part.bytes, part.total), (expected.len() as u64, 10));
        let bytes: Vec<Bytes> = part.stream.try_collect().await.unwrap();
        assert_eq!(bytes.concat(), expected.as_bytes());
    }
    for range in [20..30, 5..5] {
        let refused = s3.blobs.stream("text", Some(range)).await.err();
        assert!(matches!(refused, Some(BlobError::Refused { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn blobs_are_listed_by_prefix_bounded_when_read_and_gone_when_deleted() {
    let s3 = s3().await;
    for key in ["media/a.png", "media/b.png", "video/c"] {
        let blob = s3.blobs.put(key, key.into(), "image/png").await.unwrap();
        assert_eq!(blob.sha256, Hash::of(key.as_bytes()));
    }
    let mut keys: Vec<_> = s3.blobs.list("media/").await.unwrap().into_iter().map(|listed| listed.key).collect();
    keys.sort();
    assert_eq!(keys, ["media/a.png", "media/b.png"]);
    assert_eq!(s3.blobs.head("media/a.png").await.unwrap().content_type.as_deref(), Some("image/png"));
    assert!(matches!(s3.blobs.get("video/c", 6).await, Err(BlobError::TooLarge { bytes: 7, limit: 6, .. })));
    assert_eq!(s3.blobs.get("video/c", 7).await.unwrap(), "video/c");
    for _ in 0..2 {
        s3.blobs.delete("media/a.png").await.unwrap();
    }
    assert!(matches!(s3.blobs.get("media/a.png", 99).await, Err(BlobError::NotFound { .. })));
    assert_eq!(s3.blobs.list("").await.unwrap().len(), 2);
}

#[tokio::test]
async fn everything_under_a_prefix_goes_with_its_traces_and_uploads_and_nothing_beside_it() {
    let s3 = s3().await;
    for key in ["users/ann/media/a.png", "users/ann/videos/v", "users/anne/media/a.png"] {
        s3.blobs.put(key, "the same bytes".into(), "image/png").await.unwrap();
    }
    let (sender, endless) = futures::channel::mpsc::unbounded::<Result<Bytes, Infallible>>();
    (0..2 * 8 * MIB / CHUNK as u64).for_each(|number| sender.unbounded_send(Ok(chunk(number))).unwrap());
    let blobs = s3.blobs.clone();
    let upload = tokio::spawn(async move { blobs.upload("users/ann/videos/w", endless, 99 * MIB).await });
    // A part: the note about the upload, which listings read, is written after the server's own file of it.
    until("a part has arrived", async || leftovers(&s3).iter().any(|name| name.contains(".part-"))).await;

    assert_eq!(s3.blobs.erase("users/ann/").await.unwrap(), 3);
    drop(sender);
    assert!(matches!(upload.await.unwrap(), Err(UploadError::Blob(_))), "it had lost its place");
    until("no part is left", async || leftovers(&s3).is_empty()).await;
    let left: Vec<_> = s3.blobs.list("").await.unwrap().into_iter().map(|listed| listed.key).collect();
    assert_eq!(left, ["users/anne/media/a.png"]);
    let folders = std::fs::read_dir(s3.dir.path().join("objects/kart/users")).unwrap();
    assert_eq!(folders.count(), 1, "no empty folder names anybody");
    let noted = std::fs::read_dir(s3.dir.path().join("objects")).unwrap().map(|entry| entry.unwrap().file_name());
    let noted: Vec<_> = noted.filter(|name| name.to_string_lossy().contains(".object-")).collect();
    assert!((1..=2).contains(&noted.len()), "only the notes of what is left: {noted:?}");
    assert_eq!(s3.blobs.erase("users/ann/").await.unwrap(), 0);
}

#[tokio::test]
async fn wrong_credentials_and_a_missing_bucket_are_told_apart() {
    let s3 = s3().await;
    let config = s3.server.config();
    let wrong = Blobs::connect(&S3Config { secret_key: "wrong".to_owned(), ..config.clone() }).unwrap();
    for refused in [
        wrong.ensure_bucket().await.err(),
        wrong.put("a", "b".into(), "text/plain").await.err(),
        wrong.get("a", 9).await.err(),
        wrong.list("").await.err(),
    ] {
        assert!(matches!(refused, Some(BlobError::Denied { .. })), "{refused:?}");
    }
    let refused = wrong.upload("a", chunks(20 * MIB), 99 * MIB).await;
    assert!(matches!(refused, Err(UploadError::Blob(BlobError::Denied { .. }))), "{refused:?}");

    let elsewhere = Blobs::connect(&S3Config { bucket: "elsewhere".to_owned(), ..config }).unwrap();
    let refused = elsewhere.list("").await.err();
    assert!(matches!(&refused, Some(BlobError::NoBucket { bucket }) if bucket == "elsewhere"), "{refused:?}");
    elsewhere.ensure_bucket().await.unwrap();
    elsewhere.ensure_bucket().await.unwrap();
    assert_eq!(elsewhere.list("").await.unwrap(), []);
}
