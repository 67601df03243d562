mod check;
mod checkpoint;
mod gpu;
#[cfg(test)]
mod tests;

use std::ops::ControlFlow;

pub use check::{Agreement, check, gpu_memory_bytes};
pub use checkpoint::Checkpoint;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::adam::Adam;
use super::batch::{Batch, Footage};
use super::cuda::{GpuError, Precision};
use super::loss::{Direction, Loss, Outcome, Parts};
use super::map::Map;
use super::model::{ENTRIES, Model, STRETCH};
use super::network::{self, Maps};
use super::palette::Samples;
use crate::clip::Clip;
use crate::device::Device;
use crate::raster::colour;

/// How long and on how much to train.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    pub steps: u32,
    /// Pairs of consecutive frames in a step; twice as many windows.
    pub batch_pairs: usize,
    /// Long and short side of a window, in working pixels; it stands upright when the clip does.
    pub window: [usize; 2],
    pub seed: u64,
}

impl Settings {
    pub fn for_device(device: &Device) -> Self {
        match device {
            Device::Cpu { .. } => Self { steps: 140, batch_pairs: 2, window: [320, 240], seed: 0 },
            Device::Cuda { .. } => Self { steps: 400, batch_pairs: 4, window: [512, 384], seed: 0 },
        }
    }
}

/// Where training stands after a step.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// 1 after the first step.
    pub step: u32,
    pub of: u32,
    pub loss: f32,
    pub parts: Parts,
}

/// The model, and the loss of each step.
#[derive(Clone, Debug)]
pub struct Trained {
    pub model: Model,
    pub curve: Vec<f32>,
}

