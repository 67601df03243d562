//! Figures that say how good label maps and masks are.

use trainer::draw::labels::TRAINING_WEIGHTS;
use trainer::raster::colour::oklab;
use trainer::raster::components::{Connectivity, regions};
use trainer::raster::distance::distance;
use trainer::raster::{Grid, Mask, Rgb};

/// A pixel whose colour changes less than this from frame to frame is still.
const STILL: f32 = 0.02;
/// Regions smaller than this many pixels are fragments.
const FRAGMENT: usize = 20;
/// Colour steps from pixel to pixel that are borders in the picture: this share of all, the strongest.
const BORDERS: f32 = 0.08;
/// How far apart, as a share of the diagonal, borders may be and still be the same (as in DAVIS).
const NEAR: f32 = 0.008;

pub fn stretched(pixel: [u8; 3]) -> [f32; 3] {
    let lab = oklab(pixel);
    std::array::from_fn(|c| lab[c] * TRAINING_WEIGHTS[c])
}

/// Share of still pixels whose label changes to the next frame, in percent.
pub fn flicker(labels: &[Grid<u8>], frames: &[Rgb]) -> f32 {
    let (mut still, mut changed) = (0u64, 0u64);
    for (labels, frames) in labels.windows(2).zip(frames.windows(2)) {
        for i in 0..frames[0].data.len() {
            let (a, b) = (stretched(frames[0].data[i]), stretched(frames[1].data[i]));
            if (0..3).all(|c| (a[c] - b[c]).abs() < STILL) {
                still += 1;
                changed += u64::from(labels[0].data[i] != labels[1].data[i]);
            }
        }
    }
    100.0 * changed as f32 / still.max(1) as f32
}

/// Tiny regions in a frame, on average.
pub fn fragments(labels: &[Grid<u8>]) -> f32 {
    let count = |labels: &Grid<u8>| {
        let found = regions(labels, Connectivity::Four).regions;
        found.iter().filter(|region| region.area < FRAGMENT).count() as f32
    };
    labels.iter().map(count).sum::<f32>() / labels.len().max(1) as f32
}

/// How well borders between labels and borders in the picture agree: F, averaged over frames.
pub fn border_agreement(labels: &[Grid<u8>], frames: &[Rgb]) -> f32 {
    let one = |(labels, frame): (&Grid<u8>, &Rgb)| f_measure(&label_borders(labels), &picture_borders(frame));
    labels.iter().zip(frames).map(one).sum::<f32>() / labels.len().max(1) as f32
}

fn label_borders(labels: &Grid<u8>) -> Mask {
    steps(labels.width, labels.height, |a, b| labels[a] != labels[b])
}

fn picture_borders(frame: &Rgb) -> Mask {
    let colours = frame.map(|&pixel| stretched(pixel));
    let step = |a: (usize, usize), b: (usize, usize)| {
        let (a, b) = (colours[a], colours[b]);
        (0..3).map(|c| (a[c] - b[c]).powi(2)).sum::<f32>()
    };
    let (width, height) = (frame.width, frame.height);
    let mut all: Vec<f32> = (0..height)
        .flat_map(|y| (1..width).map(move |x| (x, y)))
        .map(|(x, y)| step((x - 1, y), (x, y)))
        .chain((1..height).flat_map(|y| (0..width).map(move |x| (x, y))).map(|(x, y)| step((x, y - 1), (x, y))))
        .collect();
    if all.is_empty() {
        return Mask::new(width, height, false);
    }
    let rank = ((1.0 - BORDERS) * (all.len() - 1) as f32) as usize;
    let strong = all.select_nth_unstable_by(rank, f32::total_cmp).1.max(1e-6);
    steps(width, height, |a, b| step(a, b) > strong)
}

/// Pixels that differ from the one on the right or below.
fn steps(width: usize, height: usize, differ: impl Fn((usize, usize), (usize, usize)) -> bool) -> Mask {
    let mut out = Mask::new(width, height, false);
    for y in 0..height {
        for x in 0..width {
            out[(x, y)] =
                (x + 1 < width && differ((x, y), (x + 1, y))) || (y + 1 < height && differ((x, y), (x, y + 1)));
        }
    }
    out
}

/// Region similarity: intersection by union; 1 where both are empty.
pub fn j(mask: &Mask, truth: &Mask) -> f32 {
    let pairs = || mask.data.iter().zip(&truth.data);
    let both = pairs().filter(|(a, b)| **a && **b).count();
    let either = pairs().filter(|(a, b)| **a || **b).count();
    if either == 0 { 1.0 } else { both as f32 / either as f32 }
}

