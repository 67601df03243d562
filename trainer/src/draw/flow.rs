//! Lines along edges: a difference of Gaussians across the local edge direction, averaged along it
//! (Kang, Lee & Chui 2007, "Coherent line drawing"; flow from the structure tensor, Kyprianidis & Döllner 2008).

use rayon::prelude::*;

use crate::raster::filter::{gaussian, sobel};
use crate::raster::{Grid, Plane};

/// The unit vector along the edge at each pixel; zero where the picture is flat.
pub type Flow = Grid<[f32; 2]>;

/// The wider Gaussian's standard deviation, in those of the narrower: 1.6 makes it like a Laplacian (Marr & Hildreth).
const WIDER: f32 = 1.6;

/// Mean squared gradient (lightness per pixel) under which a place is flat: no line there would be seen.
const FLAT: f32 = 2e-6;
/// Line responses smaller than this cannot become ink, whatever lies along the line.
const NEGLIGIBLE: f32 = 8e-4;

/// Edge directions of a lightness, averaged over `sigma` pixels.
pub fn edge_flow(lightness: &Plane, sigma: f32) -> Flow {
    let (gx, gy) = sobel(lightness);
    let products = gx.data.iter().zip(&gy.data).map(|(&x, &y)| [x * x, x * y, y * y]).collect();
    let tensor = gaussian(&Grid::from_data(lightness.width, lightness.height, products), sigma);
    tensor.map(|&[xx, xy, yy]| {
        if xx + yy < FLAT {
            return [0.0, 0.0];
        }
        // the eigenvector of the smaller eigenvalue: along which the lightness changes least
        let larger = 0.5 * (xx + yy + ((xx - yy).powi(2) + 4.0 * xy * xy).sqrt());
        let (x, y) = (larger - xx, -xy);
        let length = x.hypot(y);
        if length > 1e-12 { [x / length, y / length] } else { [0.0, 1.0] }
    })
}

/// Negative on dark lines and on the dark side of edges. `across` is the narrower Gaussian's standard deviation,
/// `along` that of the averaging, both in pixels.
pub fn line_response(lightness: &Plane, flow: &Flow, across: f32, along: f32) -> Plane {
    let profile = difference_across(lightness, flow, across);
    let reach = (2.0 * along) as usize;
    let weights: Vec<f32> = (0..=reach).map(|i| gauss(i as f32, along)).collect();
    per_pixel(lightness.width, lightness.height, |x, y| {
        if profile[(x, y)].abs() < NEGLIGIBLE {
            return 0.0;
        }
        let (mut sum, mut total) = (weights[0] * profile[(x, y)], weights[0]);
        for sign in [1.0, -1.0] {
            let [mut dx, mut dy] = flow[(x, y)].map(|v| v * sign);
            let (mut px, mut py) = (x as f32, y as f32);
            for weight in &weights[1..] {
                (px, py) = (px + dx, py + dy);
                sum += weight * sample(&profile, px, py);
                total += weight;
                let [fx, fy] = nearest(flow, px, py);
                let same_way = if fx * dx + fy * dy < 0.0 { -1.0 } else { 1.0 };
                (dx, dy) = (same_way * fx, same_way * fy);
            }
        }
        sum / total
    })
}

fn difference_across(lightness: &Plane, flow: &Flow, sigma: f32) -> Plane {
    let reach = (2.4 * sigma * WIDER).ceil() as i32;
    let kernel = |sigma: f32| -> Vec<f32> {
        let raw: Vec<f32> = (-reach..=reach).map(|i| gauss(i as f32, sigma)).collect();
        let sum: f32 = raw.iter().sum();
        raw.into_iter().map(|weight| weight / sum).collect()
    };
    let weights: Vec<f32> =
        kernel(sigma).iter().zip(kernel(WIDER * sigma)).map(|(narrow, wide)| narrow - wide).collect();
    per_pixel(lightness.width, lightness.height, |x, y| {
        let [tx, ty] = flow[(x, y)];
        if tx == 0.0 && ty == 0.0 {
            return 0.0;
        }
        let step =
            |(i, weight): (i32, &f32)| weight * sample(lightness, x as f32 + ty * i as f32, y as f32 - tx * i as f32);
        (-reach..=reach).zip(&weights).map(step).sum()
    })
}

fn gauss(x: f32, sigma: f32) -> f32 {
    (-x * x / (2.0 * sigma * sigma).max(1e-6)).exp()
}

fn per_pixel(width: usize, height: usize, value: impl Fn(usize, usize) -> f32 + Sync) -> Plane {
    let mut out = Plane::new(width, height, 0.0);
    out.data.par_chunks_mut(width.max(1)).enumerate().for_each(|(y, row)| {
        row.iter_mut().enumerate().for_each(|(x, pixel)| *pixel = value(x, y));
    });
    out
}

/// Bilinear; the edge pixel goes on outside.
fn sample(plane: &Plane, x: f32, y: f32) -> f32 {
    let (x, y) = (x.clamp(0.0, plane.width as f32 - 1.0), y.clamp(0.0, plane.height as f32 - 1.0));
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(plane.width - 1), (y0 + 1).min(plane.height - 1));
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let upper = plane[(x0, y0)] * (1.0 - fx) + plane[(x1, y0)] * fx;
    let lower = plane[(x0, y1)] * (1.0 - fx) + plane[(x1, y1)] * fx;
    upper * (1.0 - fy) + lower * fy
}

fn nearest(flow: &Flow, x: f32, y: f32) -> [f32; 2] {
    let clamp = |v: f32, size: usize| (v + 0.5).clamp(0.0, size as f32 - 1.0) as usize;
    flow[(clamp(x, flow.width), clamp(y, flow.height))]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A dark line from the upper left to the lower right on light ground.
    fn diagonal() -> Plane {
        per_pixel(60, 60, |x, y| if (x as f32 - y as f32).abs() < 1.5 { 0.2 } else { 0.8 })
    }

    #[test]
    fn flow_runs_along_the_edge() {
        let [x, y] = edge_flow(&diagonal(), 2.0)[(31, 30)];
        assert!((x.abs() - 0.707).abs() < 0.05 && (x - y).abs() < 0.1, "({x}, {y})");
    }

    #[test]
    fn a_dark_line_answers_strongly_and_flat_ground_not_at_all() {
        let picture = diagonal();
        let response = line_response(&picture, &edge_flow(&picture, 2.0), 1.0, 3.0);
        assert!(response[(30, 30)] < -0.1, "{}", response[(30, 30)]);
        assert!(response[(50, 10)].abs() < 1e-3);
    }

    #[test]
    fn tiny_pictures_do_not_panic() {
        for (width, height) in [(0, 0), (1, 1), (2, 2), (1, 5)] {
            let picture = Plane::new(width, height, 0.5);
            let response = line_response(&picture, &edge_flow(&picture, 2.0), 1.0, 3.0);
            assert!(response.data.iter().all(|v| v.abs() < 1e-4));
        }
    }
}
