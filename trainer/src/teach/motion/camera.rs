//! How the background moves between two frames: a plane seen by a moving camera, fitted to the flow robustly.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::flow::Flow;
use crate::raster::Plane;

/// Flow of a plane, eight numbers: `u = a0 + a1·x + a2·y + a6·x² + a7·x·y`, `v = a3 + a4·x + a5·y + a6·x·y + a7·y²`,
/// with x and y from the middle in half widths, the flow in pixels (Longuet-Higgins & Prazdny 1980).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Camera {
    numbers: [f64; 8],
    middle: [f32; 2],
    half: f32,
}

/// Flow vectors looked at for the fit, about.
const LOOKED_AT: usize = 2000;
/// Guesses from three vectors each.
const GUESSES: usize = 160;
/// Residuals beyond this, in pixels, count alike when guesses are compared.
const WRONG: f32 = 1.0;
/// Tukey's weight reaches to this many standard deviations.
const REACH: f32 = 4.7;
const REFINEMENTS: usize = 10;
/// No flow is more exact than this, in pixels.
const LEAST_DEVIATION: f32 = 0.08;
/// Ridge on all but the translation, per vector looked at.
const RIDGE: f64 = 1e-4;

/// The motion of a whole background: a plane far away and, often, another that comes closer, such as the ground.
#[derive(Clone, Copy, Debug)]
pub(super) struct Background {
    pub far: Camera,
    pub near: Option<Camera>,
}

/// The picture's border, as a share of its width, belongs to the background for the most part.
const BAND: f32 = 0.06;
/// A near plane must explain this share of the border that the far one does not explain at all.
const WORTH_A_PLANE: f32 = 0.12;
/// Residual in deviations, at least this many pixels, that is not explained; and that is.
const UNEXPLAINED: f32 = 4.0;
const LEAST_UNEXPLAINED: f32 = 0.6;

impl Background {
    pub fn fit(flow: &Flow, weight: &Plane, seed: u64) -> Self {
        let far = Camera::fit(flow, weight, seed);
        let (width, height) = (flow.width, flow.height);
        let residual = |i: usize| far.residual((i % width) as f32, (i / width) as f32, flow.data[i]);
        let residuals: Vec<f32> = (0..flow.data.len()).map(residual).collect();
        let limit = LEAST_UNEXPLAINED.max(UNEXPLAINED * deviation(&residuals, weight.data.iter().copied()));
        let band = (BAND * width as f32).max(2.0) as usize;
        let border = |i: usize| {
            let (x, y) = (i % width, i / width);
            x < band || y < band || x + band >= width || y + band >= height
        };
        let (mut count, mut rest) = (0, Plane::new(width, height, 0.0));
        for i in (0..flow.data.len()).filter(|&i| border(i)) {
            count += 1;
            rest.data[i] = f32::from(u8::from(residuals[i] > limit));
        }
        let unexplained = |other: &Camera| {
            let fits = |i: &usize| {
                let left = other.residual((*i % width) as f32, (*i / width) as f32, flow.data[*i]);
                rest.data[*i] > 0.0 && left < 0.5 * limit
            };
            (0..flow.data.len()).filter(fits).count() as f32
        };
        let wanted = WORTH_A_PLANE * count as f32;
        let worth = rest.data.iter().sum::<f32>() > wanted;
        let near = worth.then(|| Camera::fit(flow, &rest, seed)).filter(|near| unexplained(near) > wanted);
        Self { far, near }
    }

    /// The plane that explains a flow better.
    pub fn plane(&self, x: f32, y: f32, flow: [f32; 2]) -> &Camera {
        match &self.near {
            Some(near) if near.residual(x, y, flow) < self.far.residual(x, y, flow) => near,
            _ => &self.far,
        }
    }
}

/// A flow vector with its place and how much it is believed to be background.
struct Vector {
    at: [f32; 2],
    flow: [f32; 2],
    weight: f32,
}

impl Camera {
    /// Fits the motion of most of `weight`: how much each pixel is believed to be background.
    pub fn fit(flow: &Flow, weight: &Plane, seed: u64) -> Self {
        let middle = [(flow.width as f32 - 1.0) / 2.0, (flow.height as f32 - 1.0) / 2.0];
        let mut camera = Self { numbers: [0.0; 8], middle, half: (flow.width as f32 / 2.0).max(1.0) };
        let stride = ((flow.data.len() / LOOKED_AT) as f32).sqrt().ceil().max(1.0) as usize;
        let vectors: Vec<Vector> = (stride / 2..flow.height)
            .step_by(stride)
            .flat_map(|y| (stride / 2..flow.width).step_by(stride).map(move |x| (x, y)))
            .map(|at| Vector { at: [at.0 as f32, at.1 as f32], flow: flow[at], weight: weight[at] })
            .filter(|vector| vector.weight > 0.0)
            .collect();
        if vectors.len() >= 8 {
            camera.guess(&vectors, seed);
            (0..REFINEMENTS).for_each(|_| camera.refine(&vectors));
        }
        camera
    }

