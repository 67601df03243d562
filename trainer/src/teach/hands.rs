//! The hands of a figure in one frame: palms are looked for in its window and, closer, where skin is away from faces.
//!
//! Frames of a clip are many and hands small, so that this is done only for frames that become panels.

use crate::clip::{Clip, Face, Hand};
use crate::raster::colour::to_float;
use crate::raster::components::{Connectivity, regions};
use crate::raster::morphology::dilate;
use crate::raster::{Grid, Mask};

use super::hand_mesh::HandMesh;
use super::landmarks::{OVAL, centre, width as face_width};
use super::palm_detector::{PalmDetector, surest};
use super::tflite::{Memory, ModelError};

/// Hands that the net believes in less are none.
const LEAST_PRESENCE: f32 = 0.5;
/// Windows around skin: how many at most, and their side in face widths, or as a share of the figure without a face.
const MOST_WINDOWS: usize = 4;
const WINDOW_FACES: f32 = 5.0;
const WINDOW_FIGURE: f32 = 0.45;
/// Skin that is smaller than this, in squared face widths, is no hand.
const SMALLEST_SKIN: f32 = 0.04;
/// Palms that get a closer look.
const MOST_PALMS: usize = 6;
/// Two hands whose landmarks are closer than this on average, in palm lengths, are one.
const SAME_HAND: f32 = 0.5;
/// Share of a hand's landmarks that must lie on the figure, and on its skin.
const ON_FIGURE: f32 = 0.8;
const ON_SKIN: f32 = 0.55;
/// Landmarks lie beside what they mean by so much, in palm lengths.
const TOLERANCE: f32 = 0.12;
const WRIST: usize = 0;
const MIDDLE_KNUCKLE: usize = 9;

/// The two networks that know hands, ready to run on any thread.
#[derive(Debug)]
pub(super) struct HandFinder {
    pub detector: PalmDetector,
    pub mesh: HandMesh,
}

impl HandFinder {
    /// At most two hands a face, in working pixels, the surest first.
    pub fn find(&self, clip: &Clip, frame: usize) -> Result<Vec<Hand>, ModelError> {
        let figure = clip.person[frame].map(|&p| p > 0.5);
        let Some([left, top, right, bottom]) = extent(&figure) else { return Ok(Vec::new()) };
        let skin = clip.skin[frame].map(|&label| label == 1);
        let faces = &clip.faces[frame];
        let side = (right - left).max(bottom - top);
        let mut windows = vec![[(left + right - side) / 2.0, (top + bottom - side) / 2.0, side]];
        windows.extend(windows_on_skin(&skin, &figure, faces, side));
        let source = &clip.source[frame];
        let picture = to_float(source);
        let scale = source.width as f32 / clip.width.max(1) as f32;
        let mut memory = Memory::default();
        let mut palms = Vec::new();
        for window in windows {
            palms.extend(self.detector.find(&picture, window.map(|value| value * scale), &mut memory)?);
        }
        let mut hands: Vec<Hand> = Vec::new();
        for palm in surest(palms).iter().take(MOST_PALMS) {
            hands.push(in_working_pixels(self.mesh.trace(&picture, palm, &mut memory)?, scale));
        }
        hands.retain(|hand| hand.presence > LEAST_PRESENCE && is_on(hand, &figure, &skin));
        hands.sort_by(|a, b| b.presence.total_cmp(&a.presence));
        let mut kept: Vec<Hand> = Vec::new();
        for hand in hands {
            if kept.len() < 2 * faces.len().max(1) && !kept.iter().any(|other| is_same(&hand, other)) {
                kept.push(hand);
            }
        }
        Ok(kept)
    }
}

/// Squares `[x, y, side]` around skin away from faces, the largest piece first; none within another.
fn windows_on_skin(skin: &Mask, figure: &Mask, faces: &[Face], figure_side: f32) -> Vec<[f32; 3]> {
    let face = faces.iter().map(face_width).fold(0.0, f32::max);
    let side = if face > 0.0 { (WINDOW_FACES * face).min(figure_side) } else { WINDOW_FIGURE * figure_side };
    let mut bare = skin.clone();
    bare.data.iter_mut().zip(&figure.data).for_each(|(bare, &figure)| *bare &= figure);
    for face in faces {
        let (middle, reach) = (centre(face, OVAL.into_iter()), 0.7 * face_width(face));
        for y in 0..bare.height {
            for x in 0..bare.width {
                bare[(x, y)] &= (x as f32 - middle[0]).hypot(0.75 * (y as f32 - middle[1])) > reach;
            }
        }
    }
    let found = regions(&bare, Connectivity::Eight);
    let smallest = (SMALLEST_SKIN * face * face).max(9.0) as usize;
    let mut pieces: Vec<_> = found.regions.iter().filter(|piece| piece.value && piece.area >= smallest).collect();
    pieces.sort_by_key(|piece| std::cmp::Reverse(piece.area));
    let mut windows: Vec<[f32; 3]> = Vec::new();
    for piece in pieces {
        let [x, y] = [(piece.x0 + piece.x1) as f32 / 2.0, (piece.y0 + piece.y1) as f32 / 2.0];
        let inside = |w: &[f32; 3]| (x - w[0] - side / 2.0).abs().max((y - w[1] - side / 2.0).abs()) < 0.25 * side;
        if windows.len() < MOST_WINDOWS && !windows.iter().any(inside) {
            windows.push([x - side / 2.0, y - side / 2.0, side]);
        }
    }
    windows
}

