//! Lays one frame over another by an affine motion of the whole picture, whatever moves in its middle (inverse
//! compositional alignment, Baker & Matthews 2004, with Tukey's weights).

use super::flow::sample;
use crate::raster::filter::{gaussian, sobel};
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Plane};

/// `x' = (1 + a)·x + c·y + e`, `y' = b·x + (1 + d)·y + f`, from the middle, x and y in half widths, for a picture of
/// any size: numbers are a, b, c, d, e, f.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Affine(pub [f64; 6]);

const LEVELS: usize = 3;
const STEPS: usize = 15;
/// A step this small, in half widths, is the last.
const STILL: f64 = 1e-4;
/// Tukey's weight reaches to this many standard deviations; lightness (0..1) is no more exact than the least.
const REACH: f32 = 4.7;
const LEAST_DEVIATION: f32 = 0.004;
/// Pull towards no motion, per pixel: where the border has no texture nothing should turn.
const RIDGE: f64 = 2e-5;

impl Affine {
    pub const NONE: Self = Self([0.0; 6]);

    /// Where a pixel of a picture of this size goes.
    pub fn at(&self, x: f32, y: f32, width: usize, height: usize) -> [f32; 2] {
        let half = (width as f32 / 2.0).max(1.0);
        let (cx, cy) = ((width as f32 - 1.0) / 2.0, (height as f32 - 1.0) / 2.0);
        let (x, y) = ((x - cx) / half, (y - cy) / half);
        let [a, b, c, d, e, f] = self.0.map(|number| number as f32);
        [cx + half * ((1.0 + a) * x + c * y + e), cy + half * (b * x + (1.0 + d) * y + f)]
    }

    /// The way back; no motion where there is none.
    pub fn inverse(&self) -> Self {
        let [a, b, c, d, e, f] = self.0;
        let determinant = (1.0 + a) * (1.0 + d) - b * c;
        if determinant.abs() < 1e-6 {
            return Self::NONE;
        }
        let (p, q, r, s) = ((1.0 + d) / determinant, -b / determinant, -c / determinant, (1.0 + a) / determinant);
        Self([p - 1.0, q, r, s - 1.0, -(p * e + r * f), -(q * e + s * f)])
    }

    /// First `other`, then this.
    fn after(&self, other: &Self) -> Self {
        let ([a, b, c, d, e, f], [g, h, i, j, k, l]) = (self.0, other.0);
        Self([
            (1.0 + a) * (1.0 + g) + c * h - 1.0,
            b * (1.0 + g) + (1.0 + d) * h,
            (1.0 + a) * i + c * (1.0 + j),
            b * i + (1.0 + d) * (1.0 + j) - 1.0,
            (1.0 + a) * k + c * l + e,
            b * k + (1.0 + d) * l + f,
        ])
    }

    /// The picture as it lies over the one it was aligned to.
    pub fn lay(&self, picture: &Plane) -> Plane {
        let (width, height) = (picture.width, picture.height);
        let data = (0..width * height).map(|i| {
            let [x, y] = self.at((i % width) as f32, (i / width) as f32, width, height);
            sample(picture, x, y)
        });
        Plane::from_data(width, height, data.collect())
    }
}

/// The motion that takes pixels of `still` to where `moved` (lightness 0..1, same size) shows the same.
pub(super) fn align(still: &Plane, moved: &Plane, start: Affine) -> Affine {
    let (still, moved) = (pyramid(still), pyramid(moved));
    let mut motion = start;
    for (still, moved) in still.iter().zip(&moved).rev() {
        motion = refine(still, moved, motion);
    }
    motion
}

fn pyramid(plane: &Plane) -> Vec<Plane> {
    let mut levels = vec![gaussian(plane, 0.8)];
    while levels.len() < LEVELS
        && let Some(last) = levels.last()
        && last.width.min(last.height) >= 32
    {
        levels.push(resize(last, last.width / 2, last.height / 2, Interpolation::Area));
    }
    levels
}

/// How much pixels count: people are in the middle, rather low.
fn from_middle(x: f32, y: f32) -> f32 {
    (((x - 0.5) / 0.36).powi(2) + ((y - 0.62) / 0.58).powi(2)).clamp(0.05, 1.0)
}

