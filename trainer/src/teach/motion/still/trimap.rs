//! Which pixels are surely figure or background, for all frames at once: a seed.

use super::{Change, quantile};
use crate::raster::components::{Connectivity, regions};
use crate::raster::filter::gaussian;
use crate::raster::{Grid, Lab, Plane};

use super::super::geodesic::distance;

/// 1 figure, 0 background, -1 not known.
pub(super) type Seeds = Grid<i8>;

/// Cost of a step, of moving pixels, and of edges with the gradient at which they cost in full.
const STEP: f32 = 1e-3;
const EDGE: f32 = 0.12;
const FULL_EDGE: f32 = 0.08;
/// A way may start only where less than this moves.
const CALM: f32 = 0.25;
/// How far beyond the threshold, towards either mean, seeds are sure.
const GROUND_MARGIN: f32 = 0.35;
const FIGURE_MARGIN: f32 = 0.25;
const BINS: usize = 128;
/// Other parts with less than this share of the main one's weight are background.
const MINOR: f32 = 0.1;
/// Difference to an empty frame, OKLab with chroma doubled, that is surely the figure, and surely nothing.
const DIFFERENT: f32 = 0.1;
const SAME: f32 = 0.035;
/// An empty frame differs from the others by this many times what they differ by from each other, and by this share.
const OUTLIER: f32 = 2.5;
const LEAST_FIGURE: f32 = 0.03;

/// The part that moves, with what it encloses; `None` when nothing is told apart.
pub(super) fn trimap(change: &Change) -> Option<Seeds> {
    let (width, height) = (change.plate.width, change.plate.height);
    let moving = gaussian(&change.significance, 0.7);
    let cost = moving.data.iter().zip(&change.gradient.data);
    let cost = cost.map(|(e, g)| STEP + e + EDGE * (g / FULL_EDGE).min(1.0)).collect();
    let sides = (0..height * 9 / 10).flat_map(|y| [y * width, y * width + width - 1]);
    let starts = (0..width).chain(sides).filter(|&i| moving.data[i] < CALM);
    let far = distance(&Plane::from_data(width, height, cost), starts);
    let log = far.map(|&s| (s.min(3.0) + 0.02).ln());
    let (threshold, ground, figure) = otsu(&log)?;
    let mut seeds = log.map(|&l| match l {
        l if l < threshold - GROUND_MARGIN * (threshold - ground) => 0,
        l if l > threshold + FIGURE_MARGIN * (figure - threshold) => 1,
        _ => -1,
    });
    keep_main(&mut seeds, &change.significance);
    within_rows(&mut seeds, &change.significance);
    seeds.data.contains(&1).then_some(seeds)
}

/// The threshold between two classes, and their means (Otsu 1979).
fn otsu(values: &Plane) -> Option<(f32, f32, f32)> {
    let (low, high) = values.data.iter().fold((f32::MAX, f32::MIN), |(l, h), &v| (l.min(v), h.max(v)));
    if high - low < 1e-3 {
        return None;
    }
    let bin = |v: f32| (((v - low) / (high - low) * BINS as f32) as usize).min(BINS - 1);
    let centre = |k: usize| low + (k as f32 + 0.5) * (high - low) / BINS as f32;
    let mut counts = [0.0f32; BINS];
    values.data.iter().for_each(|&v| counts[bin(v)] += 1.0);
    let (all, sum) = (0..BINS).fold((0.0, 0.0), |(n, s), k| (n + counts[k], s + counts[k] * centre(k)));
    let (mut n, mut s) = (0.0, 0.0);
    let mut best = (0.0, (low, low, high));
    for (k, count) in counts.iter().enumerate() {
        n += count;
        s += count * centre(k);
        if n > 0.0 && n < all {
            let (below, above) = (s / n, (sum - s) / (all - n));
            let between = n * (all - n) * (above - below).powi(2);
            if between > best.0 {
                best = (between, (centre(k), below, above));
            }
        }
    }
    (best.0 > 0.0).then_some(best.1)
}

