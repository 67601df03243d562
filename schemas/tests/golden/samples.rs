//! One event of every type, with every field filled.

use schemas::event::*;
use schemas::{Blob, ComicId, Event, Hash, JobId, MediaId, Personal, Stroke, UserId, VideoId};
use uuid::Uuid;

pub const OWNER: UserId = UserId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001));
const VIDEO: VideoId = VideoId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0002));
const JOB: JobId = JobId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0003));
const LEASE: Uuid = Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0004);

pub fn blob(key: &str) -> Blob {
    Blob { key: key.to_owned(), sha256: Hash::of(key.as_bytes()), bytes: key.len() as u64 }
}

pub fn picture(name: &str) -> Picture {
    let blob = blob(&format!("media/{name}.png"));
    Picture {
        media: MediaId::of(OWNER, &blob.sha256),
        blob,
        width: 640,
        height: 480,
        alt: format!("A {name}."),
        at_ms: Some(2_500),
    }
}

/// "me, dancing", sealed for nobody: a fixture stays the same.
pub fn sealed() -> Personal {
    Personal::Sealed { sealed: "bm90IGEgcmVhbCBub25jZSwganVzdCBpdHMgcGxhY2UgYW5kIHNvbWUgYnl0ZXM".to_owned() }
}

pub fn all() -> Vec<Event> {
    let (attempt, lease) = (1, LEASE);
    let mut events: Vec<Event> = vec![
        UserRegistered { guest: true }.into(),
        UserErased {}.into(),
        VideoUploaded { owner: OWNER, name: sealed(), container: "mp4".into(), blob: blob("video/1") }.into(),
        VideoChecked {
            codec: "h264".into(),
            duration_ms: 11_100,
            width: 640,
            height: 480,
            frames_per_second: 30.0,
            advice: vec!["Come closer.".into()],
        }
        .into(),
        VideoRefused { code: "no-video".into(), detail: "the file has no pictures in it".into() }.into(),
        JobRequested {
            owner: OWNER,
            video: VIDEO,
            title: sealed(),
            blob: blob("video/1"),
            priority: Priority::Normal,
            style: None,
            redraw: None,
            strokes: vec![],
        }
        .into(),
        JobDispatched { phase: Phase::Training, attempt }.into(),
        TrainingStarted { attempt, lease, device: "CPU (2 threads)".into(), teachers: vec!["8d13".into()] }.into(),
        TrainingProgressed { attempt, lease, step: 7, of: 140, loss: 1.25, checkpoint: None }.into(),
        TrainingCompleted {
            attempt,
            lease,
            model: blob("model/1.safetensors"),
            steps: 140,
            curve: vec![2.5, 1.5, 1.25],
            duration_ms: 30_000,
            advice: vec![],
            device: None,
        }
        .into(),
    ];
    events.extend(drawing());
    events.extend(endings());
    events
}

fn drawing() -> Vec<Event> {
    let (attempt, lease) = (1, LEASE);
    vec![
        InferenceStarted { attempt, lease, device: "CPU (2 threads)".into() }.into(),
        PanelRendered { attempt, lease, index: 0, of: 5, picture: picture("panel") }.into(),
        InferenceCompleted {
            attempt,
            lease,
            page: picture("page"),
            panels: vec![picture("panel")],
            cutouts: vec![picture("cutout")],
            background: Some(picture("background")),
            duration_ms: 12_000,
        }
        .into(),
        MediaAdded {
            owner: OWNER,
            kind: MediaKind::Panel,
            content_type: "image/png".into(),
            picture: picture("panel"),
            job: JOB,
            model: blob("model/1.safetensors"),
        }
        .into(),
        ComicDrafted { owner: OWNER, job: JOB, title: sealed(), page: picture("page"), panels: vec![picture("panel")] }
            .into(),
    ]
}

fn endings() -> Vec<Event> {
    vec![
        JobInterrupted { phase: Phase::Training, attempt: 1, lease: LEASE }.into(),
        JobRequested {
            owner: OWNER,
            video: VIDEO,
            title: sealed(),
            blob: blob("video/1"),
            priority: Priority::Low,
            style: None,
            redraw: None,
            strokes: vec![],
        }
        .into(),
        JobRequested {
            owner: OWNER,
            video: VIDEO,
            title: sealed(),
            blob: blob("video/1"),
            priority: Priority::Normal,
            style: "manga".parse().ok(),
            redraw: Some(Redraw { of: JOB, model: blob("model/1.safetensors") }),
            strokes: vec![],
        }
        .into(),
        JobRequested {
            owner: OWNER,
            video: VIDEO,
            title: sealed(),
            blob: blob("video/1"),
            priority: Priority::Normal,
            style: None,
            redraw: None,
            strokes: vec![Stroke { at_ms: 1_250, figure: true, points: vec![[400, 300], [420, 350]] }],
        }
        .into(),
        JobCompleted { comic: ComicId::of(JOB) }.into(),
        JobFailed {
            phase: Phase::Training,
            attempt: 1,
            code: "internal".into(),
            detail: "Something went wrong on our side.".into(),
            retryable: true,
        }
        .into(),
        TrainingProgressed {
            attempt: 1,
            lease: LEASE,
            step: 70,
            of: 140,
            loss: 0.9,
            checkpoint: Some(blob("checkpoint/1")),
        }
        .into(),
        TrainingCompleted {
            attempt: 1,
            lease: LEASE,
            model: blob("model/1.safetensors"),
            steps: 140,
            curve: vec![1.25],
            duration_ms: 30_000,
            advice: vec![],
            device: Some("CPU (2 threads)".into()),
        }
        .into(),
        RetryScheduled { phase: Phase::Training, attempt: 2, due_ms: 1_790_000_000_000 }.into(),
        CancelRequested {}.into(),
        JobCancelled {}.into(),
        VideoErased { owner: OWNER }.into(),
        JobErased { owner: OWNER }.into(),
        MediaErased { owner: OWNER }.into(),
        ComicErased { owner: OWNER, made_ms: None }.into(),
        ComicErased { owner: OWNER, made_ms: Some(1_700_000_000_000) }.into(),
    ]
}
