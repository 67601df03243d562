//! The log holds messages twice: what pages show stays the same.

use crate::clip;
use crate::process::{Process, Visitor, run, wait_for};
use async_nats::{ConnectOptions, HeaderMap, jetstream};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Signs in as Kart itself does.
async fn connect(data: &Path) -> jetstream::Context {
    let running: Value = serde_json::from_slice(&std::fs::read(data.join("running.json")).unwrap()).unwrap();
    let url = running["nats_url"].as_str().unwrap();
    let (sign_in, host) = url.strip_prefix("nats://").unwrap().rsplit_once('@').unwrap();
    let (user, password) = sign_in.split_once(':').unwrap();
    let options = ConnectOptions::with_user_and_password(user.to_owned(), password.to_owned());
    jetstream::new(options.connect(host).await.unwrap())
}

/// Writes every message of the log once more, without what would let the server notice. Returns the new last sequence.
async fn write_all_again(data: &Path) -> u64 {
    let jetstream = connect(data).await;
    let mut stream = jetstream.get_stream("KART_EVENTS").await.unwrap();
    let last = stream.info().await.unwrap().state.last_sequence;
    let mut written = last;
    for sequence in 1..=last {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let mut headers = HeaderMap::new();
        for (name, values) in message.headers.iter() {
            let text = name.to_string();
            if !text.starts_with("Nats-") {
                values.iter().for_each(|value| headers.append(name.clone(), value.clone()));
            }
        }
        let sent = jetstream.publish_with_headers(message.subject.to_string(), headers, message.payload.clone());
        written = sent.await.unwrap().await.unwrap().sequence;
    }
    assert_eq!(written, 2 * last);
    written
}

#[test]
fn every_message_twice_gives_the_same_rows() {
    let data = TempDir::new().unwrap();
    let kart = Process::up(data.path(), &[("KART_TRAINERS", "0")]);
    let visitor = Visitor::of(&kart);
    let job = visitor.upload(&clip::nobody(data.path()));
    let id = job["id"].as_str().unwrap();
    let queued = || visitor.job(id).filter(|job| job["training"]["status"] == "queued");
    let before = wait_for("the training to be queued", Duration::from_secs(20), queued);
    let last = tokio::runtime::Runtime::new().unwrap().block_on(write_all_again(data.path()));
    wait_for("the projector to have read all of it", Duration::from_secs(20), || {
        let status = run(data.path(), &["views", "status"]).stdout;
        String::from_utf8(status).unwrap().lines().any(|line| line.contains(&format!(" {last} "))).then_some(())
    });
    assert_eq!(visitor.job(id).unwrap(), before);
}
