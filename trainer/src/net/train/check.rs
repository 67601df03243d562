//! Whether a GPU computes what the CPU does: a tiny training on both. A device is used only after this.

use super::{Settings, TrainError, Training};
use crate::clip::Clip;
use crate::device::Device;
use crate::net::cuda::{Plan, Precision};

/// How far apart a GPU and the CPU are after a few steps, relative to what the CPU says.
#[derive(Clone, Copy, Debug)]
pub struct Agreement {
    /// `f32` or `bf16`.
    pub precision: &'static str,
    /// Largest difference of the loss of a step.
    pub loss: f64,
    /// Length of the difference of all averaged gradients.
    pub gradients: f64,
    pub bounds: [f64; 2],
}

impl Agreement {
    pub fn holds(&self) -> bool {
        // Not `<=` turned around: NaN does not hold.
        self.loss <= self.bounds[0] && self.gradients <= self.bounds[1]
    }
}

/// Loss and gradients in bf16 may be this far off: which way neighbours pull is decided by differences that rounding
/// can turn around. A wrong kernel is off by about 1.
const BRAIN_BOUNDS: [f64; 2] = [0.03, 0.25];
const SINGLE_BOUNDS: [f64; 2] = [1e-3, 1e-3];
const SETTINGS: Settings = Settings { steps: 3, batch_pairs: 1, window: [64, 48], seed: 1 };

/// Trains in both precisions on the GPU, and compares.
///
/// # Errors
/// What keeps the GPU from training at all.
pub fn check(ordinal: usize) -> Result<[Agreement; 2], TrainError> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(Device::cpu().threads()).build()?;
    pool.install(|| {
        let [width, height] = SETTINGS.window;
        let clip = Clip::blocks(width, height, 2);
        let mut expected = Training::new(&clip, &SETTINGS);
        let losses: Vec<f32> = (0..SETTINGS.steps).map(|_| expected.step().total()).collect();
        let compare = |precision: Precision, name: &'static str, bounds: [f64; 2]| -> Result<Agreement, TrainError> {
            let mut found = Training::new(&clip, &SETTINGS);
            found.run_on_gpu(ordinal, precision, &mut |_, _| std::ops::ControlFlow::Continue(()))?;
            let off = found.curve.iter().zip(&losses).map(|(f, e)| f64::from((f - e).abs() / e));
            let gradients = apart(&found.adam_weights.mean, &expected.adam_weights.mean);
            Ok(Agreement { precision: name, loss: off.fold(0.0, f64::max), gradients, bounds })
        };
        Ok([compare(Precision::Single, "f32", SINGLE_BOUNDS)?, compare(Precision::Brain, "bf16", BRAIN_BOUNDS)?])
    })
}

/// What a training of this clip takes of a GPU's memory.
pub fn gpu_memory_bytes(clip: &Clip, settings: &Settings) -> usize {
    Plan::new(&Training::new(clip, settings).lesson().0, Precision::Brain).memory.bytes
}

fn apart(found: &[f32], expected: &[f32]) -> f64 {
    let square = |v: f32| f64::from(v) * f64::from(v);
    let off: f64 = found.iter().zip(expected).map(|(f, e)| square(f - e)).sum();
    (off / expected.iter().map(|e| square(*e)).sum::<f64>()).sqrt()
}
