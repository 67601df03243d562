//! Rows to draw pages from: one job in each of its states.

pub mod audit;

use crate::dispatch::board::Place;
use crate::job_view::JobView;
use projector::{ComicRow, JobError, JobRow, PhaseStatus, PictureRow, Status, VideoRow};
use schemas::event::{MediaKind, Phase};
use schemas::progress::Tick;
use schemas::{ComicId, Hash, JobId, MediaId, UserId, VideoId};
use std::sync::Arc;
use time::macros::datetime;
use uuid::Uuid;

fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + number)
}

pub fn waiting() -> JobView {
    let (job, owner, video) = (JobId(uuid(1)), UserId(uuid(2)), VideoId(uuid(3)));
    let mut view = JobView::just_requested(job, owner, video, "Rome & me <3".to_owned(), None, 7);
    view.again = JobId(uuid(5));
    view.job.created = datetime!(2026-11-24 11:17 UTC);
    view.place = Some(Place { position: 2, eta_ms: Some(412_000) });
    view.video = Some(VideoRow {
        id: video,
        owner,
        name: "Rome & me <3.mp4".to_owned(),
        container: "mp4".to_owned(),
        key: "videos/x".to_owned(),
        bytes: 13_900_000,
        sha256: Hash::of(b"video"),
        created: datetime!(2026-11-24 11:17 UTC),
        facts: None,
        advice: vec![],
        refusal: None,
        last_sequence: 6,
    });
    view
}

fn curve(points: usize) -> Vec<f32> {
    (0..points).map(|i| 0.12 + 0.9 * (-(i as f32) / 9.0).exp() + 0.03 * (i as f32 * 1.9).sin()).collect()
}

pub fn training() -> JobView {
    let mut view = waiting();
    view.place = None;
    view.job.status = Status::Processing;
    view.job.training_status = PhaseStatus::Running;
    view.job.device = Some("CPU (2 threads)".to_owned());
    (view.job.step, view.job.of, view.job.loss) = (300, 800, Some(0.31));
    view.tick = Some(Arc::new(Tick {
        job: view.job.id,
        phase: Phase::Training,
        stage: "training on 48 frames".to_owned(),
        step: 340,
        of: 800,
        loss: Some(0.2871),
        curve: curve(28),
        eta_ms: Some(83_000),
        preview: None,
        palette: ["#e0ac88", "#b07a5c", "#2b2a33", "#d9b13b", "#8fb7d4"].map(str::to_owned).into(),
    }));
    view
}

fn trained() -> JobView {
    let mut view = training();
    view.tick = None;
    view.job.training_status = PhaseStatus::Succeeded;
    view.job.training_ms = Some(142_000);
    (view.job.step, view.job.curve) = (800, curve(64));
    view.job.advice = vec!["The light comes from behind: turn around, and your face gets clearer.".to_owned()];
    view
}

pub fn drawing() -> JobView {
    let mut view = trained();
    view.job.inference_status = PhaseStatus::Running;
    (view.job.panels_drawn, view.job.panels_of) = (3, 5);
    view.pictures = (0..3).map(panel).collect();
    view
}

pub fn succeeded() -> JobView {
    let mut view = trained();
    view.job.status = Status::Succeeded;
    view.job.inference_status = PhaseStatus::Succeeded;
    view.job.inference_ms = Some(9_000);
    view.job.completed = Some(datetime!(2026-11-24 11:21 UTC));
    (view.job.comic, view.job.page) = (Some(ComicId(uuid(4))), Some(MediaId(uuid(100))));
    view.pictures = pictures();
    view
}

pub fn failed() -> JobView {
    let mut view = waiting();
    view.place = None;
    view.job.status = Status::Failed;
    view.job.training_status = PhaseStatus::Failed;
    view.job.error = Some(JobError {
        phase: Phase::Training,
        code: "no-video".to_owned(),
        detail: "The file has sound but no picture. Film yourself and send that.".to_owned(),
        retryable: false,
    });
    view
}

pub fn canceled() -> JobView {
    let mut view = training();
    view.tick = None;
    view.job.status = Status::Canceled;
    view.job.training_status = PhaseStatus::Canceled;
    view
}

fn picture(kind: MediaKind, index: u32, number: u128, size: (u32, u32), alt: &str) -> PictureRow {
    PictureRow {
        job: JobId(uuid(1)),
        kind,
        index,
        media: MediaId(uuid(number)),
        key: "pictures/x.png".to_owned(),
        bytes: 1,
        sha256: Hash::of(&number.to_be_bytes()),
        width: size.0,
        height: size.1,
        alt: alt.to_owned(),
        at_ms: (kind != MediaKind::Background && kind != MediaKind::Page).then_some(1_240 * u64::from(index)),
    }
}

fn panel(index: u32) -> PictureRow {
    const ALTS: [&str; 5] = [
        "You stand in the room and scratch your head.",
        "Close up, you look past us.",
        "You fold your hands.",
        "Your face, very near.",
        "You point to the side.",
    ];
    picture(MediaKind::Panel, index, 101 + u128::from(index), (640, 700), ALTS[index as usize % ALTS.len()])
}

pub fn pictures() -> Vec<PictureRow> {
    let mut pictures = vec![picture(MediaKind::Page, 0, 100, (1280, 1117), "A page of five panels.")];
    pictures.extend((0..5).map(panel));
    pictures.extend((0..3).map(|i| picture(MediaKind::Cutout, i, 110 + u128::from(i), (480, 640), "You, cut out.")));
    pictures.push(picture(MediaKind::Background, 0, 120, (1280, 720), "The room without you."));
    pictures
}

pub fn comic() -> ComicRow {
    ComicRow {
        id: ComicId(uuid(4)),
        owner: UserId(uuid(2)),
        job: JobId(uuid(1)),
        title: "Rome & me <3".to_owned(),
        draft: true,
        page: MediaId(uuid(100)),
        page_width: 1280,
        page_height: 1117,
        page_alt: "A page of five panels.".to_owned(),
        panels: (0..5).map(|i| MediaId(uuid(101 + i))).collect(),
        created: datetime!(2026-11-24 11:21 UTC),
        last_sequence: 40,
    }
}

pub fn jobs() -> Vec<JobRow> {
    [training(), succeeded(), failed(), canceled(), waiting()].map(|view| view.job).into()
}
