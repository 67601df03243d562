//! Golden files: the JSON Schema of every event type, and one message of every type that was ever written.
//! `make schemas` writes them anew; a changed golden file is a changed wire format.

// A test that cannot go on panics, also in what it is made of.
#![allow(clippy::unwrap_used)]

#[path = "golden/samples.rs"]
mod samples;

use schemas::Event;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Versions that are read and not written.
const OLD: [&str; 3] = ["kart.comic.drafted.v1", "kart.job.requested.v1", "kart.video.uploaded.v1"];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Compares `text` with the golden file, or writes it when `KART_BLESS` is set.
fn golden(path: &Path, text: &str) {
    if std::env::var_os("KART_BLESS").is_some_and(|value| !value.is_empty()) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        return;
    }
    let expected = fs::read_to_string(path).unwrap_or_default();
    assert_eq!(text, expected, "{} is out of date; if that is meant, run `make schemas`", path.display());
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap() + "\n"
}

#[test]
fn every_type_has_its_committed_schema() {
    for (name, schema) in Event::schemas() {
        golden(&folder("json").join(format!("{name}.json")), &pretty(&schema));
    }
}

#[test]
fn every_type_has_a_fixture_that_reads_and_writes_back_the_same() {
    let known: BTreeSet<&str> = Event::schemas().into_iter().map(|(name, _)| name).collect();
    let samples = samples::all();
    let written: BTreeSet<&str> = samples.iter().map(Event::type_name).collect();
    assert_eq!(written.union(&OLD.into()).copied().collect::<BTreeSet<_>>(), known, "a sample for every type");
    for event in samples {
        let path = folder("fixtures").join(format!("{}.json", event.type_name()));
        golden(&path, &pretty(&event.body()));
        assert_eq!(Event::decode(event.type_name(), &event.to_bytes()).unwrap(), event);
    }
}

#[test]
fn every_fixture_ever_written_can_still_be_read() {
    for entry in fs::read_dir(folder("fixtures")).unwrap() {
        let path = entry.unwrap().path();
        let type_name = path.file_stem().unwrap().to_str().unwrap();
        let body = fs::read(&path).unwrap();
        let event = Event::decode(type_name, &body).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        let before: Value = serde_json::from_slice(&body).unwrap();
        if !OLD.contains(&type_name) {
            assert_eq!(event.type_name(), type_name);
            assert_eq!(event.body(), before, "{}", path.display());
        }
    }
}

#[test]
fn an_old_version_is_read_as_the_present_one() {
    let read = |type_name: &str| {
        let body = fs::read(folder("fixtures").join(format!("{type_name}.json"))).unwrap();
        Event::decode(type_name, &body).unwrap()
    };
    for type_name in OLD {
        let event = read(type_name);
        assert_eq!(event.type_name(), type_name.replace(".v1", ".v2"));
        // What was a text is a person's text now; everything else is as it was.
        let mut before: Value = serde_json::from_slice(&event.to_bytes()).unwrap();
        let present = read(event.type_name()).body();
        let field = if before["name"].is_string() { "name" } else { "title" };
        assert!(before[field].as_str().unwrap().starts_with("me, dancing"));
        before[field] = present[field].clone();
        assert_eq!(before, present, "{type_name}");
    }
}

#[test]
fn an_unknown_type_and_a_body_that_does_not_fit_are_told_apart() {
    use schemas::DecodeError::{Body, Unknown};
    assert!(matches!(Event::decode("kart.job.danced.v1", b"{}"), Err(Unknown(_))));
    assert!(matches!(Event::decode("kart.job.trained.v2", b"{}"), Err(Unknown(_))));
    assert!(matches!(Event::decode("kart.job.trained.v1", b"{}"), Err(Body { .. })));
    assert!(matches!(Event::decode("kart.job.cancelled.v1", b"not json"), Err(Body { .. })));
}

#[test]
fn a_field_that_a_newer_program_added_does_not_hinder_reading() {
    let event = Event::decode("kart.user.registered.v1", br#"{"guest":true,"from_a_newer_kart":[1]}"#).unwrap();
    assert_eq!(event, schemas::event::UserRegistered { guest: true }.into());
}
