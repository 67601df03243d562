//! `kart up` beside others, and what happens around it.

use crate::clip;
use crate::process::{Process, Visitor, events, run};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

#[test]
fn two_instances_run_side_by_side_and_a_second_on_one_folder_is_refused() {
    let folders = [TempDir::new().unwrap(), TempDir::new().unwrap()];
    let karts = folders.each_ref().map(|data| Process::up(data.path(), &[("KART_TRAINERS", "0")]));
    assert_ne!(karts[0].url, karts[1].url);
    for kart in &karts {
        assert_eq!(Visitor::of(kart).get("/").status(), 200);
        let hint = kart.lines.recv_timeout(Duration::from_secs(5)).unwrap();
        assert!(hint.contains("nats --server nats://127.0.0.1:") && hint.contains("sub 'kart.evt.job.>'"), "{hint}");
    }
    let second = run(folders[0].path(), &["up", "--listen", "127.0.0.1:0"]);
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use"), "{second:?}");
}

#[test]
fn ctrl_c_ends_every_child() {
    let data = TempDir::new().unwrap();
    let mut kart = Process::up(data.path(), &[]);
    let children = kart.children();
    assert!(!children.is_empty(), "the nats-server is a child");
    assert!(kart.interrupt(Duration::from_secs(20)).success());
    for pid in children {
        assert!(!Path::new(&format!("/proc/{pid}/stat")).exists(), "{pid} still runs");
    }
}

#[test]
fn an_acknowledged_upload_survives_the_killing_of_everything() {
    let data = TempDir::new().unwrap();
    let mut kart = Process::up(data.path(), &[("KART_TRAINERS", "0")]);
    let visitor = Visitor::of(&kart);
    let job = visitor.upload(&clip::nobody(data.path()));
    let id = job["id"].as_str().unwrap();
    kart.kill();

    let kart = Process::up(data.path(), &[("KART_TRAINERS", "0")]);
    let visitor = Visitor { url: kart.url.clone(), ..visitor };
    assert_eq!(visitor.job(id).unwrap()["status"], "starting");
    let all = events(data.path(), None);
    let uploaded = all.iter().find(|event| event["type"] == "kart.video.uploaded.v2").unwrap();
    assert!(all.iter().any(|event| event["type"] == "kart.job.requested.v2" && event["subject"] == *id));
    // Only the worker can say that the stored bytes are those that were sent; their number is in the event.
    let sent = std::fs::metadata(data.path().join("nobody.mp4")).unwrap().len();
    assert_eq!(uploaded["data"]["blob"]["bytes"], sent);
}

#[test]
fn the_upload_command_sends_a_video_and_watches_it() {
    let data = TempDir::new().unwrap();
    let _kart = Process::up(data.path(), &[]);
    let video = clip::nobody(data.path());
    let output = run(data.path(), &["upload", video.to_str().unwrap(), "--style", "watercolour", "--watch"]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("/jobs/") && text.contains("comic http"), "{text}");
}

#[test]
fn the_doctor_looks_at_everything() {
    let data = TempDir::new().unwrap();
    let output = run(data.path(), &["doctor"]);
    let text = String::from_utf8_lossy(&output.stdout);
    for name in ["nats-server", "ffmpeg", "teacher", "device", "data folder"] {
        assert!(text.contains(name), "{name}: {text}");
    }
}
