//! The first phase: from the video to the weights of a network that knows it.

use super::reporter::{self, Report, Voice, is_milestone, thin};
use super::{Hold, Outcome, Worker, checkpoint, picture, video};
use crate::clip::Clip;
use crate::device::Device;
use crate::net::{self, Checkpoint, GpuError, Progress, Settings, TrainError, Trained, Training};
use bytes::Bytes;
use schemas::blob::keys;
use schemas::event::{TrainingCompleted, TrainingStarted, VideoChecked};
use schemas::job::{Job, JobCommand};
use std::ops::ControlFlow;
use std::time::Instant;

/// Pictures of the model's view while it trains.
const PREVIEWS: u32 = 12;

pub async fn run(worker: &Worker, hold: &Hold) -> Result<(), Outcome> {
    let started = Instant::now();
    let device = worker.device.if_well();
    let job = start(worker, hold, &device).await?;
    let request = job.request.clone().ok_or(Outcome::Superseded)?;
    let from = checkpoint::load(worker, &job).await?;
    if let Some(from) = &from {
        tracing::info!(job = %hold.job, step = from.step(), "goes on from a checkpoint");
    }
    let file = video::fetch(worker, hold, &request.blob).await?;

    let nets = worker.teachers.clone();
    let strokes = request.strokes;
    let compute = move |voice: &Voice| {
        let ready = video::prepare(file.path(), nets.as_deref(), &strokes, voice)?;
        Ok((learn(&ready.clip, &device, from, voice)?, ready.facts))
    };
    let reporter = reporter::Reporter::new(worker, hold, job.checkpoint);
    let ((learned, facts), _) = reporter.run(compute).await?;
    complete(worker, hold, learned, &facts, started).await?;
    video::check(hold, request.video, facts).await
}

/// Takes the phase.
async fn start(worker: &Worker, hold: &Hold, device: &Device) -> Result<Job, Outcome> {
    let (attempt, lease) = (hold.attempt, hold.lease);
    let teachers =
        worker.teachers.as_ref().map(|t| t.hashes().into_iter().map(str::to_owned).collect()).unwrap_or_default();
    let start = TrainingStarted { attempt, lease, device: device.to_string(), teachers };
    hold.start(|| JobCommand::StartTraining(start.clone())).await
}

/// What came of it.
struct Learned {
    trained: Trained,
    /// What it ran on, where that is not what it started on.
    instead: Option<Device>,
}

fn learn(clip: &Clip, device: &Device, from: Option<Checkpoint>, voice: &Voice) -> Result<Learned, Outcome> {
    let sample = &clip.frames[clip.frames.len() / 2];
    let mut stored = Instant::now();
    let mut first = true;
    let mut report = |progress: &Progress, training: &Training| {
        let &Progress { step, of, loss, .. } = progress;
        if std::mem::take(&mut first) {
            voice.say(Report::Curve(training.curve()[..step as usize - 1].to_vec()))?;
        }
        if step.is_multiple_of((of / PREVIEWS).max(1)) {
            let png = picture::preview(training.model(), sample);
            let palette = picture::colours(training.model());
            png.map_or(ControlFlow::Continue(()), |png| voice.say(Report::Preview(png, palette)))?;
        }
        let mut checkpoint = None;
        if is_milestone(step, of) && stored.elapsed() >= checkpoint::EVERY {
            stored = Instant::now();
            let made = training.checkpoint();
            checkpoint = made.inspect_err(|error| tracing::warn!(%error, "no checkpoint")).ok();
        }
        voice.say(Report::Step { step, of, loss, checkpoint })
    };
    match net::train(clip, &Settings::for_device(device), device, from, &mut report) {
        Err(TrainError::Gpu(GpuError::Failed(error))) => {
            tracing::error!(%error, %device, "the GPU failed: this process uses it no more, the job is tried again");
            device.give_up();
            Err(Outcome::Interrupted)
        }
        Err(TrainError::Gpu(error)) => {
            tracing::warn!(%error, %device, "training on the CPU");
            let cpu = Device::cpu();
            let trained = net::train(clip, &Settings::for_device(&cpu), &cpu, None, &mut report)?;
            Ok(Learned { trained, instead: Some(cpu) })
        }
        trained => Ok(Learned { trained: trained?, instead: None }),
    }
}

/// The weights first, then the event that points at them.
async fn complete(
    worker: &Worker,
    hold: &Hold,
    learned: Learned,
    facts: &VideoChecked,
    started: Instant,
) -> Result<(), Outcome> {
    let Learned { trained, instead } = learned;
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
        advice: facts.advice.clone(),
        device: instead.map(|device| device.to_string()),
    };
    hold.execute("trained", || JobCommand::CompleteTraining(Box::new(done.clone()))).await.map(|_| ())
}

impl From<TrainError> for Outcome {
    fn from(error: TrainError) -> Self {
        match error {
            TrainError::Stopped(_) => Self::Interrupted,
            error => Self::internal(error),
        }
    }
}
