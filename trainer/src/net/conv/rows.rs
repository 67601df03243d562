//! The two inner loops: a row of output pixels, and a row's share of the weight gradient.

use super::lanes;
use crate::net::simd::{Kernel, LANES, Lanes, Vector};

/// What the accumulators start from.
#[derive(Clone, Copy)]
pub enum Begin<'a> {
    Zero,
    Bias(&'a [f32]),
    /// What is in the output already.
    Sum,
}

/// What happens to a finished sum.
#[derive(Clone, Copy)]
pub enum End<'a> {
    Plain,
    Relu,
    /// Zero where this row (of the output's layout) is not positive.
    Gate(&'a [f32]),
}

/// One row: `out[pixel] = Σ over starts and the run: input[start + pixel · step + k] · weights[k]`.
pub struct ConvolveRow<'a> {
    pub input: &'a [f32],
    pub starts: &'a [usize],
    pub run: usize,
    pub step: usize,
    /// `[channels / 16][starts · run]`
    pub weights: &'a [Lanes],
    pub pixels: usize,
    pub out: &'a mut [f32],
    pub out_step: usize,
    pub channels: usize,
    pub begin: Begin<'a>,
    pub end: End<'a>,
}

impl Kernel for ConvolveRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(mut self) {
        let blocks = self.channels / LANES;
        let mut block = 0;
        while block + BLOCKS <= blocks {
            self.blocks::<V, PIXELS, BLOCKS>(block);
            block += BLOCKS;
        }
        while block < blocks {
            self.blocks::<V, PIXELS, 1>(block);
            block += 1;
        }
    }
}

impl ConvolveRow<'_> {
    #[inline(always)]
    fn blocks<V: Vector, const PIXELS: usize, const BLOCKS: usize>(&mut self, block: usize) {
        let mut pixel = 0;
        while pixel + PIXELS <= self.pixels {
            self.tile::<V, PIXELS, BLOCKS>(pixel, block);
            pixel += PIXELS;
        }
        while pixel + 2 <= self.pixels {
            self.tile::<V, 2, BLOCKS>(pixel, block);
            pixel += 2;
        }
        if pixel < self.pixels {
            self.tile::<V, 1, BLOCKS>(pixel, block);
        }
    }

    #[inline(always)]
    fn tile<V: Vector, const PIXELS: usize, const BLOCKS: usize>(&mut self, pixel: usize, block: usize) {
        let mut sums = [[V::load(&[0.0; LANES]); BLOCKS]; PIXELS];
        for (p, row) in sums.iter_mut().enumerate() {
            for (b, sum) in row.iter_mut().enumerate() {
                let at = (pixel + p) * self.out_step + (block + b) * LANES;
                *sum = begin_with(self.begin, self.out, at, block + b);
            }
        }
        let taps = self.starts.len() * self.run;
        for (i, start) in self.starts.iter().enumerate() {
            let mut runs = [&self.input[..0]; PIXELS];
            for (p, run) in runs.iter_mut().enumerate() {
                *run = &self.input[start + (pixel + p) * self.step..][..self.run];
            }
            let mut weights = [&self.weights[..0]; BLOCKS];
            for (b, weight) in weights.iter_mut().enumerate() {
                *weight = &self.weights[(block + b) * taps + i * self.run..][..self.run];
            }
            multiply::<V, PIXELS, BLOCKS>(&mut sums, runs, weights);
        }
        for (p, row) in sums.iter().enumerate() {
            for (b, sum) in row.iter().enumerate() {
                finish(*sum, self.out, (pixel + p) * self.out_step + (block + b) * LANES, self.end);
            }
        }
    }
}

/// What the sum at `out[at..]`, of a block of channels, starts from.
#[inline(always)]
pub fn begin_with<V: Vector>(begin: Begin, out: &[f32], at: usize, block: usize) -> V {
    match begin {
        Begin::Zero => V::load(&[0.0; LANES]),
        Begin::Bias(bias) => V::load(&lanes(bias)[block]),
        Begin::Sum => V::load(&lanes(&out[at..])[0]),
    }
}

