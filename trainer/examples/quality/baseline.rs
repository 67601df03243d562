//! What no learning gives: a bilateral filter, then k-means with as many colours as the network has.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use trainer::net::ENTRIES;
use trainer::raster::filter::bilateral;
use trainer::raster::{Grid, Rgb};

use crate::metrics::stretched;

/// The filter: radius, deviation of colour (sum of channels) and of place, as in OpenCV's examples.
const RADIUS: usize = 4;
const COLOUR: f32 = 75.0;
const PLACE: f32 = 75.0;
/// Pixels that k-means learns from, and its rounds.
const SAMPLES: usize = 40_000;
const ROUNDS: usize = 20;

type Colour = [f32; 3];

/// The nearest colour of each pixel.
pub fn labels(frames: &[Rgb]) -> Vec<Grid<u8>> {
    let calm: Vec<Grid<Colour>> =
        frames.iter().map(|frame| bilateral(frame, RADIUS, COLOUR, PLACE).map(|&pixel| stretched(pixel))).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(0);
    let pixels = calm.first().map_or(0, |frame| frame.data.len());
    if pixels == 0 {
        return vec![];
    }
    let samples: Vec<Colour> =
        (0..SAMPLES).map(|_| calm[rng.random_range(0..calm.len())].data[rng.random_range(0..pixels)]).collect();
    let centres = k_means(&samples, &mut rng);
    calm.par_iter().map(|frame| frame.map(|colour| nearest(&centres, colour).0 as u8)).collect()
}

fn apart(a: &Colour, b: &Colour) -> f32 {
    (0..3).map(|c| (a[c] - b[c]).powi(2)).sum()
}

fn nearest(centres: &[Colour], colour: &Colour) -> (usize, f32) {
    let each = centres.iter().map(|centre| apart(centre, colour)).enumerate();
    each.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, 0.0))
}

/// Lloyd's rounds from k-means++ seeds (Arthur & Vassilvitskii 2007).
fn k_means(samples: &[Colour], rng: &mut ChaCha8Rng) -> Vec<Colour> {
    let mut centres = vec![samples[rng.random_range(0..samples.len())]];
    while centres.len() < ENTRIES {
        let far: Vec<f32> = samples.iter().map(|colour| nearest(&centres, colour).1).collect();
        let mut left = rng.random::<f32>() * far.iter().sum::<f32>();
        let chosen = far.iter().position(|&d| {
            left -= d;
            left <= 0.0
        });
        centres.push(samples[chosen.unwrap_or(samples.len() - 1)]);
    }
    for _ in 0..ROUNDS {
        let mut sums = [[0.0f32; 4]; ENTRIES];
        for colour in samples {
            let sum = &mut sums[nearest(&centres, colour).0];
            (0..3).for_each(|c| sum[c] += colour[c]);
            sum[3] += 1.0;
        }
        for (centre, sum) in centres.iter_mut().zip(&sums).filter(|(_, sum)| sum[3] > 0.0) {
            *centre = std::array::from_fn(|c| sum[c] / sum[3]);
        }
    }
    centres
}
