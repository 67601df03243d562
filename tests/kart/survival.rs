//! Roles and servers are killed; every job still ends once.

use crate::clip;
use crate::process::{Process, Visitor, events, kart, wait_for};
use std::path::Path;
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

#[test]
fn a_job_completes_once_although_its_trainer_is_killed_in_the_middle() {
    let data = TempDir::new().unwrap();
    let kart = Process::up(data.path(), &[("KART_TRAINERS", "0"), LEASE]);
    let visitor = Visitor::of(&kart);
    let id = visitor.upload(&clip::nobody(data.path()))["id"].as_str().unwrap().to_owned();
    let mut first = trainer(data.path());
    wait_for("the training to be under way", JOB_WITHIN, || {
        (count(data.path(), &id, "training-progressed") >= 2).then_some(())
    });
    first.kill();
    let _second = trainer(data.path());
    let job = visitor.wait_for_status(&id, &["succeeded", "failed"], JOB_WITHIN);
    assert_eq!(job["status"], "succeeded", "{job:#}");
    assert_eq!(count(data.path(), &id, "training-started"), 2);
    for once in ["trained", "inferred", "completed"] {
        assert_eq!(count(data.path(), &id, once), 1, "{once}");
    }
    assert_eq!(count(data.path(), &id, "failed"), 0);
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
