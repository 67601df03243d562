//! The label maps of Kim, Kanezaki and Tanaka, "Unsupervised Learning of Image Segmentation Based on Differentiable
//! Feature Clustering" (IEEE TIP 2020), with reference image: a small network learns to cluster the pixels of one
//! frame, and labels the others without learning any more. As in the authors' program for reference images: two
//! blocks, 100 channels, weight 5 for neighbours, a picture of 224² pixels or so to learn from, and each picture
//! normalised by its own statistics, also after learning.

mod conv;
mod descent;
mod loss;
mod map;
mod network;
mod norm;
#[cfg(test)]
mod tests;

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use trainer::raster::colour::{to_float, to_rgb};
use trainer::raster::resize::{Interpolation, resize};
use trainer::raster::{Grid, Rgb};

use map::Map;
use network::{Activations, Network};

const BLOCKS: usize = 2;
const CHANNELS: usize = 100;
/// Pixels to learn from.
const PIXELS: usize = 224 * 224;
/// Learning ends when so few labels are left.
const FEWEST_LABELS: usize = 3;

/// Label maps of all frames, by a network that made at most so many steps on the first.
pub fn labels(frames: &[Rgb], steps: u32) -> Vec<Grid<u8>> {
    let Some(first) = frames.first() else { return vec![] };
    let network = learn(&reference(first), BLOCKS, CHANNELS, steps);
    let mut activations = Activations::new(&network, first.width, first.height);
    frames.iter().map(|frame| loss::labels(network.forward(&colours(frame), &mut activations))).collect()
}

/// How many labels there are in all of the maps.
pub fn count_labels(maps: &[Grid<u8>]) -> usize {
    let mut used = [false; 256];
    maps.iter().flat_map(|map| &map.data).for_each(|&label| used[usize::from(label)] = true);
    used.iter().filter(|&&used| used).count()
}

fn learn(picture: &Rgb, blocks: usize, channels: usize, steps: u32) -> Network {
    let mut network = Network::new(blocks, channels, &mut ChaCha8Rng::seed_from_u64(0));
    let mut activations = Activations::new(&network, picture.width, picture.height);
    let colours = colours(picture);
    for _ in 0..steps {
        let found = loss::labels(network.forward(&colours, &mut activations));
        network.descend(&colours, &mut activations);
        if count_labels(&[found]) <= FEWEST_LABELS {
            break;
        }
    }
    network
}

/// The picture with [`PIXELS`] pixels at most.
fn reference(frame: &Rgb) -> Rgb {
    let scale = (PIXELS as f32 / frame.data.len() as f32).sqrt().min(1.0);
    let side = |length: usize| ((length as f32 * scale).round() as usize).max(1);
    to_rgb(&resize(&to_float(frame), side(frame.width), side(frame.height), Interpolation::Area))
}

/// sRGB 0..1.
fn colours(frame: &Rgb) -> Map {
    let mut map = Map::new(frame.width, frame.height, 3);
    map.rows_mut().enumerate().for_each(|(y, row)| {
        row.iter_mut().zip(frame.row(y).as_flattened()).for_each(|(to, &from)| *to = f32::from(from) / 255.0);
    });
    map
}