    /// The flow of the background at a pixel.
    pub fn at(&self, x: f32, y: f32) -> [f32; 2] {
        let n = self.numbers.map(|number| number as f32);
        let (x, y) = ((x - self.middle[0]) / self.half, (y - self.middle[1]) / self.half);
        let bend = n[6] * x + n[7] * y;
        [n[0] + n[1] * x + n[2] * y + bend * x, n[3] + n[4] * x + n[5] * y + bend * y]
    }

    /// How far a flow is from the background's, in pixels.
    pub fn residual(&self, x: f32, y: f32, flow: [f32; 2]) -> f32 {
        let [u, v] = self.at(x, y);
        (flow[0] - u).hypot(flow[1] - v)
    }

    /// The affine motion that most vectors agree with, out of many that three of them give.
    fn guess(&mut self, vectors: &[Vector], seed: u64) {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut best = f32::INFINITY;
        let whole = self.numbers;
        let mut chosen = whole;
        for guess in 0..GUESSES {
            // the first ones are pure translations: with little texture they are all there is
            let three: [usize; 3] = std::array::from_fn(|_| rng.random_range(0..vectors.len()));
            self.numbers = whole;
            if guess % 4 == 0 {
                let [u, v] = vectors[three[0]].flow;
                (self.numbers[0], self.numbers[3]) = (f64::from(u), f64::from(v));
            } else if !self.pass_through(three.map(|i| &vectors[i])) {
                continue;
            }
            let cost = |v: &Vector| v.weight * self.residual(v.at[0], v.at[1], v.flow).min(WRONG);
            let cost: f32 = vectors.iter().map(cost).sum();
            if cost < best {
                (best, chosen) = (cost, self.numbers);
            }
        }
        self.numbers = chosen;
    }

    /// The affine motion through three vectors; false when they lie on a line.
    fn pass_through(&mut self, three: [&Vector; 3]) -> bool {
        let place = |v: &Vector| [0, 1].map(|c| f64::from((v.at[c] - self.middle[c]) / self.half));
        let [p, q, r] = three.map(place);
        let (a, b) = ([q[0] - p[0], q[1] - p[1]], [r[0] - p[0], r[1] - p[1]]);
        let area = a[0] * b[1] - a[1] * b[0];
        if area.abs() < 0.05 {
            return false;
        }
        for c in 0..2 {
            let [f, g, h] = three.map(|v| f64::from(v.flow[c]));
            let x = ((g - f) * b[1] - (h - f) * a[1]) / area;
            let y = ((h - f) * a[0] - (g - f) * b[0]) / area;
            self.numbers[3 * c..3 * c + 3].copy_from_slice(&[f - x * p[0] - y * p[1], x, y]);
        }
        true
    }

    /// One step of iteratively reweighted least squares with Tukey's weights.
    fn refine(&mut self, vectors: &[Vector]) {
        let residuals: Vec<f32> = vectors.iter().map(|v| self.residual(v.at[0], v.at[1], v.flow)).collect();
        let reach = REACH * deviation(&residuals, vectors.iter().map(|v| v.weight)).max(LEAST_DEVIATION);
        let mut normal = [[0.0f64; 9]; 8];
        for (vector, residual) in vectors.iter().zip(residuals) {
            let inside = (1.0 - (residual / reach).powi(2)).max(0.0);
            let weight = f64::from(vector.weight * inside * inside);
            let [x, y] = [0, 1].map(|c| f64::from((vector.at[c] - self.middle[c]) / self.half));
            let rows = [[1.0, x, y, 0.0, 0.0, 0.0, x * x, x * y], [0.0, 0.0, 0.0, 1.0, x, y, x * y, y * y]];
            for (row, flow) in rows.iter().zip(vector.flow) {
                for i in 0..8 {
                    (0..8).for_each(|j| normal[i][j] += weight * row[i] * row[j]);
                    normal[i][8] += weight * row[i] * f64::from(flow);
                }
            }
        }
        let ridge = RIDGE * vectors.len() as f64;
        [1, 2, 4, 5, 6, 7].into_iter().for_each(|i| normal[i][i] += ridge);
        if let Some(numbers) = solve(normal) {
            self.numbers = numbers;
        }
    }
}

