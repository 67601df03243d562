//! Memory and speed of uploads through the whole web path: `cargo bench --bench upload`.
//!
//! One file of 2 GB, then 20 of 50 MB at once, into a `kart up` of its own. Prints the resident memory above idle, which
//! must stay under 64 MiB, and MB/s. The physical limit on one machine is the disk: everything is written once and
//! synced; hashing (SHA-256) and two passes over loopback come on top.

use bytes::Bytes;
use futures::{StreamExt, stream};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Client};
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

const CHUNK: usize = 1 << 20;
/// The beginning of an MP4 file, so that the upload is taken for one.
const HEAD: &[u8] = b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41";
const LIMIT_MIB: u64 = 64;

struct Kart {
    child: Child,
    url: String,
    _data: TempDir,
}

impl Drop for Kart {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Kart {
    fn start() -> Self {
        let data = TempDir::new().expect("a temporary folder can be made");
        let mut child = Command::new(env!("CARGO_BIN_EXE_kart"))
            .args(["up", "--listen", "127.0.0.1:0"])
            .env("KART_DATA", data.path())
            .env("KART_TRAINERS", "0")
            .stdout(Stdio::piped())
            .spawn()
            .expect("kart starts");
        let lines = BufReader::new(child.stdout.take().expect("stdout is a pipe")).lines();
        let url = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("ready ").map(str::to_owned));
        Self { child, url: url.expect("kart gets ready"), _data: data }
    }

    /// A line of /proc/PID/status in MiB.
    fn memory(&self, name: &str) -> u64 {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
    }

    /// Lets the peak start from the present again.
    fn forget_peak(&self) {
        let _ = std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5");
    }
}

async fn upload(client: &Client, url: &str, bytes: u64) {
    let filler = Bytes::from(vec![0x5a; CHUNK]);
    let head = stream::once(async { Ok::<_, std::io::Error>(Bytes::from_static(HEAD)) });
    let rest = bytes - HEAD.len() as u64;
    let chunks = (0..rest.div_ceil(CHUNK as u64)).map(move |i| {
        let left = rest - i * CHUNK as u64;
        Ok(filler.slice(..(left as usize).min(CHUNK)))
    });
    let body = Body::wrap_stream(head.chain(stream::iter(chunks)));
    let part = Part::stream_with_length(body, bytes).file_name("big.mp4");
    let answer = client.post(format!("{url}/v1/jobs")).multipart(Form::new().part("video", part)).send().await;
    let answer = answer.expect("kart answers");
    assert_eq!(answer.status(), 202, "{:?}", answer.text().await);
}

async fn measure(kart: &Kart, name: &str, files: usize, bytes: u64) {
    let client = Client::new();
    let idle = kart.memory("VmRSS");
    kart.forget_peak();
    let started = Instant::now();
    futures::future::join_all((0..files).map(|_| upload(&client, &kart.url, bytes))).await;
    let seconds = started.elapsed().as_secs_f64();
    let above = kart.memory("VmHWM").saturating_sub(idle);
    let speed = files as f64 * bytes as f64 / 1e6 / seconds;
    let verdict = if above < LIMIT_MIB { "ok" } else { "TOO MUCH" };
    println!("{name:<14} {speed:6.0} MB/s   {above:4} MiB above the {idle} MiB of idle   {verdict}");
}

#[tokio::main]
async fn main() {
    let kart = Kart::start();
    // The first upload sets up connections and pools.
    upload(&Client::new(), &kart.url, 20 << 20).await;
    measure(&kart, "1 × 2 GB", 1, 2_000_000_000).await;
    measure(&kart, "20 × 50 MB", 20, 50_000_000).await;
}
