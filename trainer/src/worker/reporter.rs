//! From the blocking computation to the world: ticks several times a second, milestones every few percent, previews;
//! and back: the order to stop.

use super::{Hold, Outcome, Worker, checkpoint, picture};
use bytes::Bytes;
use schemas::Blob;
use schemas::blob::keys;
use schemas::event::{PanelRendered, Picture, TrainingProgressed};
use schemas::job::JobCommand;
use schemas::progress::Tick;
use std::ops::ControlFlow;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const TICK_EVERY: Duration = Duration::from_millis(200);
/// At most this many milestones in a training: the log stays small.
const MILESTONES: u32 = 20;
const CURVE_POINTS: usize = 64;

/// What the computation says.
pub enum Report {
    /// Share done of a stage without steps of its own, 0..1.
    Stage(&'static str, f32),
    Step {
        step: u32,
        of: u32,
        loss: f32,
        checkpoint: Option<Vec<u8>>,
    },
    /// The losses before the first step, of a training that goes on.
    Curve(Vec<f32>),
    /// A PNG of how the model sees one frame by now, and in which colours.
    Preview(Vec<u8>, Vec<String>),
    Drawn(Box<Drawn>),
}

/// A panel is ready.
pub struct Drawn {
    /// From 0.
    pub index: u32,
    pub of: u32,
    pub at_ms: u64,
    pub picture: picture::Encoded,
    pub alt: String,
}

/// The computation's end: it reports here and asks whether to go on.
#[derive(Clone)]
pub struct Voice {
    reports: mpsc::UnboundedSender<Report>,
    stop: CancellationToken,
}

impl Voice {
    pub fn say(&self, report: Report) -> ControlFlow<()> {
        match self.reports.send(report) {
            Ok(()) if !self.stop.is_cancelled() => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }

    /// The phase was stopped, or nobody listens any more.
    pub fn is_stopped(&self) -> bool {
        self.stop.is_cancelled() || self.reports.is_closed()
    }

    pub fn stop(&self) -> &CancellationToken {
        &self.stop
    }
}

/// Whether a step ends a twentieth of the training, but for the last.
pub fn is_milestone(step: u32, of: u32) -> bool {
    let part = |step: u32| step * MILESTONES / of.max(1);
    step < of && part(step) > part(step.saturating_sub(1))
}

/// Tells what is being done where nothing else reports.
pub async fn say_stage(hold: &Hold, stage: &str) {
    if let Err(error) = hold.bus.ticks().publish(&tick(hold, stage)).await {
        tracing::debug!(%error, "a tick was lost");
    }
}

fn tick(hold: &Hold, stage: &str) -> Tick {
    Tick {
        job: hold.job,
        phase: hold.phase,
        stage: stage.to_owned(),
        step: 0,
        of: 0,
        loss: None,
        curve: vec![],
        eta_ms: None,
        preview: None,
        palette: vec![],
    }
}

pub struct Reporter<'a> {
    worker: &'a Worker,
    hold: &'a Hold,
    tick: Tick,
    curve: Vec<f32>,
    /// When this worker's first step ended, and which it was.
    first_step: Option<(Instant, u32)>,
    last_tick: Option<Instant>,
    /// The newest that the log knows.
    checkpoint: Option<Blob>,
    previews: usize,
    last_preview: Option<String>,
    /// Stored so far, in reading order.
    panels: Vec<Picture>,
}

impl<'a> Reporter<'a> {
    /// `checkpoint`: the newest of an earlier worker.
    pub fn new(worker: &'a Worker, hold: &'a Hold, checkpoint: Option<Blob>) -> Self {
        Self {
            worker,
            hold,
            tick: tick(hold, "starting"),
            curve: vec![],
            first_step: None,
            last_tick: None,
            checkpoint,
            previews: 0,
            last_preview: None,
            panels: vec![],
        }
    }

    /// Runs `compute` on a blocking thread, passes on what it says, and returns its result with the panels that it drew.
    /// When nothing can be passed on any more, the computation stops by itself.
    pub async fn run<T: Send + 'static>(
        mut self,
        compute: impl FnOnce(&Voice) -> Result<T, Outcome> + Send + 'static,
    ) -> Result<(T, Vec<Picture>), Outcome> {
        let (reports, mut inbox) = mpsc::unbounded_channel();
        let voice = Voice { reports, stop: self.hold.stop.clone() };
        let computing = self.hold.computing.spawn_blocking(move || compute(&voice));
        while let Some(report) = inbox.recv().await {
            self.pass_on(report).await?;
        }
        let computed = computing.await.map_err(Outcome::internal)??;
        self.tick.stage = "storing".to_owned();
        self.send(true).await;
        Ok((computed, self.panels))
    }

