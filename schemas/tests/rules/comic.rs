//! A comic.

use super::laws::{Then, check, given, hold};
use super::values::{JOB, OWNER, STRANGER, any_text, picture, scene, sealed, somebody};
use ComicCommand::*;
use proptest::prelude::*;
use proptest::sample::select;
use schemas::comic::{Comic, ComicCommand, Status};
use schemas::event::*;
use schemas::{Aggregate, Event, Invalid, Kind, Personal, Refusal, UserId, limits};
use std::collections::BTreeSet;
use uuid::Uuid;

const READER: UserId = UserId(Uuid::from_u128(4));
use super::values::OWNER as owner;

fn draft() -> ComicCommand {
    let (page, panels) = (picture(), vec![picture()]);
    Draft(Box::new(ComicDrafted { owner, job: JOB, title: "Me".into(), page, panels }))
}

fn create(title: impl Into<Personal>) -> ComicCommand {
    Create(ComicCreated { owner, title: title.into() })
}

fn title(title: impl Into<Personal>) -> ComicCommand {
    Title(ComicTitled { owner, title: title.into() })
}

fn add(n: u128, at: usize) -> ComicCommand {
    AddScene { owner, scene: scene(n), at }
}

fn move_to(n: u128, to: usize) -> ComicCommand {
    MoveScene { owner, scene: scene(n), to }
}

fn drop_scene(n: u128) -> ComicCommand {
    DropScene { owner, scene: scene(n) }
}

fn layout(seed: u32) -> ComicCommand {
    ChooseLayout(LayoutChosen { owner, format: Format::Page, seed, right_to_left: false })
}

fn publish() -> ComicCommand {
    Publish(ComicPublished { owner })
}

fn unpublish() -> ComicCommand {
    Unpublish(ComicUnpublished { owner })
}

fn rate(by: UserId, stars: u8) -> ComicCommand {
    Rate { by, stars }
}

fn report(by: UserId, complaint: Complaint) -> ComicCommand {
    Report { by, complaint }
}

fn remove() -> ComicCommand {
    Remove(ComicRemoved { owner })
}

fn restore() -> ComicCommand {
    Restore(ComicRestored { owner })
}

fn erase() -> ComicCommand {
    Erase(ComicErased { owner, made_ms: None })
}

/// The command as `somebody` gives it.
fn by(somebody: UserId, mut command: ComicCommand) -> ComicCommand {
    let place = match &mut command {
        Draft(e) => &mut e.owner,
        Create(e) => &mut e.owner,
        Title(e) => &mut e.owner,
        ChooseLayout(e) => &mut e.owner,
        Publish(e) => &mut e.owner,
        Unpublish(e) => &mut e.owner,
        Remove(e) => &mut e.owner,
        Restore(e) => &mut e.owner,
        Erase(e) => &mut e.owner,
        AddScene { owner: by, .. } | MoveScene { owner: by, .. } | DropScene { owner: by, .. } => by,
        Rate { by, .. } | Report { by, .. } => by,
    };
    *place = somebody;
    command
}

/// A comic of two scenes.
fn made() -> Vec<ComicCommand> {
    vec![create("Us"), add(1, 0), add(2, 1)]
}

fn then(commands: impl IntoIterator<Item = ComicCommand>) -> Vec<ComicCommand> {
    made().into_iter().chain(commands).collect()
}

fn published() -> Vec<ComicCommand> {
    then([publish()])
}

#[test]
fn an_edit_is_its_authors_in_a_comic_that_is_there() {
    let edits = [title("You"), add(3, 0), move_to(1, 1), drop_scene(1), layout(7), publish(), unpublish()];
    for edit in edits {
        check::<Comic>(&[
            (vec![], edit.clone(), Err(Refusal::Missing)),
            (made(), by(STRANGER, edit.clone()), Err(Refusal::NotAllowed)),
            (then([remove()]), edit.clone(), Err(Refusal::Removed)),
            (then([erase()]), edit, Err(Refusal::Ended)),
        ]);
    }
}

