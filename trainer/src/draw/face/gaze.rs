//! Where the eyes look and how far the lids are down, read from the picture: the mesh draws every eye open.

use super::Portrait;
use crate::draw::landmarks::EyeSide;
use crate::draw::point::{Point, distance, dot, mix, sub};
use crate::raster::clean::smoothstep;

/// Columns across an eye and rows between its lids that are looked at.
const COLUMNS: usize = 17;
const ROWS: usize = 23;
/// Rows reach from this share of the opening above the upper lid to this share below it.
const ROW_RANGE: (f32, f32) = (-0.6, 1.6);
/// Lashes and iris lie within these; beyond are brow and cheek shadows.
const EYE_RANGE: (f32, f32) = (-0.15, 1.3);
/// Height of the darkness between the lids (0 upper, 1 lower): open eyes have it up to the middle, lowered lids leave
/// one dark line along the lower lid. Measured on seven clips: open .15–.65, lowered .8–1.1.
const LOWERED: (f32, f32) = (0.70, 0.86);
/// Lightness that a clear eye is darker than the skin around it.
const CLEAR_CONTRAST: f32 = 0.06;
/// Evidence below this says nothing.
const LEAST_EVIDENCE: f32 = 0.15;
/// How far the iris may leave the middle, in eye widths.
const SIDEWAYS_MAX: f32 = 0.2;

#[derive(Clone, Copy, Debug, Default)]
pub struct Gaze {
    /// Place of the iris, in eye widths towards the right of the picture.
    pub sideways: f32,
    /// 0: open eyes, 1: lids down.
    pub lowered: f32,
}

/// One eye's evidence.
struct Look {
    contrast: f32,
    height: f32,
    sideways: f32,
}

/// Both eyes look the same way: the mean of what they show, the clearer and the nearer one counting more.
pub fn read(portrait: &Portrait, eyes: &[&EyeSide]) -> Gaze {
    let (mut height, mut sideways, mut total) = (0.0, 0.0, 0.0);
    for eye in eyes {
        let Some(look) = look(portrait, eye) else { continue };
        let is_right = dot(sub(portrait.at(eye.upper[0]), portrait.at(eye.upper[8])), portrait.right) < 0.0;
        let nearness = 1.0 + if is_right { 1.5 } else { -1.5 } * portrait.yaw;
        let weight = (look.contrast / CLEAR_CONTRAST).clamp(0.0, 1.0) * nearness.max(0.1);
        height += weight * look.height;
        sideways += weight * look.sideways;
        total += weight;
    }
    if total < LEAST_EVIDENCE {
        return Gaze::default();
    }
    let sure = (total / eyes.len() as f32).min(1.0);
    Gaze {
        sideways: sure * (sideways / total).clamp(-SIDEWAYS_MAX, SIDEWAYS_MAX),
        lowered: smoothstep(height / total, LOWERED.0, LOWERED.1),
    }
}

fn look(portrait: &Portrait, eye: &EyeSide) -> Option<Look> {
    let (upper, lower) = (portrait.pick(&eye.upper), portrait.pick(&eye.lower));
    let width = distance(upper[0], upper[8]);
    if width < 3.0 {
        return None;
    }
    let upper = crate::draw::pen::spline(&upper, COLUMNS + 2);
    let lower = crate::draw::pen::spline(&lower, COLUMNS + 2);
    let part = |row: usize| ROW_RANGE.0 + (ROW_RANGE.1 - ROW_RANGE.0) * row as f32 / (ROWS - 1) as f32;
    let place = |row: usize, column: usize| mix(upper[column], lower[column], part(row));
    let middle: Vec<usize> = (COLUMNS / 4 + 1..=COLUMNS - COLUMNS / 4).collect();
    let profile: Vec<f32> = (0..ROWS)
        .map(|row| middle.iter().map(|&c| portrait.lightness(place(row, c))).sum::<f32>() / middle.len() as f32)
        .collect();
    let skin = nth(&profile, 0.7);
    let rows = (0..ROWS).filter(|&row| (EYE_RANGE.0..=EYE_RANGE.1).contains(&part(row)));
    let dark: Vec<(usize, f32)> = rows.map(|row| (row, (skin - profile[row]).max(0.0))).collect();
    let weight: f32 = dark.iter().map(|d| d.1 * d.1).sum();
    let height = dark.iter().map(|d| d.1 * d.1 * part(d.0)).sum::<f32>() / weight.max(1e-9);
    let contrast = dark.iter().map(|d| d.1).fold(0.0, f32::max);
    let inside: Vec<Point> = (0..ROWS)
        .filter(|&row| (0.1..0.9).contains(&part(row)))
        .flat_map(|row| (1..=COLUMNS).map(move |column| (row, column)))
        .map(|(row, column)| place(row, column))
        .collect();
    let sideways = dark_centre(portrait, &inside, mix(upper[0], upper[COLUMNS + 1], 0.5)) / width;
    Some(Look { contrast, height, sideways })
}

/// How far the dark pixels among `inside` lie to the right of `middle`.
fn dark_centre(portrait: &Portrait, inside: &[Point], middle: Point) -> f32 {
    let values: Vec<f32> = inside.iter().map(|&p| portrait.lightness(p)).collect();
    let bright = nth(&values, 0.6);
    let (mut sum, mut total) = (0.0, 1e-6);
    for (&point, value) in inside.iter().zip(values) {
        let weight = (bright - value).max(0.0).powf(1.5);
        sum += weight * dot(sub(point, middle), portrait.right);
        total += weight;
    }
    sum / total
}

/// The value that the share `q` stays below.
fn nth(values: &[f32], q: f32) -> f32 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f32::total_cmp);
    sorted[(q * (sorted.len() - 1) as f32).round() as usize]
}

#[cfg(test)]
mod tests {
    use super::super::tests::{face, with_portrait};
    use super::*;
    use crate::draw::landmarks::{self, LEFT, RIGHT};
    use crate::draw::pen::stroke_outline;
    use crate::draw::point::add;
    use crate::raster::polygon::disc;

    /// Irises of both eyes, moved aside.
    fn irises(aside: f32) -> Vec<Vec<Point>> {
        [[89.0, 99.0], [151.0, 99.0]].map(|middle| disc(add(middle, [aside, 0.0]), 5.0)).to_vec()
    }

    fn gaze(dark: &[Vec<Point>]) -> Gaze {
        with_portrait(dark, |portrait| read(portrait, &[&RIGHT, &LEFT]))
    }

    #[test]
    fn eyes_look_where_the_dark_of_the_iris_is() {
        assert!(gaze(&irises(0.0)).sideways.abs() < 0.02);
        assert!(gaze(&irises(5.0)).sideways > 0.08);
        assert!(gaze(&irises(-5.0)).sideways < -0.08);
        assert_eq!(gaze(&irises(0.0)).lowered, 0.0);
    }

    #[test]
    fn a_dark_line_along_the_lower_lid_means_lowered_eyes() {
        let lash = |side: &EyeSide| stroke_outline(&landmarks::pick(&face(), &side.lower), 3.0, 0.2, 0.2);
        assert!(gaze(&[lash(&RIGHT), lash(&LEFT)]).lowered > 0.9);
    }

    #[test]
    fn bare_skin_says_nothing() {
        let gaze = gaze(&[]);
        assert_eq!((gaze.sideways, gaze.lowered), (0.0, 0.0));
    }
}
