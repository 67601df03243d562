//! Gaps through which the place is seen: between an arm and the body, under a crook. The network learns to close them, as
//! nearly all around them is figure; the teacher doubts them, and their colour tells.

use super::plate::Plate;
use crate::clip::Clip;
use crate::raster::clean::clean_mask;
use crate::raster::colour::to_lab;
use crate::raster::filter::gaussian;
use crate::raster::{Grid, Mask, Plane, Rgb};
use rayon::prelude::*;

/// Where the teacher is less sure of a person there may be a gap.
const DOUBTED: f32 = 0.8;
/// And where it is surer, the colour is the figure's.
const SURE: f32 = 0.9;
/// A gap looks like the place behind it, in OKLab.
const LIKE_PLACE: f32 = 0.12;
/// And this many times less like the figure beside it.
const UNLIKE_FIGURE: f32 = 2.5;
/// How far "beside" is, as a share of the width.
const BESIDE: f32 = 0.02;
/// Gaps smaller than this share of the frame are not worth a hole.
const SMALLEST: f32 = 0.00015;
/// What a gap's probability becomes.
const OPEN: f32 = 0.05;

/// Opens the gaps of a clip's figure, a working plane for each frame. Not when the camera moves: what is behind the figure
/// is a guess then, and guesses open more holes in bodies than gaps.
pub fn open_all(alpha: &mut [Plane], clip: &Clip, plate: &Plate) {
    if !plate.is_still() {
        return;
    }
    let frames = alpha.par_iter_mut().zip(&clip.person).zip(&clip.frames);
    frames.for_each(|((alpha, person), frame)| open(alpha, person, frame, &plate.at(frame, alpha)));
}

/// `person` is the teacher's map, `place` the frame without the figure.
fn open(alpha: &mut Plane, person: &Plane, frame: &Rgb, place: &Rgb) {
    let smallest = SMALLEST * alpha.data.len() as f32;
    let doubted = alpha.data.iter().zip(&person.data).map(|(&a, &p)| a > 0.5 && p < DOUBTED);
    let doubted: Mask = Grid::from_data(alpha.width, alpha.height, doubted.collect());
    if (doubted.data.iter().filter(|&&d| d).count() as f32) < smallest {
        return;
    }
    let (seen, behind) = (to_lab(frame), to_lab(place));
    let sure = seen
        .data
        .iter()
        .zip(&alpha.data)
        .zip(&person.data)
        .map(|((&[l, a, b], &alpha), &p)| if alpha > 0.5 && p > SURE { [l, a, b, 1.0] } else { [0.0; 4] });
    let figure = gaussian(&Grid::from_data(alpha.width, alpha.height, sure.collect()), BESIDE * alpha.width as f32);
    let gap = (0..doubted.data.len()).map(|i| {
        let [l, a, b, weight] = figure.data[i];
        if !doubted.data[i] || weight < 1e-3 {
            return false;
        }
        let to_place = apart(seen.data[i], behind.data[i]);
        to_place < LIKE_PLACE && UNLIKE_FIGURE * to_place < apart(seen.data[i], [l, a, b].map(|sum| sum / weight))
    });
    let gaps = clean_mask(&Grid::from_data(alpha.width, alpha.height, gap.collect()), smallest, smallest);
    alpha.data.iter_mut().zip(&gaps.data).filter(|(_, gap)| **gap).for_each(|(a, _)| *a = OPEN);
}

fn apart(a: [f32; 3], b: [f32; 3]) -> f32 {
    (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f32>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: [u8; 3] = [200, 205, 210];
    const SHIRT: [u8; 3] = [60, 70, 90];

    /// A figure from 20 to 80, in the middle of which the teacher is not sure.
    fn opened(middle: [u8; 3], sureness: f32) -> Plane {
        let at = |x: usize| if (46..54).contains(&x) { 1 } else { usize::from((20..80).contains(&x)) * 2 };
        let row = |values: [f32; 3]| Grid::from_data(100, 60, (0..6000).map(|i| values[at(i % 100)]).collect());
        let frame = Grid::from_data(100, 60, (0..6000).map(|i| [WALL, middle, SHIRT][at(i % 100)]).collect());
        let mut alpha = row([0.02, 0.9, 0.98]);
        open(&mut alpha, &row([0.02, sureness, 0.98]), &frame, &Grid::new(100, 60, WALL));
        alpha
    }

    #[test]
    fn what_looks_like_the_wall_and_is_doubted_is_a_gap() {
        let alpha = opened(WALL, 0.5);
        assert!(alpha[(50, 30)] < 0.1 && alpha[(40, 30)] > 0.9 && alpha[(60, 30)] > 0.9);
    }

    #[test]
    fn a_sleeve_is_no_gap_nor_is_a_white_badge_that_is_surely_the_figures() {
        assert!(opened(SHIRT, 0.5)[(50, 30)] > 0.5);
        assert!(opened(WALL, 0.95)[(50, 30)] > 0.5);
    }
}
