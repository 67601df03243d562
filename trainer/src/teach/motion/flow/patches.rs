//! Patches on a grid, each moved to where the other picture looks like it, then averaged over the pixels they cover.

use super::{Flow, sample};
use crate::raster::filter::sobel;
use crate::raster::{Grid, Plane};

const SIDE: usize = 8;
const PIXELS: usize = SIDE * SIDE;
const STRIDE: usize = 4;
/// Gauss-Newton steps; fewer where a step hardly moves.
const STEPS: usize = 12;
const STILL: f32 = 0.02;
/// A patch that ran farther than this from where it started, in pixels, is lost.
const FARTHEST: f32 = SIDE as f32;
/// Squares left by no motion, as a share of those left by any other, at which it is believed.
const STANDING_STILL: f32 = 0.7;
/// Added to the diagonal of the normal matrix: flat patches stay where they are.
const RIDGE: f32 = 60.0;

/// One patch of the first picture, without its mean: a change of light is no motion.
struct Patch {
    corner: [usize; 2],
    values: [f32; PIXELS],
    gradients: [[f32; 2]; PIXELS],
    /// Inverse of the normal matrix: xx, xy, yy.
    inverse: [f32; 3],
}

impl Patch {
    fn new(picture: &Plane, across: &Plane, down: &Plane, corner: [usize; 2]) -> Self {
        let mut patch = Self { corner, values: [0.0; PIXELS], gradients: [[0.0; 2]; PIXELS], inverse: [0.0; 3] };
        for (row, column) in (0..SIDE).flat_map(|row| (0..SIDE).map(move |column| (row, column))) {
            let at = ((corner[0] + column).min(picture.width - 1), (corner[1] + row).min(picture.height - 1));
            patch.values[row * SIDE + column] = picture[at];
            patch.gradients[row * SIDE + column] = [across[at], down[at]];
        }
        let mean = patch.values.iter().sum::<f32>() / PIXELS as f32;
        patch.values.iter_mut().for_each(|value| *value -= mean);
        // the mean is free, so gradients count without theirs as well
        let middle = [0, 1].map(|c| patch.gradients.iter().map(|g| g[c]).sum::<f32>() / PIXELS as f32);
        patch.gradients.iter_mut().for_each(|g| *g = [g[0] - middle[0], g[1] - middle[1]]);
        let mut sums = [RIDGE, 0.0, RIDGE];
        for [gx, gy] in patch.gradients {
            sums = [sums[0] + gx * gx, sums[1] + gx * gy, sums[2] + gy * gy];
        }
        let determinant = sums[0] * sums[2] - sums[1] * sums[1];
        patch.inverse = [sums[2] / determinant, -sums[1] / determinant, sums[0] / determinant];
        patch
    }

    /// The other picture's patch at a displacement minus this one, and the sum of squares.
    fn difference(&self, to: &Plane, flow: [f32; 2]) -> ([f32; PIXELS], f32) {
        let (x, y) = (self.corner[0] as f32 + flow[0], self.corner[1] as f32 + flow[1]);
        let mut values = [0.0; PIXELS];
        let inside = x >= 0.0 && y >= 0.0 && x < (to.width - SIDE) as f32 && y < (to.height - SIDE) as f32;
        if inside {
            let (x0, y0) = (x as usize, y as usize);
            let (fx, fy) = (x - x0 as f32, y - y0 as f32);
            let weights = [(1.0 - fx) * (1.0 - fy), fx * (1.0 - fy), (1.0 - fx) * fy, fx * fy];
            for (row, out) in values.chunks_exact_mut(SIDE).enumerate() {
                let upper = &to.data[(y0 + row) * to.width + x0..][..=SIDE];
                let lower = &to.data[(y0 + row + 1) * to.width + x0..][..=SIDE];
                for (i, value) in out.iter_mut().enumerate() {
                    *value = weights[0] * upper[i]
                        + weights[1] * upper[i + 1]
                        + weights[2] * lower[i]
                        + weights[3] * lower[i + 1];
                }
            }
        } else {
            for (i, value) in values.iter_mut().enumerate() {
                *value = sample(to, x + (i % SIDE) as f32, y + (i / SIDE) as f32);
            }
        }
        let mean = values.iter().sum::<f32>() / PIXELS as f32;
        let mut squares = 0.0;
        for (value, own) in values.iter_mut().zip(&self.values) {
            *value -= mean + own;
            squares += *value * *value;
        }
        (values, squares)
    }

