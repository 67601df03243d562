//! The log is verified, carried away, brought back, sealed and tampered with.

mod damage;
mod past;

use crate::process::{Process, kart, run};
use past::Past;
use projector::{RedbStore, Views};
use schemas::Recorded;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;

const STOP_WITHIN: Duration = Duration::from_secs(30);
/// Bytes of an export that are flipped, spread over the file. Each costs a process; the unit tests flip every byte.
const FLIPS: usize = 12;

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn succeeds(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output));
    text(&output)
}

#[track_caller]
fn fails(data: &Path, arguments: &[&str]) -> String {
    let output = run(data, arguments);
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output));
    text(&output)
}

/// A log of jobs, stopped, and its export.
struct Exported {
    data: TempDir,
    past: Past,
    file: String,
    keys: String,
}

fn exported() -> Exported {
    let data = TempDir::new().unwrap();
    let mut kart = Process::up(data.path(), &[("KART_TRAINERS", "0")]);
    let past = Past::write(data.path(), 3);
    let [file, keys] = ["log.ndjson", "people.keys"].map(|name| data.path().join(name).to_str().unwrap().to_owned());
    assert!(succeeds(data.path(), &["events", "seal"]).contains("sealed up to"), "there is something to seal");
    assert!(succeeds(data.path(), &["events", "seal"]).contains("nothing is new"));
    let verified = succeeds(data.path(), &["events", "verify"]);
    assert!(verified.contains("whole and unchanged; ") && !verified.contains("; 0 seals"), "{verified}");
    succeeds(data.path(), &["events", "export", &file, "--keys", &keys]);
    let replayed = run(data.path(), &["events", "replay"]).stdout;
    assert!(replayed == std::fs::read(&file).unwrap(), "a replay prints what an export holds");
    assert!(kart.interrupt(STOP_WITHIN).success());
    Exported { data, past, file, keys }
}

#[test]
fn a_log_goes_out_and_comes_back_the_same() {
    let Exported { data, past, file, keys } = exported();
    let fresh = TempDir::new().unwrap();
    let whole = std::fs::read(&file).unwrap();
    let damaged = fresh.path().join("damaged.ndjson").to_str().unwrap().to_owned();
    std::fs::write(&damaged, &whole[..whole.len() - 100]).unwrap();
    let data_folder = fresh.path().join("data");
    assert!(fails(&data_folder, &["events", "import", &damaged]).contains("nothing was written"));
    succeeds(&data_folder, &["events", "import", &file, "--keys", &keys]);
    let again = fresh.path().join("again.ndjson").to_str().unwrap().to_owned();
    succeeds(&data_folder, &["events", "export", &again]);
    assert!(std::fs::read(&again).unwrap() == whole, "the same sequences, hashes and bytes");
    assert!(fails(&data_folder, &["events", "import", &file]).contains("already"));
    succeeds(&data_folder, &["events", "verify", "--no-blobs"]);

    for folder in [data.path(), &data_folder] {
        succeeds(folder, &["views", "rebuild"]);
    }
    let rows = [data.path(), &data_folder].map(|folder| rows(folder, &past));
    assert_eq!(rows[0], rows[1]);
    assert!(rows[0].contains(&past.titles[0]), "what was sealed is opened: {}", rows[0]);
}

/// What pages would show.
fn rows(data: &Path, past: &Past) -> String {
    let views = Views::new(Arc::new(RedbStore::open(&data.join("views.redb")).unwrap()));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let rows = past.jobs.iter().map(|job| runtime.block_on(views.job(*job)).unwrap().unwrap());
    rows.map(|row| format!("{row:#?}\n")).collect()
}

