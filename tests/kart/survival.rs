//! Roles and servers are killed; every job still ends once.

use crate::clip;
use crate::process::{Process, Visitor, events, kart, wait_for};
use serde_json::Value;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const JOB_WITHIN: Duration = Duration::from_secs(400);
/// Short, so that a killed worker's job is handed out again soon.
const LEASE: (&str, &str) = ("KART_LEASE_SECONDS", "4");

/// A worker of its own beside a `kart up` without any.
fn trainer(data: &Path) -> Process {
    let mut command = kart();
    command.arg("trainer").env("KART_DATA", data).env(LEASE.0, LEASE.1);
    Process::start(command)
}

fn count(data: &Path, id: &str, name: &str) -> usize {
    let wanted = format!("kart.job.{name}.v1");
    events(data, Some(id)).iter().filter(|event| event["type"] == wanted.as_str()).count()
}

/// Step and checkpoint of every milestone so far, and the place of every new start among them.
fn milestones(events: &[Value]) -> Vec<Option<(u64, bool)>> {
    let milestone = |event: &Value| match event["type"].as_str()?.split('.').nth(2)? {
        "training-started" => Some(None),
        "training-progressed" => Some(Some((event["data"]["step"].as_u64()?, event["data"]["checkpoint"].is_object()))),
        _ => None,
    };
    events.iter().filter_map(milestone).collect()
}

/// Files of checkpoints in the local S3 server's folder.
fn checkpoints(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let here = files.into_iter().filter(|_| folder.ends_with("checkpoints"));
    here.chain(folders.iter().flat_map(|folder| checkpoints(folder))).collect()
}

#[test]
fn a_killed_trainer_s_work_goes_on_from_its_checkpoint_and_the_job_completes_once() {
    let data = TempDir::new().unwrap();
    let kart = Process::up(data.path(), &[("KART_TRAINERS", "0"), LEASE]);
    let visitor = Visitor::of(&kart);
    let id = visitor.upload(&clip::nobody(data.path()))["id"].as_str().unwrap().to_owned();
    let mut first = trainer(data.path());
    wait_for("a checkpoint", JOB_WITHIN, || {
        milestones(&events(data.path(), Some(&id))).iter().flatten().any(|(_, stored)| *stored).then_some(())
    });
    first.kill();
    assert!(!checkpoints(data.path()).is_empty(), "the checkpoint is not where this test looks for it");
    let _second = trainer(data.path());
    let job = visitor.wait_for_status(&id, &["succeeded", "failed"], JOB_WITHIN);
    assert_eq!(job["status"], "succeeded", "{job:#}");

    let story = events(data.path(), Some(&id));
    let milestones = milestones(&story);
    let starts: Vec<_> = (0..milestones.len()).filter(|&i| milestones[i].is_none()).collect();
    assert_eq!(starts.len(), 2, "{milestones:?}");
    let (before, after) = milestones.split_at(starts[1]);
    let stored = before.iter().flatten().filter(|(_, stored)| *stored).map(|(step, _)| *step).max().unwrap();
    let steps: Vec<_> = after.iter().flatten().map(|(step, _)| *step).collect();
    assert!(steps[0] > stored, "{milestones:?}");
    assert!(steps.is_sorted() && steps.len() < 19, "all steps were computed again: {milestones:?}");

    let trained = story.iter().find(|event| event["type"] == "kart.job.trained.v1").unwrap();
    let (curve, steps) = (trained["data"]["curve"].as_array().unwrap(), trained["data"]["steps"].as_u64().unwrap());
    assert!(steps > stored && curve.len() == 64, "the curve is not that of the whole training: {trained:#}");
    for once in ["trained", "inferred", "completed"] {
        assert_eq!(count(data.path(), &id, once), 1, "{once}");
    }
    assert_eq!(count(data.path(), &id, "failed"), 0);
    assert_eq!(checkpoints(data.path()), Vec::<PathBuf>::new(), "nobody needs them any more");
}

/// A folder with the real ffprobe, and an ffmpeg that never ends.
fn hanging_ffmpeg(folder: &Path) -> PathBuf {
    let programs = folder.join("programs");
    std::fs::create_dir(&programs).unwrap();
    std::fs::write(programs.join("ffprobe"), "#!/bin/sh\nexec ffprobe \"$@\"\n").unwrap();
    std::fs::write(programs.join("ffmpeg"), "#!/bin/sh\nexec sleep 1000\n").unwrap();
    for name in ["ffprobe", "ffmpeg"] {
        std::fs::set_permissions(programs.join(name), Permissions::from_mode(0o755)).unwrap();
    }
    programs
}

#[test]
fn cancelling_ends_a_decoder_that_hangs_and_frees_the_slot() {
    let data = TempDir::new().unwrap();
    let programs = hanging_ffmpeg(data.path());
    let kart = Process::up(data.path(), &[("KART_FFMPEG", programs.to_str().unwrap())]);
    let visitor = Visitor::of(&kart);
    let video = clip::nobody(data.path());
    let [first, second] = [0, 1].map(|_| visitor.upload(&video)["id"].as_str().unwrap().to_owned());
    wait_for("the decoder to run", Duration::from_secs(60), || (hangs(&kart)).then_some(()));
    assert_eq!(count(data.path(), &second, "training-started"), 0, "there is one slot");
    let url = format!("{}/v1/jobs/{first}/cancel", visitor.url);
    assert!(visitor.client.post(url).send().unwrap().status().is_success());
    visitor.wait_for_status(&first, &["canceled"], Duration::from_secs(60));
    // The decoder would have been given three minutes.
    wait_for("the slot to be free", Duration::from_secs(60), || {
        (count(data.path(), &second, "training-started") == 1).then_some(())
    });
    assert_eq!(count(data.path(), &first, "failed"), 0);
}

fn hangs(kart: &Process) -> bool {
    kart.children()
        .into_iter()
        .any(|pid| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep\x001000")))
}

#[test]
fn everything_reconnects_when_the_nats_server_is_killed() {
    let data = TempDir::new().unwrap();
    let kart = Process::up(data.path(), &[LEASE]);
    let visitor = Visitor::of(&kart);
    let id = visitor.upload(&clip::nobody(data.path()))["id"].as_str().unwrap().to_owned();
    wait_for("the training to be under way", JOB_WITHIN, || {
        (visitor.job(&id)?["training"]["step"].as_u64()? > 5).then_some(())
    });
    let pid = wait_for("the nats-server", Duration::from_secs(5), || nats_server(&kart));
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
    let restarted = wait_for("another nats-server", Duration::from_secs(30), || nats_server(&kart));
    assert_ne!(restarted, pid);
    let job = visitor.wait_for_status(&id, &["succeeded", "failed"], JOB_WITHIN);
    assert_eq!(job["status"], "succeeded", "{job:#}");
    assert_eq!(count(data.path(), &id, "completed"), 1);
}

/// The pid of the child that is a nats-server and not a zombie.
fn nats_server(kart: &Process) -> Option<u32> {
    kart.children().into_iter().find(|pid| {
        let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        line.contains("(nats-server)") && !line.contains(") Z ")
    })
}