    async fn pass_on(&mut self, report: Report) -> Result<(), Outcome> {
        match report {
            Report::Stage(stage, share) => {
                let fresh = self.tick.stage != stage;
                self.tick.stage = stage.to_owned();
                (self.tick.step, self.tick.of, self.tick.eta_ms) = ((share * 100.) as u32, 100, None);
                self.send(fresh).await;
            }
            Report::Curve(curve) => self.curve = curve,
            Report::Step { step, of, loss, checkpoint } => self.step(step, of, loss, checkpoint).await?,
            Report::Preview(png, palette) => {
                self.tick.palette = palette;
                self.preview(png).await;
            }
            Report::Drawn(drawn) => {
                self.tick.stage = "drawing".to_owned();
                (self.tick.step, self.tick.of) = (drawn.index + 1, drawn.of);
                self.panel(*drawn).await?;
                self.send(true).await;
            }
        }
        Ok(())
    }

    async fn step(&mut self, step: u32, of: u32, loss: f32, checkpoint: Option<Vec<u8>>) -> Result<(), Outcome> {
        let (since, first) = *self.first_step.get_or_insert_with(|| (Instant::now(), step));
        self.curve.push(loss);
        let per_step = since.elapsed().as_secs_f64() / f64::from((step - first).max(1));
        self.tick.stage = "training".to_owned();
        (self.tick.step, self.tick.of, self.tick.loss) = (step, of, Some(loss));
        self.tick.eta_ms = (step > first + 1).then(|| (per_step * f64::from(of - step) * 1000.) as u64);
        self.send(step == first || step == of).await;
        if is_milestone(step, of) {
            self.milestone(step, of, loss, checkpoint).await?;
        }
        Ok(())
    }

    /// The checkpoint first, then the event that points at it.
    async fn milestone(&mut self, step: u32, of: u32, loss: f32, bytes: Option<Vec<u8>>) -> Result<(), Outcome> {
        let checkpoint = match bytes {
            Some(bytes) => checkpoint::store(self.worker, self.hold, self.checkpoint.as_ref(), bytes).await,
            None => None,
        };
        let (attempt, lease) = (self.hold.attempt, self.hold.lease);
        let progress = TrainingProgressed { attempt, lease, step, of, loss, checkpoint };
        let command = || JobCommand::ProgressTraining(progress.clone());
        self.checkpoint = self.hold.execute(&format!("step {step}"), command).await?.checkpoint;
        Ok(())
    }

    /// The picture first, then the event that points at it.
    async fn panel(&mut self, Drawn { index, of, at_ms, picture, alt }: Drawn) -> Result<(), Outcome> {
        let picture = picture::store(self.worker, self.hold, picture, &alt, Some(at_ms)).await?;
        self.panels.push(picture.clone());
        let (attempt, lease) = (self.hold.attempt, self.hold.lease);
        let rendered = PanelRendered { attempt, lease, index, of, picture };
        let command = || JobCommand::RenderPanel(Box::new(rendered.clone()));
        self.hold.execute(&format!("panel {index}"), command).await.map(|_| ())
    }

    /// Previews are for watching only: one that cannot be stored is not shown. All but the last, which a page may still
    /// show, go when the phase has ended.
    async fn preview(&mut self, png: Vec<u8>) {
        let key = keys::preview(self.hold.user, self.hold.lease, self.previews);
        match self.worker.blobs.put(&key, Bytes::from(png), "image/png").await {
            Ok(blob) => {
                self.previews += 1;
                if let Some(older) = self.last_preview.replace(key) {
                    self.hold.scrap(older);
                }
                self.tick.preview = Some(blob);
                self.send(true).await;
            }
            Err(error) => tracing::warn!(%error, "no preview"),
        }
    }

    async fn send(&mut self, at_once: bool) {
        if !at_once && self.last_tick.is_some_and(|last| last.elapsed() < TICK_EVERY) {
            return;
        }
        self.last_tick = Some(Instant::now());
        self.tick.curve = thin(&self.curve);
        if let Err(error) = self.worker.bus.ticks().publish(&self.tick).await {
            tracing::debug!(%error, "a tick was lost");
        }
    }
}

/// At most [`CURVE_POINTS`] means of neighbouring losses.
pub fn thin(curve: &[f32]) -> Vec<f32> {
    let points = curve.len().min(CURVE_POINTS);
    (0..points)
        .map(|i| {
            let (from, to) = (i * curve.len() / points, (i + 1) * curve.len() / points);
            curve[from..to].iter().sum::<f32>() / (to - from) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_curve_keeps_its_mean_and_its_length_limit() {
        for n in [0usize, 1, 63, 64, 65, 140, 1000] {
            let curve: Vec<f32> = (0..n).map(|i| i as f32).collect();
            let thinned = thin(&curve);
            assert_eq!(thinned.len(), n.min(64));
            assert!(thinned.windows(2).all(|pair| pair[0] < pair[1]), "{n}");
        }
        assert_eq!(thin(&[1., 3.]), [1., 3.]);
    }

    #[test]
    fn a_long_training_has_twenty_milestones_and_a_short_one_as_many_as_it_can() {
        for (of, expected) in [(0, 0), (1, 0), (2, 1), (19, 18), (20, 19), (140, 19), (400, 19)] {
            assert_eq!((1..=of).filter(|step| is_milestone(*step, of)).count(), expected, "{of}");
        }
    }
}
