//! The second phase: from the weights to pictures.

use super::reporter::{self, Report, Voice};
use super::{Hold, Outcome, Worker, picture, video};
use crate::clip::{Character, Clip};
use crate::device::Device;
use crate::draw::{self, style::Style};
use crate::net::Model;
use crate::teach::Teachers;
use bus::BlobError;
use schemas::Blob;
use schemas::event::{InferenceCompleted, InferenceStarted, Picture};
use schemas::job::{Job, JobCommand};
use std::time::Instant;

/// Weights are about 750 kB.
const MAX_MODEL_BYTES: u64 = 64 << 20;
/// A job that is drawn again shares the model of another, which may be deleted meanwhile.
const MODEL_GONE: &str = "model-gone";

pub async fn run(worker: &Worker, hold: &Hold) -> Result<(), Outcome> {
    let started = Instant::now();
    let job = start(hold).await?;
    let (request, model) = job.request.zip(job.model).ok_or(Outcome::Superseded)?;
    let style = style(request.style.unwrap_or_default())?;
    let model = load(worker, &model).await?;
    let file = video::fetch(worker, hold, &request.blob).await?;

    let nets = worker.teachers.clone();
    let strokes = request.strokes;
    let compute = move |voice: &Voice| {
        let ready = video::prepare(file.path(), nets.as_deref(), &strokes, voice)?;
        let drawn = draw_with(&model, &ready.clip, nets.as_deref(), style, voice).ok_or(Outcome::Interrupted)?;
        Ok((drawn, ready.facts))
    };
    let reporter = reporter::Reporter::new(worker, hold, None);
    let ((drawn, facts), panels) = reporter.run(compute).await?;
    complete(worker, hold, drawn, panels, started).await?;
    // Says nothing new, unless the worker that trained died between its two last events.
    video::check(hold, request.video, facts).await
}

/// Takes the phase.
async fn start(hold: &Hold) -> Result<Job, Outcome> {
    let (attempt, lease) = (hold.attempt, hold.lease);
    // Looking and drawing are the CPU's, whatever has trained.
    let start = InferenceStarted { attempt, lease, device: Device::cpu().to_string() };
    hold.start(|| JobCommand::StartInference(start.clone())).await
}

/// A style of a newer Kart is no reason to draw in another one: a worker that knows it may take the next attempt.
fn style(asked: schemas::Style) -> Result<&'static Style, Outcome> {
    let unknown = || Outcome::failed("unknown-style", format!("No style is called {}.", asked.as_str()), true);
    Style::find(asked.as_str()).ok_or_else(unknown)
}

async fn load(worker: &Worker, model: &Blob) -> Result<Model, Outcome> {
    let weights = worker.blobs.get(&model.key, MAX_MODEL_BYTES).await.map_err(|error| match error {
        BlobError::NotFound { .. } => {
            Outcome::failed(MODEL_GONE, "The network was deleted. Send the video again.", false)
        }
        error => error.into(),
    })?;
    Model::from_bytes(&weights).map_err(Outcome::internal)
}

/// All but the panels, which were stored one by one.
struct Drawn {
    page: picture::Encoded,
    cutouts: Vec<picture::Encoded>,
    background: picture::Encoded,
}

/// What the network says of every frame, then the drawing.
fn draw_with(model: &Model, clip: &Clip, teachers: Option<&Teachers>, style: &Style, voice: &Voice) -> Option<Drawn> {
    let palette = model.palette();
    let (mut figure, mut labels) = (vec![], vec![]);
    for (index, frame) in clip.frames.iter().enumerate() {
        let segmented = model.infer(frame);
        labels.push(segmented.labels());
        figure.push(segmented.figure);
        let share = (index + 1) as f32 / clip.frames.len() as f32;
        if voice.say(Report::Stage("looking through the video", share)).is_break() {
            return None;
        }
    }
    let logits = |frame: usize| model.infer(&clip.frames[frame]).logits;
    let hands = |frame: usize| teachers.map_or_else(Vec::new, |teachers| teachers.hands(clip, frame));
    let character = Character { clip, palette: &palette, figure, labels, logits: &logits, hands: &hands };
    let go_on = || !voice.is_stopped();
    let drawn = draw::draw(&character, style, &go_on, &mut |index, panel| {
        let (index, of, at_ms) = (index as u32, draw::page::PANELS as u32, clip.times_ms[panel.frame]);
        let (picture, alt) = (picture::rgb(&panel.image), panel.alt.clone());
        voice.say(Report::Drawn(Box::new(reporter::Drawn { index, of, at_ms, picture, alt })))
    })?;
    let mut cutouts = vec![];
    for cutout in &drawn.cutouts {
        go_on().then_some(())?;
        cutouts.push(picture::rgba(cutout));
    }
    Some(Drawn { page: picture::rgb(&drawn.page), cutouts, background: picture::rgb(&drawn.background) })
}

/// Pictures first, then the event that points at them.
async fn complete(
    worker: &Worker,
    hold: &Hold,
    drawn: Drawn,
    panels: Vec<Picture>,
    started: Instant,
) -> Result<(), Outcome> {
    let alt = panels.iter().map(|panel| panel.alt.as_str()).collect::<Vec<_>>().join(" ");
    let page = picture::store(worker, hold, drawn.page, &format!("A comic page. {alt}"), None).await?;
    let mut cutouts = vec![];
    for cutout in drawn.cutouts {
        cutouts.push(picture::store(worker, hold, cutout, "The character, cut out.", None).await?);
    }
    let background = picture::store(worker, hold, drawn.background, "The scene without the character.", None).await?;
    let done = InferenceCompleted {
        attempt: hold.attempt,
        lease: hold.lease,
        page,
        panels,
        cutouts,
        background: Some(background),
        duration_ms: started.elapsed().as_millis() as u64,
    };
    hold.execute("inferred", || JobCommand::CompleteInference(Box::new(done.clone()))).await.map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_known_style_is_drawn_and_one_of_a_newer_kart_is_left_to_another_attempt() {
        for known in schemas::style::ALL {
            assert!(style(known.name.parse().unwrap()).is_ok_and(|style| style.name == known.name));
        }
        let newer = serde_json::from_str("\"crayon\"").unwrap();
        assert!(matches!(style(newer), Err(Outcome::Failed { code: "unknown-style", retryable: true, .. })));
    }
}
