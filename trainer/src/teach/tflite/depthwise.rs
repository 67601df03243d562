//! Convolution of each channel with its own kernel.

use super::ModelError;
use super::elementwise::Activation;
use super::window::{Framing, Picture, Window};

/// Channels that are summed together, in registers.
const LANES: usize = 16;

#[derive(Debug)]
pub(super) struct Depthwise {
    input: Picture,
    output: Picture,
    window: Window,
    activation: Activation,
}

impl Depthwise {
    /// `weights` has the shape `[1, rows, columns, channels]`.
    pub fn new(
        input: Picture,
        output: Picture,
        weights: &[usize],
        bias: &[usize],
        framing: Framing,
        activation: Activation,
    ) -> Result<Self, ModelError> {
        let window = Window::new(framing, input, output)?;
        let channels = input.channels;
        if output.channels != channels
            || *weights != [1, framing.size[0], framing.size[1], channels]
            || *bias != [channels]
        {
            return Err(ModelError::Shape("a depthwise convolution's weights"));
        }
        Ok(Self { input, output, window, activation })
    }

    pub fn run(&self, values: &[f32], weights: &[f32], bias: &[f32], output: &mut [f32]) {
        let channels = self.input.channels;
        for (index, pixel) in output.chunks_exact_mut(channels).enumerate() {
            let (row, column) = (index / self.output.columns, index % self.output.columns);
            let mut first = 0;
            while first + LANES <= channels {
                let mut sums = [0.0; LANES];
                sums.copy_from_slice(&bias[first..first + LANES]);
                self.add_taps(values, weights, row, column, first, &mut sums);
                pixel[first..first + LANES].copy_from_slice(&sums);
                first += LANES;
            }
            pixel[first..].copy_from_slice(&bias[first..]);
            self.add_taps(values, weights, row, column, first, &mut pixel[first..]);
        }
        self.activation.apply(output);
    }

    /// Adds the window's products for the channels from `first` on, as many as `sums` holds.
    #[inline(always)] // so that a fixed number of sums stays in registers
    fn add_taps(&self, values: &[f32], weights: &[f32], row: usize, column: usize, first: usize, sums: &mut [f32]) {
        let channels = self.input.channels;
        let (row_taps, row) = self.window.rows(row);
        let (column_taps, column) = self.window.columns(column);
        for (tap_row, row) in row_taps.zip(row..) {
            for (tap_column, column) in column_taps.clone().zip(column..) {
                let source = (row * self.input.columns + column) * channels + first;
                let tap = (tap_row * self.window.size()[1] + tap_column) * channels + first;
                let factors = values[source..][..sums.len()].iter().zip(&weights[tap..][..sums.len()]);
                for (sum, (value, weight)) in sums.iter_mut().zip(factors) {
                    *sum += value * weight;
                }
            }
        }
    }
}
