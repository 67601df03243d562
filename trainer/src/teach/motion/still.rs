//! The moving figure of a camera that stands (nearly) still, from few frames far apart: laid over each other, what
//! changes more than noise and shaking explain is the figure, and what it encloses.

mod labels;
mod trimap;

use rayon::prelude::*;

use super::align::{lay_colours, stabilise};
use crate::raster::filter::{gaussian, sobel};
use crate::raster::{Grid, Lab, Plane};

/// Added to the noise floor: no camera is better.
const LEAST_NOISE: f32 = 0.0015;
/// Change in noise floors from which it is significant, and over how many more it grows to certain.
const SIGNIFICANT: f32 = 2.0;
const CERTAIN: f32 = 3.0;
/// Chroma noise and steps of flat places: quantiles of the border.
const FLAT: f32 = 0.5;
const EDGES: f32 = 0.8;
/// The border of the picture is believed to be background: this share of its width.
const BORDER: usize = 16;
/// A camera moves too much when more of the border than this changes.
const MOST_BORDER: f32 = 0.35;
/// Less of the picture than this must change, and more than the least.
const MOST_MOVING: f32 = 0.75;
const LEAST_MOVING: f32 = 0.004;

/// What changes over the frames.
struct Change {
    /// The median of all frames.
    plate: Lab,
    /// How significantly each pixel changes, 0..1.
    significance: Plane,
    /// Length of the plate's gradient.
    gradient: Plane,
}

/// Probability of each pixel to be the figure; `None` when the camera moves, or nothing does.
pub(super) fn find(frames: &[Lab]) -> Option<Vec<Plane>> {
    let lightness: Vec<Plane> = frames.iter().map(|frame| frame.map(|colour| colour[0])).collect();
    let motions = stabilise(&lightness, frames.len() / 2);
    let laid: Vec<Lab> = frames.par_iter().zip(&motions).map(|(frame, motion)| lay_colours(motion, frame)).collect();
    let change = change(&laid);
    let (moving, border) = shares(&change.significance);
    if border > MOST_BORDER || !(LEAST_MOVING..MOST_MOVING).contains(&moving) {
        return None;
    }
    let seeds = match trimap::empty_frames(&laid) {
        Some(empty) => trimap::against_empty(&laid, &empty),
        None => {
            let seeds = trimap::trimap(&change)?;
            vec![seeds; laid.len()]
        }
    };
    let figure = labels::per_frame(&laid, &seeds, &change.significance);
    Some(figure.par_iter().zip(&motions).map(|(plane, motion)| motion.inverse().lay(plane)).collect())
}

/// Share of pixels that move, of all and of the upper and side border.
fn shares(significance: &Plane) -> (f32, f32) {
    let (width, height) = (significance.width, significance.height);
    let moves = |i: &usize| significance.data[*i] > 0.5;
    let share = |pixels: Vec<usize>| pixels.iter().filter(|i| moves(i)).count() as f32 / pixels.len().max(1) as f32;
    let border = (0..width * height).filter(|&i| is_border(i, width, height) && i / width < height * 9 / 10);
    (share((0..width * height).collect()), share(border.collect()))
}

fn is_border(i: usize, width: usize, height: usize) -> bool {
    let (x, y, wide) = (i % width, i / width, (width / BORDER).max(2));
    x < wide || y < wide || x + wide >= width || y + wide >= height
}

fn change(laid: &[Lab]) -> Change {
    let (width, height) = (laid[0].width, laid[0].height);
    let calm: Vec<Lab> = laid.par_iter().map(|frame| gaussian(frame, 0.8)).collect();
    let count = calm.len() as f32;
    let per_pixel = (0..width * height).into_par_iter().map(|i| {
        let mut values: Vec<[f32; 3]> = calm.iter().map(|frame| frame.data[i]).collect();
        let half = values.len() / 2;
        let median = std::array::from_fn(|c| values.select_nth_unstable_by(half, |a, b| a[c].total_cmp(&b[c])).1[c]);
        let mean: [f32; 3] = std::array::from_fn(|c| values.iter().map(|v| v[c]).sum::<f32>() / count);
        let spread = values.iter().flat_map(|v| (0..3).map(|c| (v[c] - mean[c]).powi(2))).sum::<f32>() / count;
        (median, spread)
    });
    let (plate, variance): (Vec<[f32; 3]>, Vec<f32>) = per_pixel.collect::<Vec<_>>().into_iter().unzip();
    let plate = Grid::from_data(width, height, plate);
    let gradient = gradient(&plate);
    let border = || (0..width * height).filter(|&i| is_border(i, width, height));
    let edge = |share: f32| quantile(border().map(|i| gradient.data[i]), share);
    let (flat, steep) = (edge(FLAT), edge(EDGES));
    let noise = quantile(border().filter(|&i| gradient.data[i] <= flat).map(|i| variance[i].sqrt()), 0.5);
    let off = |i: usize| (variance[i] - noise * noise).max(0.0).sqrt() / gradient.data[i].max(1e-4);
    let shaking = quantile(border().filter(|&i| gradient.data[i] > steep).map(off), 0.5).min(1.5);
    let significance = (0..width * height).map(|i| {
        let floor = noise.hypot(shaking * gradient.data[i]) + LEAST_NOISE;
        ((variance[i].sqrt() / floor - SIGNIFICANT) / CERTAIN).clamp(0.0, 1.0)
    });
    let significance = Plane::from_data(width, height, significance.collect());
    Change { plate, significance, gradient }
}

/// Length of the gradient over all channels.
fn gradient(picture: &Lab) -> Plane {
    let squares = |c: usize| {
        let (x, y) = sobel(&picture.map(|colour| colour[c]));
        x.data.iter().zip(&y.data).map(|(x, y)| x * x + y * y).collect::<Vec<f32>>()
    };
    let [l, a, b] = [squares(0), squares(1), squares(2)];
    let data = l.iter().zip(a).zip(b).map(|((l, a), b)| (l + a + b).sqrt()).collect();
    Plane::from_data(picture.width, picture.height, data)
}

/// The value that a share of all is below; 0 of none.
fn quantile(values: impl Iterator<Item = f32>, share: f32) -> f32 {
    let mut values: Vec<f32> = values.collect();
    if values.is_empty() {
        return 0.0;
    }
    let rank = ((values.len() - 1) as f32 * share) as usize;
    *values.select_nth_unstable_by(rank, f32::total_cmp).1
}
