//! The read models as their operator meets them.

use crate::clip;
use crate::process::{Process, Visitor, run};
use projector::{RedbStore, ViewStore, views};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

fn views_command(data: &Path, command: &str) -> (bool, String) {
    let output = run(data, &["views", command]);
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

/// Changes a row behind Kart's back; nobody else has the store now.
fn damage(data: &Path, job: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let store = RedbStore::open(&data.join("views.redb")).unwrap();
        let id: schemas::JobId = job.parse().unwrap();
        let row = views::jobs::TABLE.upsert(u64::MAX / 4, [id.into()], [("title", "not what was said".into())]);
        store.write(vec![row]).await.unwrap();
        // What makes it durable; an older checkpoint changes nothing else.
        store.set_checkpoint(projector::Checkpoint::default()).await.unwrap();
    });
}

#[test]
fn a_row_that_is_not_what_the_log_says_is_found_and_mended() {
    let data = TempDir::new().unwrap();
    let mut kart = Process::up(data.path(), &[("KART_TRAINERS", "0")]);
    let visitor = Visitor::of(&kart);
    let id = visitor.upload(&clip::nobody(data.path()))["id"].as_str().unwrap().to_owned();
    let job = visitor.wait_for_status(&id, &["starting"], Duration::from_secs(20));
    let (equal, text) = views_command(data.path(), "diff");
    assert!(equal && text.contains("every row is what the log says"), "{text}");
    assert!(kart.interrupt(Duration::from_secs(20)).success());

    damage(data.path(), &id);
    // Also in a folder at rest.
    let (equal, text) = views_command(data.path(), "diff");
    let line = text.lines().next().unwrap();
    assert!(!equal && line.starts_with(&format!("jobs_v1\t{id}\ttitle\t\"not what was said\"\t")), "{text}");
    let verified = run(data.path(), &["events", "verify"]);
    let found = String::from_utf8(verified.stdout).unwrap();
    assert!(!verified.status.success() && found.contains(&format!("view: {line}")), "{found}");
    assert!(found.ends_with("; found: view 1\n"), "{found}");
    let said = String::from_utf8(verified.stderr).unwrap();
    assert!(said.contains("the log is whole, but pages show something else"), "{said}");
    let kart = Process::up(data.path(), &[("KART_TRAINERS", "0")]);
    let visitor = Visitor { url: kart.url.clone(), ..visitor };
    assert_eq!(visitor.job(&id).unwrap()["input"]["title"], "not what was said");
    let (mended, text) = views_command(data.path(), "rebuild");
    assert!(mended && text.contains("1 rows differ") && text.contains("generation 2 is live"), "{text}");
    assert_eq!(visitor.job(&id).unwrap()["input"]["title"], job["input"]["title"]);
    let (equal, text) = views_command(data.path(), "diff");
    assert!(equal, "{text}");
    let (_, text) = views_command(data.path(), "status");
    assert!(text.contains("generation 2") && text.contains("behind     0 events, 0.0 s"), "{text}");
}
