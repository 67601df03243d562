//! Convolution over all channels as matrix products, and its opposite that doubles a picture's size.

use super::ModelError;
use super::elementwise::Activation;
use super::window::{Framing, Picture, Window};

/// How many values are unrolled at a time: half a megabyte, which stays in the second-level cache.
const VALUES_AT_A_TIME: usize = 1 << 17;

/// `output[pixel, o] = bias[o] + Σ patch[pixel, i] · weights[o, i]`; a patch is rows × columns × channels.
#[derive(Debug)]
pub(super) struct Convolution {
    input: Picture,
    output: Picture,
    window: Window,
    activation: Activation,
}

impl Convolution {
    /// `weights` has the shape `[output channels, rows, columns, input channels]`.
    pub fn new(
        input: Picture,
        output: Picture,
        weights: &[usize],
        bias: &[usize],
        framing: Framing,
        activation: Activation,
    ) -> Result<Self, ModelError> {
        let window = Window::new(framing, input, output)?;
        if *weights != [output.channels, framing.size[0], framing.size[1], input.channels] || *bias != [output.channels]
        {
            return Err(ModelError::Shape("a convolution's weights"));
        }
        Ok(Self { input, output, window, activation })
    }

    /// Values that one unrolled block of patches takes.
    pub fn patch_values(&self) -> usize {
        if self.window.is_pointwise() { 0 } else { self.rows_at_a_time() * self.output.columns * self.patch_len() }
    }

    fn patch_len(&self) -> usize {
        let [rows, columns] = self.window.size();
        rows * columns * self.input.channels
    }

    fn rows_at_a_time(&self) -> usize {
        (VALUES_AT_A_TIME / (self.output.columns * self.patch_len())).clamp(1, self.output.rows)
    }

    pub fn run(&self, values: &[f32], weights: &[f32], bias: &[f32], output: &mut [f32], patches: &mut [f32]) {
        for pixel in output.chunks_exact_mut(bias.len()) {
            pixel.copy_from_slice(bias);
        }
        if self.window.is_pointwise() {
            add_product(values, weights, output, self.input.channels, self.output.channels);
        } else {
            let rows = self.rows_at_a_time();
            for (block, output) in output.chunks_mut(rows * self.output.columns * self.output.channels).enumerate() {
                let patches = &mut patches[..output.len() / self.output.channels * self.patch_len()];
                self.unroll(values, block * rows, patches);
                add_product(patches, weights, output, self.patch_len(), self.output.channels);
            }
        }
        self.activation.apply(output);
    }

    /// Writes the patches below the output rows from `first` on, one after the other, zero outside the picture.
    fn unroll(&self, values: &[f32], first: usize, patches: &mut [f32]) {
        let channels = self.input.channels;
        let tap_row = self.window.size()[1] * channels;
        for (index, patch) in patches.chunks_exact_mut(self.patch_len()).enumerate() {
            let (row_taps, row) = self.window.rows(first + index / self.output.columns);
            let (column_taps, column) = self.window.columns(index % self.output.columns);
            if row_taps.len() * column_taps.len() * channels < patch.len() {
                patch.fill(0.0);
            }
            for (tap, row) in row_taps.zip(row..) {
                let from = (row * self.input.columns + column) * channels;
                let to = tap * tap_row + column_taps.start * channels;
                let run = column_taps.len() * channels;
                patch[to..to + run].copy_from_slice(&values[from..from + run]);
            }
        }
    }
}

/// `output += left · rightᵀ`; both factors hold rows of `inner` values, the output rows of `columns`.
fn add_product(left: &[f32], right: &[f32], output: &mut [f32], inner: usize, columns: usize) {
    let rows = output.len() / columns;
    assert!(left.len() == rows * inner && right.len() == columns * inner && output.len() == rows * columns);
    // SAFETY: the lengths were checked above and the strides step through exactly these rows; `output` is borrowed
    // mutably, so it overlaps neither factor.
    unsafe {
        gemm::gemm(
            rows,
            columns,
            inner,
            output.as_mut_ptr(),
            1,
            columns as isize,
            true,
            left.as_ptr(),
            1,
            inner as isize,
            right.as_ptr(),
            inner as isize,
            1,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None, // frames run side by side instead
        );
    }
}

/// MediaPipe's `Convolution2DTransposeBias` with a 2 × 2 kernel and stride 2: each pixel becomes a square of four.
#[derive(Debug)]
pub(super) struct Doubling {
    input: Picture,
    outputs: usize,
}

impl Doubling {
    /// `weights` has the shape `[output channels, 2, 2, input channels]`.
    pub fn new(input: Picture, output: Picture, weights: &[usize], bias: &[usize]) -> Result<Self, ModelError> {
        let doubled = Picture { rows: 2 * input.rows, columns: 2 * input.columns, channels: output.channels };
        if output != doubled || *weights != [output.channels, 2, 2, input.channels] || *bias != [output.channels] {
            return Err(ModelError::Shape("a doubling convolution"));
        }
        Ok(Self { input, outputs: output.channels })
    }

    pub fn run(&self, values: &[f32], weights: &[f32], bias: &[f32], output: &mut [f32]) {
        let channels = self.input.channels;
        let columns = 2 * self.input.columns;
        for (index, pixel) in output.chunks_exact_mut(self.outputs).enumerate() {
            let (row, column) = (index / columns, index % columns);
            let source = &values[((row / 2) * self.input.columns + column / 2) * channels..][..channels];
            for (o, value) in pixel.iter_mut().enumerate() {
                let tap = &weights[(o * 4 + (row % 2) * 2 + column % 2) * channels..][..channels];
                *value = bias[o] + source.iter().zip(tap).map(|(v, w)| v * w).sum::<f32>();
            }
        }
    }
}
