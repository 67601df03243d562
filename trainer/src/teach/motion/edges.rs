//! Smoothing that stops at edges: the recursive domain transform (Gastal & Oliveira 2011).

use super::flow::Flow;
use crate::raster::{Lab, Plane};

/// How far values spread where there is no edge, in pixels.
const REACH: f32 = 24.0;
/// A step of colour (OKLab, chroma doubled) that counts as an edge, and one of flow, in its deviations.
const COLOUR_EDGE: f32 = 0.09;
const FLOW_EDGE: f32 = 2.5;
const ROUNDS: i32 = 2;

/// How far apart neighbours are: their distance and the edges between them, for one frame.
pub(super) struct Edges {
    width: usize,
    /// To the pixel on the left, and to the one above.
    left: Vec<f32>,
    above: Vec<f32>,
}

impl Edges {
    /// `deviation`: how exact the flow is, in pixels.
    pub fn new(picture: &Lab, flow: Option<(&Flow, f32)>) -> Self {
        let apart = |i: usize, j: usize| {
            let (a, b) = (picture.data[i], picture.data[j]);
            let colour = ((a[0] - b[0]).abs() + 2.0 * (a[1] - b[1]).abs() + 2.0 * (a[2] - b[2]).abs()) / COLOUR_EDGE;
            let moved = flow.map_or(0.0, |(flow, deviation)| {
                let (a, b) = (flow.data[i], flow.data[j]);
                (a[0] - b[0]).hypot(a[1] - b[1]) / (FLOW_EDGE * deviation)
            });
            1.0 + REACH * (colour + moved)
        };
        let width = picture.width;
        let left = (0..picture.data.len()).map(|i| if i % width > 0 { apart(i, i - 1) } else { f32::INFINITY });
        let above = (0..picture.data.len()).map(|i| if i >= width { apart(i, i - width) } else { f32::INFINITY });
        Self { width, left: left.collect(), above: above.collect() }
    }

    pub fn smooth(&self, plane: &Plane) -> Plane {
        let mut out = plane.clone();
        let width = self.width;
        for round in 0..ROUNDS {
            let sigma = REACH * 3.0f32.sqrt() * 2.0f32.powi(ROUNDS - round - 1) / (4.0f32.powi(ROUNDS) - 1.0).sqrt();
            let fall = -(2.0f32.sqrt()) / sigma;
            for (apart, stride) in [(&self.left, 1), (&self.above, width)] {
                let keep: Vec<f32> = apart.iter().map(|d| (fall * d).exp()).collect();
                for (i, keep) in keep.iter().enumerate().skip(stride) {
                    out.data[i] += keep * (out.data[i - stride] - out.data[i]);
                }
                for (i, keep) in keep.iter().enumerate().skip(stride).rev() {
                    out.data[i - stride] += keep * (out.data[i] - out.data[i - stride]);
                }
            }
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Grid;

    #[test]
    fn a_spot_fills_its_own_colour_and_no_other() {
        let half = |i: usize| if i % 40 < 20 { [0.3, 0.0, 0.0] } else { [0.7, 0.05, 0.0] };
        let edges = Edges::new(&Grid::from_data(40, 30, (0..1200).map(half).collect()), None);
        let mut spots = Plane::new(40, 30, 0.0);
        (10..20).for_each(|y| (6..16).for_each(|x| spots[(x, y)] = 1.0));
        let filled = edges.smooth(&spots);
        let (near, far, beyond) = (filled[(18, 15)], filled[(2, 25)], filled[(21, 15)]);
        assert!(near > 0.06 && far > 0.04 && beyond < 0.1 * near, "{near} {far} {beyond}");
        let level = edges.smooth(&Plane::new(40, 30, 0.6));
        assert!(level.data.iter().all(|v| (v - 0.6).abs() < 1e-4));
    }
}