fn refine(still: &Plane, moved: &Plane, mut motion: Affine) -> Affine {
    let (width, height) = (still.width, still.height);
    let half = (width as f32 / 2.0).max(1.0);
    let (gx, gy) = sobel(still);
    let rows: Vec<[f64; 6]> = (0..width * height)
        .map(|i| {
            let x = f64::from(((i % width) as f32 - (width as f32 - 1.0) / 2.0) / half);
            let y = f64::from(((i / width) as f32 - (height as f32 - 1.0) / 2.0) / half);
            let (gx, gy) = (f64::from(gx.data[i] * half), f64::from(gy.data[i] * half));
            [gx * x, gy * x, gx * y, gy * y, gx, gy]
        })
        .collect();
    for _ in 0..STEPS {
        let laid = motion.lay(moved);
        let mut rest: Vec<f32> = laid.data.iter().zip(&still.data).map(|(a, b)| a - b).collect();
        let light = middle(rest.clone());
        rest.iter_mut().for_each(|r| *r -= light);
        let deviation = (1.48 * middle(rest.iter().map(|r| r.abs()).collect())).max(LEAST_DEVIATION);
        let mut normal = [[0.0f64; 7]; 6];
        for (i, (row, rest)) in rows.iter().zip(&rest).enumerate() {
            let tukey = (1.0 - (rest / (REACH * deviation)).powi(2)).max(0.0).powi(2);
            let (x, y) = ((i % width) as f32 / width as f32, (i / width) as f32 / height as f32);
            let weight = f64::from(tukey * from_middle(x, y));
            for j in 0..6 {
                (0..6).for_each(|k| normal[j][k] += weight * row[j] * row[k]);
                normal[j][6] += weight * row[j] * f64::from(*rest);
            }
        }
        let ridge = RIDGE * rows.len() as f64;
        (0..6).for_each(|j| normal[j][j] += ridge);
        let Some(step) = solve(normal) else { break };
        motion = motion.after(&Affine(step).inverse());
        if step.iter().all(|s| s.abs() < STILL) {
            break;
        }
    }
    motion
}

fn middle(mut values: Vec<f32>) -> f32 {
    let half = values.len() / 2;
    if values.is_empty() { 0.0 } else { *values.select_nth_unstable_by(half, f32::total_cmp).1 }
}

/// Gaussian elimination of a positive definite system; `None` when it is not.
fn solve(mut rows: [[f64; 7]; 6]) -> Option<[f64; 6]> {
    for i in 0..6 {
        let own = rows[i];
        if own[i] <= 1e-12 {
            return None;
        }
        for row in rows.iter_mut().skip(i + 1) {
            let factor = row[i] / own[i];
            row.iter_mut().zip(own).for_each(|(value, o)| *value -= factor * o);
        }
    }
    let mut numbers = [0.0; 6];
    for i in (0..6).rev() {
        let rest: f64 = (i + 1..6).map(|j| rows[i][j] * numbers[j]).sum();
        numbers[i] = (rows[i][6] - rest) / rows[i][i];
    }
    Some(numbers)
}

/// Frames laid over one of them, `reference`, each beginning from its neighbour's motion.
pub(super) fn stabilise(lightness: &[Plane], reference: usize) -> Vec<Affine> {
    let mut motions = vec![Affine::NONE; lightness.len()];
    let (before, after) = (0..reference, reference + 1..lightness.len());
    let walk = |order: &mut dyn Iterator<Item = usize>| {
        let mut last = Affine::NONE;
        let step = |t: usize| {
            last = align(&lightness[reference], &lightness[t], last);
            (t, last)
        };
        order.map(step).collect::<Vec<_>>()
    };
    let (a, b) = rayon::join(|| walk(&mut before.rev()), || walk(&mut after.into_iter()));
    a.into_iter().chain(b).for_each(|(t, motion)| motions[t] = motion);
    motions
}

/// Grids of other values than lightness, laid the same way.
pub(super) fn lay_colours(motion: &Affine, picture: &Grid<[f32; 3]>) -> Grid<[f32; 3]> {
    let channel = |c: usize| motion.lay(&picture.map(|colour| colour[c]));
    let channels = [channel(0), channel(1), channel(2)];
    let data = (0..picture.data.len()).map(|i| std::array::from_fn(|c| channels[c].data[i])).collect();
    Grid::from_data(picture.width, picture.height, data)
}

#[cfg(test)]
mod tests {
    use super::super::flow::tests::{picture, texture};
    use super::*;

    #[test]
    fn a_known_affine_motion_is_recovered_though_the_middle_moves_otherwise() {
        let truth = Affine([0.02, -0.015, 0.018, 0.01, 0.05, -0.03]);
        let (width, height) = (160, 112);
        let still = picture(width, height, |x, y| texture(x, y) / 255.0);
        let back = truth.inverse();
        let moved = picture(width, height, |x, y| {
            let [x, y] = back.at(x, y, width, height);
            let object = (60.0..100.0).contains(&x) && (50.0..112.0).contains(&y);
            if object { texture(3.0 * x + 11.0, y) / 255.0 } else { texture(x, y) / 255.0 }
        });
        let found = align(&still, &moved, Affine::NONE);
        for (x, y) in [(4.0, 4.0), (155.0, 6.0), (150.0, 100.0), (80.0, 20.0)] {
            let ([fx, fy], [tx, ty]) = (found.at(x, y, width, height), truth.at(x, y, width, height));
            assert!((fx - tx).hypot(fy - ty) < 0.3, "at {x} {y}: {fx} {fy} instead of {tx} {ty}");
        }
    }

    #[test]
    fn there_and_back_is_nowhere() {
        let motion = Affine([0.1, -0.05, 0.02, 0.2, 0.3, -0.1]);
        let round = motion.after(&motion.inverse());
        assert!(round.0.iter().all(|number| number.abs() < 1e-12), "{round:?}");
        let flat = Plane::new(40, 40, 0.5);
        assert_eq!(align(&flat, &flat, Affine::NONE), Affine::NONE);
    }
}
