//! How events may change: a version only grows, and what was written can be read for ever.

// A test that cannot go on panics, also in what it is made of.
#![allow(clippy::unwrap_used)]

#[path = "golden/additive.rs"]
mod additive;
#[path = "golden/files.rs"]
mod files;
#[path = "golden/holds.rs"]
mod holds;

use additive::violations;
use files::{Files, type_of};
use schemas::Event;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;

fn found(old: &Value, new: &Value) -> Vec<String> {
    violations(old, new).iter().map(ToString::to_string).collect()
}

fn committed(name: &str) -> Value {
    serde_json::from_slice(&fs::read(Files::committed().schema(name)).unwrap()).unwrap()
}

/// A schema to change: a panel with a place in it, a kind, and a list.
fn before() -> Value {
    json!({
        "title": "Panel",
        "type": "object",
        "properties": {
            "stars": { "type": "integer", "format": "uint8", "minimum": 1, "maximum": 5 },
            "kind": { "$ref": "#/$defs/Kind" },
            "place": { "$ref": "#/$defs/Place" },
            "lines": { "type": "array", "items": { "type": "string" } },
            "note": { "type": ["string", "null"] }
        },
        "required": ["stars", "kind", "place", "lines"],
        "$defs": {
            "Kind": { "type": "string", "enum": ["page", "strip"] },
            "Place": { "type": "object", "properties": { "x": { "type": "number" } }, "required": ["x"] }
        }
    })
}

/// [`before`] with the value at `pointer` replaced; `null` takes it away.
fn changed(pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let mut schema = before();
    let parent = schema.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Value::Null => parent.remove(name),
        value => parent.insert(name.to_owned(), value),
    };
    schema
}

#[test]
fn every_change_that_is_no_addition_is_named() {
    let cases = [
        ("/properties/note", Value::Null, "note: removed"),
        ("/$defs/Place/properties/x", Value::Null, "place.x: removed"),
        ("/properties/stars/type", json!("string"), "stars: its type changed"),
        ("/properties/note/type", json!("string"), "note: its type changed"),
        ("/properties/place", json!({ "type": "string" }), "place: its type changed"),
        ("/properties/lines/items", json!({ "type": "integer" }), "lines[]: its type changed"),
        ("/properties/lines/items", Value::Null, "lines: its type changed"),
        ("/properties/kind", json!({ "type": "string" }), "kind: its type changed"),
        ("/required", json!(["stars", "kind", "place", "lines", "note"]), "note: newly required"),
        ("/required", json!(["kind", "place", "lines"]), "stars: no longer required"),
        ("/$defs/Kind/enum", json!(["page"]), "kind: the value \"strip\" was removed"),
        ("/$defs/Kind/enum", json!(["page", "strip", "scroll"]), "kind: the value \"scroll\" was added"),
        ("/properties/stars/maximum", json!(4), "stars: its range was narrowed"),
        ("/properties/stars/minimum", json!(2), "stars: its range was narrowed"),
        ("/properties/stars/maximum", Value::Null, "stars: its range was widened"),
        ("/properties/lines/maxItems", json!(9), "lines: its range was narrowed"),
        ("/properties/stars/format", json!("uint16"), "stars: its format changed"),
        ("/properties/note/pattern", json!("^a"), "note: its pattern changed"),
    ];
    for (pointer, value, expected) in cases {
        assert_eq!(found(&before(), &changed(pointer, value)), [expected], "{pointer}");
    }
    let mut new_and_required = changed("/properties/size", json!({ "type": "integer" }));
    new_and_required["required"].as_array_mut().unwrap().push(json!("size"));
    assert_eq!(found(&before(), &new_and_required), ["size: newly required"]);
}

#[test]
fn an_addition_is_in_order() {
    let documented =
        json!({ "oneOf": [{ "type": "string", "enum": ["strip"] }, { "const": "page", "description": "…" }] });
    for (pointer, value) in [
        ("/properties/size", json!({ "type": "integer" })),
        ("/$defs/Place/properties/y", json!({ "type": "number" })),
        ("/properties/note/description", json!("What the reader is told.")),
        ("/$defs/Kind", documented),
        ("/$defs/New", json!({ "type": "string" })),
        ("/title", json!("Picture")),
    ] {
        assert_eq!(found(&before(), &changed(pointer, value)), [""; 0], "{pointer}");
    }
}

