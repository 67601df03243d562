//! Resizing, cropping and affine warps. Outside the picture the edge pixel goes on.

use rayon::prelude::*;

use super::Grid;
use super::filter::Sample;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Mean of the covered area: for making pictures smaller. When enlarging it acts like `Linear`.
    Area,
    Linear,
    /// Catmull-Rom like cubic with a = −.75, as OpenCV has it.
    Cubic,
}

/// The whole picture at another size.
pub fn resize<S: Sample>(picture: &Grid<S>, width: usize, height: usize, by: Interpolation) -> Grid<S> {
    crop(picture, [0.0, 0.0, picture.width as f32, picture.height as f32], width, height, by)
}

/// The window `[x, y, width, height]` (pixel edges, fractions allowed) of a picture, `width × height` pixels large.
pub fn crop<S: Sample>(picture: &Grid<S>, window: [f32; 4], width: usize, height: usize, by: Interpolation) -> Grid<S> {
    let [x, y, w, h] = window;
    if picture.data.is_empty() || width == 0 || height == 0 {
        return Grid::new(width, height, S::default());
    }
    let columns = taps(picture.width, x, w, width, by);
    let rows = taps(picture.height, y, h, height, by);
    across(&down(picture, &rows), &columns)
}

/// Source pixels that make up one target pixel: the first one and weights that sum to one.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

fn taps(length: usize, start: f32, extent: f32, target: usize, by: Interpolation) -> Vec<Taps> {
    let scale = extent / target as f32;
    let by = if by == Interpolation::Area && scale <= 1.0 { Interpolation::Linear } else { by };
    (0..target)
        .map(|i| {
            let centre = start + (i as f32 + 0.5) * scale - 0.5;
            let (first, weights) = match by {
                Interpolation::Area => covered(start + i as f32 * scale, start + (i + 1) as f32 * scale),
                Interpolation::Linear => (centre.floor(), linear_weights(centre - centre.floor()).to_vec()),
                Interpolation::Cubic => (centre.floor() - 1.0, cubic_weights(centre - centre.floor()).to_vec()),
            };
            inside(first as i64, weights, length)
        })
        .collect()
}

fn covered(from: f32, to: f32) -> (f32, Vec<f32>) {
    let first = from.floor();
    // a hair beyond a pixel edge is rounding, not cover
    let last = (to - 1e-4).floor().max(first);
    let share = |i: f32| (to.min(i + 1.0) - from.max(i)) / (to - from);
    (first, (0..=(last - first) as usize).map(|i| share(first + i as f32)).collect())
}

fn linear_weights(t: f32) -> [f32; 2] {
    [1.0 - t, t]
}

fn cubic_weights(t: f32) -> [f32; 4] {
    const A: f32 = -0.75;
    let outer = |d: f32| ((A * (d - 5.0)) * d + 8.0 * A) * d - 4.0 * A;
    let inner = |d: f32| ((A + 2.0) * d - (A + 3.0)) * d * d + 1.0;
    [outer(t + 1.0), inner(t), inner(1.0 - t), outer(2.0 - t)]
}

/// Folds weights that fall outside onto the edge pixel.
fn inside(first: i64, weights: Vec<f32>, length: usize) -> Taps {
    let end = length as i64 - 1;
    let (low, high) = (first.clamp(0, end), (first + weights.len() as i64 - 1).clamp(0, end));
    let mut folded = vec![0.0; (high - low + 1) as usize];
    for (i, w) in weights.into_iter().enumerate() {
        folded[((first + i as i64).clamp(low, high) - low) as usize] += w;
    }
    Taps { first: low as usize, weights: folded }
}

fn down<S: Sample>(picture: &Grid<S>, rows: &[Taps]) -> Grid<S> {
    let mut out = Grid::new(picture.width, rows.len(), S::default());
    out.data.par_chunks_mut(picture.width).zip(rows).for_each(|(row, taps)| {
        let row = S::flat_mut(row);
        for (i, &w) in taps.weights.iter().enumerate() {
            for (o, v) in row.iter_mut().zip(S::flat(picture.row(taps.first + i))) {
                *o += w * v;
            }
        }
    });
    out
}

fn across<S: Sample>(picture: &Grid<S>, columns: &[Taps]) -> Grid<S> {
    let c = S::CHANNELS;
    let mut out = Grid::new(columns.len(), picture.height, S::default());
    out.data.par_chunks_mut(columns.len()).enumerate().for_each(|(y, row)| {
        let source = S::flat(picture.row(y));
        for (o, taps) in S::flat_mut(row).chunks_exact_mut(c).zip(columns) {
            for (i, &w) in taps.weights.iter().enumerate() {
                let at = (taps.first + i) * c;
                for k in 0..c {
                    o[k] += w * source[at + k];
                }
            }
        }
    });
    out
}

