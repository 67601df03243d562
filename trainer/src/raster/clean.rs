//! Calm shapes: specks and holes go, borders become round.

use super::components::{Connectivity, regions};
use super::distance::fill_from_nearest;
use super::filter::gaussian;
use super::{Grid, Mask, Plane};

/// 0 below `low`, 1 above `high`, smooth between.
pub fn smoothstep(x: f32, low: f32, high: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// Drops parts smaller than `part` pixels, then fills holes smaller than `hole`.
pub fn clean_mask(mask: &Mask, part: f32, hole: f32) -> Mask {
    let mut kept = mask.clone();
    for (value, smallest) in [(true, part), (false, hole)] {
        let found = regions(&kept, Connectivity::Four);
        let flip: Vec<bool> = found.regions.iter().map(|r| r.value == value && (r.area as f32) < smallest).collect();
        for (pixel, &id) in kept.data.iter_mut().zip(&found.ids.data) {
            *pixel ^= flip[id as usize];
        }
    }
    kept
}

/// Gives every fragment smaller than `smallest` pixels to its nearest kept region.
pub fn clean_labels<T: Copy + PartialEq + Send + Sync>(labels: &Grid<T>, smallest: f32) -> Grid<T> {
    let found = regions(labels, Connectivity::Four);
    if found.regions.iter().all(|r| r.area as f32 >= smallest) {
        return labels.clone();
    }
    let good = found.ids.map(|&id| found.regions[id as usize].area as f32 >= smallest);
    fill_from_nearest(labels, &good)
}

/// Between these shares of a blurred mask lies its new, anti-aliased border.
const BORDER: (f32, f32) = (0.42, 0.58);

/// Rounds every border: one step like curvature flow over `sigma` pixels. Returns cover 0..1.
pub fn smooth_mask(mask: &Mask, sigma: f32) -> Plane {
    gaussian(&mask.map(|&m| f32::from(u8::from(m))), sigma).map(|&v| smoothstep(v, BORDER.0, BORDER.1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specks_and_holes_go_but_large_parts_stay() {
        let mut mask = Grid::new(20, 20, false);
        (5..15).for_each(|y| (5..15).for_each(|x| mask[(x, y)] = true));
        let square = mask.clone();
        mask[(1, 1)] = true;
        mask[(9, 9)] = false;
        assert_eq!(clean_mask(&mask, 5.0, 5.0), square);
    }

    #[test]
    fn a_fragment_takes_the_label_beside_it() {
        let mut labels = Grid::new(12, 6, 1i16);
        (0..6).for_each(|y| (6..12).for_each(|x| labels[(x, y)] = 2));
        let halves = labels.clone();
        labels[(2, 2)] = 7;
        assert_eq!(clean_labels(&labels, 4.0), halves);
        assert_eq!(clean_labels(&Grid::new(2, 2, 3u8), 100.0), Grid::new(2, 2, 3u8));
    }

    #[test]
    fn a_smoothed_border_keeps_its_place() {
        let mut mask = Grid::new(40, 9, false);
        (0..9).for_each(|y| (0..20).for_each(|x| mask[(x, y)] = true));
        let smooth = smooth_mask(&mask, 2.0);
        assert_eq!((smooth[(10, 4)], smooth[(30, 4)]), (1.0, 0.0));
        assert!(smooth[(19, 4)] > 0.5 && smooth[(20, 4)] < 0.5);
    }
}
