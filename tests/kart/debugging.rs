//! Every command of docs/debugging.md does what the page says, against a Kart at work.

use crate::clip;
use crate::process::{Process, Visitor, events, wait_for};
use crate::secured::Secured;
use schemas::event::JobRequested;
use schemas::job::{Job, JobCommand};
use schemas::{Actor, Blob, Hash, JobId, UserId, VideoId, envelope};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

const WORK_WITHIN: Duration = Duration::from_secs(200);

/// What each command must print, in the order of the page. `JOB` stands for the job's id.
const SAYS: [&[&str]; 10] = [
    &["kart.evt.job.JOB.requested", "kart.evt.job.JOB.training-started"],
    &["kart.evt.job.JOB.training-", "kart-actor: role/trainer", "kart-prev: "],
    &["ce-type: kart.job.requested.v", "kart-actor: user/", "\"sealed\""],
    &["kart.evt.user.", "kart.evt.video.", "kart.evt.job.JOB.requested"],
    &["kart.tick.job.JOB.training", "\"loss\""],
    &["Discard Policy: New", "Compression: S2", "Allows Msg Delete: false", "Allows Purge: false"],
    &["train", "infer", "Ack Pending"],
    &["kart.work.train.normal.", "JOB"],
    &["No subjects found"],
    &["nats://127.0.0.1:"],
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

/// What a command prints, which has to succeed.
fn run(nats: &Path, command: &str, home: &Path, variables: &[(&str, &str)]) -> String {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(nats.parent().unwrap().to_owned()).chain(std::env::split_paths(&folders));
    let output = Command::new("sh")
        .args(["-ec", command])
        .env("PATH", std::env::join_paths(folders).unwrap())
        // No context of whoever runs this.
        .env("HOME", home)
        .env("XDG_CONFIG_HOME", home)
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}\n{text}");
    text
}

/// Said loudly, where it cannot be had and is not required.
fn skipped() {
    let required = std::env::var_os("KART_REQUIRE_TOOLS").is_some_and(|value| !value.is_empty());
    assert!(!required, "the nats command is missing");
    eprintln!("SKIPPED: the nats command is missing; docs/debugging.md was not tried");
}

#[test]
fn the_commands_of_the_page_work_without_signing_in() {
    let Some(nats) = nats() else { return skipped() };
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
    for (command, says) in commands.iter().zip(SAYS) {
        let text = run(&nats, command, data.path(), &[("NATS_URL", &server), ("JOB", &job)]);
        for words in says {
            let words = words.replace("JOB", &job);
            assert!(text.contains(&words), "{command} says nothing of {words:?}:\n{text}");
        }
    }
}

/// Those that need no work going on, as the user that compose.yaml has for it.
#[tokio::test(flavor = "multi_thread")]
async fn the_debugger_of_the_compose_file_may_run_them_as_well() {
    let Some(nats) = nats() else { return skipped() };
    let server = Secured::start();
    bus::Bus::connect(&server.config("admin")).await.unwrap().set_up().await.unwrap();
    let web = bus::Bus::connect(&server.config("web")).await.unwrap();
    let job = JobId::new();
    let (owner, video) = (UserId::new(), VideoId::new());
    let blob = Blob { key: "x".to_owned(), sha256: Hash::of(b"x"), bytes: 1 };
    let request = JobRequested {
        owner,
        video,
        title: "a".into(),
        blob,
        priority: Default::default(),
        style: None,
        redraw: None,
        strokes: vec![],
    };
    let context = bus::Context {
        command: job.0,
        actor: Actor::User(owner),
        correlation: job.0,
        causation: None,
        time: envelope::now(),
    };
    web.log().execute::<Job>(job, &context, || JobCommand::Request(request.clone())).await.unwrap();
    let home = TempDir::new().unwrap();
    let [(_, url), (_, user), (_, password)] = server.settings("debugger");
    let variables =
        [("NATS_URL", url.as_str()), ("NATS_USER", &user), ("NATS_PASSWORD", &password), ("JOB", &job.to_string())];
    for (command, says) in commands().iter().zip([
        &["kart.evt.job.JOB.requested"][..],
        &["kart.evt.job.JOB.requested"],
        &[],
        &["kart.evt.job.JOB.requested"],
        &[],
        SAYS[5],
        SAYS[6],
        &["No subjects found"],
        SAYS[8],
        SAYS[9],
    ]) {
        if !says.is_empty() {
            let text = run(&nats, command, home.path(), &variables);
            for words in says {
                let words = words.replace("JOB", &job.to_string());
                assert!(text.contains(&words), "{command} says nothing of {words:?}:\n{text}");
            }
        }
    }
}