/// Standard deviation that the weighted median of lengths stands for (two normal components: Rayleigh).
pub(super) fn deviation(lengths: &[f32], weights: impl Iterator<Item = f32>) -> f32 {
    let mut sorted: Vec<(f32, f32)> = lengths.iter().copied().zip(weights).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * sorted.iter().map(|(_, weight)| weight).sum::<f32>();
    let mut sum = 0.0;
    let median = sorted.iter().find(|(_, weight)| {
        sum += weight;
        sum >= half
    });
    median.map_or(0.0, |(length, _)| length / 1.1774)
}

/// Gaussian elimination with pivots; `None` when the system has no single answer.
fn solve(mut rows: [[f64; 9]; 8]) -> Option<[f64; 8]> {
    for i in 0..8 {
        let pivot = (i..8).max_by(|&a, &b| rows[a][i].abs().total_cmp(&rows[b][i].abs()))?;
        rows.swap(i, pivot);
        if rows[i][i].abs() < 1e-9 {
            return None;
        }
        let own = rows[i];
        for row in rows.iter_mut().skip(i + 1) {
            let factor = row[i] / own[i];
            row.iter_mut().zip(own).for_each(|(value, o)| *value -= factor * o);
        }
    }
    let mut numbers = [0.0; 8];
    for i in (0..8).rev() {
        let rest: f64 = (i + 1..8).map(|j| rows[i][j] * numbers[j]).sum();
        numbers[i] = (rows[i][8] - rest) / rows[i][i];
    }
    Some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_of_a_turning_zooming_camera_is_found_behind_a_large_object() {
        let truth = |x: f32, y: f32| [4.0 + 0.03 * (x - 80.0) - 0.02 * y, -1.5 + 0.02 * (x - 80.0) + 0.03 * y];
        let mut flow = Flow::new(160, 90, [0.0; 2]);
        for i in 0..flow.data.len() {
            let (x, y) = ((i % 160) as f32, (i / 160) as f32);
            let wobble = 0.05 * (((i * 2_654_435_761) >> 7) % 7) as f32 - 0.15;
            let [u, v] = truth(x, y);
            let object = (45.0..115.0).contains(&x) && y > 20.0;
            flow.data[i] = if object { [0.3, 0.1 + wobble] } else { [u + wobble, v - wobble] };
        }
        let camera = Camera::fit(&flow, &Plane::new(160, 90, 1.0), 1);
        for (x, y) in [(5.0, 5.0), (150.0, 8.0), (80.0, 60.0), (155.0, 85.0)] {
            let ([u, v], [tu, tv]) = (camera.at(x, y), truth(x, y));
            assert!((u - tu).hypot(v - tv) < 0.15, "at {x} {y}: {u} {v} instead of {tu} {tv}");
        }
        assert!(camera.residual(80.0, 60.0, [0.3, 0.1]) > 2.0);
    }

    #[test]
    fn a_ground_that_comes_closer_is_background_too_and_what_stands_on_it_is_not() {
        let mut flow = Flow::new(160, 90, [2.0, 0.0]);
        for i in 0..flow.data.len() {
            let (x, y) = ((i % 160) as f32, (i / 160) as f32);
            if y > 40.0 {
                flow.data[i] = [2.0 + 0.2 * (y - 40.0), 0.0];
            }
            if (60.0..100.0).contains(&x) && (25.0..75.0).contains(&y) {
                flow.data[i] = [-0.5, 0.2];
            }
        }
        let background = Background::fit(&flow, &Plane::new(160, 90, 1.0), 3);
        let left = |x: f32, y: f32| {
            let flow = flow[(x as usize, y as usize)];
            background.plane(x, y, flow).residual(x, y, flow)
        };
        assert!(left(20.0, 85.0) < 0.3 && left(140.0, 50.0) < 0.3 && left(80.0, 5.0) < 0.3);
        assert!(left(80.0, 50.0) > 1.5, "{}", left(80.0, 50.0));
        let plain = Background::fit(&Flow::new(160, 90, [1.0, 1.0]), &Plane::new(160, 90, 1.0), 3);
        assert!(plain.near.is_none());
    }

    #[test]
    fn no_flow_to_fit_is_a_still_camera() {
        for size in [0, 1, 2, 40] {
            let camera = Camera::fit(&Flow::new(size, size, [0.0; 2]), &Plane::new(size, size, 1.0), 1);
            assert!(camera.residual(0.0, 0.0, [0.0; 2]) < 1e-4);
        }
        let unseen = Camera::fit(&Flow::new(40, 40, [3.0; 2]), &Plane::new(40, 40, 0.0), 1);
        assert_eq!(unseen.at(1.0, 1.0), [0.0; 2], "nothing is background");
    }
}
