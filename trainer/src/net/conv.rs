//! 3×3 and 1×1 convolutions without an im2col buffer.
//!
//! Those of 3×3 and stride 1, most of the work, are in [`winograd`]. The others are computed as they are defined:
//! In a framed map the three pixels under one kernel row are one run of floats, so an output pixel is the product of
//! one or three such runs with the weights. The gradient of the input is the same sum with the kernel turned around;
//! the gradient of the weights is the outer product of the runs with the output's gradient.

mod rows;
#[cfg(test)]
mod tests;
mod weights;
mod winograd;

use rayon::prelude::*;

use super::map::Map;
use super::simd::{self, LANES, Lanes};
use rows::{Begin, ConvolveRow, Correlate, End};

/// Shape of a layer. Weights are `[size, size, inputs, outputs]`; both channel counts are multiples of 16.
/// Padding keeps the size (stride 1) or halves it (stride 2, even sizes).
#[derive(Clone, Copy, Debug)]
pub struct Conv {
    pub name: &'static str,
    pub size: usize,
    pub stride: usize,
    pub inputs: usize,
    pub outputs: usize,
}

/// Where the gradient of a layer's input goes.
#[derive(Clone, Copy)]
pub struct Sink<'a> {
    /// Add to what is there instead of replacing it: for an input that others have read too.
    pub add: bool,
    /// The input itself, if it came out of a ReLU: where it is zero, so is the gradient.
    pub rectified: Option<&'a Map>,
}

impl Conv {
    pub const fn weight_count(&self) -> usize {
        self.size * self.size * self.inputs * self.outputs
    }

    /// `y = W ∗ x + b`, then ReLU if asked.
    pub fn forward(&self, weight: &[f32], bias: &[f32], x: &Map, y: &mut Map, relu: bool) {
        self.check(x, y);
        let end = if relu { End::Relu } else { End::Plain };
        if self.has_short_cut() {
            let packed = winograd::pack(self.inputs, self.outputs, |row, column, input, output| {
                lanes(&weight[((row * self.size + column) * self.inputs + input) * self.outputs + output..])[0]
            });
            return winograd::convolve(&packed, x, y, Begin::Bias(bias), |_, _| end);
        }
        let packed = weights::forward(self, weight);
        let pixels = y.width;
        y.for_each_row(|image, row, out| {
            let starts = self.runs(x, image, row);
            simd::run(ConvolveRow {
                input: &x.data,
                starts: &starts[..self.size],
                run: self.size * self.inputs,
                step: self.stride * self.inputs,
                weights: &packed,
                pixels,
                out,
                out_step: self.outputs,
                channels: self.outputs,
                begin: Begin::Bias(bias),
                end,
            });
        });
    }

    /// The gradient of the input from that of the output.
    pub fn backward_input(&self, weight: &[f32], dy: &Map, dx: &mut Map, into: Sink) {
        self.check(dx, dy);
        let begin = if into.add { Begin::Sum } else { Begin::Zero };
        if self.has_short_cut() {
            // The kernel turned around, inputs and outputs exchanged.
            let packed = winograd::pack(self.outputs, self.inputs, |row, column, output, input| {
                let at = ((2 - row) * self.size + 2 - column) * self.inputs + input;
                std::array::from_fn(|lane| weight[(at + lane) * self.outputs + output])
            });
            let gate = |image, y| into.rectified.map_or(End::Plain, |map| End::Gate(map.row(image, y)));
            return winograd::convolve(&packed, dy, dx, begin, gate);
        }
        let packed = weights::Backward::new(self, weight);
        let (stride, inputs, pixels) = (self.stride, self.inputs, dx.width / self.stride);
        let framed_first = 1 - usize::from(self.size == 3 && stride == 1);
        dx.for_each_row(|image, y, out| {
            let rectified = into.rectified.map(|map| map.row(image, y));
            for phase in 0..stride {
                let (columns, packed) = packed.phase(y % stride, phase);
                let mut starts = [0; 3];
                let taps = packed.len() * LANES / inputs / (columns * self.outputs);
                for (i, start) in starts.iter_mut().enumerate().take(taps) {
                    *start = dy.framed(image, y / stride + framed_first + i, framed_first);
                }
                let at = phase * inputs;
                simd::run(ConvolveRow {
                    input: &dy.data,
                    starts: &starts[..taps],
                    run: columns * self.outputs,
                    step: self.outputs,
                    weights: packed,
                    pixels,
                    out: &mut out[at..],
                    out_step: stride * inputs,
                    channels: inputs,
                    begin,
                    end: rectified.map_or(End::Plain, |row| End::Gate(&row[at..])),
                });
            }
        });
    }

