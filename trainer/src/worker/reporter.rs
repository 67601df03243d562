//! From the blocking computation to the world: ticks several times a second, milestones every few percent, previews;
//! and back: the order to stop.

use super::{Hold, Outcome, Worker, picture};
use crate::draw::DrawnPanel;
use bytes::Bytes;
use futures::StreamExt;
use schemas::blob::keys;
use schemas::event::{PanelRendered, Picture, TrainingProgressed};
use schemas::job::JobCommand;
use schemas::progress::Tick;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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
    },
    /// A PNG of how the model sees one frame by now.
    Preview(Vec<u8>),
    Drawn(Box<Drawn>),
}

/// A panel is ready.
pub struct Drawn {
    /// From 0.
    pub index: u32,
    pub of: u32,
    pub at_ms: u64,
    pub panel: DrawnPanel,
}

/// The computation's end: it reports here and asks whether to go on.
#[derive(Clone)]
pub struct Voice {
    reports: mpsc::UnboundedSender<Report>,
    stop: Arc<AtomicBool>,
}

impl Voice {
    pub fn say(&self, report: Report) -> ControlFlow<()> {
        match self.reports.send(report) {
            Ok(()) if !self.stop.load(Ordering::Relaxed) => ControlFlow::Continue(()),
            _ => ControlFlow::Break(()),
        }
    }
}

/// Runs `compute` on a blocking thread and passes on what it says. When the job is cancelled, taken over, or the worker
/// shuts down, the computation is told to stop, and why is returned instead of its result and the panels that it drew.
pub async fn run<T: Send + 'static>(
    worker: &Worker,
    hold: &Hold,
    shutdown: &CancellationToken,
    compute: impl FnOnce(&Voice) -> Result<T, Outcome> + Send + 'static,
) -> Result<(T, Vec<Picture>), Outcome> {
    let (reports, inbox) = mpsc::unbounded_channel();
    let stop = Arc::new(AtomicBool::new(false));
    let voice = Voice { reports, stop: stop.clone() };
    let computing = tokio::task::spawn_blocking(move || compute(&voice));
    let mut reporter = Reporter::new(worker, hold);
    let reason = reporter.listen(inbox, shutdown).await.err();
    stop.store(true, Ordering::Relaxed);
    let computed = computing.await;
    reporter.delete_previews().await;
    match (reason, computed) {
        (Some(reason), _) => Err(reason),
        (None, Ok(result)) => result.map(|result| (result, reporter.panels)),
        (None, Err(panic)) => Err(Outcome::internal(panic)),
    }
}

struct Reporter<'a> {
    worker: &'a Worker,
    hold: &'a Hold,
    tick: Tick,
    curve: Vec<f32>,
    started: Instant,
    last_tick: Option<Instant>,
    last_milestone: u32,
    previews: Vec<String>,
    /// Stored so far, in reading order.
    panels: Vec<Picture>,
}

impl<'a> Reporter<'a> {
    fn new(worker: &'a Worker, hold: &'a Hold) -> Self {
        let tick = Tick {
            job: hold.job,
            phase: hold.phase,
            stage: "starting".to_owned(),
            step: 0,
            of: 0,
            loss: None,
            curve: vec![],
            eta_ms: None,
            preview: None,
        };
        let now = Instant::now();
        Self {
            worker,
            hold,
            tick,
            curve: vec![],
            started: now,
            last_tick: None,
            last_milestone: 0,
            previews: vec![],
            panels: vec![],
        }
    }

    /// Until the computation hangs up, or there is a reason to stop it.
    async fn listen(
        &mut self,
        mut inbox: mpsc::UnboundedReceiver<Report>,
        shutdown: &CancellationToken,
    ) -> Result<(), Outcome> {
        let nudges = self.worker.bus.control().follow(self.hold.job).await;
        let mut nudges = nudges.map_err(|error| Outcome::Unavailable(error.to_string()))?.fuse();
        loop {
            let report = tokio::select! {
                report = inbox.recv() => report,
                Some(()) = nudges.next() => {
                    if self.hold.job().await?.cancel_requested {
                        return Err(Outcome::Cancelled);
                    }
                    continue;
                }
                () = shutdown.cancelled() => return Err(Outcome::Interrupted),
            };
            match report {
                None => return Ok(()),
                Some(Report::Stage(stage, share)) => {
                    let fresh = self.tick.stage != stage;
                    self.tick.stage = stage.to_owned();
                    (self.tick.step, self.tick.of, self.tick.eta_ms) = ((share * 100.) as u32, 100, None);
                    self.send(fresh).await;
                }
                Some(Report::Step { step, of, loss }) => self.step(step, of, loss).await?,
                Some(Report::Preview(png)) => self.preview(png).await,
                Some(Report::Drawn(drawn)) => {
                    self.tick.stage = "drawing".to_owned();
                    (self.tick.step, self.tick.of) = (drawn.index + 1, drawn.of);
                    self.panel(*drawn).await?;
                    self.send(true).await;
                }
            }
        }
    }

    async fn step(&mut self, step: u32, of: u32, loss: f32) -> Result<(), Outcome> {
        if self.curve.is_empty() {
            self.started = Instant::now();
        }
        self.curve.push(loss);
        let per_step = self.started.elapsed().as_secs_f64() / f64::from(self.curve.len().max(2) as u32 - 1);
        self.tick.stage = "training".to_owned();
        (self.tick.step, self.tick.of, self.tick.loss) = (step, of, Some(loss));
        self.tick.eta_ms = (self.curve.len() > 2).then(|| (per_step * f64::from(of - step) * 1000.) as u64);
        self.send(step == of).await;
        let milestone = step * MILESTONES / of.max(1);
        if milestone > self.last_milestone && step < of {
            self.last_milestone = milestone;
            let (attempt, lease) = (self.hold.attempt, self.hold.lease);
            let progress = || {
                JobCommand::ProgressTraining(TrainingProgressed { attempt, lease, step, of, loss, checkpoint: None })
            };
            self.hold.execute(&format!("step {step}"), progress).await?;
        }
        Ok(())
    }

    /// The picture first, then the event that points at it.
    async fn panel(&mut self, Drawn { index, of, at_ms, panel }: Drawn) -> Result<(), Outcome> {
        let image = picture::rgb(&panel.image);
        let picture = picture::store(self.worker, self.hold, image, &panel.alt, Some(at_ms)).await?;
        self.panels.push(picture.clone());
        let (attempt, lease) = (self.hold.attempt, self.hold.lease);
        let rendered = PanelRendered { attempt, lease, index, of, picture };
        self.hold.execute(&format!("panel {index}"), || JobCommand::RenderPanel(Box::new(rendered.clone()))).await
    }

    /// Previews are for watching only: one that cannot be stored is not shown.
    async fn preview(&mut self, png: Vec<u8>) {
        let key = keys::preview(self.hold.user, self.hold.lease, self.previews.len());
        match self.worker.blobs.put(&key, Bytes::from(png), "image/png").await {
            Ok(blob) => {
                self.previews.push(key);
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

    /// All but the last, which a page may still show.
    async fn delete_previews(&mut self) {
        self.previews.pop();
        for key in self.previews.drain(..) {
            if let Err(error) = self.worker.blobs.delete(&key).await {
                tracing::debug!(%error, key, "a preview stays behind");
            }
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
}