/// Affine warp: target pixel (x, y) reads the source at `(m[0]·x + m[1]·y + m[2], m[3]·x + m[4]·y + m[5])`, pixel centres
/// on whole numbers. `Area` acts like `Linear`: shrink first where much detail would be skipped.
pub fn warp<S: Sample>(picture: &Grid<S>, m: [f32; 6], width: usize, height: usize, by: Interpolation) -> Grid<S> {
    let mut out = Grid::new(width, height, S::default());
    if picture.data.is_empty() || width == 0 {
        return out;
    }
    let (c, source) = (S::CHANNELS, S::flat(&picture.data));
    let (right, bottom) = (picture.width as i64 - 1, picture.height as i64 - 1);
    out.data.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
        for (x, o) in S::flat_mut(row).chunks_exact_mut(c).enumerate() {
            let (fx, fy) = (x as f32, y as f32);
            let (sx, sy) = (m[0] * fx + m[1] * fy + m[2], m[3] * fx + m[4] * fy + m[5]);
            let (ix, iy) = (sx.floor(), sy.floor());
            let add = |o: &mut [f32], dx: i64, dy: i64, w: f32| {
                let (px, py) = ((ix as i64 + dx).clamp(0, right) as usize, (iy as i64 + dy).clamp(0, bottom) as usize);
                let at = (py * picture.width + px) * c;
                for k in 0..c {
                    o[k] += w * source[at + k];
                }
            };
            if by == Interpolation::Cubic {
                let (wx, wy) = (cubic_weights(sx - ix), cubic_weights(sy - iy));
                (0..16).for_each(|i| add(o, i % 4 - 1, i / 4 - 1, wx[i as usize % 4] * wy[i as usize / 4]));
            } else {
                let (wx, wy) = (linear_weights(sx - ix), linear_weights(sy - iy));
                (0..4).for_each(|i| add(o, i % 2, i / 2, wx[i as usize % 2] * wy[i as usize / 2]));
            }
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::super::Plane;
    use super::*;

    fn slope(w: usize, h: usize) -> Plane {
        Grid::from_data(w, h, (0..w * h).map(|i| (i % w) as f32 + 10.0 * (i / w) as f32).collect())
    }

    #[test]
    fn halving_by_area_is_the_mean_of_four() {
        let small = resize(&slope(6, 4), 3, 2, Interpolation::Area);
        assert_eq!(small.data, [5.5, 7.5, 9.5, 25.5, 27.5, 29.5]);
    }

    #[test]
    fn area_keeps_the_mean_at_any_size() {
        let plane = slope(17, 13);
        let small = resize(&plane, 5, 4, Interpolation::Area);
        let mean = |p: &Plane| p.data.iter().sum::<f32>() / p.data.len() as f32;
        assert!((mean(&plane) - mean(&small)).abs() < 1e-2);
    }

    #[test]
    fn enlarging_keeps_a_slope_straight() {
        for by in [Interpolation::Linear, Interpolation::Cubic] {
            let big = resize(&slope(8, 8), 24, 24, by);
            let (x, y) = (12, 10);
            let expected = ((x as f32 + 0.5) / 3.0 - 0.5) + 10.0 * ((y as f32 + 0.5) / 3.0 - 0.5);
            assert!((big[(x, y)] - expected).abs() < 0.2, "{by:?}");
        }
    }

    #[test]
    fn a_crop_and_the_same_warp_agree() {
        let plane = slope(20, 15);
        let window = [3.25, 2.5, 9.0, 6.0];
        let cropped = crop(&plane, window, 18, 12, Interpolation::Linear);
        let m = [0.5, 0.0, 3.25 + 0.25 - 0.5, 0.0, 0.5, 2.5 + 0.25 - 0.5];
        let warped = warp(&plane, m, 18, 12, Interpolation::Linear);
        assert!(cropped.data.iter().zip(&warped.data).all(|(a, b)| (a - b).abs() < 1e-3));
    }

    #[test]
    fn windows_beyond_the_picture_repeat_its_edge() {
        let out = crop(&slope(2, 2), [-5.0, -5.0, 2.0, 2.0], 2, 2, Interpolation::Cubic);
        assert!(out.data.iter().all(|v| v.abs() < 1e-4));
        assert_eq!(resize(&slope(2, 2), 0, 3, Interpolation::Area).data.len(), 0);
    }
}
