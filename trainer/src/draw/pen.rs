//! The pen: smooth curves, tapered strokes, fills and halftone dots.

use super::point::{Point, distance, scale, shift, sub, turn, unit};
use crate::raster::polygon::Coverage;
use crate::raster::{Grid, Plane};
use rayon::prelude::*;

/// Points that a stroke's curve is sampled with.
const SAMPLES: usize = 40;
/// Below 1, a stroke gains its width early and loses it late: a pen, not a wedge.
const TAPER_POWER: f32 = 0.7;
/// Tones above this would make dots touch and look like holes.
const DOT_TONE_MAX: f32 = 0.75;

/// `n` points on the natural cubic spline through `points`, parameterised by chord length; the ends included.
pub fn spline(points: &[Point], n: usize) -> Vec<Point> {
    let mut knots: Vec<f32> = vec![0.0];
    for pair in points.windows(2) {
        knots.push(knots[knots.len() - 1] + distance(pair[0], pair[1]).max(1e-3));
    }
    if points.len() < 2 || n < 2 {
        return points.to_vec();
    }
    let bends = second_derivatives(&knots, points);
    let total = knots[knots.len() - 1];
    let mut piece = 0;
    (0..n)
        .map(|i| {
            let t = total * i as f32 / (n - 1) as f32;
            while piece + 2 < knots.len() && t > knots[piece + 1] {
                piece += 1;
            }
            let h = knots[piece + 1] - knots[piece];
            let (a, b) = ((knots[piece + 1] - t) / h, (t - knots[piece]) / h);
            let bend = |axis: usize| {
                ((a * a * a - a) * bends[piece][axis] + (b * b * b - b) * bends[piece + 1][axis]) * h * h / 6.0
            };
            [0, 1].map(|axis| a * points[piece][axis] + b * points[piece + 1][axis] + bend(axis))
        })
        .collect()
}

/// Second derivatives of the natural spline at its knots: one pass of the tridiagonal solver.
fn second_derivatives(knots: &[f32], points: &[Point]) -> Vec<Point> {
    let n = points.len();
    let (mut upper, mut bends) = (vec![0.0; n], vec![[0.0; 2]; n]);
    for i in 1..n - 1 {
        let (before, after) = (knots[i] - knots[i - 1], knots[i + 1] - knots[i]);
        let ratio = before / (before + after);
        let pivot = ratio * upper[i - 1] + 2.0;
        upper[i] = (ratio - 1.0) / pivot;
        let slopes =
            sub(scale(sub(points[i + 1], points[i]), 1.0 / after), scale(sub(points[i], points[i - 1]), 1.0 / before));
        let right_side = shift(scale(slopes, 6.0 / (before + after)), bends[i - 1], -ratio);
        bends[i] = scale(right_side, 1.0 / pivot);
    }
    for i in (1..n.saturating_sub(1)).rev() {
        bends[i] = shift(bends[i], bends[i + 1], upper[i]);
    }
    bends
}

/// The outline of a stroke through `points`: its width grows over the first `taper_in` of its length and shrinks over
/// the last `taper_out` (shares of the length).
pub fn stroke_outline(points: &[Point], width: f32, taper_in: f32, taper_out: f32) -> Vec<Point> {
    let line = spline(points, SAMPLES);
    if line.len() < 2 {
        return Vec::new();
    }
    let last = line.len() - 1;
    let side = |i: usize, sign: f32| {
        let t = i as f32 / last as f32;
        let taper = (t / taper_in.max(1e-3)).min(1.0) * ((1.0 - t) / taper_out.max(1e-3)).min(1.0);
        let normal = turn(unit(sub(line[(i + 1).min(last)], line[i.saturating_sub(1)])));
        shift(line[i], normal, sign * 0.5 * width * taper.powf(TAPER_POWER))
    };
    (0..=last).map(|i| side(i, 1.0)).chain((0..=last).rev().map(|i| side(i, -1.0))).collect()
}

/// Raises `plane` to `value` where the polygon lies.
pub fn fill(plane: &mut Plane, polygon: &[Point], value: f32) {
    Coverage::polygon(polygon, plane.width, plane.height).for_each(|x, y, cover| {
        let pixel = &mut plane[(x, y)];
        *pixel = pixel.max(cover * value);
    });
}

/// Draws a tapered stroke into `plane`; see [`stroke_outline`].
pub fn stroke(plane: &mut Plane, points: &[Point], width: f32, taper_in: f32, taper_out: f32) {
    fill(plane, &stroke_outline(points, width, taper_in, taper_out), 1.0);
}

