//! What the responses are judged by: each pixel shall be sure of the label that it has, and be like its neighbours.

use rayon::prelude::*;
use trainer::raster::Grid;

use super::map::Map;

/// Weight of the neighbours.
const CONTINUITY: f32 = 5.0;

/// The channel with the largest response of each pixel.
pub fn labels(responses: &Map) -> Grid<u8> {
    let rows: Vec<Vec<u8>> = (0..responses.height)
        .into_par_iter()
        .map(|y| responses.row(y).chunks_exact(responses.channels).map(|pixel| strongest(pixel) as u8).collect())
        .collect();
    Grid::from_data(responses.width, responses.height, rows.concat())
}

fn strongest(pixel: &[f32]) -> usize {
    let mut best = 0;
    for c in 1..pixel.len() {
        if pixel[c] > pixel[best] {
            best = c;
        }
    }
    best
}

/// The loss: cross-entropy with the pixel's own label, and the mean absolute step to the next pixel, to the right and
/// down. Its gradient goes to `gradient`; the label counts as given.
pub fn judge(responses: &Map, gradient: &mut Map) -> f64 {
    let (width, height, channels) = (responses.width, responses.height, responses.channels);
    let share = 1.0 / responses.pixels() as f32;
    let across = CONTINUITY / ((width - 1).max(1) * height * channels) as f32;
    let down = CONTINUITY / (width * (height - 1).max(1) * channels) as f32;
    let rows: Vec<f64> = gradient
        .rows_mut()
        .enumerate()
        .map(|(y, out)| {
            let mut sums = [0.0f32; 3];
            for x in 0..width {
                let at = |x: usize, y: usize| &responses.row(y)[x * channels..][..channels];
                let (pixel, out) = (at(x, y), &mut out[x * channels..][..channels]);
                sums[0] += certainty(pixel, share, out);
                if x > 0 {
                    step(pixel, at(x - 1, y), across, out);
                }
                if x + 1 < width {
                    sums[1] += step(pixel, at(x + 1, y), across, out);
                }
                if y > 0 {
                    step(pixel, at(x, y - 1), down, out);
                }
                if y + 1 < height {
                    sums[2] += step(pixel, at(x, y + 1), down, out);
                }
            }
            f64::from(sums[0] * share) + f64::from(sums[1] * across) + f64::from(sums[2] * down)
        })
        .collect();
    rows.iter().sum()
}

/// Cross-entropy of a pixel with its strongest response; `share` of the gradient replaces what is in `out`.
fn certainty(pixel: &[f32], share: f32, out: &mut [f32]) -> f32 {
    let best = strongest(pixel);
    out.iter_mut().zip(pixel).for_each(|(o, v)| *o = (v - pixel[best]).exp());
    let sum: f32 = out.iter().sum();
    out.iter_mut().for_each(|o| *o *= share / sum);
    out[best] -= share;
    sum.ln()
}

/// Absolute step from a pixel to another; `share` of the gradient is added to `out`.
fn step(pixel: &[f32], other: &[f32], share: f32, out: &mut [f32]) -> f32 {
    let mut sum = 0.0;
    for ((o, a), b) in out.iter_mut().zip(pixel).zip(other) {
        let step = a - b;
        sum += step.abs();
        // not `signum`: no step has no slope
        *o += share * (f32::from(u8::from(step > 0.0)) - f32::from(u8::from(step < 0.0)));
    }
    sum
}
