//! Batch normalisation over the pixels of one picture (Ioffe and Szegedy 2015).

use rayon::prelude::*;

use super::descent::Parameter;
use super::map::Map;

/// Added to the variance.
const EPSILON: f32 = 1e-5;

/// `y = scale · (x − mean) / deviation + shift`, channel by channel.
pub struct Norm {
    pub scale: Parameter,
    pub shift: Parameter,
}

/// Of each channel in one picture.
#[derive(Default)]
pub struct Statistics {
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

impl Norm {
    pub fn new(channels: usize) -> Self {
        Self { scale: Parameter::new(vec![1.0; channels]), shift: Parameter::new(vec![0.0; channels]) }
    }

    pub fn forward(&self, x: &Map, y: &mut Map) -> Statistics {
        let share = 1.0 / x.pixels() as f32;
        let mut mean = x.sum_rows(|y, sums| {
            x.row(y).chunks_exact(sums.len()).for_each(|pixel| sums.iter_mut().zip(pixel).for_each(|(s, v)| *s += v));
        });
        mean.iter_mut().for_each(|m| *m *= share);
        let squares = x.sum_rows(|y, sums| {
            for pixel in x.row(y).chunks_exact(sums.len()) {
                (0..sums.len()).for_each(|c| sums[c] += (pixel[c] - mean[c]).powi(2));
            }
        });
        let deviation: Vec<f32> = squares.iter().map(|s| (s * share + EPSILON).sqrt()).collect();
        let (scale, shift) = (&self.scale.value, &self.shift.value);
        let factor: Vec<f32> = scale.iter().zip(&deviation).map(|(s, d)| s / d).collect();
        y.rows_mut().enumerate().for_each(|(row, out)| {
            for (out, pixel) in out.chunks_exact_mut(x.channels).zip(x.row(row).chunks_exact(x.channels)) {
                (0..x.channels).for_each(|c| out[c] = factor[c] * (pixel[c] - mean[c]) + shift[c]);
            }
        });
        Statistics { mean, deviation }
    }

    /// Turns the gradient of the output into that of the input, and descends.
    pub fn backward(&mut self, x: &Map, Statistics { mean, deviation }: &Statistics, gradient: &mut Map) {
        let d_shift = gradient.sum_rows(|y, sums| {
            let row = gradient.row(y).chunks_exact(sums.len());
            row.for_each(|pixel| sums.iter_mut().zip(pixel).for_each(|(s, d)| *s += d));
        });
        let d_scale = gradient.sum_rows(|y, sums| {
            let channels = sums.len();
            for (pixel, d) in x.row(y).chunks_exact(channels).zip(gradient.row(y).chunks_exact(channels)) {
                (0..channels).for_each(|c| sums[c] += d[c] * (pixel[c] - mean[c]) / deviation[c]);
            }
        });
        let (share, channels) = (1.0 / x.pixels() as f32, x.channels);
        let scale = &self.scale.value;
        let factor: Vec<f32> = scale.iter().zip(deviation).map(|(s, d)| s / d).collect();
        let slope: Vec<f32> = d_scale.iter().zip(deviation).map(|(d, deviation)| d * share / deviation).collect();
        gradient.rows_mut().enumerate().for_each(|(y, row)| {
            for (d, pixel) in row.chunks_exact_mut(channels).zip(x.row(y).chunks_exact(channels)) {
                for c in 0..channels {
                    d[c] = factor[c] * (d[c] - d_shift[c] * share - slope[c] * (pixel[c] - mean[c]));
                }
            }
        });
        self.scale.descend(&d_scale);
        self.shift.descend(&d_shift);
    }
}
