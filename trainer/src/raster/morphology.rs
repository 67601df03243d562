//! Erosion and dilation by a disc.

use rayon::prelude::*;

use super::distance::distance;
use super::{Grid, Mask, Plane};

/// Pixels at most `radius` away from the mask.
pub fn dilate(mask: &Mask, radius: f32) -> Mask {
    distance(mask).map(|&d| d <= radius)
}

/// Pixels more than `radius` away from everything outside the mask. The picture's edge does not erode.
pub fn erode(mask: &Mask, radius: f32) -> Mask {
    distance(&mask.map(|m| !m)).map(|&d| d > radius)
}

/// Largest value within `radius` pixels.
pub fn maximum(plane: &Plane, radius: usize) -> Plane {
    extreme(plane, radius, f32::max)
}

/// Smallest value within `radius` pixels.
pub fn minimum(plane: &Plane, radius: usize) -> Plane {
    extreme(plane, radius, f32::min)
}

fn extreme(plane: &Plane, radius: usize, pick: fn(f32, f32) -> f32) -> Plane {
    let (w, h) = (plane.width, plane.height);
    // how far the disc reaches sideways, row by row
    let reach: Vec<usize> = (0..=radius)
        .map(|dy| (((radius as f32 + 0.5).powi(2) - (dy * dy) as f32).max(0.0)).sqrt().floor() as usize)
        .collect();
    let mut out = Grid::new(w, h, 0.0f32);
    out.data.par_chunks_mut(w.max(1)).enumerate().for_each(|(y, row)| {
        row.copy_from_slice(plane.row(y));
        for yy in y.saturating_sub(radius)..(y + radius + 1).min(h) {
            let (source, reach) = (plane.row(yy), reach[yy.abs_diff(y)]);
            for (x, o) in row.iter_mut().enumerate() {
                let span = &source[x.saturating_sub(reach)..(x + reach + 1).min(w)];
                *o = span.iter().fold(*o, |a, &b| pick(a, b));
            }
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dilated_pixel_is_a_disc_and_erodes_back() {
        let mut mask = Grid::new(15, 15, false);
        mask[(7, 7)] = true;
        let disc = dilate(&mask, 3.0);
        assert_eq!(disc.data.iter().filter(|&&b| b).count(), 29);
        assert_eq!(erode(&disc, 3.0), mask);
    }

    #[test]
    fn the_edge_of_the_picture_does_not_erode() {
        assert!(erode(&Grid::new(5, 4, true), 2.0).data.iter().all(|&b| b));
    }

    #[test]
    fn maximum_and_minimum_look_around_in_a_disc() {
        let mut plane = Grid::new(9, 9, 0.5f32);
        plane[(4, 4)] = 1.0;
        let spread = maximum(&plane, 2);
        assert_eq!((spread[(6, 4)], spread[(6, 6)], spread[(7, 4)]), (1.0, 0.5, 0.5));
        assert_eq!(minimum(&plane, 2)[(4, 4)], 0.5);
    }
}