#[test]
fn a_comic_begins_once_and_is_removed_and_erased() {
    let invalid = |what| Err(Refusal::Invalid(what));
    check::<Comic>(&[
        (vec![], draft(), Ok(&["drafted"])),
        (vec![draft()], draft(), Ok(&[])),
        (vec![draft(), erase()], draft(), Err(Refusal::Ended)),
        (vec![], create("Us"), Ok(&["created"])),
        (made(), create("Us"), Err(Refusal::Exists)),
        (then([erase()]), create("Us"), Err(Refusal::Ended)),
        (vec![], create(""), invalid(Invalid::Blank)),
        (made(), title("You"), Ok(&["titled"])),
        (made(), title("Us"), Ok(&[])),
        (made(), title("x".repeat(limits::NAME + 1)), invalid(Invalid::TooLong)),
        (made(), title(sealed()), invalid(Invalid::NotText)),
        (made(), layout(7), Ok(&["layout-chosen"])),
        (then([layout(7)]), layout(7), Ok(&[])),
        (vec![], remove(), Err(Refusal::Missing)),
        (made(), remove(), Ok(&["removed"])),
        (published(), remove(), Ok(&["unpublished", "removed"])),
        (then([remove()]), remove(), Ok(&[])),
        (made(), by(STRANGER, remove()), Err(Refusal::NotAllowed)),
        (then([remove()]), restore(), Ok(&["restored"])),
        (then([remove()]), by(STRANGER, restore()), Err(Refusal::NotAllowed)),
        (published(), restore(), Ok(&[])),
        (vec![], erase(), Err(Refusal::Missing)),
        (made(), by(STRANGER, erase()), Err(Refusal::NotAllowed)),
        (published(), erase(), Ok(&["erased"])),
        (then([erase()]), erase(), Ok(&[])),
        (then([erase()]), restore(), Err(Refusal::Ended)),
    ]);
}

#[test]
fn scenes_are_added_moved_and_dropped() {
    let range = || Err(Refusal::Invalid(Invalid::OutOfRange));
    let full = [create("Us")].into_iter().chain((0..limits::SCENES).map(|n| add(n as u128, n)));
    check::<Comic>(&[
        (made(), add(3, 1), Ok(&["scene-added"])),
        (made(), add(1, 0), Ok(&[])),
        (made(), add(1, 1), Err(Refusal::Exists)),
        (made(), add(3, 3), range()),
        (full.collect(), add(999, 0), Err(Refusal::Invalid(Invalid::TooMany))),
        (made(), move_to(1, 1), Ok(&["scene-moved"])),
        (made(), move_to(1, 0), Ok(&[])),
        (made(), move_to(1, 2), range()),
        (made(), move_to(3, 0), Err(Refusal::Missing)),
        (made(), drop_scene(1), Ok(&["scene-dropped"])),
        (made(), drop_scene(3), Ok(&[])),
    ]);
    let order = |command| given::<Comic>(then([add(3, 1), command])).scenes;
    assert_eq!(order(move_to(1, 2)), [3, 2, 1].map(scene));
    assert_eq!(order(move_to(2, 0)), [2, 1, 3].map(scene));
    assert_eq!(order(drop_scene(3)), [1, 2].map(scene));
}

#[test]
fn a_comic_is_published_when_there_is_something_to_read() {
    let one = || vec![create("Us"), add(1, 0), publish()];
    check::<Comic>(&[
        (vec![create("Us")], publish(), Err(Refusal::Empty)),
        (vec![draft()], publish(), Ok(&["published"])),
        (made(), publish(), Ok(&["published"])),
        (published(), publish(), Ok(&[])),
        (published(), unpublish(), Ok(&["unpublished"])),
        (made(), unpublish(), Ok(&[])),
        (one(), drop_scene(1), Err(Refusal::Empty)),
        (published(), drop_scene(1), Ok(&["scene-dropped"])),
        (vec![draft(), add(1, 0), publish()], drop_scene(1), Ok(&["scene-dropped"])),
    ]);
}

