//! Golden files: the JSON Schema of every event type, and one message of every type that was ever written.
//! `make schemas` writes them anew; a changed golden file is a changed wire format.

// A test that cannot go on panics, also in what it is made of.
#![allow(clippy::unwrap_used)]

#[path = "golden/additive.rs"]
mod additive;
#[path = "golden/authored.rs"]
mod authored;
#[path = "golden/files.rs"]
mod files;
#[path = "golden/holds.rs"]
mod holds;
#[path = "golden/samples.rs"]
mod samples;

use files::{Files, pretty, type_of};
use holds::holds;
use schemas::Event;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Once;

/// Versions that are read and not written.
const OLD: [&str; 3] = ["kart.comic.drafted.v1", "kart.job.requested.v1", "kart.video.uploaded.v1"];

/// The committed files, after `KART_BLESS` has added to them what is new: schemas before fixtures, since a type with a
/// fixture and no schema is one whose schema was deleted.
fn files() -> Files {
    static BLESS: Once = Once::new();
    BLESS.call_once(|| {
        if std::env::var_os("KART_BLESS").is_some_and(|value| !value.is_empty()) {
            let files = Files::committed();
            let schemas = Event::schemas().into_iter().map(|(name, schema)| files.bless_schema(name, &schema));
            let fixtures = samples().into_iter().map(|(name, event)| files.bless_fixture(&name, &event.body()));
            let refused: Vec<String> = schemas.chain(fixtures).filter_map(Result::err).collect();
            assert!(refused.is_empty(), "refused:\n{}", refused.join("\n"));
        }
    });
    Files::committed()
}

/// Every sample with the name of its fixture: the second of a type is `kart.job.trained.v1+2`.
fn samples() -> Vec<(String, Event)> {
    let mut seen = BTreeMap::new();
    let name = |event: Event| {
        let count: &mut u32 = seen.entry(event.type_name()).or_default();
        *count += 1;
        let nth = if *count == 1 { String::new() } else { format!("+{count}") };
        (format!("{}{nth}", event.type_name()), event)
    };
    samples::all().into_iter().chain(authored::all()).map(name).collect()
}

#[test]
fn every_type_has_its_committed_schema() {
    for (name, schema) in Event::schemas() {
        let committed = fs::read_to_string(files().schema(name)).unwrap_or_default();
        assert_eq!(pretty(&schema), committed, "{name} is out of date; if that is meant, run `make schemas`");
    }
}

#[test]
fn every_type_has_a_fixture_that_reads_and_writes_back_the_same() {
    let known: BTreeSet<&str> = Event::schemas().into_iter().map(|(name, _)| name).collect();
    let samples = samples();
    let written: BTreeSet<&str> = samples.iter().map(|(_, event)| event.type_name()).collect();
    assert_eq!(written.union(&OLD.into()).copied().collect::<BTreeSet<_>>(), known, "a sample for every type");
    for (name, event) in samples {
        let fixture = files().read_fixture(&name).unwrap_or_else(|error| panic!("{error}; `make schemas` adds it"));
        assert!(holds(&event.body(), &fixture), "{name}: a fixture is never changed; make a new version");
        assert_eq!(Event::decode(event.type_name(), &event.to_bytes()).unwrap(), event);
    }
}

#[test]
fn every_property_is_in_a_fixture() {
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for name in files().manifest().into_keys() {
        let body = files().read_fixture(&name).unwrap();
        seen.entry(type_of(&name).to_owned()).or_default().extend(body.as_object().unwrap().keys().cloned());
    }
    for (name, schema) in Event::schemas() {
        let known = schema.as_value()["properties"].as_object().into_iter().flatten().map(|(name, _)| name.clone());
        assert_eq!(seen[name], known.collect(), "{name}: add a second sample that fills what is new");
    }
}

#[test]
fn every_personal_text_is_found() {
    for (name, event) in samples() {
        let body = event.body().to_string();
        assert_eq!(event.personal().is_some(), body.contains("sealed"), "{name}");
    }
}

/// The keys of all blobs in a body.
fn keys_in(body: &Value) -> BTreeSet<String> {
    match body {
        Value::Object(object) if object.contains_key("sha256") => {
            object["key"].as_str().map(str::to_owned).into_iter().collect()
        }
        Value::Object(object) => object.values().flat_map(keys_in).collect(),
        Value::Array(array) => array.iter().flat_map(keys_in).collect(),
        _ => BTreeSet::new(),
    }
}

#[test]
fn every_blob_is_found() {
    for (name, event) in samples() {
        let found: BTreeSet<String> = event.blobs().into_iter().map(|blob| blob.key.clone()).collect();
        assert_eq!(found, keys_in(&event.body()), "{name}");
    }
}

#[test]
fn no_fixture_was_changed_or_deleted() {
    assert_eq!(files().tampered(), [""; 0]);
}

#[test]
fn every_fixture_ever_written_can_still_be_read() {
    let files = files();
    for name in files.manifest().into_keys() {
        let (path, type_name) = (files.fixture(&name), type_of(&name));
        let body = fs::read(&path).unwrap();
        let event = Event::decode(type_name, &body).unwrap_or_else(|error| panic!("{}: {error:?}", path.display()));
        let before: Value = serde_json::from_slice(&body).unwrap();
        if !OLD.contains(&type_name) {
            assert_eq!(event.type_name(), type_name);
            assert!(holds(&event.body(), &before), "{}", path.display());
        }
    }
}

#[test]
fn an_old_version_is_read_as_the_present_one() {
    let read = |type_name: &str| {
        let body = fs::read(files().fixture(type_name)).unwrap();
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
