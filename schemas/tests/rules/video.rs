//! A video.

use super::laws::{check, hold};
use super::values::{OWNER, STRANGER, blob, somebody};
use VideoCommand::{Check, Erase, Refuse, Upload};
use proptest::prelude::*;
use proptest::sample::select;
use schemas::event::{VideoChecked, VideoErased, VideoRefused, VideoUploaded};
use schemas::video::{Video, VideoCommand};
use schemas::{Event, Invalid, Kind, Refusal, UserId};

fn upload(owner: UserId) -> VideoCommand {
    Upload(VideoUploaded { owner, name: "me.mp4".into(), container: "mp4".into(), blob: blob() })
}

fn seen(frames_per_second: f32) -> VideoCommand {
    let (codec, advice) = ("h264".to_owned(), vec![]);
    Check(VideoChecked { codec, duration_ms: 5_000, width: 640, height: 480, frames_per_second, advice })
}

fn refuse() -> VideoCommand {
    Refuse(VideoRefused { code: "no-video".into(), detail: "there are no pictures in it".into() })
}

fn erase(owner: UserId) -> VideoCommand {
    Erase(VideoErased { owner })
}

#[test]
fn a_video_is_uploaded_once_looked_at_once_and_erased_by_its_owner() {
    let here = || vec![upload(OWNER)];
    let gone = || vec![upload(OWNER), erase(OWNER)];
    check::<Video>(&[
        (vec![], upload(OWNER), Ok(&["uploaded"])),
        (here(), upload(OWNER), Err(Refusal::Exists)),
        (gone(), upload(OWNER), Err(Refusal::Exists)),
        (vec![], seen(30.0), Err(Refusal::Missing)),
        (here(), seen(30.0), Ok(&["checked"])),
        (here(), seen(f32::NAN), Err(Refusal::Invalid(Invalid::OutOfRange))),
        (here(), seen(f32::INFINITY), Err(Refusal::Invalid(Invalid::OutOfRange))),
        (here(), refuse(), Ok(&["refused"])),
        (vec![upload(OWNER), seen(30.0)], refuse(), Ok(&[])),
        (vec![upload(OWNER), refuse()], seen(30.0), Ok(&[])),
        (gone(), seen(30.0), Err(Refusal::Ended)),
        (gone(), refuse(), Err(Refusal::Ended)),
        (vec![], erase(OWNER), Err(Refusal::Missing)),
        (here(), erase(STRANGER), Err(Refusal::NotAllowed)),
        (vec![upload(OWNER), seen(30.0)], erase(OWNER), Ok(&["erased"])),
        (gone(), erase(OWNER), Ok(&[])),
    ]);
}

#[test]
fn whatever_is_asked_the_laws_hold_and_a_video_is_looked_at_once() {
    let command = prop_oneof![
        2 => somebody().prop_map(upload),
        2 => select(vec![30.0, 60.0, f32::NAN]).prop_map(seen),
        1 => Just(()).prop_map(|()| refuse()),
        1 => somebody().prop_map(erase),
    ];
    hold::<Video>(Kind::Video, command, |_, history| {
        let looks = history.iter().filter(|event| matches!(event, Event::VideoChecked(_) | Event::VideoRefused(_)));
        assert!(looks.count() <= 1);
        assert!(history.iter().skip(1).all(|event| !matches!(event, Event::VideoUploaded(_))));
        let end = history.iter().position(|event| matches!(event, Event::VideoErased(_)));
        assert!(end.is_none_or(|end| end + 1 == history.len()), "nothing follows");
    });
}
