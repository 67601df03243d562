//! People, pictures and texts for the tests.

use proptest::prelude::*;
use proptest::sample::select;
use schemas::event::{MediaKind, Picture, Point, Pose};
use schemas::{Blob, Hash, JobId, MediaId, Personal, SceneId, UserId};
use uuid::Uuid;

pub const OLD: [&str; 3] = ["kart.comic.drafted.v1", "kart.job.requested.v1", "kart.video.uploaded.v1"];
pub const OWNER: UserId = UserId(Uuid::from_u128(1));
pub const STRANGER: UserId = UserId(Uuid::from_u128(2));
pub const JOB: JobId = JobId(Uuid::from_u128(3));

pub fn blob() -> Blob {
    Blob { key: "some/bytes".into(), sha256: Hash::of(b"some bytes"), bytes: 10 }
}

pub fn media(n: u8) -> MediaId {
    MediaId::of(OWNER, &Hash::of(&[n]))
}

pub fn scene(n: u128) -> SceneId {
    SceneId(Uuid::from_u128(n))
}

/// The picture that [`media`] 0 names.
pub fn picture() -> Picture {
    Picture { media: media(0), blob: blob(), width: 4, height: 3, alt: "A panel.".into(), at_ms: None }
}

pub fn added() -> schemas::event::MediaAdded {
    let (kind, content_type) = (MediaKind::Cutout, "image/png".to_owned());
    schemas::event::MediaAdded { owner: OWNER, kind, content_type, picture: picture(), job: JOB, model: blob() }
}

pub fn pose() -> Pose {
    Pose { x: 1.0, y: 2.0, z: 0, scale: 1.0, rotation: 0.0, flip: false }
}

pub fn sealed() -> Personal {
    Personal::Sealed { sealed: "AAAA".into() }
}

/// Mostly the owner.
pub fn somebody() -> impl Strategy<Value = UserId> {
    prop_oneof![9 => Just(OWNER), 1 => Just(STRANGER)]
}

/// Mostly short and readable.
pub fn any_text() -> impl Strategy<Value = Personal> {
    prop_oneof![
        12 => "[a-zé ]{1,5}".prop_map(Personal::from),
        1 => Just(Personal::from("")),
        1 => Just(Personal::from("x".repeat(5_000))),
        1 => Just(Personal::from("bell\u{7}")),
        1 => Just(sealed()),
    ]
}

fn any_coordinate() -> impl Strategy<Value = f32> {
    prop_oneof![20 => -200_f32..2_000.0, 1 => select(vec![f32::NAN, f32::INFINITY, -1.0e9])]
}

pub fn any_point() -> impl Strategy<Value = Point> {
    (any_coordinate(), any_coordinate()).prop_map(|(x, y)| Point { x, y })
}

pub fn any_pose() -> impl Strategy<Value = Pose> {
    let scale = prop_oneof![9 => 0.1_f32..4.0, 1 => Just(0.0)];
    (any_coordinate(), any_coordinate(), -3..3, scale, -180_f32..180.0, any::<bool>())
        .prop_map(|(x, y, z, scale, rotation, flip)| Pose { x, y, z, scale, rotation, flip })
}
