//! The events of made-up jobs, as a busy Kart would write them.

use schemas::event::*;
use schemas::{AggregateId, Blob, ComicId, Event, Hash, JobId, MediaId, UserId, VideoId};
use uuid::Uuid;

const STEPS: u32 = 2_000;
const PANELS: u32 = 4;
const MILESTONES: u32 = 10;

fn blob(kind: &str, id: Uuid) -> Blob {
    let key = format!("{kind}/{id}");
    Blob { sha256: Hash::of(key.as_bytes()), key, bytes: 348_160 }
}

fn picture(owner: UserId, id: Uuid, at_ms: Option<u64>) -> Picture {
    let blob = blob("pictures", id);
    let media = MediaId::of(owner, &blob.sha256);
    let alt = "Panel: a person in a blue shirt waves at the reader, drawn with thick lines".to_owned();
    Picture { media, blob, width: 768, height: 1024, alt, at_ms }
}

/// One job from the upload to the comic: 36 events of 9 aggregates.
pub fn of(owner: UserId) -> Vec<(AggregateId, Event)> {
    let (video, job) = (VideoId::new(), JobId::new());
    let (lease, attempt) = (Uuid::now_v7(), 1);
    let panels: Vec<_> = (0..PANELS).map(|n| picture(owner, Uuid::now_v7(), Some(u64::from(n) * 1_250))).collect();
    let (page, background) = (picture(owner, Uuid::now_v7(), None), picture(owner, Uuid::now_v7(), Some(40)));
    let comic = ComicId::of(job);
    let mut story: Vec<(AggregateId, Event)> = vec![
        (video.into(), uploaded(owner, video)),
        (job.into(), requested(owner, video, job)),
        (job.into(), JobDispatched { phase: Phase::Training, attempt }.into()),
        (job.into(), started(attempt, lease)),
        (video.into(), checked()),
    ];
    for milestone in 1..=MILESTONES {
        let step = STEPS / MILESTONES * milestone;
        let loss = 1.0 / (milestone as f32 + 0.37);
        story.push((job.into(), TrainingProgressed { attempt, lease, step, of: STEPS, loss, checkpoint: None }.into()));
    }
    story.push((job.into(), trained(attempt, lease, job)));
    story.push((job.into(), JobDispatched { phase: Phase::Inference, attempt }.into()));
    story.push((job.into(), InferenceStarted { attempt, lease, device: "CPU (2 threads)".into() }.into()));
    for (index, panel) in (0..).zip(&panels) {
        let rendered = PanelRendered { attempt, lease, index, of: PANELS, picture: panel.clone() };
        story.push((job.into(), rendered.into()));
    }
    let inferred = InferenceCompleted {
        attempt,
        lease,
        page: page.clone(),
        panels: panels.clone(),
        cutouts: vec![],
        background: Some(background.clone()),
        duration_ms: 61_234,
    };
    story.push((job.into(), inferred.into()));
    let kinds = panels.iter().map(|panel| (MediaKind::Panel, panel));
    for (kind, picture) in kinds.chain([(MediaKind::Page, &page), (MediaKind::Background, &background)]) {
        story.push((picture.media.into(), added(owner, kind, picture, job)));
    }
    let title = "Me, dancing in the kitchen".into();
    story.push((comic.into(), ComicDrafted { owner, job, title, page, panels }.into()));
    story.push((job.into(), JobCompleted { comic }.into()));
    story
}

fn uploaded(owner: UserId, video: VideoId) -> Event {
    let name = "Me, dancing in the kitchen.mp4".into();
    VideoUploaded { owner, name, container: "mp4".into(), blob: blob("videos", video.0) }.into()
}

fn checked() -> Event {
    let advice = vec!["hold the camera still".to_owned()];
    let (codec, duration_ms) = ("h264".to_owned(), 12_400);
    VideoChecked { codec, duration_ms, width: 720, height: 1_280, frames_per_second: 29.97, advice }.into()
}

fn requested(owner: UserId, video: VideoId, job: JobId) -> Event {
    JobRequested {
        owner,
        video,
        title: "Me, dancing in the kitchen".into(),
        blob: blob("videos", job.0),
        priority: Default::default(),
        style: None,
        redraw: None,
        strokes: vec![],
    }
    .into()
}

fn started(attempt: u32, lease: Uuid) -> Event {
    let teachers = (0..3u8).map(|n| Hash::of(&[n]).to_string()).collect();
    TrainingStarted { attempt, lease, device: "CPU (2 threads)".into(), teachers }.into()
}

fn trained(attempt: u32, lease: Uuid, job: JobId) -> Event {
    let curve = (0..64).map(|n| 1.0 / (n as f32 + 1.37)).collect();
    let model = blob("models", job.0);
    TrainingCompleted { attempt, lease, model, steps: STEPS, curve, duration_ms: 93_211, advice: vec![], device: None }
        .into()
}

fn added(owner: UserId, kind: MediaKind, picture: &Picture, job: JobId) -> Event {
    let (content_type, model) = ("image/png".to_owned(), blob("models", job.0));
    MediaAdded { owner, kind, content_type, picture: picture.clone(), job, model }.into()
}