#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    #[error("training was stopped after step {0}")]
    Stopped(u32),
    #[error("the clip has no frames")]
    NoFrames,
    #[error("frame {0} is not of the working size")]
    Size(usize),
    #[error("the loss is no longer a number at step {0}")]
    Diverged(u32),
    #[error(transparent)]
    Gpu(#[from] GpuError),
    #[error("no threads to train with: {0}")]
    Threads(#[from] rayon::ThreadPoolBuildError),
}

/// Trains a model on the clip. The same clip, settings and seed give the same model, bit for bit, on machines with
/// the same instructions, also when another training of them broke off and this one goes on `from` there. A checkpoint
/// of anything else is not used. `report` hears of every step and may stop the training. On a GPU the [`Training`] that
/// it sees may be some steps behind: it is as of its own model's step.
pub fn train(
    clip: &Clip,
    settings: &Settings,
    device: &Device,
    from: Option<Checkpoint>,
    report: &mut (dyn FnMut(&Progress, &Training) -> ControlFlow<()> + Send),
) -> Result<Trained, TrainError> {
    if clip.frames.is_empty() || clip.width == 0 || clip.height == 0 {
        return Err(TrainError::NoFrames);
    }
    if let Some(odd) = clip.frames.iter().position(|f| (f.width, f.height) != (clip.width, clip.height)) {
        return Err(TrainError::Size(odd));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(device.threads()).build()?;
    pool.install(|| {
        let mut training = Training::new(clip, settings);
        if let Some(Err(misfit)) = from.map(|checkpoint| training.go_on_from(checkpoint)) {
            tracing::warn!(%misfit, "a checkpoint cannot be used: the training begins anew");
        }
        if let Device::Cuda { ordinal, .. } = device {
            training.run_on_gpu(*ordinal, Precision::Brain, report)?;
        }
        // Nothing is left to do here after a GPU.
        for step in training.model.step + 1..=settings.steps {
            let parts = training.step();
            let progress = Progress { step, of: settings.steps, loss: parts.total(), parts };
            if !progress.loss.is_finite() {
                return Err(TrainError::Diverged(step));
            }
            training.curve.push(progress.loss);
            if report(&progress, &training).is_break() {
                return Err(TrainError::Stopped(step));
            }
        }
        Ok(Trained { model: training.model, curve: training.curve })
    })
}

const RATE: f32 = 3e-3;
const WARM_UP_STEPS: f32 = 10.0;
/// Share of the rate that is left at the end.
const LAST_RATE: f32 = 0.05;

/// Warm-up, then half a cosine.
fn rate(step: u32, steps: u32) -> f32 {
    let warm = ((step + 1) as f32 / WARM_UP_STEPS).min(1.0);
    let cosine = 0.5 * (1.0 + (std::f32::consts::PI * step as f32 / steps as f32).cos());
    RATE * warm * (LAST_RATE + (1.0 - LAST_RATE) * cosine)
}

/// Everything that lasts from step to step.
pub struct Training {
    settings: Settings,
    model: Model,
    /// The loss of each step so far.
    curve: Vec<f32>,
    footage: Footage,
    samples: Samples,
    rng: ChaCha8Rng,
    batch: Batch,
    maps: Maps,
    d_maps: Maps,
    loss: Loss,
    d_weights: Vec<f32>,
    adam_weights: Adam,
    adam_centres: Adam,
    adam_gain: Adam,
    /// Smoothed share of each entry.
    usage: [f32; ENTRIES],
}

impl Training {
    fn new(clip: &Clip, settings: &Settings) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(settings.seed);
        let (mean, scale) = statistics(clip);
        let groups = super::model::Groups::new(false, false);
        let mut model = Model::untrained(clip.width, clip.height, groups, mean, scale, settings.seed);
        let footage = Footage::new(clip, &model);
        let mut samples = Samples::draw(&footage, clip.has_figure, &mut rng);
        model.groups = samples.groups(clip.has_figure, &footage);
        model.centres = samples.centres(model.groups, &mut rng);
        let window = footage.window(settings.window[0], settings.window[1]);
        let batch = Batch::new(settings.batch_pairs.max(1), window);
        let maps = || Maps::new(batch.images, batch.height, batch.width);
        Self {
            settings: *settings,
            curve: Vec::new(),
            maps: maps(),
            d_maps: maps(),
            loss: Loss::new(&batch),
            d_weights: vec![0.0; model.weights.len()],
            adam_weights: Adam::new(model.weights.len()),
            adam_centres: Adam::new(3 * ENTRIES),
            adam_gain: Adam::new(1),
            usage: [1.0 / ENTRIES as f32; ENTRIES],
            model,
            footage,
            samples,
            rng,
            batch,
        }
    }

    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The loss of each step so far.
    pub fn curve(&self) -> &[f32] {
        &self.curve
    }

    /// The windows of the last step, for those who compare trainers.
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// The gradient of the weights in the last step, laid out as they are.
    pub fn gradient(&self) -> &[f32] {
        &self.d_weights
    }

    fn step(&mut self) -> Parts {
        let (step, steps) = (self.model.step, self.settings.steps);
        self.footage.draw(&mut self.rng, &mut self.batch);
        network::forward(&self.model.weights, &self.batch.input, &mut self.maps);
        let direction = if step.is_multiple_of(2) { Direction::Down } else { Direction::Right };
        let (head, d_head): (&Map, &mut Map) = (&self.maps.head, &mut self.d_maps.head);
        let outcome = self.loss.judge(&self.batch, &self.model, direction, head, d_head);
        let (maps, d_maps) = (&self.maps, &mut self.d_maps);
        network::backward(&self.model.weights, &self.batch.input, maps, d_maps, &mut self.d_weights);

        let rate = rate(step, steps);
        self.adam_weights.update(&mut self.model.weights, &self.d_weights, rate);
        self.adam_centres.update(self.model.centres.as_flattened_mut(), outcome.d_centres.as_flattened(), rate);
        self.adam_gain.update(std::slice::from_mut(&mut self.model.log_gain), &[outcome.d_log_gain], rate);
        self.model.step += 1;
        self.revive(&outcome, steps);
        outcome.parts
    }

    /// Gives an entry that nobody chooses any more a colour that somebody may.
    fn revive(&mut self, outcome: &Outcome, steps: u32) {
        /// An entry with a smaller share is dead.
        const DEAD: f32 = 2e-4;
        /// Of the smoothed share, what is kept from step to step.
        const MEMORY: f32 = 0.9;
        /// Later there is no time left to learn a new one.
        const LATEST: f32 = 0.6;
        for (k, share) in outcome.usage.iter().enumerate() {
            self.usage[k] = MEMORY * self.usage[k] + (1.0 - MEMORY) * share;
            if self.usage[k] >= DEAD || self.model.step as f32 > LATEST * steps as f32 {
                continue;
            }
            if let Some(colour) = self.samples.another(self.model.groups, k, &self.model.centres, &mut self.rng) {
                self.model.centres[k] = colour;
                self.adam_centres.forget(3 * k..3 * k + 3);
                self.usage[k] = 1.0 / ENTRIES as f32;
            }
        }
    }
}

/// Mean of the stretched colours, and the largest deviation of a channel.
fn statistics(clip: &Clip) -> ([f32; 3], f32) {
    let mut sums = [[0.0f64; 2]; 3];
    for pixel in clip.frames.iter().flat_map(|frame| &frame.data) {
        let lab = colour::oklab(*pixel);
        for c in 0..3 {
            let v = f64::from(lab[c] * STRETCH[c]);
            sums[c][0] += v;
            sums[c][1] += v * v;
        }
    }
    let count = (clip.frames.len() * clip.width * clip.height) as f64;
    let mean = sums.map(|[sum, _]| sum / count);
    let deviation = (0..3).map(|c| (sums[c][1] / count - mean[c] * mean[c]).max(0.0).sqrt()).fold(0.0, f64::max);
    /// A clip of one colour has no deviation to divide by.
    const LEAST: f64 = 1e-3;
    (mean.map(|m| m as f32), deviation.max(LEAST) as f32)
}
