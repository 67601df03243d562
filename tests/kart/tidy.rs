//! The shape of the code: sizes, names, and which crate may know which.

use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const MAX_FILE_LINES: usize = 400;
const MAX_FUNCTION_LINES: usize = 70;
const JUNK_DRAWERS: [&str; 6] = ["utils.rs", "util.rs", "helpers.rs", "common.rs", "manager.rs", "mod.rs"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files() -> Vec<PathBuf> {
    let mut files = vec![];
    let mut folders: Vec<_> =
        ["src", "tests", "schemas", "bus", "projector", "orchestrator", "trainer"].map(|name| root().join(name)).into();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true if !path.ends_with("target") => folders.push(path),
                _ if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
                _ => {}
            }
        }
    }
    files
}

#[test]
fn files_are_short_and_named_for_what_they_hold() {
    let mut sizes = vec![];
    for path in rust_files() {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(!JUNK_DRAWERS.contains(&name), "{} says nothing", path.display());
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= MAX_FILE_LINES, "{}: {lines} lines", path.display());
        sizes.push(lines);
    }
    sizes.sort_unstable();
    assert!(sizes[sizes.len() / 2] <= 160, "the median file has {} lines", sizes[sizes.len() / 2]);
}

#[test]
fn functions_fit_on_a_screen() {
    // A table of samples in a test may be longer.
    for path in rust_files().into_iter().filter(|path| !path.components().any(|part| part.as_os_str() == "tests")) {
        let text = fs::read_to_string(&path).unwrap();
        let mut open: Option<(usize, usize)> = None;
        for (number, line) in text.lines().enumerate() {
            let indent = line.len() - line.trim_start().len();
            let head = line.trim_start().trim_start_matches("pub ").trim_start_matches("pub(super) ");
            let head =
                head.trim_start_matches("pub(crate) ").trim_start_matches("async ").trim_start_matches("unsafe ");
            if head.starts_with("fn ") && open.is_none() {
                open = Some((number, indent));
            }
            if let Some((start, depth)) = open
                && indent == depth
                && (line.trim() == "}" || line.trim_end().ends_with('}') && number == start)
            {
                let length = number - start + 1;
                assert!(length <= MAX_FUNCTION_LINES, "{}:{}: {length} lines", path.display(), start + 1);
                open = None;
            }
        }
    }
}

/// Names of the workspace crates that `name` depends on, tests aside.
fn dependencies(metadata: &Value, name: &str) -> Vec<String> {
    let package = metadata["packages"].as_array().unwrap().iter().find(|package| package["name"] == name).unwrap();
    let ours = ["schemas", "bus", "projector", "orchestrator", "trainer"];
    let mut names: Vec<String> = package["dependencies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|dependency| dependency["kind"].is_null())
        .filter_map(|dependency| dependency["name"].as_str())
        .filter(|dependency| ours.contains(dependency))
        .map(str::to_owned)
        .collect();
    names.sort();
    names
}

#[test]
fn crates_depend_in_one_direction() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let check = |name: &str, expected: &[&str]| assert_eq!(dependencies(&metadata, name), expected, "{name}");
    check("schemas", &[]);
    check("bus", &["schemas"]);
    check("projector", &["bus", "schemas"]);
    check("trainer", &["bus", "schemas"]);
    check("orchestrator", &["bus", "projector", "schemas"]);
    check("kart", &["bus", "orchestrator", "projector", "schemas", "trainer"]);
}

/// Fails when a source file of `folder` holds one of `words`.
fn absent(folder: &str, words: &[&str], why: &str) {
    let base = root().join(folder);
    for path in rust_files().into_iter().filter(|path| path.starts_with(&base)) {
        let text = fs::read_to_string(&path).unwrap();
        for word in words {
            assert!(!text.contains(word), "{} holds {word:?}: {why}", path.display());
        }
    }
}

#[test]
fn what_must_be_absent_is_absent() {
    absent("schemas/src", &["std::fs", "std::net", "tokio", "reqwest"], "schemas does no I/O");
    absent("trainer/src", &["projector", "ViewStore"], "the trainer never opens a read model");
    absent("projector/src", &[".append(", ".execute::<"], "the projector never appends to the log");
    absent("orchestrator/src", &["ViewStore", "Mutation", "RedbStore"], "the orchestrator never writes a view");
    for folder in ["schemas/src", "projector/src", "orchestrator/src", "trainer/src", "src"] {
        absent(folder, &["\"kart.evt", "\"kart.work", "\"kart.tick", "Nats-Expected"], "only bus names a subject");
    }
    for folder in ["schemas/src", "bus/src", "projector/src", "orchestrator/src", "trainer/src"] {
        absent(folder, &["KART_NATS_URL", "KART_S3_ENDPOINT"], "only src knows which servers are in use");
    }
}
