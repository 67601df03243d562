//! Makes a flow smooth where nothing speaks against it: lightness and its gradient stay the same along the flow, and
//! neighbours move alike, all with robust penalties (Brox et al. 2004), by successive over-relaxation.

use super::{Flow, follow};
use crate::raster::filter::sobel;
use crate::raster::{Grid, Plane};

/// Weights of lightness, gradient, and smoothness, for lightness 0..255.
const LIGHTNESS: f32 = 5.0;
const GRADIENT: f32 = 10.0;
const SMOOTHNESS: f32 = 20.0;
/// Penalties are sqrt(x² + EPSILON²).
const EPSILON: f32 = 1e-3;
/// Softens the division of data terms by their gradients, so that edges do not shout down flat places.
const ZETA: f32 = 0.1;
const REWEIGHTINGS: usize = 3;
const SWEEPS: usize = 5;
const OVER_RELAXATION: f32 = 1.6;

/// The equation of one pixel, before robust weights: lightness and the two gradients, each `[along x, along y, rest]`.
struct Terms {
    lightness: [f32; 3],
    gradients: [[f32; 3]; 2],
}

/// Improves a flow from one picture to another.
pub(super) fn smooth(from: &Plane, to: &Plane, flow: Flow) -> Flow {
    if from.width < 2 || from.height < 2 {
        return flow;
    }
    let terms = terms(from, to, &flow);
    let mut change = Grid::new(flow.width, flow.height, [0.0f32; 2]);
    for _ in 0..REWEIGHTINGS {
        let system = System::new(&terms, &flow, &change);
        (0..SWEEPS).for_each(|_| system.sweep(&flow, &mut change));
    }
    let moved = flow.data.iter().zip(&change.data).map(|(f, c)| [f[0] + c[0], f[1] + c[1]]).collect();
    Grid::from_data(flow.width, flow.height, moved)
}

fn terms(from: &Plane, to: &Plane, flow: &Flow) -> Vec<Terms> {
    let there = follow(to, flow);
    let mean = from.data.iter().zip(&there.data).map(|(a, b)| 0.5 * (a + b)).collect();
    let (x, y) = sobel(&Grid::from_data(from.width, from.height, mean));
    let ((from_x, from_y), (there_x, there_y)) = (sobel(from), sobel(&there));
    let ((xx, xy), (_, yy)) = (sobel(&x), sobel(&y));
    let term = |gx: f32, gy: f32, rest: f32| {
        let norm = 1.0 / (gx * gx + gy * gy + ZETA * ZETA).sqrt();
        [gx * norm, gy * norm, rest * norm]
    };
    (0..flow.data.len())
        .map(|i| Terms {
            lightness: term(x.data[i], y.data[i], there.data[i] - from.data[i]),
            gradients: [
                term(xx.data[i], xy.data[i], there_x.data[i] - from_x.data[i]),
                term(xy.data[i], yy.data[i], there_y.data[i] - from_y.data[i]),
            ],
        })
        .collect()
}

/// A sparse linear system for the change of flow: 2×2 blocks on the diagonal, one weight to each neighbour.
struct System {
    /// xx, xy, yy, right side x, right side y.
    data: Vec<[f32; 5]>,
    /// Smoothness between a pixel and the one to its right, and the one below.
    right: Vec<f32>,
    below: Vec<f32>,
}

impl System {
    fn new(terms: &[Terms], flow: &Flow, change: &Flow) -> Self {
        let robust = |squares: f32| 1.0 / (squares + EPSILON * EPSILON).sqrt();
        let data = terms.iter().zip(&change.data).map(|(terms, d)| {
            let rest = |t: &[f32; 3]| t[0] * d[0] + t[1] * d[1] + t[2];
            let lightness = LIGHTNESS * robust(rest(&terms.lightness).powi(2));
            let gradient = GRADIENT * robust(terms.gradients.iter().map(|t| rest(t).powi(2)).sum());
            let mut sums = [0.0; 5];
            let weighted =
                [(&terms.lightness, lightness), (&terms.gradients[0], gradient), (&terms.gradients[1], gradient)];
            for (t, weight) in weighted {
                for (sum, product) in
                    sums.iter_mut().zip([t[0] * t[0], t[0] * t[1], t[1] * t[1], -t[0] * t[2], -t[1] * t[2]])
                {
                    *sum += weight * product;
                }
            }
            sums
        });
        let data = data.collect();
        let (width, height) = (flow.width, flow.height);
        let now = |i: usize| [flow.data[i][0] + change.data[i][0], flow.data[i][1] + change.data[i][1]];
        let apart = |i: usize, j: usize| {
            let (a, b) = (now(i), now(j));
            (a[0] - b[0]).powi(2) + (a[1] - b[1]).powi(2)
        };
        let strength: Vec<f32> = (0..width * height)
            .map(|i| {
                let right = if i % width + 1 < width { apart(i, i + 1) } else { 0.0 };
                let below = if i / width + 1 < height { apart(i, i + width) } else { 0.0 };
                SMOOTHNESS * robust(right + below)
            })
            .collect();
        let between = |i: usize, j: usize, inside: bool| if inside { 0.5 * (strength[i] + strength[j]) } else { 0.0 };
        let right = (0..width * height).map(|i| between(i, (i + 1).min(width * height - 1), i % width + 1 < width));
        let below =
            (0..width * height).map(|i| between(i, (i + width).min(width * height - 1), i / width + 1 < height));
        Self { data, right: right.collect(), below: below.collect() }
    }

    fn sweep(&self, flow: &Flow, change: &mut Flow) {
        let width = flow.width;
        for i in 0..flow.data.len() {
            let left = if i % width > 0 { self.right[i - 1] } else { 0.0 };
            let above = if i >= width { self.below[i - width] } else { 0.0 };
            let mut pull = [0.0f32; 2];
            let mut total = 0.0;
            let mut neighbour = |weight: f32, j: usize| {
                if weight > 0.0 {
                    total += weight;
                    for (c, pull) in pull.iter_mut().enumerate() {
                        *pull += weight * (flow.data[j][c] + change.data[j][c] - flow.data[i][c]);
                    }
                }
            };
            neighbour(left, i.wrapping_sub(1));
            neighbour(above, i.wrapping_sub(width));
            neighbour(self.right[i], i + 1);
            neighbour(self.below[i], i + width);
            let [xx, xy, yy, rx, ry] = self.data[i];
            let d = &mut change.data[i];
            let x = (rx + pull[0] - xy * d[1]) / (xx + total + 1e-6);
            d[0] += OVER_RELAXATION * (x - d[0]);
            let y = (ry + pull[1] - xy * d[0]) / (yy + total + 1e-6);
            d[1] += OVER_RELAXATION * (y - d[1]);
        }
    }
}
