//! What a place looks like without what moves through it: the median of frames before and after, each carried over by
//! the camera's motion.

use super::camera::Background;
use crate::raster::filter::sobel;
use crate::raster::{Grid, Lab, Plane};

/// Frames looked at, counted from the one in question.
const OFFSETS: [isize; 8] = [-14, -10, -7, -4, 4, 7, 10, 14];
/// A median of fewer is none.
const FEWEST: usize = 3;
/// Chroma tells more than lightness: shadows are not objects.
const WEIGHTS: [f32; 3] = [1.0, 1.8, 1.8];
/// Differences below this many floors are noise; above the second they are certain.
const SIGNIFICANT: [f32; 2] = [2.5, 6.5];
const LEAST_NOISE: f32 = 0.008;

/// How significantly each pixel of frame `t` differs from its plate, 0..1; `None` where there is no plate. `ahead[t]` takes
/// frame t to t + 1, `back[t]` takes t + 1 to t; `None` where two frames have nothing to do with each other. `near`
/// tells which pixels lie on the nearer plane.
pub(super) fn difference(
    frames: &[Lab],
    ahead: &[Option<Background>],
    back: &[Option<Background>],
    t: usize,
    still: &Plane,
    near: &[bool],
) -> Grid<Option<f32>> {
    let frame = &frames[t];
    let seen: Vec<Vec<Option<[f32; 3]>>> =
        OFFSETS.iter().filter_map(|&offset| carried(frames, ahead, back, t, offset, near)).collect();
    let mut plate = frame.clone();
    let mut known = vec![false; frame.data.len()];
    let mut values = Vec::with_capacity(seen.len());
    for i in 0..frame.data.len() {
        values.clear();
        values.extend(seen.iter().filter_map(|colours| colours[i]));
        if values.len() >= FEWEST {
            known[i] = true;
            plate.data[i] = median(&mut values);
        }
    }
    let apart = |i: usize| {
        let (a, b) = (frame.data[i], plate.data[i]);
        (0..3).map(|c| (WEIGHTS[c] * (a[c] - b[c])).powi(2)).sum::<f32>().sqrt()
    };
    let distance: Vec<f32> = (0..frame.data.len()).map(apart).collect();
    let (gx, gy) = sobel(&plate.map(|colour| colour[0]));
    let gradient: Vec<f32> = gx.data.iter().zip(&gy.data).map(|(x, y)| x.hypot(*y)).collect();
    let believed = |i: &usize| known[*i] && still.data[*i] > 0.5;
    let noise = middle((0..distance.len()).filter(believed).map(|i| distance[i])).max(LEAST_NOISE);
    // how far edges are off, from those of the background
    let edge = |i: &usize| believed(i) && gradient[*i] > 0.02;
    let jitter = middle((0..distance.len()).filter(edge).map(|i| distance[i] / gradient[i])).min(2.5);
    let significance = |i: usize| {
        let floor = noise.hypot(jitter * gradient[i]);
        ((distance[i] / floor - SIGNIFICANT[0]) / (SIGNIFICANT[1] - SIGNIFICANT[0])).clamp(0.0, 1.0)
    };
    let data = (0..distance.len()).map(|i| known[i].then(|| significance(i))).collect();
    Grid::from_data(frame.width, frame.height, data)
}

/// The frame at an offset as the camera would see it at `t`; `None` when it does not exist or there is a cut between.
fn carried(
    frames: &[Lab],
    ahead: &[Option<Background>],
    back: &[Option<Background>],
    t: usize,
    offset: isize,
    near: &[bool],
) -> Option<Vec<Option<[f32; 3]>>> {
    let other = t.checked_add_signed(offset).filter(|&other| other < frames.len())?;
    let chain: Vec<Background> = match offset > 0 {
        true => ahead[t..other].iter().copied().collect::<Option<_>>()?,
        false => back[other..t].iter().rev().copied().collect::<Option<_>>()?,
    };
    let source = &frames[other];
    let (right, bottom) = ((source.width - 1) as f32, (source.height - 1) as f32);
    let look = |i: usize| {
        let start = ((i % source.width) as f32, (i / source.width) as f32);
        let (x, y) = chain.iter().fold(start, |(x, y), background| {
            let [u, v] = background.near.filter(|_| near[i]).unwrap_or(background.far).at(x, y);
            (x + u, y + v)
        });
        (x >= 0.0 && y >= 0.0 && x <= right && y <= bottom).then(|| {
            let (x0, y0) = (x as usize, y as usize);
            let (x1, y1) = ((x0 + 1).min(source.width - 1), (y0 + 1).min(source.height - 1));
            let (fx, fy) = (x - x0 as f32, y - y0 as f32);
            let [a, b, c, d] = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)].map(|at| source[at]);
            std::array::from_fn(|k| (1.0 - fy) * (a[k] + fx * (b[k] - a[k])) + fy * (c[k] + fx * (d[k] - c[k])))
        })
    };
    Some((0..source.data.len()).map(look).collect())
}

fn median(values: &mut [[f32; 3]]) -> [f32; 3] {
    let half = values.len() / 2;
    std::array::from_fn(|c| values.select_nth_unstable_by(half, |a, b| a[c].total_cmp(&b[c])).1[c])
}

fn middle(values: impl Iterator<Item = f32>) -> f32 {
    let mut values: Vec<f32> = values.collect();
    let half = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(half, f32::total_cmp).1 }
}