/// `[left, top, right, bottom]` of what is marked.
fn extent(mask: &Mask) -> Option<[f32; 4]> {
    let marked = || (0..mask.data.len()).filter(|&i| mask.data[i]).map(|i| (i % mask.width, i / mask.width));
    let (left, right) = (marked().map(|p| p.0).min()?, marked().map(|p| p.0).max()?);
    let (top, bottom) = (marked().map(|p| p.1).min()?, marked().map(|p| p.1).max()?);
    Some([left as f32, top as f32, right as f32 + 1.0, bottom as f32 + 1.0])
}

fn in_working_pixels(mut hand: Hand, scale: f32) -> Hand {
    // pixel centres are whole numbers at both sizes
    let place = |value: f32| (value + 0.5) / scale - 0.5;
    hand.points = hand.points.map(|[x, y, z]| [place(x), place(y), z / scale]);
    hand
}

/// Whether a hand's landmarks lie on the figure and on skin.
fn is_on(hand: &Hand, figure: &Mask, skin: &Mask) -> bool {
    let near = TOLERANCE * palm_length(hand);
    let share = |of: &Mask| {
        let of = dilate(of, near);
        let on = |p: &&[f32; 3]| at(&of, p).unwrap_or(false);
        hand.points.iter().filter(on).count() as f32 / hand.points.len() as f32
    };
    share(figure) >= ON_FIGURE && share(skin) >= ON_SKIN
}

fn is_same(hand: &Hand, other: &Hand) -> bool {
    let apart = hand.points.iter().zip(&other.points).map(|(a, b)| (a[0] - b[0]).hypot(a[1] - b[1]));
    let mean = apart.sum::<f32>() / hand.points.len() as f32;
    mean < SAME_HAND * palm_length(hand).max(palm_length(other))
}

/// From the wrist to the middle finger's base, depth included.
fn palm_length(hand: &Hand) -> f32 {
    let [a, b] = [WRIST, MIDDLE_KNUCKLE].map(|point| hand.points[point]);
    (a[0] - b[0]).hypot(a[1] - b[1]).hypot(a[2] - b[2])
}

fn at<T: Copy>(picture: &Grid<T>, point: &[f32; 3]) -> Option<T> {
    let inside = |value: f32, length: usize| (value >= 0.0 && value < length as f32).then_some(value as usize);
    Some(picture[(inside(point[0], picture.width)?, inside(point[1], picture.height)?)])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A hand that points up, its palm 30 pixels long, wrist at `(x, y)`.
    fn hand(x: f32, y: f32) -> Hand {
        let finger = |i: usize| (i.saturating_sub(1) / 4) as f32;
        let point = |i: usize| [x + 8.0 * (finger(i) - 2.0), y - 30.0 - 6.0 * (i.saturating_sub(1) % 4) as f32, 0.0];
        Hand { points: std::array::from_fn(|i| if i == 0 { [x, y, 0.0] } else { point(i) }), presence: 0.9 }
    }

    fn block(x0: usize, y0: usize, x1: usize, y1: usize) -> Mask {
        let mut mask = Mask::new(200, 160, false);
        (y0..y1).for_each(|y| (x0..x1).for_each(|x| mask[(x, y)] = true));
        mask
    }

    #[test]
    fn a_hand_must_lie_on_the_figure_and_on_skin() {
        let (figure, skin) = (block(40, 20, 160, 160), block(80, 40, 120, 110));
        assert!(is_on(&hand(100.0, 105.0), &figure, &skin));
        assert!(!is_on(&hand(60.0, 150.0), &figure, &skin), "on a sleeve");
        assert!(!is_on(&hand(20.0, 105.0), &figure, &skin), "beside the figure");
        assert!(!is_on(&hand(-50.0, 105.0), &figure, &skin), "outside the frame");
    }

    #[test]
    fn two_looks_at_one_hand_are_one_and_hands_side_by_side_are_two() {
        assert!(is_same(&hand(100.0, 100.0), &hand(104.0, 97.0)));
        assert!(!is_same(&hand(100.0, 100.0), &hand(120.0, 100.0)));
    }

    #[test]
    fn windows_lie_on_skin_of_the_figure_and_not_on_each_other() {
        let mut skin = block(60, 100, 80, 120);
        for other in [block(81, 105, 86, 112), block(130, 40, 145, 55), block(0, 0, 20, 20)] {
            skin.data.iter_mut().zip(&other.data).for_each(|(skin, &other)| *skin |= other);
        }
        let windows = windows_on_skin(&skin, &block(40, 20, 160, 160), &[], 140.0);
        let middle = |w: &[f32; 3]| [w[0] + w[2] / 2.0, w[1] + w[2] / 2.0];
        assert_eq!(windows.iter().map(middle).collect::<Vec<_>>(), [[70.0, 110.0], [137.5, 47.5]]);
    }
}