/// Contour accuracy: F of the masks' borders, those apart less than [`NEAR`] being the same.
pub fn f(mask: &Mask, truth: &Mask) -> f32 {
    let border = |mask: &Mask| steps(mask.width, mask.height, |a, b| mask[a] != mask[b]);
    f_measure(&border(mask), &border(truth))
}

/// F of two sets of border pixels; 1 where both are empty.
fn f_measure(found: &Mask, truth: &Mask) -> f32 {
    let reach = (NEAR * (truth.width as f32).hypot(truth.height as f32)).ceil();
    let matched = |of: &Mask, to: &Mask| {
        let apart = distance(to);
        let all = of.data.iter().filter(|&&b| b).count();
        let near = of.data.iter().zip(&apart.data).filter(|(b, d)| **b && **d <= reach).count();
        (near as f32, all as f32)
    };
    let ((near, found), (covered, truth)) = (matched(found, truth), matched(truth, found));
    match (found == 0.0, truth == 0.0) {
        (true, true) => 1.0,
        (true, false) | (false, true) => 0.0,
        _ => {
            let (precision, recall) = (near / found, covered / truth);
            if precision + recall == 0.0 { 0.0 } else { 2.0 * precision * recall / (precision + recall) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(x0: usize, y0: usize, side: usize) -> Mask {
        let mut mask = Mask::new(100, 100, false);
        (y0..y0 + side).for_each(|y| (x0..x0 + side).for_each(|x| mask[(x, y)] = true));
        mask
    }

    #[test]
    fn j_and_f_of_squares_are_what_the_hand_says() {
        let (here, beside, far) = (square(20, 20, 20), square(30, 20, 20), square(70, 70, 20));
        assert_eq!((j(&here, &here), f(&here, &here)), (1.0, 1.0));
        assert!((j(&here, &beside) - 200.0 / 600.0).abs() < 1e-6);
        assert_eq!((j(&here, &far), f(&here, &far)), (0.0, 0.0));
        // ten pixels apart: upper and lower sides lie on each other by half, the others not; two pixels count as near
        let half = f(&here, &beside);
        assert!((0.25..0.45).contains(&half), "{half}");
        assert!(f(&here, &square(21, 20, 20)) > 0.99);
    }

    #[test]
    fn nothing_found_where_nothing_is_counts_as_right() {
        let empty = Mask::new(100, 100, false);
        assert_eq!((j(&empty, &empty), f(&empty, &empty)), (1.0, 1.0));
        assert_eq!((j(&empty, &square(1, 1, 9)), f(&empty, &square(1, 1, 9))), (0.0, 0.0));
    }

    #[test]
    fn flicker_counts_still_pixels_only() {
        let frames = [Rgb::new(10, 10, [90; 3]), {
            let mut frame = Rgb::new(10, 10, [90; 3]);
            (0..50).for_each(|i| frame.data[i] = [200; 3]);
            frame
        }];
        let mut labels = [Grid::new(10, 10, 1u8), Grid::new(10, 10, 1u8)];
        (0..60).for_each(|i| labels[1].data[i] = 2);
        // 50 pixels are still, ten of them changed their label
        assert!((flicker(&labels, &frames) - 20.0).abs() < 1e-4);
    }

    #[test]
    fn fragments_are_regions_of_fewer_than_twenty_pixels() {
        let mut labels = Grid::new(40, 40, 0u8);
        (0..19).for_each(|x| labels[(x, 3)] = 1);
        (0..20).for_each(|x| labels[(x, 9)] = 1);
        labels[(30, 30)] = 2;
        assert_eq!(fragments(&[labels.clone(), Grid::new(40, 40, 0)]), 1.0);
    }

    #[test]
    fn labels_that_follow_the_picture_agree_with_its_borders() {
        let frame = Rgb::from_data(60, 60, (0..3600).map(|i| if i % 60 < 30 { [40; 3] } else { [200; 3] }).collect());
        let split = |at: usize| Grid::from_data(60, 60, (0..3600).map(|i| u8::from(i % 60 >= at)).collect());
        let frame = std::slice::from_ref(&frame);
        assert!(border_agreement(&[split(30)], frame) > 0.99);
        assert!(border_agreement(&[split(40)], frame) < 0.01);
    }
}
