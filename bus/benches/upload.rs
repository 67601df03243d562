//! How fast `Blobs::upload` is beside one plain PUT of the same bytes to the same server, and what memory it takes.
//!
//! `cargo bench -p bus --bench upload [MiB]`. The server runs in this process and shares its memory and its processors.

use bus::Blobs;
use bus::local::S3Server;
use bytes::Bytes;
use futures::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rusoto_core::Region;
use rusoto_credential::AwsCredentials;
use rusoto_s3::PutObjectRequest;
use rusoto_s3::util::{PreSignedRequest, PreSignedRequestOption};
use std::convert::Infallible;
use std::error::Error;
use std::time::Instant;

const MIB: usize = 1 << 20;
const CHUNK: usize = 64 << 10;
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let size = std::env::args().find_map(|argument| argument.parse().ok()).unwrap_or(256) * MIB;
    let dir = tempfile::tempdir()?;
    let server = S3Server::spawn(dir.path(), None).await?;
    let blobs = Blobs::connect(&server.config())?;
    blobs.ensure_bucket().await?;
    println!("{} MiB a round; peak memory at the start {} MiB", size / MIB, peak_memory_mib());
    for round in 1..=ROUNDS {
        let started = Instant::now();
        blobs.upload("bench/upload", chunks(size), size as u64).await?;
        let upload = size as f64 / 1e6 / started.elapsed().as_secs_f64();
        let peak = peak_memory_mib();

        let started = Instant::now();
        raw_put(&server, size).await?;
        let raw = size as f64 / 1e6 / started.elapsed().as_secs_f64();
        let part = 100.0 * upload / raw;
        println!("round {round}: upload {upload:.0} MB/s, raw PUT {raw:.0} MB/s ({part:.0} %), peak {peak} MiB");
    }
    Ok(())
}

fn chunks(size: usize) -> impl stream::Stream<Item = Result<Bytes, Infallible>> + Send + Unpin {
    let chunk = Bytes::from((0..CHUNK).map(|index| (index * 31 % 251) as u8).collect::<Vec<_>>());
    stream::iter((0..size / CHUNK).map(move |_| Ok(chunk.clone())))
}

/// One streamed request over a presigned URL: neither parts nor hashes.
async fn raw_put(server: &S3Server, size: usize) -> Result<(), Box<dyn Error + Send + Sync>> {
    let config = server.config();
    let region = Region::Custom { name: config.region, endpoint: config.endpoint };
    let credentials = AwsCredentials::new(config.access_key, config.secret_key, None, None);
    let put = PutObjectRequest { bucket: config.bucket, key: "bench/raw".to_owned(), ..Default::default() };
    let url = put.get_presigned_url(&region, &credentials, &PreSignedRequestOption::default());
    let body = StreamBody::new(futures::StreamExt::map(chunks(size), |chunk| chunk.map(Frame::data)));
    let request = http::Request::put(url).header("content-length", size).body(body)?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let response = client.request(request).await?;
    let status = response.status();
    let text = response.into_body().collect().await?.to_bytes();
    if !status.is_success() {
        return Err(format!("{status}: {}", String::from_utf8_lossy(&text)).into());
    }
    Ok(())
}

fn peak_memory_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