#[test]
fn readers_rate_and_report_what_is_published() {
    for (command, name) in [(rate(READER, 4), "rated"), (report(READER, Complaint::Spam), "reported")] {
        let follows: Then = if name == "rated" { Ok(&["rated"]) } else { Ok(&["reported"]) };
        check::<Comic>(&[
            (published(), command.clone(), follows),
            ([published(), vec![command.clone()]].concat(), command.clone(), Ok(&[])),
            (published(), by(OWNER, command.clone()), Err(Refusal::NotAllowed)),
            (made(), command.clone(), Err(Refusal::OutOfOrder)),
            (then([publish(), unpublish()]), command.clone(), Err(Refusal::OutOfOrder)),
            (vec![], command.clone(), Err(Refusal::Missing)),
            (then([publish(), erase()]), command, Err(Refusal::Ended)),
        ]);
    }
    let range = || Err(Refusal::Invalid(Invalid::OutOfRange));
    check::<Comic>(&[(published(), rate(READER, 0), range()), (published(), rate(READER, 6), range())]);
}

#[test]
fn a_reader_who_rates_again_counts_once() {
    let comic = given::<Comic>(then([publish(), rate(READER, 4), rate(STRANGER, 5)]));
    let last = |command| comic.decide(command).unwrap().pop().unwrap();
    assert_eq!(last(rate(READER, 1)), ComicRated { owner, by: READER, stars: 1, sum: 6, count: 2 }.into());
    let complaint = Complaint::Privacy;
    assert_eq!(last(report(READER, complaint)), ComicReported { owner, by: READER, complaint, count: 1 }.into());
}

fn any_command() -> impl Strategy<Value = ComicCommand> {
    let (n, place) = (|| 0..4_u128, || 0..4_usize);
    let reader = || prop_oneof![Just(READER), (10..20_u128).prop_map(|n| UserId(Uuid::from_u128(n))), Just(OWNER)];
    let complaint = select(vec![Complaint::Privacy, Complaint::Copyright, Complaint::Offensive, Complaint::Spam]);
    let edit = prop_oneof![
        2 => Just(()).prop_map(|()| draft()),
        3 => any_text().prop_map(create),
        3 => any_text().prop_map(title),
        12 => (n(), place()).prop_map(|(n, at)| add(n, at)),
        8 => (n(), place()).prop_map(|(n, to)| move_to(n, to)),
        2 => n().prop_map(drop_scene),
        2 => (0..3_u32).prop_map(layout),
        6 => Just(()).prop_map(|()| publish()),
        1 => Just(()).prop_map(|()| unpublish()),
        1 => Just(()).prop_map(|()| remove()),
        2 => Just(()).prop_map(|()| restore()),
        1 => prop::option::weighted(0.3, Just(())).prop_map(|yes| yes.map_or_else(publish, |()| erase())),
    ];
    prop_oneof![
        3 => (somebody(), edit).prop_map(|(somebody, edit)| by(somebody, edit)),
        1 => (reader(), 0..7_u8).prop_map(|(reader, stars)| rate(reader, stars)),
        1 => (reader(), complaint).prop_map(|(reader, complaint)| report(reader, complaint)),
    ]
}

#[test]
fn whatever_is_asked_the_laws_hold_and_sums_and_orders_are_right() {
    hold::<Comic>(Kind::Comic, any_command(), |comic, history| {
        let scenes: BTreeSet<_> = comic.scenes.iter().collect();
        assert_eq!(scenes.len(), comic.scenes.len(), "each scene once");
        let published = comic.status == Status::Published;
        assert!(!published || comic.drawn || !comic.scenes.is_empty(), "published: something to read");
        assert!(!comic.owner.is_some_and(|author| comic.ratings.contains_key(&author)), "nobody rates their own");
        let rated = history.iter().rev().find_map(|event| match event {
            Event::ComicRated(e) => Some((e.sum, e.count as usize)),
            _ => None,
        });
        if comic.status != Status::Erased {
            let sum = comic.ratings.values().map(|stars| u64::from(*stars)).sum();
            assert_eq!(rated.unwrap_or_default(), (sum, comic.ratings.len()));
        }
        let reported = history.iter().rev().find_map(|event| match event {
            Event::ComicReported(e) => Some(e.count as usize),
            _ => None,
        });
        assert!(comic.status == Status::Erased || reported.unwrap_or_default() == comic.complaints.len());
    });
}