    /// The gradients of weights and bias, replacing what is in `dw` and `db`.
    /// Summed image by image in a fixed order, whatever the threads do.
    pub fn backward_weights(&self, x: &Map, dy: &Map, dw: &mut [f32], db: &mut [f32]) {
        self.check(x, dy);
        if self.has_short_cut() {
            winograd::correlate(self, x, dy, dw);
        } else {
            self.correlate(x, dy, dw);
        }
        self.backward_bias(dy, db);
    }

    fn correlate(&self, x: &Map, dy: &Map, dw: &mut [f32]) {
        let run = self.size * self.inputs;
        let tasks: Vec<(usize, usize)> = (0..x.images).flat_map(|i| (0..self.size).map(move |k| (i, k))).collect();
        let partial: Vec<Vec<f32>> = tasks
            .par_iter()
            .map(|&(image, kernel_row)| {
                let mut sum = vec![0.0; run * self.outputs];
                simd::run(Correlate {
                    rows: dy.height,
                    pixels: dy.width,
                    runs: &x.data[self.runs(x, image, 0)[kernel_row]..],
                    run,
                    step: self.stride * self.inputs,
                    row_step: self.stride * x.row_step(),
                    gradient: &dy.data[dy.framed(image, 1, 1)..],
                    gradient_row_step: dy.row_step(),
                    outputs: self.outputs,
                    sum: &mut sum,
                });
                sum
            })
            .collect();
        dw.fill(0.0);
        for ((_, kernel_row), sum) in tasks.iter().zip(&partial) {
            let into = &mut dw[kernel_row * sum.len()..][..sum.len()];
            into.iter_mut().zip(sum).for_each(|(d, s)| *d += s);
        }
    }

    fn backward_bias(&self, dy: &Map, db: &mut [f32]) {
        let rows: Vec<Vec<f32>> = (0..dy.images * dy.height)
            .into_par_iter()
            .map(|i| {
                let mut sum = vec![0.0; self.outputs];
                for pixel in dy.row(i / dy.height, i % dy.height).chunks_exact(self.outputs) {
                    sum.iter_mut().zip(pixel).for_each(|(s, d)| *s += d);
                }
                sum
            })
            .collect();
        db.fill(0.0);
        for row in &rows {
            db.iter_mut().zip(row).for_each(|(d, s)| *d += s);
        }
    }

    fn has_short_cut(&self) -> bool {
        (self.size, self.stride) == (3, 1)
    }

    /// Where the runs of the first pixel of output row `y` begin, one for each kernel row.
    fn runs(&self, x: &Map, image: usize, y: usize) -> [usize; 3] {
        match self.size {
            1 => [x.framed(image, y + 1, 1), 0, 0],
            _ => [0, 1, 2].map(|kernel_row| x.framed(image, y * self.stride + kernel_row, 0)),
        }
    }

    fn check(&self, x: &Map, y: &Map) {
        assert!(matches!((self.size, self.stride), (1 | 3, 1) | (3, 2)), "kernels are 1×1 or 3×3");
        assert_eq!((x.channels, y.channels), (self.inputs, self.outputs), "channels of {}", self.name);
        assert!(x.channels.is_multiple_of(LANES) && y.channels.is_multiple_of(LANES));
        assert_eq!((x.images, x.height, x.width), (y.images, y.height * self.stride, y.width * self.stride));
    }
}

/// Floats as lanes: a view, since both have the same layout.
#[inline(always)]
fn lanes(values: &[f32]) -> &[Lanes] {
    values.as_chunks().0
}
