//! A scene.

use super::laws::{check, hold};
use super::values::{OWNER, STRANGER, any_point, any_pose, any_text, media, pose, sealed, somebody};
use SceneCommand::*;
use proptest::prelude::*;
use schemas::event::*;
use schemas::scene::{Scene, SceneCommand};
use schemas::{BalloonId, Invalid, Kind, Personal, PlacementId, Refusal, UserId, limits};
use uuid::Uuid;

fn create() -> SceneCommand {
    Create(SceneCreated { owner: OWNER, width: 1_600, height: 1_200 })
}

fn place(n: u128, pose: Pose) -> SceneCommand {
    Place(AssetPlaced { owner: OWNER, placement: PlacementId(Uuid::from_u128(n)), media: media(0), pose })
}

fn move_to(n: u128, pose: Pose) -> SceneCommand {
    Move(AssetMoved { owner: OWNER, placement: PlacementId(Uuid::from_u128(n)), pose })
}

fn unplace(n: u128) -> SceneCommand {
    Unplace(AssetUnplaced { owner: OWNER, placement: PlacementId(Uuid::from_u128(n)) })
}

fn content(text: impl Into<Personal>) -> Balloon {
    Balloon { kind: BalloonKind::Speech, at: Point { x: 1.0, y: 1.0 }, tail: None, text: text.into() }
}

fn say(n: u128, text: impl Into<Personal>) -> SceneCommand {
    PlaceBalloon(BalloonPlaced { owner: OWNER, balloon: BalloonId(Uuid::from_u128(n)), content: content(text) })
}

fn say_instead(n: u128, content: Balloon) -> SceneCommand {
    EditBalloon(BalloonEdited { owner: OWNER, balloon: BalloonId(Uuid::from_u128(n)), content })
}

fn hush(n: u128) -> SceneCommand {
    RemoveBalloon(BalloonRemoved { owner: OWNER, balloon: BalloonId(Uuid::from_u128(n)) })
}

fn ready() -> SceneCommand {
    Ready(SceneReady { owner: OWNER })
}

fn remove() -> SceneCommand {
    Remove(SceneRemoved { owner: OWNER })
}

fn erase() -> SceneCommand {
    Erase(SceneErased { owner: OWNER })
}

/// The command as `owner` gives it.
fn by(owner: UserId, mut command: SceneCommand) -> SceneCommand {
    let place = match &mut command {
        Create(e) => &mut e.owner,
        Place(e) => &mut e.owner,
        Move(e) => &mut e.owner,
        Unplace(e) => &mut e.owner,
        PlaceBalloon(e) => &mut e.owner,
        EditBalloon(e) => &mut e.owner,
        RemoveBalloon(e) => &mut e.owner,
        Ready(e) => &mut e.owner,
        Draft(e) => &mut e.owner,
        Remove(e) => &mut e.owner,
        Restore(e) => &mut e.owner,
        Erase(e) => &mut e.owner,
    };
    *place = owner;
    command
}

/// A scene with a picture and a balloon in it.
fn made() -> Vec<SceneCommand> {
    vec![create(), place(1, pose()), say(1, "Hello!")]
}

fn then(command: SceneCommand) -> Vec<SceneCommand> {
    [made(), vec![command]].concat()
}

/// Everything that changes what is in [`made`].
fn edits() -> Vec<SceneCommand> {
    let turned = Pose { rotation: 90.0, ..pose() };
    vec![
        place(2, pose()),
        move_to(1, turned),
        unplace(1),
        say(2, "And you?"),
        say_instead(1, content("Hm.")),
        hush(1),
        ready(),
    ]
}

#[test]
fn an_edit_is_its_owners_in_a_scene_that_is_there() {
    for edit in edits() {
        check::<Scene>(&[
            (vec![], edit.clone(), Err(Refusal::Missing)),
            (made(), by(STRANGER, edit.clone()), Err(Refusal::NotAllowed)),
            (then(remove()), edit.clone(), Err(Refusal::Removed)),
            (then(erase()), edit.clone(), Err(Refusal::Ended)),
        ]);
        if !matches!(edit, Ready(_)) {
            check::<Scene>(&[(then(ready()), edit, Err(Refusal::OutOfOrder))]);
        }
    }
}

