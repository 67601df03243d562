//! One event of every type that leads from a library to a published comic, with every field filled.

use crate::samples::{OWNER as owner, picture, sealed};
use schemas::event::*;
use schemas::{BalloonId, Event, MediaId, PlacementId, SceneId, TargetId, UserId};
use uuid::Uuid;

const READER: UserId = UserId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0005));
const SCENE: SceneId = SceneId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0006));
const OTHER_SCENE: SceneId = SceneId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0007));
const PLACEMENT: PlacementId = PlacementId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0008));
const BALLOON: BalloonId = BalloonId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0009));
const TARGET: TargetId = TargetId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_000a));

pub fn all() -> Vec<Event> {
    [library(), scene(), comic(), reading()].concat()
}

fn library() -> Vec<Event> {
    let media: MediaId = picture("cutout").media;
    vec![
        NotificationTargetAdded { owner, target: TARGET, channel: Channel::Webhook, address: sealed() }.into(),
        NotificationTargetRemoved { owner, target: TARGET }.into(),
        MediaNamed { owner, name: sealed() }.into(),
        MediaTagged { owner, tags: sealed() }.into(),
        MediaVersionAdded { owner, version: 2, media }.into(),
        MediaRemoved { owner }.into(),
        MediaRestored { owner }.into(),
    ]
}

fn scene() -> Vec<Event> {
    let (placement, media) = (PLACEMENT, picture("cutout").media);
    let pose = Pose { x: 320.5, y: 240.0, z: -1, scale: 0.75, rotation: -12.5, flip: true };
    let speech = Balloon {
        kind: BalloonKind::Speech,
        at: Point { x: 100.0, y: 80.25 },
        tail: Some(Point { x: 300.0, y: 200.0 }),
        text: sealed(),
    };
    let caption = Balloon { kind: BalloonKind::Caption, tail: None, ..speech.clone() };
    vec![
        SceneCreated { owner, width: 1_600, height: 1_200 }.into(),
        AssetPlaced { owner, placement, media, pose }.into(),
        AssetMoved { owner, placement, pose: Pose { x: 330.0, ..pose } }.into(),
        AssetUnplaced { owner, placement }.into(),
        BalloonPlaced { owner, balloon: BALLOON, content: speech.clone() }.into(),
        BalloonPlaced { owner, balloon: BALLOON, content: caption }.into(),
        BalloonEdited { owner, balloon: BALLOON, content: Balloon { kind: BalloonKind::Thought, ..speech } }.into(),
        BalloonRemoved { owner, balloon: BALLOON }.into(),
        SceneReady { owner }.into(),
        SceneDrafted { owner }.into(),
        SceneRemoved { owner }.into(),
        SceneRestored { owner }.into(),
        SceneErased { owner }.into(),
    ]
}

fn comic() -> Vec<Event> {
    let scene = SCENE;
    vec![
        ComicCreated { owner, title: sealed() }.into(),
        ComicTitled { owner, title: sealed() }.into(),
        SceneAdded { owner, scene, scenes: vec![OTHER_SCENE, SCENE] }.into(),
        SceneMoved { owner, scene, scenes: vec![SCENE, OTHER_SCENE] }.into(),
        SceneDropped { owner, scene, scenes: vec![OTHER_SCENE] }.into(),
        LayoutChosen { owner, format: Format::Scroll, seed: 7, right_to_left: true }.into(),
    ]
}

fn reading() -> Vec<Event> {
    vec![
        ComicPublished { owner }.into(),
        ComicRated { owner, by: READER, stars: 4, sum: 9, count: 2 }.into(),
        ComicReported { owner, by: READER, complaint: Complaint::Privacy, count: 1 }.into(),
        ComicUnpublished { owner }.into(),
        ComicRemoved { owner }.into(),
        ComicRestored { owner }.into(),
    ]
}