    /// The displacement near `start` at which the pictures agree best, and the squares left.
    fn descend(&self, to: &Plane, start: [f32; 2]) -> ([f32; 2], f32) {
        let (mut difference, mut squares) = self.difference(to, start);
        let mut flow = start;
        for _ in 0..STEPS {
            let mut along = [0.0; 2];
            for (d, g) in difference.iter().zip(&self.gradients) {
                along = [along[0] + d * g[0], along[1] + d * g[1]];
            }
            let step = [
                self.inverse[0] * along[0] + self.inverse[1] * along[1],
                self.inverse[1] * along[0] + self.inverse[2] * along[1],
            ];
            let next = [flow[0] - step[0], flow[1] - step[1]];
            let (there, left) = self.difference(to, next);
            if left >= squares || (next[0] - start[0]).hypot(next[1] - start[1]) > FARTHEST {
                break;
            }
            (flow, difference, squares) = (next, there, left);
            if step[0].hypot(step[1]) < STILL {
                break;
            }
        }
        (flow, squares)
    }
}

/// Moves every patch: there and back over the grid, each trying what its neighbours found.
pub(super) fn search(from: &Plane, to: &Plane, start: &Flow) -> Flow {
    if from.width <= SIDE || from.height <= SIDE {
        return start.clone();
    }
    let places = |length: usize| (length - SIDE).div_ceil(STRIDE) + 1;
    let (columns, rows) = (places(from.width), places(from.height));
    let corner = |i: usize, length: usize| (i * STRIDE).min(length - SIDE);
    let (across, down) = sobel(from);
    let patches: Vec<Patch> = (0..columns * rows)
        .map(|i| Patch::new(from, &across, &down, [corner(i % columns, from.width), corner(i / columns, from.height)]))
        .collect();
    let own = |patch: &Patch| start[(patch.corner[0] + SIDE / 2, patch.corner[1] + SIDE / 2)];
    let mut found: Vec<[f32; 2]> = patches.iter().map(own).collect();
    for backwards in [false, true] {
        for step in 0..patches.len() {
            let i = if backwards { patches.len() - 1 - step } else { step };
            let (x, y) = (i % columns, i / columns);
            let beside = match backwards {
                false => [(x > 0).then(|| i - 1), (y > 0).then(|| i - columns)],
                true => [(x + 1 < columns).then(|| i + 1), (y + 1 < rows).then(|| i + columns)],
            };
            let tried = beside.into_iter().flatten().map(|other| found[other]);
            let (mut best, mut squares) = (found[i], patches[i].difference(to, found[i]).1);
            // standing still must be clearly better: where there is no texture anything is as good
            for (flow, margin) in tried.map(|flow| (flow, 1.0)).chain([([0.0; 2], STANDING_STILL)]) {
                let left = patches[i].difference(to, flow).1;
                if left < margin * squares {
                    (best, squares) = (flow, left);
                }
            }
            found[i] = patches[i].descend(to, best).0;
        }
    }
    spread(from, to, &patches, &found)
}

/// The flow of each pixel: the mean of the patches over it, those counting most that fit it best.
fn spread(from: &Plane, to: &Plane, patches: &[Patch], found: &[[f32; 2]]) -> Flow {
    let mut sums = Grid::new(from.width, from.height, [0.0f32; 3]);
    for (patch, &flow) in patches.iter().zip(found) {
        let (difference, _) = patch.difference(to, flow);
        for (row, line) in difference.chunks_exact(SIDE).enumerate() {
            let first = (patch.corner[1] + row) * from.width + patch.corner[0];
            for (sum, d) in sums.data[first..first + SIDE].iter_mut().zip(line) {
                let weight = 1.0 / d.abs().max(1.0);
                *sum = [sum[0] + weight * flow[0], sum[1] + weight * flow[1], sum[2] + weight];
            }
        }
    }
    sums.map(|&[u, v, weight]| if weight > 0.0 { [u / weight, v / weight] } else { [0.0; 2] })
}
