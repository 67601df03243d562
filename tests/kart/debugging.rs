//! Every command of docs/debugging.md does what the page says, against a Kart at work.

use crate::clip;
use crate::process::{Process, Visitor, events, wait_for};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const WORK_WITHIN: Duration = Duration::from_secs(200);

/// What each command must print, in the order of the page. `JOB` stands for the job's id.
const SAYS: [&[&str]; 10] = [
    &["kart.evt.job.JOB.requested", "kart.evt.job.JOB.training-started"],
    &["ce-type: kart.job.requested.v", "kart-prev", "kart-actor: role/trainer", "\"step\""],
    &["kart.evt.job.JOB.training-", "ce-id"],
    &["KART_EVENTS", "KART_WORK", "KART_TICKS", "KART_PARKED"],
    &["Discard Policy: New", "Compression: S2", "Allows Msg Delete: false"],
    &["train", "infer", "Ack Pending"],
    &["kart.work.train.normal.", "JOB"],
    &["kart.tick.job.JOB.training", "\"loss\""],
    &["kart.evt.user.", "kart.evt.video.", "kart.evt.job.JOB.requested"],
    &["No subjects found"],
];

fn nats() -> Option<PathBuf> {
    let fetched = Path::new(env!("CARGO_MANIFEST_DIR")).join(".tools/nats");
    let on_path =
        std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join("nats")).find(|p| p.is_file());
    Some(fetched).filter(|path| path.is_file()).or(on_path)
}

/// The commands of the page: the fenced blocks that a shell would run.
fn commands() -> Vec<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/debugging.md");
    let page = std::fs::read_to_string(page).unwrap();
    let blocks = page.split("```sh\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap().trim().to_owned()).collect()
}

#[test]
fn the_commands_of_the_page_work_without_signing_in() {
    let Some(nats) = nats() else {
        let required = std::env::var_os("KART_REQUIRE_TOOLS").is_some_and(|value| !value.is_empty());
        assert!(!required, "the nats command is missing");
        eprintln!("SKIPPED: the nats command is missing; docs/debugging.md was not tried");
        return;
    };
    let commands = commands();
    assert_eq!(commands.len(), SAYS.len(), "{commands:#?}");
    let data = TempDir::new().unwrap();
    let kart = Process::up(data.path(), &[]);
    let hint = kart.lines.recv_timeout(Duration::from_secs(5)).unwrap();
    let server = hint.split_whitespace().find(|word| word.starts_with("nats://")).unwrap().to_owned();
    let job = Visitor::of(&kart).upload(&clip::person())["id"].as_str().unwrap().to_owned();
    wait_for("the training to be under way", WORK_WITHIN, || {
        let story = events(data.path(), Some(&job));
        story.iter().any(|event| event["type"] == "kart.job.training-progressed.v1").then_some(())
    });
    let path = std::env::join_paths(
        [nats.parent().unwrap().to_owned()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    for (command, says) in commands.iter().zip(SAYS) {
        let output = Command::new("sh")
            .args(["-ec", command])
            .env("PATH", path.as_ref().unwrap())
            .env("NATS_URL", &server)
            .env("JOB", &job)
            // No context of whoever runs this.
            .env("HOME", data.path())
            .env("XDG_CONFIG_HOME", data.path())
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command}\n{text}");
        for words in says {
            let words = words.replace("JOB", &job);
            assert!(text.contains(&words), "{command} says nothing of {words:?}:\n{text}");
        }
    }
}
