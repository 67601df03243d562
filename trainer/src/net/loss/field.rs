//! The figure's border, by a gated conditional random field at half size: two places a few pixels apart that look
//! alike should both be the person or both not.

use rayon::prelude::*;

use super::{BORDER_WEIGHT, FIGURE, apart};
use crate::net::batch::Batch;
use crate::net::simd::{self, Kernel, Lanes, Vector, exp};

/// `(down, right)` in half-size pixels.
const OFFSETS: [(usize, isize); 6] = [(1, 0), (0, 1), (2, 2), (2, -2), (0, 5), (5, 0)];
/// Colours further apart than this do not look alike.
const ALIKE: f32 = 0.2;
/// Twice the squared reach, in half-size pixels.
const REACH: f32 = 32.0;

pub struct Field {
    height: usize,
    width: usize,
    colours: Vec<[f32; 3]>,
    figure: Vec<f32>,
    /// By each *full-size* pixel's figure probability.
    gradient: Vec<f32>,
}

impl Field {
    pub fn new(batch: &Batch) -> Self {
        let (height, width) = (batch.height / 2, batch.width / 2);
        let pixels = batch.images * height * width;
        Self { height, width, colours: vec![[0.0; 3]; pixels], figure: vec![0.0; pixels], gradient: vec![0.0; pixels] }
    }

    /// The gradient by the figure probability of pixel `(x, y)`.
    #[inline(always)]
    pub fn gradient(&self, image: usize, y: usize, x: usize) -> f32 {
        self.gradient[(image * self.height + y / 2) * self.width + x / 2]
    }

    pub fn judge(&mut self, batch: &Batch, chances: &[Lanes]) -> f32 {
        self.shrink(batch, chances);
        let images = batch.images;
        let Self { height, width, colours, figure, gradient } = self;
        let (height, width) = (*height, *width);
        let rows: Vec<f32> = gradient
            .par_chunks_exact_mut(width)
            .enumerate()
            .map(|(i, gradient)| {
                let start = i / height * height * width;
                let image = start..start + height * width;
                simd::run(FieldRow {
                    images,
                    height,
                    width,
                    y: i % height,
                    colours: &colours[image.clone()],
                    figure: &figure[image],
                    gradient,
                })
            })
            .collect();
        rows.iter().map(|row| f64::from(*row)).sum::<f64>() as f32
    }

    /// Means of 2×2 pixels.
    fn shrink(&mut self, batch: &Batch, chances: &[Lanes]) {
        let width = self.width;
        let rows = self.colours.par_chunks_exact_mut(width).zip(self.figure.par_chunks_exact_mut(width));
        rows.enumerate().for_each(|(row, (colours, figure))| {
            for x in 0..width {
                let first = row * 2 * batch.width + 2 * x;
                let four = [first, first + 1, first + batch.width, first + batch.width + 1];
                colours[x] = std::array::from_fn(|c| four.iter().map(|&i| batch.colours[i][c]).sum::<f32>() / 4.0);
                figure[x] = four.iter().map(|&i| chances[i][FIGURE]).sum::<f32>() / 4.0;
            }
        });
    }
}

/// One row of an image: its share of the loss (pairs that begin here) and its gradient (all its pairs).
struct FieldRow<'a> {
    images: usize,
    height: usize,
    width: usize,
    y: usize,
    colours: &'a [[f32; 3]],
    figure: &'a [f32],
    gradient: &'a mut [f32],
}

impl Kernel for FieldRow<'_> {
    type Output = f32;

    #[inline(always)]
    fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(self) -> f32 {
        let mut loss = 0.0;
        self.gradient.fill(0.0);
        let (height, width) = (self.height as isize, self.width as isize);
        for (down, right) in OFFSETS {
            let pairs =
                self.height.saturating_sub(down) * self.width.saturating_sub(right.unsigned_abs()) * self.images;
            if pairs == 0 {
                continue;
            }
            let near = (-((down * down) as f32 + (right * right) as f32) / REACH).exp();
            let weight = BORDER_WEIGHT * near / pairs as f32;
            for sign in [1, -1] {
                let other_row = self.y as isize + sign * down as isize;
                if !(0..height).contains(&other_row) {
                    continue;
                }
                let shift = sign * right;
                let columns = (-shift).max(0) as usize..(width - shift).min(width) as usize;
                let here = self.y * self.width;
                let there = (other_row * width + shift) as usize;
                for x in columns {
                    let (i, j) = (here + x, there.wrapping_add(x));
                    let alike = exp::<V>(apart(self.colours[i], self.colours[j]) * (-0.5 / (ALIKE * ALIKE)));
                    let (p, q) = (self.figure[i], self.figure[j]);
                    // A quarter, since the half-size probability is the mean of four.
                    self.gradient[x] += 0.25 * weight * alike * (1.0 - 2.0 * q);
                    if sign > 0 {
                        loss += weight * alike * (p * (1.0 - q) + q * (1.0 - p));
                    }
                }
            }
        }
        loss
    }
}