/// Lays a colour over the canvas where `shape` is, `opacity` 0..1.
pub fn paint(canvas: &mut Grid<[f32; 3]>, shape: &Coverage, colour: [f32; 3], opacity: f32) {
    shape.for_each(|x, y, cover| {
        let pixel = &mut canvas[(x, y)];
        let amount = cover * opacity;
        *pixel = std::array::from_fn(|i| pixel[i] + amount * (colour[i] - pixel[i]));
    });
}

/// Halftone dots on a lattice turned by `angle_deg` with `cell` pixels between neighbours; `tone` is the share of paper
/// that they cover, at most 0.75.
pub fn dots(width: usize, height: usize, cell: f32, angle_deg: f32, tone: &Plane) -> Plane {
    let cell = cell.max(1.0);
    let (sin, cos) = angle_deg.to_radians().sin_cos();
    let along = scale([cos, sin], 1.0 / cell);
    let edge = 1.2 / cell;
    let mut out = Plane::new(width, height, 0.0);
    out.data.par_chunks_mut(width.max(1)).enumerate().for_each(|(y, row)| {
        for (x, value) in row.iter_mut().enumerate() {
            let (x0, y0) = (x as f32, y as f32);
            let (a, b) = (x0 * along[0] + y0 * along[1], y0 * along[0] - x0 * along[1]);
            let radius = (tone[(x, y)].clamp(0.0, DOT_TONE_MAX) / std::f32::consts::PI).sqrt();
            let depth = radius - (a - a.round()).hypot(b - b.round());
            let t = (0.5 + 0.5 * depth / edge).clamp(0.0, 1.0);
            *value = t * t * (3.0 - 2.0 * t);
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spline_goes_through_its_points() {
        let points = [[0.0, 0.0], [10.0, 4.0], [18.0, -3.0], [30.0, 5.0]];
        let line = spline(&points, 2001);
        for point in points {
            let nearest = line.iter().map(|&p| distance(p, point)).fold(f32::MAX, f32::min);
            assert!(nearest < 0.05, "{point:?} is {nearest} away from the curve");
        }
        assert_eq!((line[0], line[2000]), (points[0], points[3]));
    }

    #[test]
    fn a_spline_through_points_on_a_line_stays_on_it() {
        let line = spline(&[[0.0, 0.0], [3.0, 3.0], [4.0, 4.0], [9.0, 9.0]], 50);
        assert!(line.iter().all(|p| (p[0] - p[1]).abs() < 1e-3));
    }

    #[test]
    fn a_stroke_is_full_in_the_middle_and_thin_at_its_ends() {
        let mut plane = Plane::new(100, 20, 0.0);
        stroke(&mut plane, &[[10.0, 10.0], [50.0, 10.0], [90.0, 10.0]], 6.0, 0.4, 0.2);
        let thickness = |x: usize| (0..20).map(|y| plane[(x, y)]).sum::<f32>();
        assert!((thickness(50) - 6.0).abs() < 0.3, "{}", thickness(50));
        assert!(thickness(14) < 3.0 && thickness(14) < thickness(24) && thickness(24) < thickness(44));
        assert!(thickness(88) < thickness(80) && thickness(5) == 0.0 && thickness(95) == 0.0);
    }

    #[test]
    fn degenerate_strokes_draw_nothing_and_do_not_panic() {
        let mut plane = Plane::new(2, 2, 0.0);
        for points in [vec![], vec![[1.0, 1.0]], vec![[1.0, 1.0]; 3], vec![[f32::NAN, 1.0], [0.0, 0.0]]] {
            stroke(&mut plane, &points, 1.0, 0.5, 0.5);
        }
        assert!(plane.data.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn dots_cover_as_much_paper_as_the_tone_says() {
        for tone in [0.1, 0.3, 0.5, 0.7] {
            let plane = dots(200, 200, 11.0, 35.0, &Plane::new(200, 200, tone));
            let covered = plane.data.iter().sum::<f32>() / 40_000.0;
            assert!((covered - tone).abs() < 0.04, "{covered} instead of {tone}");
        }
    }

    #[test]
    fn paint_mixes_by_coverage_and_opacity() {
        let mut canvas = Grid::new(4, 4, [0.0; 3]);
        paint(&mut canvas, &Coverage::disc([1.5, 1.5], 9.0, 4, 4), [200.0, 100.0, 0.0], 0.5);
        assert_eq!(canvas[(2, 2)], [100.0, 50.0, 0.0]);
    }
}
