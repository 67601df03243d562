//! Average and largest value below a window, and zeros added around a picture.

use super::ModelError;
use super::window::{Framing, Picture, Window};

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Pooling {
    /// Mean of the pixels inside the picture.
    Average,
    Largest,
}

#[derive(Debug)]
pub(super) struct Pool {
    pooling: Pooling,
    input: Picture,
    output: Picture,
    window: Window,
}

impl Pool {
    pub fn new(pooling: Pooling, input: Picture, output: Picture, framing: Framing) -> Result<Self, ModelError> {
        if input.channels != output.channels {
            return Err(ModelError::Shape("pooling changes no channels"));
        }
        Ok(Self { pooling, input, output, window: Window::new(framing, input, output)? })
    }

    pub fn run(&self, values: &[f32], output: &mut [f32]) {
        let channels = self.input.channels;
        for (index, pixel) in output.chunks_exact_mut(channels).enumerate() {
            let (rows, first_row) = self.window.rows(index / self.output.columns);
            let (columns, first_column) = self.window.columns(index % self.output.columns);
            pixel.fill(if self.pooling == Pooling::Average { 0.0 } else { f32::MIN });
            for row in first_row..first_row + rows.len() {
                let from = (row * self.input.columns + first_column) * channels;
                for source in values[from..from + columns.len() * channels].chunks_exact(channels) {
                    self.gather(pixel, source);
                }
            }
            if self.pooling == Pooling::Average {
                let share = 1.0 / (rows.len() * columns.len()) as f32;
                pixel.iter_mut().for_each(|value| *value *= share);
            }
        }
    }

    fn gather(&self, pixel: &mut [f32], source: &[f32]) {
        let pairs = pixel.iter_mut().zip(source);
        match self.pooling {
            Pooling::Average => pairs.for_each(|(value, source)| *value += source),
            Pooling::Largest => pairs.for_each(|(value, source)| *value = value.max(*source)),
        }
    }
}

/// Zeros before and behind rows, columns and channels.
#[derive(Debug)]
pub(super) struct Pad {
    input: Picture,
    output: Picture,
    row: usize,
    column: usize,
    channel: usize,
}

impl Pad {
    /// `amounts` are before and behind for picture, row, column, channel.
    pub fn new(input: Picture, output: Picture, amounts: &[i32]) -> Result<Self, ModelError> {
        let wrong = ModelError::Shape("padding does not lead to its output");
        let amounts: Vec<usize> = amounts.iter().filter_map(|&amount| usize::try_from(amount).ok()).collect();
        let [0, 0, top, bottom, left, right, before, behind] = amounts[..] else { return Err(wrong) };
        let sums = (top + input.rows + bottom, left + input.columns + right, before + input.channels + behind);
        if sums != (output.rows, output.columns, output.channels) {
            return Err(wrong);
        }
        Ok(Self { input, output, row: top, column: left, channel: before })
    }

    pub fn run(&self, values: &[f32], output: &mut [f32]) {
        output.fill(0.0);
        for (index, source) in values.chunks_exact(self.input.channels).enumerate() {
            let (row, column) = (self.row + index / self.input.columns, self.column + index % self.input.columns);
            let to = (row * self.output.columns + column) * self.output.channels + self.channel;
            output[to..to + source.len()].copy_from_slice(source);
        }
    }
}
