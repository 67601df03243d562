//! A picture in a library.

use super::laws::{check, given, hold};
use super::values::{OWNER, STRANGER, added, any_text, media, sealed, somebody};
use MediaCommand::{Add, AddVersion, Erase, Name, Remove, Restore, Tag};
use proptest::prelude::*;
use schemas::event::{MediaErased, MediaNamed, MediaRemoved, MediaRestored, MediaTagged};
use schemas::media::{Media, MediaCommand};
use schemas::{Aggregate, Event, Invalid, Kind, Personal, Refusal, UserId, limits};
use std::collections::BTreeSet;

fn add() -> MediaCommand {
    Add(Box::new(added()))
}

fn name(owner: UserId, name: impl Into<Personal>) -> MediaCommand {
    Name(MediaNamed { owner, name: name.into() })
}

fn tag(owner: UserId, tags: impl Into<Personal>) -> MediaCommand {
    Tag(MediaTagged { owner, tags: tags.into() })
}

fn version(owner: UserId, n: u8) -> MediaCommand {
    AddVersion { owner, media: media(n) }
}

fn remove(owner: UserId) -> MediaCommand {
    Remove(MediaRemoved { owner })
}

fn restore(owner: UserId) -> MediaCommand {
    Restore(MediaRestored { owner })
}

fn erase(owner: UserId) -> MediaCommand {
    Erase(MediaErased { owner })
}

#[test]
fn a_picture_is_added_removed_restored_and_erased() {
    let away = || vec![add(), remove(OWNER)];
    let gone = || vec![add(), erase(OWNER)];
    check::<Media>(&[
        (vec![], add(), Ok(&["added"])),
        (vec![add()], add(), Ok(&[])),
        (away(), add(), Ok(&[])),
        (gone(), add(), Ok(&["added"])),
        (vec![], remove(OWNER), Err(Refusal::Missing)),
        (vec![add()], remove(STRANGER), Err(Refusal::NotAllowed)),
        (vec![add()], remove(OWNER), Ok(&["removed"])),
        (away(), remove(OWNER), Ok(&[])),
        (away(), restore(OWNER), Ok(&["restored"])),
        (away(), restore(STRANGER), Err(Refusal::NotAllowed)),
        (vec![add()], restore(OWNER), Ok(&[])),
        (vec![], erase(OWNER), Ok(&[])),
        (vec![add()], erase(STRANGER), Err(Refusal::NotAllowed)),
        (away(), erase(OWNER), Ok(&["erased"])),
        (gone(), erase(OWNER), Ok(&[])),
        (gone(), restore(OWNER), Err(Refusal::Missing)),
    ]);
}

#[test]
fn a_picture_has_a_name_and_tags() {
    let here = || vec![add()];
    let invalid = |what| Err(Refusal::Invalid(what));
    let many = |n: usize| (0..n).map(|n| n.to_string()).collect::<Vec<_>>().join("\n");
    check::<Media>(&[
        (here(), name(OWNER, "me, waving"), Ok(&["named"])),
        (vec![add(), name(OWNER, "me")], name(OWNER, "me"), Ok(&[])),
        (vec![add(), name(OWNER, "me")], name(OWNER, "you"), Ok(&["named"])),
        (vec![], name(OWNER, "me"), Err(Refusal::Missing)),
        (here(), name(STRANGER, "me"), Err(Refusal::NotAllowed)),
        (vec![add(), remove(OWNER)], name(OWNER, "me"), Err(Refusal::Removed)),
        (here(), name(OWNER, " "), invalid(Invalid::Blank)),
        (here(), name(OWNER, "two\nlines"), invalid(Invalid::NotText)),
        (here(), name(OWNER, "\u{1b}[31m"), invalid(Invalid::NotText)),
        (here(), name(OWNER, sealed()), invalid(Invalid::NotText)),
        (here(), name(OWNER, "é".repeat(limits::NAME)), Ok(&["named"])),
        (here(), name(OWNER, "é".repeat(limits::NAME + 1)), invalid(Invalid::TooLong)),
        (here(), tag(OWNER, "beach\n2026"), Ok(&["tagged"])),
        (vec![add(), tag(OWNER, "beach")], tag(OWNER, "beach"), Ok(&[])),
        (vec![add(), tag(OWNER, "beach")], tag(OWNER, ""), Ok(&["tagged"])),
        (here(), tag(STRANGER, "beach"), Err(Refusal::NotAllowed)),
        (vec![add(), remove(OWNER)], tag(OWNER, "beach"), Err(Refusal::Removed)),
        (here(), tag(OWNER, "beach\n\nsun"), invalid(Invalid::Blank)),
        (here(), tag(OWNER, "beach\nsun\nbeach"), invalid(Invalid::Repeated)),
        (here(), tag(OWNER, "x".repeat(limits::TAG + 1)), invalid(Invalid::TooLong)),
        (here(), tag(OWNER, many(limits::TAGS)), Ok(&["tagged"])),
        (here(), tag(OWNER, many(limits::TAGS + 1)), invalid(Invalid::TooMany)),
    ]);
}

#[test]
fn newer_versions_follow_each_once() {
    let two = || vec![add(), version(OWNER, 1), version(OWNER, 2)];
    let full = [add()].into_iter().chain((0..limits::VERSIONS).map(|n| {
        let media = schemas::MediaId::of(OWNER, &schemas::Hash::of(&n.to_be_bytes()));
        AddVersion { owner: OWNER, media }
    }));
    check::<Media>(&[
        (vec![add()], version(OWNER, 1), Ok(&["version-added"])),
        (two(), version(OWNER, 2), Ok(&[])),
        (two(), version(OWNER, 1), Err(Refusal::Exists)),
        (two(), version(OWNER, 0), Err(Refusal::Exists)),
        (two(), version(STRANGER, 3), Err(Refusal::NotAllowed)),
        (vec![], version(OWNER, 1), Err(Refusal::Missing)),
        (vec![add(), remove(OWNER)], version(OWNER, 1), Err(Refusal::Removed)),
        (full.collect(), version(OWNER, 3), Err(Refusal::Invalid(Invalid::TooMany))),
    ]);
    let third = given::<Media>(two()).decide(version(OWNER, 3)).unwrap();
    assert!(matches!(&third[..], [Event::MediaVersionAdded(e)] if e.version == 4 && e.media == media(3)));
}

#[test]
fn whatever_is_asked_the_laws_hold_and_versions_differ() {
    let command = prop_oneof![
        3 => Just(()).prop_map(|()| add()),
        3 => (somebody(), any_text()).prop_map(|(owner, text)| name(owner, text)),
        3 => (somebody(), any_text()).prop_map(|(owner, text)| tag(owner, text)),
        6 => (somebody(), 0..6_u8).prop_map(|(owner, n)| version(owner, n)),
        1 => somebody().prop_map(remove),
        2 => somebody().prop_map(restore),
        1 => somebody().prop_map(erase),
    ];
    hold::<Media>(Kind::Media, command, |state, _| {
        let all: BTreeSet<_> = state.versions.iter().copied().chain([media(0)]).collect();
        assert_eq!(all.len(), state.versions.len() + 1);
        assert!(state.added.is_some() || *state == Media::default());
        assert!(state.name.as_ref().is_none_or(|name| name.text().is_some_and(|name| !name.trim().is_empty())));
    });
}
