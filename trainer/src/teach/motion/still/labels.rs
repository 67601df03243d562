//! From one seed for all frames to the figure in each: colours tell where it is at the time.

use rayon::prelude::*;

use super::super::appearance::Appearance;
use super::super::edges::Edges;
use super::trimap::Seeds;
use crate::raster::components::{Connectivity, regions};
use crate::raster::filter::gaussian;
use crate::raster::{Grid, Lab, Plane};

/// Reach of the local background, as a share of the width.
const LOCAL: f32 = 1.0 / 11.0;
/// Deviations of background colours at least.
const LEAST: [f32; 3] = [0.04, 0.012, 0.012];
/// A background hole in the figure smaller than this share of the frame is not known.
const HOLE: f32 = 0.015;
/// Parts smaller than this share of the largest are not known.
const MINOR: f32 = 0.15;
/// Log odds that a label stands for, and how decided the outcome is.
const LABEL: f32 = 3.5;

/// Probability of each pixel to be the figure, frame by frame.
pub(super) fn per_frame(laid: &[Lab], seeds: &[Seeds], significance: &Plane) -> Vec<Plane> {
    let believed: Vec<Plane> = seeds.iter().map(|seeds| seeds.map(|&s| [0.5, 0.0, 1.0][(s + 1) as usize])).collect();
    let appearance = Appearance::learn(laid.iter().zip(&believed));
    let one = |(frame, seeds): (&Lab, &Seeds)| {
        let distance = from_background(frame, seeds);
        let mut labels = Grid::new(frame.width, frame.height, -1i8);
        for i in 0..labels.data.len() {
            let p = 1.0 / (1.0 + (-appearance.odds(frame.data[i])).exp());
            labels.data[i] = label(seeds.data[i], p, distance.data[i], significance.data[i]);
        }
        open_holes(&mut labels);
        let odds = labels.map(|&label| [0.0, -LABEL, LABEL][(label + 1) as usize]);
        let spread = Edges::new(frame, None).smooth(&odds);
        let known = odds.data.iter().zip(&spread.data);
        let data = known.map(|(own, near)| 1.0 / (1.0 + (-(0.6 * own + 0.9 * near)).exp())).collect();
        Plane::from_data(frame.width, frame.height, data)
    };
    laid.par_iter().zip(seeds).map(one).collect()
}

/// `p`: how much rather the figure's colour; `d`: squared distance to the background around, in deviations; `e`: how
/// much the pixel ever changes.
fn label(seed: i8, p: f32, d: f32, e: f32) -> i8 {
    match seed {
        0 => 0,
        1 if p < 0.4 && d < 4.0 => 0,
        1 if p > 0.75 || d > 14.0 || (p > 0.5 && d > 3.0) || (e < 0.25 && p > 0.35 && d > 5.0) => 1,
        -1 if p > 0.8 && d > 20.0 => 1,
        -1 if p < 0.5 && d < 3.0 => 0,
        _ => -1,
    }
}

/// Squared Mahalanobis distance of each colour to those of the background around it.
fn from_background(frame: &Lab, seeds: &Seeds) -> Plane {
    let own = frame.data.iter().zip(&seeds.data).map(|(c, &s)| match s {
        0 => [1.0, c[0], c[1], c[2], c[0] * c[0], c[1] * c[1], c[2] * c[2]],
        _ => [0.0; 7],
    });
    let own: Grid<[f32; 7]> = Grid::from_data(frame.width, frame.height, own.collect());
    let sums = gaussian(&own, LOCAL * frame.width as f32);
    let data = frame.data.iter().zip(&sums.data).map(|(colour, sums)| {
        let weight = sums[0] + 1e-6;
        (0..3)
            .map(|c| {
                let mean = sums[1 + c] / weight;
                let variance = (sums[4 + c] / weight - mean * mean).max(0.0) + LEAST[c] * LEAST[c];
                (colour[c] - mean).powi(2) / variance
            })
            .sum()
    });
    Plane::from_data(frame.width, frame.height, data.collect())
}

/// Specks of background inside the figure, and of figure outside it, become unknown.
fn open_holes(labels: &mut Grid<i8>) {
    let (width, height) = (labels.width, labels.height);
    let ground = regions(&labels.map(|&l| l == 1), Connectivity::Four);
    let largest = ground.regions.iter().filter(|part| part.value).map(|part| part.area).max().unwrap_or(0);
    let speck = |part: &crate::raster::components::Region<bool>| match part.value {
        true => (part.area as f32) < MINOR * largest as f32,
        false => {
            let inside = part.x0 > 0 && part.y0 > 0 && part.x1 < width && part.y1 < height;
            inside && (part.area as f32) < HOLE * (width * height) as f32
        }
    };
    let specks: Vec<bool> = ground.regions.iter().map(speck).collect();
    labels.data.iter_mut().zip(&ground.ids.data).filter(|(_, id)| specks[**id as usize]).for_each(|(l, _)| *l = -1);
}
