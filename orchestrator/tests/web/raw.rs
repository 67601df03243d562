//! What an HTTP client library would not send.

use crate::house::{DEADLINE, House, config, mp4};
use orchestrator::WebConfig;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

struct Line {
    stream: TcpStream,
}

impl Line {
    async fn to(house: &House) -> Self {
        let address = house.base.trim_start_matches("http://");
        Self { stream: TcpStream::connect(address).await.expect("a connection") }
    }

    async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        // The server may have hung up already: what it answered still counts.
        self.stream.write_all(bytes.as_ref()).await.ok();
    }

    /// Up to the end of the answer: the server closes, or the body is whole.
    async fn hear(&mut self) -> String {
        let mut heard = vec![];
        let hearing = async {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = self.stream.read(&mut buffer).await {
                heard.extend_from_slice(&buffer[..count]);
                let text = String::from_utf8_lossy(&heard);
                if text.contains("\r\n\r\n") && text.trim_end().ends_with('}') {
                    break;
                }
            }
        };
        tokio::time::timeout(DEADLINE, hearing).await.expect("the answer comes before the deadline");
        String::from_utf8_lossy(&heard).into_owned()
    }
}

fn head(boundary: &str, length: usize, more: &str) -> String {
    format!(
        "POST /v1/jobs HTTP/1.1\r\nHost: kart.test\r\nContent-Type: multipart/form-data{boundary}\r\n\
         Content-Length: {length}\r\n{more}\r\n"
    )
}

fn part(headers: &str, file: &[u8]) -> Vec<u8> {
    let mut body = format!("--B\r\n{headers}\r\n\r\n").into_bytes();
    body.extend_from_slice(file);
    body.extend_from_slice(b"\r\n--B--\r\n");
    body
}

const FILE: &str = "Content-Disposition: form-data; name=\"video\"; filename=\"a.mp4\"";

#[track_caller]
fn assert_problem(answer: &str, status: u16, code: &str, what: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
    assert!(answer.contains(&format!("\"code\":\"{code}\"")), "{what}: {answer}");
}

async fn assert_nothing_stored(house: &House) {
    let stored = house.blobs.list("").await.expect("S3 answers");
    assert!(stored.is_empty(), "{stored:?}");
    assert_eq!(house.bus.log().head().await.expect("the log answers"), 0);
}

#[tokio::test]
async fn bodies_that_are_broken_are_refused_and_leave_nothing() {
    let house = House::build().await;
    let many: String = (0..33).map(|i| format!("X-H{i}: x\r\n")).collect();
    let nul = FILE.replace("a.mp4", "a\0.mp4");
    let line = FILE.replace("a.mp4", "a\r\nb.mp4");
    let file = mp4(50_000);
    let whole = part(FILE, &file);
    let cases: Vec<(&str, String, Vec<u8>, u16, &str)> = vec![
        ("41 no boundary", head("", 10, ""), b"0123456789".to_vec(), 400, "bad-multipart"),
        ("43 many part headers", String::new(), part(&format!("{many}{FILE}"), &file), 400, "bad-multipart"),
        ("38 NUL", String::new(), part(&nul, &file), 400, "invalid-filename"),
        ("38 CRLF", String::new(), part(&line, &file), 400, "invalid-filename"),
        ("46 short Content-Length", String::new(), whole[..whole.len() - 20_000].to_vec(), 400, "incomplete-body"),
        ("no part at all", String::new(), b"--B--\r\n".to_vec(), 400, "missing-field"),
        ("no multipart", String::new(), b"hello".to_vec(), 400, "incomplete-body"),
    ];
    for (what, given, body, status, code) in cases {
        let given = if given.is_empty() { head("; boundary=B", body.len(), "") } else { given };
        let mut line = Line::to(&house).await;
        line.say(given).await;
        line.say(body).await;
        assert_problem(&line.hear().await, status, code, what);
    }
    assert_nothing_stored(&house).await;
}

