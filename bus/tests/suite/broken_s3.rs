//! S3 servers that misbehave.

use crate::servers::{DEADLINE, s3};
use bus::{BlobError, Blobs, S3Config, UploadError};
use bytes::Bytes;
use futures::{StreamExt, stream};
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const MIB: usize = 1 << 20;
const SHORT: Duration = Duration::from_millis(300);

fn megabytes(count: usize) -> impl futures::Stream<Item = Result<Bytes, Infallible>> + Send + Unpin {
    stream::iter((0..count).map(|_| Ok(Bytes::from(vec![7; MIB]))))
}

/// A server that gives the same answer to every request whose first line contains `matching`, and 200 to others.
async fn answering(matching: &'static str, answer: &'static str) -> Blobs {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut head = Vec::new();
                while !head.windows(4).any(|window| window == b"\r\n\r\n") {
                    match socket.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => return,
                    }
                }
                let head = String::from_utf8_lossy(&head).to_lowercase();
                let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split('\r').next());
                let mut body = vec![0; length.and_then(|text| text.parse().ok()).unwrap_or(0)];
                if socket.read_exact(&mut body).await.is_err() {
                    return;
                }
                let first = head.lines().next().unwrap_or_default();
                let body = match first.contains(matching) {
                    true if answer.is_empty() => std::future::pending().await,
                    true => answer,
                    false if first.contains("?uploads") => {
                        "HTTP/1.1 200 OK\r\n\r\n<InitiateMultipartUploadResult><UploadId>1</UploadId></InitiateMultipartUploadResult>"
                    }
                    false => "HTTP/1.1 200 OK\r\netag: \"x\"\r\n\r\n",
                };
                let _ = socket.write_all(body.as_bytes()).await;
            });
        }
    });
    connect(port)
}

fn connect(port: u16) -> Blobs {
    let config = S3Config {
        endpoint: format!("http://127.0.0.1:{port}"),
        region: "local".to_owned(),
        bucket: "kart".to_owned(),
        access_key: "a".to_owned(),
        secret_key: "s".to_owned(),
    };
    Blobs::connect(&config).unwrap().with_timeout(SHORT)
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_time_out() {
    let blobs = answering("http/1.1", "").await;
    let started = Instant::now();
    let put = blobs.put("a", "b".into(), "text/plain").await;
    assert!(matches!(put, Err(BlobError::TimedOut { operation: "PutObject", limit: SHORT })), "{put:?}");
    assert!(started.elapsed() > SHORT * 3, "it was tried three times");
    let upload = tokio::time::timeout(DEADLINE, blobs.upload("a", megabytes(20), u64::MAX)).await.expect("an end");
    assert!(matches!(upload, Err(UploadError::Blob(BlobError::TimedOut { .. }))), "{upload:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let put = connect(port).put("a", "b".into(), "text/plain").await;
    assert!(matches!(put, Err(BlobError::Unavailable { .. })), "{put:?}");
}

#[tokio::test]
async fn a_busy_server_is_unavailable_and_one_that_refuses_is_not_asked_again() {
    let busy = "HTTP/1.1 503 Slow Down\r\ncontent-length: 35\r\n\r\n<Error><Code>SlowDown</Code></Error>";
    let put = answering("put", busy).await.put("a", "b".into(), "text/plain").await;
    assert!(matches!(put, Err(BlobError::Unavailable { .. })), "{put:?}");
    let bad = "HTTP/1.1 400 Bad Request\r\ncontent-length: 41\r\n\r\n<Error><Code>InvalidArgument</Code></Error>";
    let started = Instant::now();
    let put = answering("put", bad).await.put("a", "b".into(), "text/plain").await;
    assert!(matches!(put, Err(BlobError::Refused { .. })), "{put:?}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn an_error_hidden_in_the_answer_to_complete_is_not_taken_for_success() {
    let hidden = "HTTP/1.1 200 OK\r\n\r\n<Error><Code>InternalError</Code><Message>sorry</Message></Error>";
    let blobs = answering("uploadid=1 http", hidden).await;
    let upload = tokio::time::timeout(DEADLINE, blobs.upload("a", megabytes(20), u64::MAX)).await.expect("an end");
    assert!(matches!(upload, Err(UploadError::Blob(_))), "{upload:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_in_the_middle_of_an_upload_is_an_error_and_not_a_hang() {
    let s3 = s3().await;
    let (sent, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let counted = megabytes(100).then(move |chunk| {
        let _ = sent.send(());
        async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            chunk
        }
    });
    let blobs = s3.blobs.clone();
    let upload = tokio::spawn(async move { blobs.upload("video/f", Box::pin(counted), u64::MAX).await });
    for _ in 0..30 {
        seen.recv().await;
    }
    drop(s3.server);
    let upload = tokio::time::timeout(DEADLINE, upload).await.expect("an end").unwrap();
    assert!(matches!(upload, Err(UploadError::Blob(BlobError::Unavailable { .. }))), "{upload:?}");
}

#[tokio::test]
async fn an_upload_to_a_stalled_server_stops_reading_instead_of_filling_memory() {
    let blobs = answering("partnumber", "").await;
    let read = AtomicUsize::new(0);
    let counted = megabytes(1_000).inspect(|_| {
        read.fetch_add(1, Ordering::SeqCst);
    });
    let upload = tokio::time::timeout(DEADLINE, blobs.upload("a", counted, u64::MAX)).await.expect("an end");
    assert!(matches!(upload, Err(UploadError::Blob(BlobError::TimedOut { .. }))), "{upload:?}");
    let read = read.into_inner();
    assert!((8..=32).contains(&read), "{read} MiB were read");
}
