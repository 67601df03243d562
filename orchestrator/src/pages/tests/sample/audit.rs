//! The log of a finished job, to draw its audit from.

use super::{pictures, uuid};
use crate::audit::{Audit, trail};
use schemas::event::*;
use schemas::{Actor, AggregateId, Blob, ComicId, Event, Hash, JobId, NewEvent, Recorded, UserId, VideoId};
use time::macros::datetime;
use uuid::Uuid;

fn picture(kind: MediaKind, index: u32) -> Picture {
    let rows = pictures();
    let row = rows.iter().find(|row| row.kind == kind && row.index == index).expect("the sample has it");
    let blob = Blob { key: row.key.clone(), sha256: row.sha256, bytes: row.bytes };
    let (media, width, height) = (row.media, row.width, row.height);
    Picture { media, blob, width, height, alt: row.alt.clone(), at_ms: row.at_ms }
}

/// Everything that happened, each event with whose it is.
fn story() -> Vec<(AggregateId, Actor, Event)> {
    let (job, owner, video) = (JobId(uuid(1)), UserId(uuid(2)), VideoId(uuid(3)));
    let blob = |name: &str| Blob { key: name.to_owned(), sha256: Hash::of(name.as_bytes()), bytes: 13_900_000 };
    let (attempt, lease, device) = (1, uuid(9), "CPU (2 threads)".to_owned());
    let title = || "Rome & me <3".into();
    let trained = TrainingCompleted {
        attempt,
        lease,
        model: blob("model"),
        steps: 800,
        curve: vec![1.5, 0.5, 0.25],
        duration_ms: 142_000,
        advice: vec![],
        device: None,
    };
    let panel = picture(MediaKind::Panel, 1);
    let drawn = InferenceCompleted {
        attempt,
        lease,
        page: picture(MediaKind::Page, 0),
        panels: vec![panel.clone()],
        cutouts: vec![],
        background: None,
        duration_ms: 9_000,
    };
    let added = MediaAdded {
        owner,
        kind: MediaKind::Panel,
        content_type: "image/png".to_owned(),
        picture: panel.clone(),
        job,
        model: blob("model"),
    };
    let comic =
        ComicDrafted { owner, job, title: title(), page: picture(MediaKind::Page, 0), panels: vec![panel.clone()] };
    let (you, dispatcher, trainer) = (Actor::User(owner), Actor::role("dispatcher"), Actor::role("trainer"));
    let uploaded = VideoUploaded { owner, name: title(), container: "mp4".to_owned(), blob: blob("video") };
    vec![
        (video.into(), you.clone(), uploaded.into()),
        (
            job.into(),
            you,
            JobRequested {
                owner,
                video,
                title: title(),
                blob: blob("video"),
                priority: Priority::Normal,
                style: None,
                redraw: None,
                strokes: vec![],
            }
            .into(),
        ),
        (job.into(), dispatcher.clone(), JobDispatched { phase: Phase::Training, attempt }.into()),
        (
            job.into(),
            trainer.clone(),
            TrainingStarted { attempt, lease, device: device.clone(), teachers: vec![] }.into(),
        ),
        (job.into(), trainer.clone(), trained.into()),
        (job.into(), dispatcher.clone(), JobDispatched { phase: Phase::Inference, attempt }.into()),
        (job.into(), trainer.clone(), InferenceStarted { attempt, lease, device }.into()),
        (job.into(), trainer.clone(), PanelRendered { attempt, lease, index: 0, of: 1, picture: panel.clone() }.into()),
        (job.into(), trainer, drawn.into()),
        (panel.media.into(), dispatcher.clone(), added.into()),
        (ComicId(uuid(4)).into(), dispatcher.clone(), comic.into()),
        (job.into(), dispatcher, JobCompleted { comic: ComicId(uuid(4)) }.into()),
    ]
}

fn events() -> Vec<Recorded> {
    let mut events: Vec<Recorded> = vec![];
    for (sequence, (aggregate, actor, event)) in (7..).zip(story()) {
        let new = NewEvent {
            id: Uuid::from_u128(u128::from(sequence)),
            time: datetime!(2026-11-24 11:17:08.25 UTC) + time::Duration::seconds(sequence as i64),
            actor,
            causation: None,
            correlation: uuid(8),
            event,
        };
        let previous = events.iter().rev().find(|before| before.aggregate == aggregate).map(|before| before.hash);
        events.push(Recorded::of(sequence, aggregate, previous, new));
    }
    events
}

fn audit(events: Vec<Recorded>) -> Audit {
    let (job, owner) = (JobId(uuid(1)), UserId(uuid(2)));
    Audit { title: "Rome & me <3".to_owned(), job, comic: None, owner, trail: trail(events) }
}

pub fn whole() -> Audit {
    audit(events())
}

/// Of whose comic is asked.
pub fn of_comic() -> Audit {
    Audit { comic: Some(ComicId(uuid(4))), ..whole() }
}

/// The training was changed after it was written.
pub fn broken() -> Audit {
    let mut events = events();
    let trained = events.iter_mut().find(|event| event.event().name() == "trained").expect("the sample has it");
    trained.hash = Hash::of(b"another");
    audit(events)
}