#[tokio::test]
async fn a_connection_that_breaks_in_the_middle_leaves_nothing() {
    let house = House::build().await;
    let mut line = Line::to(&house).await;
    let body = part(FILE, &mp4(500_000));
    line.say(head("; boundary=B", body.len(), "")).await;
    line.say(&body[..300_000]).await;
    drop(line);
    // The next upload is served, and is then all that there is.
    let visitor = crate::house::visitor();
    house.upload(&visitor).await;
    assert_eq!(house.blobs.list("").await.expect("S3 answers").len(), 1);
}

#[tokio::test]
async fn silence_in_the_middle_of_a_body_is_answered_with_408() {
    let house = House::build().await;
    let body = part(FILE, &mp4(100_000));
    for (what, sent) in [("at the start", 10), ("51 at 99 %", body.len() - 1_000)] {
        let mut line = Line::to(&house).await;
        line.say(head("; boundary=B", body.len(), "")).await;
        line.say(&body[..sent]).await;
        assert_problem(&line.hear().await, 408, "upload-timeout", what);
    }
    assert_nothing_stored(&house).await;
}

#[tokio::test]
async fn a_body_that_drips_is_answered_with_408() {
    let house = House::with(WebConfig { stall: Duration::from_secs(1), ..config() }).await;
    let mut line = Line::to(&house).await;
    let body = part(FILE, &mp4(100_000));
    line.say(head("; boundary=B", body.len(), "")).await;
    let (mut reader, mut writer) = line.stream.into_split();
    let drip = tokio::spawn(async move {
        for byte in body {
            if writer.write_all(&[byte]).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    let mut heard = [0; 64];
    let count = tokio::time::timeout(DEADLINE, reader.read(&mut heard)).await.expect("an answer").expect("bytes");
    drip.abort();
    assert!(heard[..count].starts_with(b"HTTP/1.1 408 "), "{:?}", String::from_utf8_lossy(&heard));
}

#[tokio::test]
async fn too_much_is_refused_before_it_is_sent() {
    let house = House::build().await;
    let mut line = Line::to(&house).await;
    line.say(head("; boundary=B", 5 << 30, "Expect: 100-continue\r\n")).await;
    let answer = line.hear().await;
    assert!(!answer.contains("100 Continue"), "{answer}");
    assert_problem(&answer, 413, "too-large", "52 Expect");
}

#[tokio::test]
async fn a_request_with_two_lengths_cannot_smuggle_another() {
    let house = House::build().await;
    for lengths in
        ["Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5"]
    {
        let mut line = Line::to(&house).await;
        let smuggled = "GET /healthz HTTP/1.1\r\nHost: kart.test\r\n\r\n";
        line.say(format!("POST /v1/jobs HTTP/1.1\r\nHost: kart.test\r\n{lengths}\r\n\r\n0\r\n\r\n{smuggled}")).await;
        let mut answer = String::new();
        let hearing = line.stream.read_to_string(&mut answer);
        tokio::time::timeout(DEADLINE, hearing).await.expect("the server closes").ok();
        assert!(answer.starts_with("HTTP/1.1 4") && answer.to_lowercase().contains("connection: close"), "{answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
    }
}

#[tokio::test]
async fn heads_that_are_too_long_or_too_slow_are_cut_off() {
    let house = House::build().await;
    let mut line = Line::to(&house).await;
    line.say(format!("GET / HTTP/1.1\r\nHost: kart.test\r\nX-Long: {}\r\n\r\n", "x".repeat(64 << 10))).await;
    let answer = line.hear().await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");

    let begin = Instant::now();
    let mut line = Line::to(&house).await;
    line.say("GET / HTTP/1.1\r\nHost:").await;
    line.hear().await;
    assert!(begin.elapsed() < Duration::from_secs(12), "{:?}", begin.elapsed());
}

#[tokio::test]
async fn steps_upwards_and_a_wrong_host_are_refused() {
    let house = House::with(WebConfig { host: Some("kart.test".to_owned()), ..config() }).await;
    for (path, host, status, code) in [
        ("/media/%2e%2e/x", "kart.test", 400, "bad-path"),
        ("/media/../x", "kart.test", 400, "bad-path"),
        ("/healthz", "evil.test", 421, "wrong-host"),
    ] {
        let mut line = Line::to(&house).await;
        line.say(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_problem(&line.hear().await, status, code, path);
    }
}