/// Writes a finished sum to `out[at..]`.
#[inline(always)]
pub fn finish<V: Vector>(sum: V, out: &mut [f32], at: usize, end: End) {
    let mut finished = [0.0; LANES];
    sum.store(&mut finished);
    let out = &mut out[at..at + LANES];
    match end {
        End::Plain => out.copy_from_slice(&finished),
        End::Relu => {
            for l in 0..LANES {
                out[l] = finished[l].max(0.0);
            }
        }
        End::Gate(gate) => {
            let gate = &gate[at..at + LANES];
            for l in 0..LANES {
                out[l] = if gate[l] > 0.0 { finished[l] } else { 0.0 };
            }
        }
    }
}

#[inline(always)]
fn multiply<V: Vector, const PIXELS: usize, const BLOCKS: usize>(
    sums: &mut [[V; BLOCKS]; PIXELS],
    runs: [&[f32]; PIXELS],
    weights: [&[Lanes]; BLOCKS],
) {
    let taps = runs[0].len();
    // Said once here, these spare every access in the loop its check.
    for run in runs {
        assert!(run.len() == taps);
    }
    for weight in weights {
        assert!(weight.len() == taps);
    }
    // A copy that is nobody's reference can live in registers.
    let mut local = *sums;
    for k in 0..taps {
        let mut weight = [V::load(&[0.0; LANES]); BLOCKS];
        for b in 0..BLOCKS {
            weight[b] = V::load(&weights[b][k]);
        }
        for p in 0..PIXELS {
            for b in 0..BLOCKS {
                local[p][b] = local[p][b].add_multiple(runs[p][k], weight[b]);
            }
        }
    }
    *sums = local;
}

/// Some rows' share of a gradient of weights:
/// `sum[k][output] += Σ over rows and pixels: runs[row · row_step + pixel · step + k] · gradient[row][pixel][output]`.
pub struct Correlate<'a> {
    pub rows: usize,
    pub pixels: usize,
    pub runs: &'a [f32],
    pub run: usize,
    pub step: usize,
    pub row_step: usize,
    pub gradient: &'a [f32],
    pub gradient_row_step: usize,
    pub outputs: usize,
    /// `[run][outputs]`
    pub sum: &'a mut [f32],
}

impl Kernel for Correlate<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(mut self) {
        let blocks = self.outputs / LANES;
        let mut block = 0;
        while block + BLOCKS <= blocks {
            self.blocks::<V, BLOCKS>(block);
            block += BLOCKS;
        }
        while block < blocks {
            self.blocks::<V, 1>(block);
            block += 1;
        }
    }
}

/// Run positions that one pass over the rows sums up at once; runs are multiples of 16 long.
const TAPS: usize = 8;

impl Correlate<'_> {
    #[inline(always)]
    fn blocks<V: Vector, const BLOCKS: usize>(&mut self, block: usize) {
        for tap in (0..self.run).step_by(TAPS) {
            let first = tap * self.outputs + block * LANES;
            let mut sums = [[V::load(&[0.0; LANES]); BLOCKS]; TAPS];
            for (t, row) in sums.iter_mut().enumerate() {
                for (b, sum) in row.iter_mut().enumerate() {
                    *sum = V::load(&lanes(&self.sum[first + t * self.outputs + b * LANES..])[0]);
                }
            }
            for row in 0..self.rows {
                let runs = &self.runs[row * self.row_step + tap..];
                let gradient = &self.gradient[row * self.gradient_row_step..][..self.pixels * self.outputs];
                for (pixel, gradient) in gradient.chunks_exact(self.outputs).enumerate() {
                    let inputs = &runs[pixel * self.step..][..TAPS];
                    let gradient = lanes(&gradient[block * LANES..(block + BLOCKS) * LANES]);
                    for t in 0..TAPS {
                        for b in 0..BLOCKS {
                            sums[t][b] = sums[t][b].add_multiple(inputs[t], V::load(&gradient[b]));
                        }
                    }
                }
            }
            for (t, row) in sums.iter().enumerate() {
                for (b, sum) in row.iter().enumerate() {
                    let into = first + t * self.outputs + b * LANES;
                    sum.store(&mut self.sum[into..].as_chunks_mut().0[0]);
                }
            }
        }
    }
}