#[test]
fn a_scene_is_created_made_ready_removed_and_erased() {
    let other = Create(SceneCreated { owner: OWNER, width: 800, height: 1_200 });
    let side = |width| Create(SceneCreated { owner: OWNER, width, height: 1_200 });
    let (draft, restore) = (Draft(SceneDrafted { owner: OWNER }), Restore(SceneRestored { owner: OWNER }));
    let range = Err(Refusal::Invalid(Invalid::OutOfRange));
    check::<Scene>(&[
        (vec![], create(), Ok(&["created"])),
        (vec![create()], create(), Ok(&[])),
        (vec![create()], other, Err(Refusal::Exists)),
        (vec![], side(15), range),
        (vec![], side(10_001), range),
        (then(erase()), create(), Err(Refusal::Ended)),
        (vec![create()], ready(), Err(Refusal::Empty)),
        (made(), ready(), Ok(&["ready"])),
        (then(ready()), ready(), Ok(&[])),
        (then(ready()), draft.clone(), Ok(&["drafted"])),
        (made(), draft.clone(), Ok(&[])),
        (made(), by(STRANGER, draft.clone()), Err(Refusal::NotAllowed)),
        (then(remove()), draft, Err(Refusal::Removed)),
        (then(ready()), remove(), Ok(&["removed"])),
        (then(remove()), remove(), Ok(&[])),
        (made(), by(STRANGER, remove()), Err(Refusal::NotAllowed)),
        (then(remove()), restore.clone(), Ok(&["restored"])),
        (made(), restore.clone(), Ok(&[])),
        (then(erase()), restore, Err(Refusal::Ended)),
        (vec![], erase(), Err(Refusal::Missing)),
        (made(), by(STRANGER, erase()), Err(Refusal::NotAllowed)),
        (then(remove()), erase(), Ok(&["erased"])),
        (then(erase()), erase(), Ok(&[])),
    ]);
}

#[test]
fn a_picture_is_placed_moved_and_taken_away() {
    let moved = Pose { x: 5.0, ..pose() };
    let full = [create()].into_iter().chain((0..limits::PLACEMENTS as u128).map(|n| place(n, pose())));
    check::<Scene>(&[
        (made(), place(2, pose()), Ok(&["asset-placed"])),
        (made(), place(1, pose()), Ok(&[])),
        (made(), place(1, moved), Err(Refusal::Exists)),
        (full.collect(), place(999, pose()), Err(Refusal::Invalid(Invalid::TooMany))),
        (made(), move_to(1, moved), Ok(&["asset-moved"])),
        (made(), move_to(1, pose()), Ok(&[])),
        (made(), move_to(2, moved), Err(Refusal::Missing)),
        (made(), unplace(1), Ok(&["asset-unplaced"])),
        (made(), unplace(2), Ok(&[])),
        (then(unplace(1)), move_to(1, moved), Err(Refusal::Missing)),
    ]);
}

#[test]
fn a_pose_has_its_limits() {
    let bad = [
        Pose { x: f32::NAN, ..pose() },
        Pose { y: f32::NEG_INFINITY, ..pose() },
        Pose { x: 200_000.0, ..pose() },
        Pose { z: i32::MIN, ..pose() },
        Pose { scale: 0.0, ..pose() },
        Pose { scale: -1.0, ..pose() },
        Pose { rotation: 361.0, ..pose() },
    ];
    for pose in bad {
        let range = || Err(Refusal::Invalid(Invalid::OutOfRange));
        check::<Scene>(&[(made(), place(2, pose), range()), (made(), move_to(1, pose), range())]);
    }
}