#[test]
fn a_flip_of_one_byte_in_an_exported_file_is_found_and_its_line_named() {
    let Exported { data, file, .. } = exported();
    let whole = std::fs::read(&file).unwrap();
    let damaged = format!("{file}.damaged");
    assert!(succeeds(data.path(), &["events", "verify", &file]).contains("whole and unchanged"));
    for flip in 0..FLIPS {
        let position = whole.len() * flip / FLIPS + flip * 7;
        let mut flipped = whole.clone();
        flipped[position] ^= 1 << (flip % 8);
        std::fs::write(&damaged, &flipped).unwrap();
        let line = whole[..position].iter().filter(|byte| **byte == b'\n').count() + 1;
        let said = fails(data.path(), &["events", "verify", &damaged]);
        let named = [format!("line {line}:"), format!("sequence {line}:")].iter().any(|name| said.contains(name));
        assert!(named && said.contains("first offending sequence"), "byte {position} of line {line}: {said}");
    }
}

#[test]
fn a_history_that_was_made_anew_or_cut_off_is_found_by_its_seals() {
    let Exported { data, file, .. } = exported();
    let seals = format!("{file}.seals");
    let whole = std::fs::read_to_string(&file).unwrap();
    let forged = format!("{file}.forged");
    let none = data.path().join("none").to_str().unwrap().to_owned();
    std::fs::write(&none, "").unwrap();
    let cut: String = whole.lines().take(5).map(|line| format!("{line}\n")).collect();
    for history in [past::made_anew(&whole, 3), cut] {
        std::fs::write(&forged, history).unwrap();
        assert!(succeeds(data.path(), &["events", "verify", &forged, "--seals", &none]).contains("; 0 seals agree"));
        let said = fails(data.path(), &["events", "verify", &forged, "--seals", &seals]);
        assert!(said.contains("seal"), "{said}");
    }
    // Whoever does not trust the key is not fooled by a seal that anybody could make.
    let foreign = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let said = run(data.path(), &["events", "verify", &file, "--trust", foreign]);
    assert!(!said.status.success() && text(&said).contains("not trusted"), "{}", text(&said));
    let doctor = kart().arg("doctor").env("KART_DATA", data.path()).output().unwrap();
    let key = std::fs::read_to_string(data.path().join("seal.pub")).unwrap();
    assert!(text(&doctor).contains(&key), "an auditor is told the key");
}

#[test]
fn events_are_found_by_whose_they_are_by_type_and_by_time() {
    let Exported { data, past, file, .. } = exported();
    let find = |arguments: &[&str]| -> Vec<Recorded> {
        let output = run(data.path(), &[&["events", "replay"], arguments].concat());
        assert!(output.status.success(), "{}", text(&output));
        let lines = output.stdout.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| Recorded::from_line(line).unwrap()).collect()
    };
    let all = std::fs::read_to_string(&file).unwrap();
    let all: Vec<_> = all.lines().map(|line| Recorded::from_line(line.as_bytes()).unwrap()).collect();
    let (user, job) = (past.users[1].to_string(), past.jobs[1]);
    let of_user = find(&["--user", &user]);
    assert!(of_user.iter().any(|event| event.aggregate == job.into() && event.event().name() == "dispatched"));
    assert!(of_user.iter().all(|event| event.aggregate != past.jobs[0].into()));
    let since = find(&["--user", &user, "--since", "1h"]);
    assert_eq!(since, of_user, "the test is younger than an hour");
    assert!(find(&["--until", "1h"]).is_empty() && find(&["--since", "2100-01-01T00:00:00Z"]).is_empty());
    let of_job = find(&["--aggregate", &format!("job/{job}")]);
    assert_eq!(of_job, find(&["--job", &job.to_string()]));
    assert!(of_job.len() >= 2 && of_job.iter().all(|event| event.aggregate == job.into()));
    assert_eq!(find(&["--type", "user.registered"]).len(), 3);
    assert_eq!(find(&["--as-of", "4"]), all[..4]);
    let moment = schemas::envelope::format_time(all[4].new.time);
    let then = find(&["--as-of", &moment]);
    assert!(then.len() >= 5 && then.iter().all(|event| event.new.time <= all[4].new.time));
}