/// Only the part that moves most in the middle is the figure.
fn keep_main(seeds: &mut Seeds, significance: &Plane) {
    let (width, height) = (seeds.width as f32, seeds.height as f32);
    let found = regions(seeds, Connectivity::Four);
    let mut scores = vec![0.0f32; found.regions.len()];
    for (i, &id) in found.ids.data.iter().enumerate() {
        let (x, y) = ((i % seeds.width) as f32 / width, (i / seeds.width) as f32 / height);
        let middle = (-((x - 0.5) / 0.28).powi(2) - ((y - 0.62) / 0.5).powi(2)).exp();
        scores[id as usize] += (0.2 + significance.data[i]) * middle;
    }
    let figures = || (0..scores.len()).filter(|&k| found.regions[k].value == 1);
    let Some(main) = figures().max_by(|&a, &b| scores[a].total_cmp(&scores[b])) else { return };
    let goes: Vec<bool> = (0..scores.len())
        .map(|k| {
            let part = &found.regions[k];
            let border = part.x0 == 0 || part.y0 == 0 || part.x1 == seeds.width;
            part.value == 1 && k != main && (border || scores[k] < MINOR * scores[main])
        })
        .collect();
    seeds.data.iter_mut().zip(&found.ids.data).filter(|(_, id)| goes[**id as usize]).for_each(|(s, _)| *s = 0);
}

/// In a row that moves, the figure lies between the outermost moving pixels: the sofa beside it is no part of it.
fn within_rows(seeds: &mut Seeds, significance: &Plane) {
    let (width, height) = (seeds.width, seeds.height);
    let span = |y: usize| {
        let moving = (0..width).filter(|&x| significance[(x, y)] > 0.3 && seeds[(x, y)] == 1);
        let (first, last, count) = moving.fold((width, 0, 0), |(f, l, n), x| (f.min(x), l.max(x), n + 1));
        (count >= 3).then_some((first, last))
    };
    let spans: Vec<Option<(usize, usize)>> = (0..height).map(span).collect();
    let reach = (height / 20).max(2);
    for y in 0..height {
        let near = spans[y.saturating_sub(reach)..(y + reach + 1).min(height)].iter().flatten();
        let Some((first, last)) = near.copied().reduce(|a, b| (a.0.min(b.0), a.1.max(b.1))) else { continue };
        for x in 0..width {
            let beyond = (first as f32 - 2.0 - x as f32).max(x as f32 - last as f32 - 2.0);
            if seeds[(x, y)] == 1 && beyond > 0.0 {
                seeds[(x, y)] = if beyond > 0.05 * width as f32 { 0 } else { -1 };
            }
        }
    }
}

/// Frames that somebody stepped out of: two or more in a row that differ from most others far more than those do from
/// each other.
pub(super) fn empty_frames(laid: &[Lab]) -> Option<Vec<usize>> {
    let count = laid.len();
    let share = |a: usize, b: usize| {
        let different = laid[a].data.iter().zip(&laid[b].data).filter(|(a, b)| apart(a, b) > DIFFERENT).count();
        different as f32 / laid[a].data.len().max(1) as f32
    };
    let mut shares = Grid::new(count, count, 0.0);
    for (a, b) in (0..count).flat_map(|a| (0..a).map(move |b| (a, b))) {
        (shares[(a, b)], shares[(b, a)]) = (share(a, b), share(a, b));
    }
    let usual: Vec<f32> = (0..count).map(|t| quantile(shares.row(t).iter().copied(), 0.5)).collect();
    let typical = quantile(usual.iter().copied(), 0.5);
    let odd = |t: &usize| usual[*t] > LEAST_FIGURE && usual[*t] > OUTLIER * typical;
    let empty: Vec<usize> = (0..count).filter(odd).collect();
    let alike = |pair: &[usize]| pair[1] == pair[0] + 1 && shares[(pair[0], pair[1])] < 0.3 * usual[pair[0]];
    (empty.len() >= 2 && 2 * empty.len() < count && empty.windows(2).any(alike)).then_some(empty)
}

/// Seeds of each frame from what differs from the empty ones: by far the best ones.
pub(super) fn against_empty(laid: &[Lab], empty: &[usize]) -> Vec<Seeds> {
    let (width, height) = (laid[0].width, laid[0].height);
    let plate: Vec<[f32; 3]> = (0..width * height)
        .map(|i| std::array::from_fn(|c| quantile(empty.iter().map(|&t| laid[t].data[i][c]), 0.5)))
        .collect();
    let seeds = |(t, frame): (usize, &Lab)| {
        let differs = frame.data.iter().zip(&plate).map(|(a, b)| apart(a, b)).collect();
        let differs = gaussian(&Plane::from_data(width, height, differs), 0.7);
        differs.map(|&d| match d {
            _ if empty.contains(&t) => 0,
            d if d > DIFFERENT => 1,
            d if d < SAME => 0,
            _ => -1,
        })
    };
    laid.iter().enumerate().map(seeds).collect()
}

fn apart(a: &[f32; 3], b: &[f32; 3]) -> f32 {
    (a[0] - b[0]).abs().max(2.0 * (a[1] - b[1]).abs()).max(2.0 * (a[2] - b[2]).abs())
}
