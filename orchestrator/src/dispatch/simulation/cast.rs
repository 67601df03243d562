//! Who and what appears, made from numbers so that a seed makes the same world again.

use bus::Context;
use schemas::event::*;
use schemas::job::JobCommand;
use schemas::{Actor, Blob, Hash, JobId, MediaId, UserId, VideoId};
use time::OffsetDateTime;
use uuid::Uuid;

pub fn job(number: usize) -> JobId {
    JobId(Uuid::from_u128(1 << 64 | number as u128))
}

/// The first is the greedy one.
pub fn user(number: usize) -> UserId {
    UserId(Uuid::from_u128(2 << 64 | number as u128))
}

fn blob() -> Blob {
    Blob { key: "x".into(), sha256: Hash([0; 32]), bytes: 1 }
}

fn picture() -> Picture {
    Picture { media: MediaId(Uuid::nil()), blob: blob(), width: 1, height: 1, alt: String::new(), at_ms: None }
}

pub fn context(command: Uuid, role: &str, now_ms: u64) -> Context {
    let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(now_ms) * 1_000_000);
    let time = time.expect("a year like any other");
    Context { command, actor: Actor::role(role), correlation: Uuid::nil(), causation: None, time }
}

pub fn request(owner: UserId, priority: Priority) -> JobCommand {
    let (video, title) = (VideoId(Uuid::nil()), String::new().into());
    JobCommand::Request(JobRequested {
        owner,
        video,
        title,
        blob: blob(),
        priority,
        style: None,
        redraw: None,
        strokes: vec![],
    })
}

/// One job in five draws an earlier one again.
pub fn any_request(id: JobId, owner: UserId, priority: Priority) -> JobCommand {
    let JobCommand::Request(mut request) = request(owner, priority) else { unreachable!("it is a request") };
    if id.0.as_u128() % 5 == 4 {
        request.redraw = Some(Redraw { of: job(0), model: blob() });
    }
    JobCommand::Request(request)
}

pub fn start(phase: Phase, attempt: u32, lease: Uuid) -> JobCommand {
    let device = String::new();
    match phase {
        Phase::Training => JobCommand::StartTraining(TrainingStarted { attempt, lease, device, teachers: vec![] }),
        Phase::Inference => JobCommand::StartInference(InferenceStarted { attempt, lease, device }),
    }
}

pub fn progress(phase: Phase, attempt: u32, lease: Uuid, step: u32) -> JobCommand {
    match phase {
        Phase::Training => JobCommand::ProgressTraining(TrainingProgressed {
            attempt,
            lease,
            step,
            of: 9,
            loss: 1.0,
            checkpoint: None,
        }),
        Phase::Inference => {
            let panel = PanelRendered { attempt, lease, index: step, of: 9, picture: picture() };
            JobCommand::RenderPanel(Box::new(panel))
        }
    }
}

pub fn complete(phase: Phase, attempt: u32, lease: Uuid, duration_ms: u64) -> JobCommand {
    match phase {
        Phase::Training => JobCommand::CompleteTraining(Box::new(TrainingCompleted {
            attempt,
            lease,
            model: blob(),
            steps: 9,
            curve: vec![],
            duration_ms,
            advice: vec![],
            device: None,
        })),
        Phase::Inference => JobCommand::CompleteInference(Box::new(InferenceCompleted {
            attempt,
            lease,
            page: picture(),
            panels: vec![],
            cutouts: vec![],
            background: None,
            duration_ms,
        })),
    }
}

pub fn fail(lease: Uuid, retryable: bool, now_ms: u64) -> JobCommand {
    JobCommand::Fail { lease, code: "internal".into(), detail: String::new(), retryable, now_ms }
}