#[test]
fn a_balloon_is_placed_edited_and_removed() {
    let thought = Balloon { kind: BalloonKind::Thought, ..content("Hello!") };
    let astray = Balloon { tail: Some(Point { x: 0.0, y: f32::NAN }), ..content("Hello!") };
    let full = [create()].into_iter().chain((0..limits::BALLOONS as u128).map(|n| say(n, "Hello!")));
    let invalid = |what| Err(Refusal::Invalid(what));
    check::<Scene>(&[
        (made(), say(2, "two\nlines"), Ok(&["balloon-placed"])),
        (made(), say(1, "Hello!"), Ok(&[])),
        (made(), say(1, "Bye!"), Err(Refusal::Exists)),
        (full.collect(), say(99, "Hello!"), invalid(Invalid::TooMany)),
        (made(), say(2, ""), invalid(Invalid::Blank)),
        (made(), say(2, "x".repeat(limits::BALLOON + 1)), invalid(Invalid::TooLong)),
        (made(), say(2, "\0"), invalid(Invalid::NotText)),
        (made(), say(2, sealed()), invalid(Invalid::NotText)),
        (made(), say_instead(1, thought), Ok(&["balloon-edited"])),
        (made(), say_instead(1, content("Hello!")), Ok(&[])),
        (made(), say_instead(2, content("Hello!")), Err(Refusal::Missing)),
        (made(), say_instead(1, astray), invalid(Invalid::OutOfRange)),
        (made(), hush(1), Ok(&["balloon-removed"])),
        (made(), hush(2), Ok(&[])),
    ]);
}

fn any_command() -> impl Strategy<Value = SceneCommand> {
    let n = || 0..25_u128;
    let kind = || {
        let kinds = vec![BalloonKind::Speech, BalloonKind::Thought, BalloonKind::Caption];
        proptest::sample::select(kinds)
    };
    let balloon =
        move || {
            (kind(), any_point(), prop::option::of(any_point()), any_text())
                .prop_map(|(kind, at, tail, text)| Balloon { kind, at, tail, text })
        };
    let command = prop_oneof![
        4 => Just(()).prop_map(|()| create()),
        6 => (n(), any_pose()).prop_map(|(n, pose)| place(n, pose)),
        4 => (0..5_u128, any_pose()).prop_map(|(n, pose)| move_to(n, pose)),
        3 => n().prop_map(unplace),
        9 => (n(), balloon()).prop_map(|(n, content)| {
            PlaceBalloon(BalloonPlaced { owner: OWNER, balloon: BalloonId(Uuid::from_u128(n)), content })
        }),
        4 => (0..5_u128, balloon()).prop_map(|(n, content)| say_instead(n, content)),
        3 => n().prop_map(hush),
        2 => Just(()).prop_map(|()| ready()),
        3 => Just(()).prop_map(|()| Draft(SceneDrafted { owner: OWNER })),
        1 => Just(()).prop_map(|()| remove()),
        3 => Just(()).prop_map(|()| Restore(SceneRestored { owner: OWNER })),
        1 => prop::option::weighted(0.3, Just(())).prop_map(|yes| yes.map_or_else(create, |()| erase())),
    ];
    (somebody(), command).prop_map(|(owner, command)| by(owner, command))
}

#[test]
fn whatever_is_asked_the_laws_hold_and_what_is_in_a_scene_is_in_order() {
    hold::<Scene>(Kind::Scene, any_command(), |scene, history| {
        assert!(!scene.ready || !scene.is_empty(), "a ready scene shows something");
        assert!(scene.placements.len() <= limits::PLACEMENTS && scene.balloons.len() <= limits::BALLOONS);
        assert!(scene.is_empty() || scene.created.is_some());
        assert!(scene.placements.values().all(|(_, pose)| pose.x.is_finite() && pose.scale > 0.0));
        assert!(scene.balloons.values().all(|balloon| balloon.text.text().is_some()));
        if scene.erased {
            assert_eq!(*scene, Scene { erased: true, ..Scene::default() });
        }
        // A placement is there as often as it was placed more than taken away: once or not at all.
        for n in (0..25).map(|n| PlacementId(Uuid::from_u128(n))) {
            let placed = |event: &&schemas::Event| matches!(event, schemas::Event::AssetPlaced(e) if e.placement == n);
            let gone = |event: &&schemas::Event| matches!(event, schemas::Event::AssetUnplaced(e) if e.placement == n);
            let left = history.iter().filter(placed).count() - history.iter().filter(gone).count();
            assert_eq!(left, usize::from(scene.placements.contains_key(&n) || scene.erased && left == 1));
        }
    });
}
