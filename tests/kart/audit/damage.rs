//! Damage under the servers: in the files of the stream, and in the bucket.

use super::past::{Past, Servers, context, servers};
use super::{STOP_WITHIN, fails, succeeds};
use crate::process::Process;
use schemas::event::{VideoChecked, VideoUploaded};
use schemas::video::{Video, VideoCommand};
use schemas::{Blob, Hash, UserId, VideoId};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A server starts a new block after 8 MiB or so; these fill two, and begin a third.
const BIG_EVENTS: usize = 300;
const BIG_BYTES: usize = 60_000;

/// The files that hold the messages of the log, in order.
fn blocks(data: &Path) -> Vec<PathBuf> {
    let output = Command::new("find").arg(data).args(["-path", "*KART_EVENTS/msgs/*.blk"]).output().unwrap();
    let mut blocks: Vec<PathBuf> = String::from_utf8(output.stdout).unwrap().lines().map(PathBuf::from).collect();
    blocks.sort_by_key(|path| path.file_stem().unwrap().to_str().unwrap().parse::<u64>().unwrap());
    blocks
}

fn copy(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    let status = Command::new("cp").arg("-r").args([from, to]).status().unwrap();
    assert!(status.success());
}

/// Letters that do not compress well.
fn noise(seed: usize) -> String {
    let mut state = seed as u64 + 1;
    let letter = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(b'a' + (state >> 32) as u8 % 26)
    };
    std::iter::repeat_with(letter).take(BIG_BYTES).collect()
}

async fn write_big_events(servers: &Servers) {
    let owner = UserId::new();
    for n in 0..BIG_EVENTS {
        let (video, blob) = (VideoId::new(), Blob { key: format!("videos/{n}"), sha256: Hash([0; 32]), bytes: 1 });
        let uploaded = VideoUploaded { owner, name: "big.mp4".into(), container: "mp4".into(), blob };
        let checked = VideoChecked {
            codec: "h264".into(),
            duration_ms: 1,
            width: 1,
            height: 1,
            frames_per_second: 1.0,
            advice: vec![noise(n)],
        };
        let log = servers.bus.log();
        log.execute::<Video>(video, &context(owner), || VideoCommand::Upload(uploaded.clone())).await.unwrap();
        log.execute::<Video>(video, &context(owner), || VideoCommand::Check(checked.clone())).await.unwrap();
    }
}

/// Whatever nats-server makes of a damaged file, the log that it then shows is not taken for whole.
#[test]
fn a_flip_of_one_byte_in_a_block_of_the_stream_is_found_and_named() {
    let data = TempDir::new().unwrap();
    let mut kart = Process::up(data.path(), &[("KART_TRAINERS", "0")]);
    tokio::runtime::Runtime::new().unwrap().block_on(async { write_big_events(&servers(data.path()).await).await });
    // Sealed at the end.
    assert!(kart.interrupt(STOP_WITHIN).success());
    drop(kart);
    assert!(succeeds(data.path(), &["events", "verify", "--no-blobs"]).contains("whole and unchanged"));
    let blocks = blocks(data.path());
    assert!(blocks.len() >= 3, "{blocks:?}");
    let (store, whole) = (data.path().join("nats"), data.path().join("whole"));
    copy(&store, &whole);
    let middle = blocks.len() / 2;
    let last = blocks.len() - 1;
    let length = |block: usize| std::fs::metadata(&blocks[block]).unwrap().len() as usize;
    let places = [
        ("the first message's header", 0, 120),
        ("a body in the first block", 0, length(0) / 2),
        ("the middle block", middle, length(middle) / 3),
        ("the end of the middle block", middle, length(middle) - 10),
        ("the beginning of the last block", last, 30),
        ("a body in the last block", last, length(last) / 2),
        ("the last message", last, length(last) - 3),
    ];
    for (place, block, position) in places {
        copy(&whole, &store);
        let mut bytes = std::fs::read(&blocks[block]).unwrap();
        bytes[position] ^= 0x10;
        std::fs::write(&blocks[block], bytes).unwrap();
        let said = fails(data.path(), &["events", "verify", "--no-blobs"]);
        let log = std::fs::read_to_string(data.path().join("nats/nats-server.log")).unwrap();
        assert!(said.contains("first offending sequence: "), "{place}: {said}{log}");
        let restored = log.lines().rfind(|line| line.contains("KART_EVENTS")).unwrap_or_default();
        eprintln!("a flip in {place}:\n{restored}\n{said}");
        no_kart_starts(data.path());
    }
    copy(&whole, &store);
    assert!(succeeds(data.path(), &["events", "verify", "--no-blobs"]).contains("whole and unchanged"));
}

/// A file of the stream that cannot be read makes nats-server leave out the whole stream, and one who finds no stream
/// makes an empty one.
#[track_caller]
fn no_kart_starts(data: &Path) {
    let mut up = Command::new("timeout");
    up.args(["30", env!("CARGO_BIN_EXE_kart"), "up", "--listen", "127.0.0.1:0"]);
    let up = up.env("KART_DATA", data).output().unwrap();
    let said = String::from_utf8_lossy(&up.stderr);
    assert!(up.status.code() == Some(1) && said.contains("it is damaged"), "{:?}: {said}", up.status);
}

#[test]
fn bytes_that_are_gone_or_others_than_the_log_says_are_found() {
    let data = TempDir::new().unwrap();
    let _kart = Process::up(data.path(), &[("KART_TRAINERS", "0")]);
    let past = Past::write(data.path(), 3);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Servers { bus, blobs } = runtime.block_on(servers(data.path()));
    let videos: Vec<_> = runtime.block_on(async {
        let mut videos = vec![];
        for job in &past.jobs {
            let loaded = bus.log().load((*job).into()).await.unwrap();
            let schemas::Event::JobRequested(request) = loaded.events[0].event() else { panic!("a job was asked for") };
            videos.push(request.blob.key.clone());
        }
        videos
    });
    assert!(succeeds(data.path(), &["events", "verify"]).contains("whole"));
    runtime.block_on(async {
        blobs.delete(&videos[0]).await.unwrap();
        blobs.put(&videos[1], "another video".into(), "video/mp4").await.unwrap();
    });
    let said = fails(data.path(), &["events", "verify"]);
    assert!(said.contains(&format!("blob missing: {}", videos[0])), "{said}");
    assert!(said.contains(&format!("blob altered: {}", videos[1])), "{said}");
    assert!(said.contains("blob missing 1, blob altered 1"), "{said}");
    assert!(succeeds(data.path(), &["events", "verify", "--no-blobs"]).contains("whole"));

    // Who erases a video erases its bytes.
    runtime.block_on(async {
        let videos = videos[2..].iter().map(|key| key.strip_prefix("videos/").unwrap().parse::<VideoId>().unwrap());
        for video in videos {
            let owner = past.users[2];
            let erased = schemas::event::VideoErased { owner };
            let context = context(owner);
            bus.log().execute::<Video>(video, &context, || VideoCommand::Erase(erased.clone())).await.unwrap();
        }
    });
    let said = fails(data.path(), &["events", "verify"]);
    assert!(said.contains(&format!("blob not erased: {} should be gone", videos[2])), "{said}");
}
