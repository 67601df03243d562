//! The first phase: from the video to the weights of a network that knows it.

use super::reporter::{self, Report, Voice, thin};
use super::{Hold, Outcome, Worker, picture, video};
use crate::net::{self, Settings, TrainError, Trained};
use bytes::Bytes;
use schemas::blob::keys;
use schemas::event::{TrainingCompleted, TrainingStarted, VideoChecked, VideoRefused};
use schemas::job::JobCommand;
use schemas::video::{Video, VideoCommand};
use std::time::Instant;
use tokio_util::sync::CancellationToken;

/// Pictures of the model's view while it trains.
const PREVIEWS: u32 = 12;

pub async fn run(worker: &Worker, hold: &Hold, shutdown: &CancellationToken) -> Outcome {
    match train(worker, hold, shutdown).await {
        Ok(()) => Outcome::Done,
        Err(outcome) => outcome,
    }
}

/// Takes the phase.
pub async fn start(worker: &Worker, hold: &Hold) -> Result<(), Outcome> {
    let (attempt, lease) = (hold.attempt, hold.lease);
    let teachers = worker.teachers.as_ref().map(|t| t.hashes().map(str::to_owned).to_vec()).unwrap_or_default();
    let start = TrainingStarted { attempt, lease, device: worker.device.to_string(), teachers };
    hold.execute("start", || JobCommand::StartTraining(start.clone())).await
}

async fn train(worker: &Worker, hold: &Hold, shutdown: &CancellationToken) -> Result<(), Outcome> {
    let started = Instant::now();
    start(worker, hold).await?;
    let request = hold.job().await?.request.ok_or(Outcome::Superseded)?;
    let file = video::fetch(worker, &request.blob).await?;

    let (device, nets) = (worker.device.clone(), worker.teachers.clone());
    let compute = move |voice: &Voice| {
        let ready = video::prepare(file.path(), nets.as_deref(), voice)?;
        let settings = Settings::for_device(&device);
        let sample = ready.clip.frames.len() / 2;
        let trained = net::train(&ready.clip, &settings, &device, None, &mut |progress, training| {
            if progress.step.is_multiple_of((progress.of / PREVIEWS).max(1)) {
                let png = picture::preview(training.model(), &ready.clip.frames[sample]);
                png.map_or(std::ops::ControlFlow::Continue(()), |png| voice.say(Report::Preview(png)))?;
            }
            voice.say(Report::Step { step: progress.step, of: progress.of, loss: progress.loss })
        })?;
        Ok((trained, ready.facts))
    };
    let computed = reporter::run(worker, hold, shutdown, compute).await;
    if let Err(Outcome::Failed { code, detail, retryable: false }) = &computed {
        let refuse = || VideoCommand::Refuse(VideoRefused { code: (*code).to_owned(), detail: detail.clone() });
        hold.execute_on::<Video>(request.video, "refused", refuse).await?;
    }
    let ((trained, facts), _) = computed?;
    hold.execute_on::<Video>(request.video, "checked", || VideoCommand::Check(facts.clone())).await?;
    complete(worker, hold, trained, facts, started).await
}

/// The weights first, then the event that points at them.
async fn complete(
    worker: &Worker,
    hold: &Hold,
    trained: Trained,
    facts: VideoChecked,
    started: Instant,
) -> Result<(), Outcome> {
    let bytes = trained.model.to_bytes().map_err(Outcome::internal)?;
    let key = keys::model(hold.user, hold.lease);
    let model = worker.blobs.put(&key, Bytes::from(bytes), "application/octet-stream").await?;
    let done = TrainingCompleted {
        attempt: hold.attempt,
        lease: hold.lease,
        model,
        steps: trained.curve.len() as u32,
        curve: thin(&trained.curve),
        duration_ms: started.elapsed().as_millis() as u64,
        advice: facts.advice,
    };
    hold.execute("trained", || JobCommand::CompleteTraining(Box::new(done.clone()))).await
}

impl From<TrainError> for Outcome {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Stopped(_) => Self::Interrupted,
            error => Self::internal(error),
        }
    }
}
