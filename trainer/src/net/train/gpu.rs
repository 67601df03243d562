//! A training on a GPU: as a device knows it, there and back.

use std::ops::ControlFlow;
use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Progress, TrainError, Training, rate};
use crate::net::adam;
use crate::net::cuda::{Gpu, GpuError, Lesson, Plan, Precision, Size};
use crate::net::loss::Parts;
use crate::net::model::ENTRIES;

/// Steps that the device may have been asked for beyond those reported: enough that it never waits for the host, few
/// enough that it stops soon.
const AHEAD: u32 = 32;
/// Steps between copies of what the device has learned: [`Training`] is as of the newest of them.
const COPIED_EVERY: u32 = 8;
/// Between two looks at how far the device is.
const LOOK_EVERY: Duration = Duration::from_micros(100);

impl Training {
    /// Does all steps that are left on a GPU.
    pub(super) fn run_on_gpu(
        &mut self,
        ordinal: usize,
        precision: Precision,
        report: &mut (dyn FnMut(&Progress, &Training) -> ControlFlow<()> + Send),
    ) -> Result<(), TrainError> {
        let (lesson, positions) = self.lesson();
        let steps = self.settings.steps;
        let plan = Plan::new(&lesson, precision);
        let mut gpu = Gpu::new(ordinal, &plan, steps as usize)?;
        let mut asked = self.model.step;
        for step in self.model.step + 1..=steps {
            while asked < steps.min(step - 1 + AHEAD) {
                gpu.step()?;
                asked += 1;
                if is_copied(asked, steps) {
                    gpu.copy_state(asked)?;
                }
            }
            let parts = wait_for(&gpu, step)?;
            let progress = Progress { step, of: steps, loss: parts.total(), parts };
            if !progress.loss.is_finite() {
                return Err(TrainError::Diverged(step));
            }
            self.curve.push(progress.loss);
            if is_copied(step, steps) {
                gpu.take_state(|step, state| self.take_over(step, positions[step as usize], state))?;
            }
            if report(&progress, self).is_break() {
                return Err(TrainError::Stopped(step));
            }
        }
        Ok(())
    }

    /// All that a device needs to go on from here. Windows are drawn ahead by the generator that the CPU would draw
    /// them with; chance for entries that die comes from another stream of it, so that it changes no window. Also
    /// returns the generator's position before each step.
    pub(super) fn lesson(&self) -> (Lesson, Vec<u128>) {
        let (done, steps) = (self.model.step as usize, self.settings.steps as usize);
        let pairs = self.batch.images / 2;
        let size = Size { images: self.batch.images, height: self.batch.height, width: self.batch.width };
        let mut rng = self.rng.clone();
        let mut windows = vec![[0; 3]; done * pairs];
        let mut positions = vec![0; done];
        for _ in done..steps {
            positions.push(rng.get_word_pos());
            let draw = |_| self.footage.draw_window(&mut rng, [size.width, size.height]).map(|v| v as i32);
            windows.extend((0..pairs).map(draw));
        }
        positions.push(rng.get_word_pos());
        let mut chance = ChaCha8Rng::seed_from_u64(self.settings.seed);
        chance.set_stream(1);
        let (samples, sample_starts) = crate::net::cuda::samples(&self.samples);
        let lesson = Lesson {
            size,
            groups: self.model.groups,
            step: self.model.step,
            frames: [self.footage.frames.len(), self.footage.height, self.footage.width],
            pixels: crate::net::cuda::pixels(&self.footage),
            windows,
            rates: (0..steps as u32).map(|step| adam::biased(rate(step, steps as u32), step as i32 + 1)).collect(),
            samples,
            sample_starts,
            draws: (0..steps * ENTRIES).map(|_| chance.random()).collect(),
            state: self.state(),
        };
        (lesson, positions)
    }

    /// Parameters, their moments, the usage of the entries: what [`Lesson::state`] holds.
    fn state(&self) -> Vec<f32> {
        let adams = [&self.adam_weights, &self.adam_centres, &self.adam_gain];
        let mut state = self.model.weights.clone();
        state.extend(self.model.centres.as_flattened());
        state.push(self.model.log_gain);
        adams.iter().for_each(|adam| state.extend(&adam.mean));
        adams.iter().for_each(|adam| state.extend(&adam.square));
        state.extend(self.usage);
        state
    }

    /// Takes over what a device had after `step`, with the generator where it was then.
    fn take_over(&mut self, step: u32, random_position: u128, state: &[f32]) {
        let mut rest = state;
        let mut fill = |into: &mut [f32]| {
            let (own, others) = rest.split_at(into.len());
            into.copy_from_slice(own);
            rest = others;
        };
        fill(&mut self.model.weights);
        fill(self.model.centres.as_flattened_mut());
        fill(std::slice::from_mut(&mut self.model.log_gain));
        let mut adams = [&mut self.adam_weights, &mut self.adam_centres, &mut self.adam_gain];
        adams.iter_mut().for_each(|adam| fill(&mut adam.mean));
        adams.iter_mut().for_each(|adam| fill(&mut adam.square));
        adams.iter_mut().for_each(|adam| adam.step = step as i32);
        fill(&mut self.usage);
        self.rng.set_word_pos(random_position);
        self.model.step = step;
    }
}

fn is_copied(step: u32, of: u32) -> bool {
    step.is_multiple_of(COPIED_EVERY) || step == of
}

/// The parts of the loss of a step (1 is the first).
fn wait_for(gpu: &Gpu, step: u32) -> Result<Parts, GpuError> {
    loop {
        if let Some([labels, palette, smooth, steady, figure, border, skin]) = gpu.progress(step as usize - 1) {
            return Ok(Parts { labels, palette, smooth, steady, figure, border, skin });
        }
        gpu.check()?;
        std::thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests;