#[test]
fn every_committed_version_only_grew() {
    for (name, schema) in Event::schemas() {
        assert_eq!(found(&committed(name), schema.as_value()), [""; 0], "{name}: make a new version");
    }
}

#[test]
fn the_change_from_a_text_to_a_persons_text_needed_a_new_version() {
    for (event, field) in [("video.uploaded", "name"), ("job.requested", "title"), ("comic.drafted", "title")] {
        let version = |version| committed(&format!("kart.{event}.v{version}"));
        assert_eq!(found(&version(1), &version(2)), [format!("{field}: its type changed")]);
    }
}

#[test]
fn no_type_is_forgotten() {
    let known: BTreeSet<String> = Event::schemas().iter().map(|(name, _)| (*name).to_owned()).collect();
    let written: BTreeSet<String> = Files::committed().manifest().keys().map(|name| type_of(name).to_owned()).collect();
    assert_eq!(written, known);
}

#[test]
fn a_schema_is_not_overwritten_by_one_that_is_no_addition() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files { root: folder.path().into() };
    let (name, read) = ("kart.comic.panelled.v1", |files: &Files| fs::read(files.schema("kart.comic.panelled.v1")));
    files.bless_schema(name, &before()).unwrap();

    let grown = changed("/properties/size", json!({ "type": "integer" }));
    files.bless_schema(name, &grown).unwrap();
    let kept = read(&files).unwrap();

    // Back to where `size` was not known: a removal.
    let refused = files.bless_schema(name, &before()).unwrap_err();
    assert_eq!(refused, "kart.comic.panelled.v1 changed: size: removed; make a new version");
    assert_eq!(read(&files).unwrap(), kept);

    files.bless_schema("kart.comic.panelled.v2", &before()).unwrap();
    assert_eq!(read(&files).unwrap(), kept);

    // Nor is it forgotten by deleting it.
    files.bless_fixture("kart.comic.panelled.v1+2", &json!({})).unwrap();
    fs::remove_file(files.schema(name)).unwrap();
    assert!(files.bless_schema(name, &before()).unwrap_err().contains("restore it"));
    assert!(read(&files).is_err());
}

#[test]
fn a_fixture_is_written_once_and_never_changed_nor_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files { root: folder.path().into() };
    files.bless_fixture("kart.a.b.v1", &json!({ "x": 1 })).unwrap();
    files.bless_fixture("kart.a.b.v2", &json!({ "x": [1] })).unwrap();
    files.bless_fixture("kart.a.b.v1", &json!({ "x": 1, "added": 2 })).unwrap();
    assert_eq!(files.read_fixture("kart.a.b.v1").unwrap(), json!({ "x": 1 }));
    assert_eq!(files.tampered(), [""; 0]);
    let manifest = fs::read_to_string(folder.path().join("fixtures/MANIFEST")).unwrap();
    assert_eq!(manifest.lines().count(), 2);

    let refused = files.bless_fixture("kart.a.b.v1", &json!({ "x": 2 })).unwrap_err();
    assert!(refused.contains("make a new version"), "{refused}");
    assert_eq!(files.tampered(), [""; 0], "the refused one was not written");

    fs::write(files.fixture("kart.a.b.v1"), "{}").unwrap();
    fs::remove_file(files.fixture("kart.a.b.v2")).unwrap();
    fs::write(files.fixture("kart.a.c.v1"), "{}").unwrap();
    let mut tampered = files.tampered();
    tampered.sort();
    let expected =
        ["kart.a.b.v1: changed", "kart.a.b.v2: deleted", "kart.a.c.v1: not in the manifest; `make schemas` adds it"];
    assert_eq!(tampered, expected);
    let refused = files.bless_fixture("kart.a.b.v2", &json!({ "x": 2 })).unwrap_err();
    assert!(refused.contains("No such file"), "a deleted fixture is not made anew: {refused}");
}
