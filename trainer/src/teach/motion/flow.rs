//! Dense optical flow: patches found coarse to fine by inverse search, then made smooth (Kroeger et al. 2016, "Fast
//! Optical Flow using Dense Inverse Search").

mod patches;
mod smooth;

use crate::raster::filter::gaussian;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Plane};

/// Where each pixel of a picture is in another, relative to its own place, in pixels.
pub(super) type Flow = Grid<[f32; 2]>;

/// Levels stop before the shorter side falls below this.
const SMALLEST: usize = 12;
/// What is blurred away before the search, in pixels.
const NOISE: f32 = 0.7;

/// Half sizes of a lightness (0..255), the largest first.
pub(super) struct Pyramid(Vec<Plane>);

impl Pyramid {
    pub fn new(lightness: &Plane) -> Self {
        let mut levels = vec![gaussian(lightness, NOISE)];
        while let Some(last) = levels.last()
            && last.width.min(last.height) >= 2 * SMALLEST
        {
            levels.push(resize(last, last.width.div_ceil(2), last.height.div_ceil(2), Interpolation::Area));
        }
        Self(levels)
    }
}

/// The flow from one picture to another of the same size.
pub(super) fn flow(from: &Pyramid, to: &Pyramid) -> Flow {
    let mut found: Option<Flow> = None;
    for (from, to) in from.0.iter().zip(&to.0).rev() {
        let start = match found {
            Some(coarse) => enlarged(&coarse, from.width, from.height),
            None => Flow::new(from.width, from.height, [0.0; 2]),
        };
        found = Some(smooth::smooth(from, to, patches::search(from, to, &start)));
    }
    found.unwrap_or_else(|| Flow::new(0, 0, [0.0; 2]))
}

fn enlarged(flow: &Flow, width: usize, height: usize) -> Flow {
    let scale = [width as f32 / flow.width as f32, height as f32 / flow.height as f32];
    resize(flow, width, height, Interpolation::Linear).map(|&[u, v]| [u * scale[0], v * scale[1]])
}

/// A plane's value between its pixels; the edge goes on outside.
#[inline]
pub(super) fn sample(plane: &Plane, x: f32, y: f32) -> f32 {
    let (x, y) = (x.clamp(0.0, (plane.width - 1) as f32), y.clamp(0.0, (plane.height - 1) as f32));
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(plane.width - 1), (y0 + 1).min(plane.height - 1));
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let (upper, lower) = (y0 * plane.width, y1 * plane.width);
    let data = &plane.data;
    let top = data[upper + x0] + fx * (data[upper + x1] - data[upper + x0]);
    let bottom = data[lower + x0] + fx * (data[lower + x1] - data[lower + x0]);
    top + fy * (bottom - top)
}

/// A picture as seen along a flow: each pixel reads where the flow points.
pub(super) fn follow(plane: &Plane, flow: &Flow) -> Plane {
    let at = |(i, &[u, v]): (usize, &[f32; 2])| sample(plane, (i % flow.width) as f32 + u, (i / flow.width) as f32 + v);
    Plane::from_data(flow.width, flow.height, flow.data.iter().enumerate().map(at).collect())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Texture without end or repetition, 0..255: smooth noise, coarse and fine.
    pub fn texture(x: f32, y: f32) -> f32 {
        let octave = |cell: f32, salt: u32| {
            let (x, y) = (x / cell, y / cell);
            let (x0, y0) = (x.floor(), y.floor());
            let ease = |t: f32| t * t * (3.0 - 2.0 * t);
            let (fx, fy) = (ease(x - x0), ease(y - y0));
            let corner = |dx: i32, dy: i32| {
                let mut hash = (x0 as i32 + dx) as u32 ^ ((y0 as i32 + dy) as u32).wrapping_mul(0x9e37_79b9) ^ salt;
                hash = (hash ^ (hash >> 16)).wrapping_mul(0x45d9_f3b5);
                hash = (hash ^ (hash >> 15)).wrapping_mul(0x2c1b_3c6d);
                ((hash ^ (hash >> 16)) & 0xffff) as f32 / 65535.0
            };
            let row = |dy: i32| corner(0, dy) + fx * (corner(1, dy) - corner(0, dy));
            row(0) + fy * (row(1) - row(0))
        };
        255.0 * (0.4 * octave(27.0, 1) + 0.35 * octave(11.0, 2) + 0.25 * octave(5.0, 3))
    }

    pub fn picture(width: usize, height: usize, value: impl Fn(f32, f32) -> f32) -> Plane {
        let data = (0..width * height).map(|i| value((i % width) as f32, (i / width) as f32)).collect();
        Plane::from_data(width, height, data)
    }

    fn worst_inside(found: &Flow, truth: impl Fn(f32, f32) -> [f32; 2], margin: usize) -> f32 {
        let mut errors = Vec::new();
        for y in margin..found.height - margin {
            for x in margin..found.width - margin {
                let ([u, v], [tu, tv]) = (found[(x, y)], truth(x as f32, y as f32));
                errors.push((u - tu).hypot(v - tv));
            }
        }
        errors.sort_by(f32::total_cmp);
        errors[errors.len() * 95 / 100]
    }

    #[test]
    fn a_known_shift_is_found_to_a_fraction_of_a_pixel() {
        for shift in [[0.0, 0.0], [1.3, -0.6], [9.5, 4.25], [-17.0, 6.0]] {
            let from = Pyramid::new(&picture(160, 96, texture));
            let to = Pyramid::new(&picture(160, 96, |x, y| texture(x - shift[0], y - shift[1])));
            let worst = worst_inside(&flow(&from, &to), |_, _| shift, 20);
            assert!(worst < 0.25, "{shift:?}: {worst}");
        }
    }

    #[test]
    fn a_zoom_is_found_as_it_grows_outwards() {
        let truth = |x: f32, y: f32| [0.04 * (x - 80.0), 0.04 * (y - 48.0)];
        let from = Pyramid::new(&picture(160, 96, texture));
        let to = Pyramid::new(&picture(160, 96, |x, y| texture(80.0 + (x - 80.0) / 1.04, 48.0 + (y - 48.0) / 1.04)));
        let worst = worst_inside(&flow(&from, &to), truth, 12);
        assert!(worst < 0.3, "{worst}");
    }

    #[test]
    fn pictures_without_texture_or_size_do_not_move() {
        for (width, height) in [(64, 40), (9, 3), (1, 1)] {
            let flat = Pyramid::new(&Plane::new(width, height, 90.0));
            assert!(flow(&flat, &flat).data.iter().all(|&[u, v]| u.abs() < 1e-3 && v.abs() < 1e-3));
        }
    }
}
