//! Gaussian, Sobel, bilateral and median filters. Borders repeat the edge pixel.

use rayon::prelude::*;

use super::{Grid, Plane, Rgb};

/// What filters and resizing work on: `f32` or `[f32; N]`, seen as plain numbers side by side.
pub trait Sample: Copy + Send + Sync + Default {
    const CHANNELS: usize;
    fn flat(values: &[Self]) -> &[f32];
    fn flat_mut(values: &mut [Self]) -> &mut [f32];
}

impl Sample for f32 {
    const CHANNELS: usize = 1;
    fn flat(values: &[Self]) -> &[f32] {
        values
    }
    fn flat_mut(values: &mut [Self]) -> &mut [f32] {
        values
    }
}

impl<const N: usize> Sample for [f32; N]
where
    [f32; N]: Default,
{
    const CHANNELS: usize = N;
    fn flat(values: &[Self]) -> &[f32] {
        values.as_flattened()
    }
    fn flat_mut(values: &mut [Self]) -> &mut [f32] {
        values.as_flattened_mut()
    }
}

/// Below this a Gaussian changes nothing worth its time.
const NO_BLUR: f32 = 0.25;
/// Above this the blur runs on a smaller copy: a wide Gaussian holds no fine detail.
const WIDE_BLUR: f32 = 4.0;

/// Gaussian blur with the standard deviation `sigma` in pixels (cut at 3 sigma).
pub fn gaussian<S: Sample>(picture: &Grid<S>, sigma: f32) -> Grid<S> {
    if sigma <= NO_BLUR || picture.data.is_empty() {
        return picture.clone();
    }
    if sigma > WIDE_BLUR {
        return wide_gaussian(picture, sigma);
    }
    let kernel = gaussian_kernel(sigma);
    vertical(&horizontal(picture, &kernel), &kernel)
}

/// The right half of a Gaussian: the centre first; the whole kernel sums to one.
fn gaussian_kernel(sigma: f32) -> Vec<f32> {
    let radius = (3.0 * sigma).ceil() as usize;
    let mut half: Vec<f32> = (0..=radius).map(|i| (-((i * i) as f32) / (2.0 * sigma * sigma)).exp()).collect();
    let sum = 2.0 * half.iter().sum::<f32>() - half[0];
    half.iter_mut().for_each(|w| *w /= sum);
    half
}

/// Averages blocks, blurs those, interpolates back: what block and interpolation blur by themselves is left out.
fn wide_gaussian<S: Sample>(picture: &Grid<S>, sigma: f32) -> Grid<S> {
    let factor = (sigma / 2.0).floor().max(2.0) as usize;
    let f = factor as f32;
    let already = (f * f - 1.0) / 12.0 + f * f / 6.0;
    let rest = ((sigma * sigma - already).max(0.0)).sqrt() / f;
    // the repeated edge pixel must keep its weight, so blocks beyond the border are made of it
    let beyond = (3.0 * sigma / f).ceil() as usize;
    let small = gaussian(&block_mean(picture, factor, beyond), rest);
    let inside = [beyond as f32, beyond as f32, picture.width as f32 / f, picture.height as f32 / f];
    super::resize::crop(&small, inside, picture.width, picture.height, super::resize::Interpolation::Linear)
}

/// Means of blocks of `factor²` pixels, with `beyond` more blocks on each side.
fn block_mean<S: Sample>(picture: &Grid<S>, factor: usize, beyond: usize) -> Grid<S> {
    let blocks = |length: usize| length.div_ceil(factor) + 2 * beyond;
    let (width, height) = (blocks(picture.width), blocks(picture.height));
    let source_of = |i: usize, length: usize| i.saturating_sub(beyond * factor).min(length - 1);
    let mut out = Grid::new(width, height, S::default());
    let c = S::CHANNELS;
    let weight = 1.0 / (factor * factor) as f32;
    out.data.par_chunks_mut(width).enumerate().for_each(|(by, row)| {
        let row = S::flat_mut(row);
        for dy in 0..factor {
            let source = S::flat(picture.row(source_of(by * factor + dy, picture.height)));
            for x in 0..width * factor {
                let from = source_of(x, picture.width) * c;
                let to = x / factor * c;
                for k in 0..c {
                    row[to + k] += weight * source[from + k];
                }
            }
        }
    });
    out
}

fn horizontal<S: Sample>(picture: &Grid<S>, half: &[f32]) -> Grid<S> {
    let (radius, c) = (half.len() - 1, S::CHANNELS);
    let mut out = Grid::new(picture.width, picture.height, S::default());
    out.data.par_chunks_mut(picture.width).enumerate().for_each_init(Vec::new, |padded, (y, row)| {
        let source = picture.row(y);
        padded.clear();
        padded.extend(std::iter::repeat_n(source[0], radius));
        padded.extend_from_slice(source);
        padded.extend(std::iter::repeat_n(source[source.len() - 1], radius));
        let (padded, row) = (S::flat(padded), S::flat_mut(row));
        let n = row.len();
        for (o, v) in row.iter_mut().zip(&padded[radius * c..]) {
            *o = half[0] * v;
        }
        for (i, &w) in half.iter().enumerate().skip(1) {
            let left = &padded[(radius - i) * c..][..n];
            let right = &padded[(radius + i) * c..][..n];
            for ((o, l), r) in row.iter_mut().zip(left).zip(right) {
                *o += w * (l + r);
            }
        }
    });
    out
}

fn vertical<S: Sample>(picture: &Grid<S>, half: &[f32]) -> Grid<S> {
    let last = picture.height - 1;
    let mut out = Grid::new(picture.width, picture.height, S::default());
    out.data.par_chunks_mut(picture.width).enumerate().for_each(|(y, row)| {
        let row = S::flat_mut(row);
        for (o, v) in row.iter_mut().zip(S::flat(picture.row(y))) {
            *o = half[0] * v;
        }
        for (i, &w) in half.iter().enumerate().skip(1) {
            let above = S::flat(picture.row(y.saturating_sub(i)));
            let below = S::flat(picture.row((y + i).min(last)));
            for ((o, a), b) in row.iter_mut().zip(above).zip(below) {
                *o += w * (a + b);
            }
        }
    });
    out
}

/// Gradient in x and in y, in value per pixel (Sobel 3×3, divided by 8).
pub fn sobel(plane: &Plane) -> (Plane, Plane) {
    let (w, h) = (plane.width, plane.height);
    let mut both = vec![[0.0f32; 2]; w * h];
    both.par_chunks_mut(w.max(1)).enumerate().for_each(|(y, out)| {
        let (above, here, below) = (plane.row(y.saturating_sub(1)), plane.row(y), plane.row((y + 1).min(h - 1)));
        for (x, o) in out.iter_mut().enumerate() {
            let (l, r) = (x.saturating_sub(1), (x + 1).min(w - 1));
            let column = |x: usize| above[x] + 2.0 * here[x] + below[x];
            let line = |row: &[f32]| row[l] + 2.0 * row[x] + row[r];
            *o = [(column(r) - column(l)) / 8.0, (line(below) - line(above)) / 8.0];
        }
    });
    (
        Grid::from_data(w, h, both.iter().map(|g| g[0]).collect()),
        Grid::from_data(w, h, both.iter().map(|g| g[1]).collect()),
    )
}

/// Bilateral filter (Tomasi & Manduchi 1998): neighbours within `radius` count by nearness (`sigma_space`, pixels) and by
/// likeness (`sigma_colour`, sum of the channels' differences, 0..765).
pub fn bilateral(picture: &Rgb, radius: usize, sigma_colour: f32, sigma_space: f32) -> Rgb {
    let (w, h, r) = (picture.width as i64, picture.height as i64, radius as i64);
    let likeness: Vec<f32> =
        (0..=765).map(|d| (-((d * d) as f32) / (2.0 * sigma_colour * sigma_colour)).exp()).collect();
    let near: Vec<(i64, i64, f32)> = (-r..=r)
        .flat_map(|dy| (-r..=r).map(move |dx| (dx, dy)))
        .filter(|(dx, dy)| dx * dx + dy * dy <= r * r)
        .map(|(dx, dy)| (dx, dy, (-((dx * dx + dy * dy) as f32) / (2.0 * sigma_space * sigma_space)).exp()))
        .collect();
    let mut out = Grid::new(picture.width, picture.height, [0u8; 3]);
    out.data.par_chunks_mut(picture.width.max(1)).enumerate().for_each(|(y, row)| {
        for (x, o) in row.iter_mut().enumerate() {
            let centre = picture[(x, y)];
            let (mut sum, mut total) = ([0.0f32; 3], 0.0);
            for &(dx, dy, nearness) in &near {
                let at = ((x as i64 + dx).clamp(0, w - 1) as usize, (y as i64 + dy).clamp(0, h - 1) as usize);
                let p = picture[at];
                let difference: usize = (0..3).map(|k| usize::from(centre[k].abs_diff(p[k]))).sum();
                let weight = nearness * likeness[difference];
                total += weight;
                (0..3).for_each(|k| sum[k] += weight * f32::from(p[k]));
            }
            *o = sum.map(|v| (v / total + 0.5) as u8);
        }
    });
    out
}

/// Median of the square of side `2·radius + 1`.
pub fn median(plane: &Plane, radius: usize) -> Plane {
    let (w, h) = (plane.width, plane.height);
    let mut out = plane.clone();
    out.data.par_chunks_mut(w.max(1)).enumerate().for_each_init(Vec::new, |window, (y, row)| {
        for (x, o) in row.iter_mut().enumerate() {
            window.clear();
            for yy in y.saturating_sub(radius)..(y + radius + 1).min(h) {
                window.extend_from_slice(&plane.row(yy)[x.saturating_sub(radius)..(x + radius + 1).min(w)]);
            }
            let middle = window.len() / 2;
            *o = *window.select_nth_unstable_by(middle, f32::total_cmp).1;
        }
    });
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(w: usize, h: usize) -> Plane {
        Grid::from_data(w, h, (0..w * h).map(|i| ((i * 7919) % 101) as f32 / 101.0).collect())
    }

    fn naive(plane: &Plane, sigma: f32) -> Plane {
        let r = (4.0 * sigma).ceil() as i64;
        let mut out = plane.clone();
        for y in 0..plane.height as i64 {
            for x in 0..plane.width as i64 {
                let (mut sum, mut total) = (0.0, 0.0);
                for dy in -r..=r {
                    for dx in -r..=r {
                        let w = (-((dx * dx + dy * dy) as f32) / (2.0 * sigma * sigma)).exp();
                        let at = (
                            (x + dx).clamp(0, plane.width as i64 - 1) as usize,
                            (y + dy).clamp(0, plane.height as i64 - 1) as usize,
                        );
                        sum += w * plane[at];
                        total += w;
                    }
                }
                out[(x as usize, y as usize)] = sum / total;
            }
        }
        out
    }

    #[test]
    fn gaussian_agrees_with_the_definition_narrow_and_wide() {
        // no picture is white noise: its border pixels would decide everything
        let plane = naive(&ramp(47, 39), 1.2);
        for (sigma, tolerance) in [(0.8, 0.002), (2.0, 0.002), (6.0, 0.012)] {
            let (fast, slow) = (gaussian(&plane, sigma), naive(&plane, sigma));
            for (a, b) in fast.data.iter().zip(&slow.data) {
                assert!((a - b).abs() < tolerance, "sigma {sigma}: {a} against {b}");
            }
        }
    }

    #[test]
    fn a_blurred_step_has_the_width_of_its_sigma() {
        let step = Grid::from_data(400, 3, (0..1200).map(|i| if i % 400 < 200 { 0.0 } else { 1.0 }).collect());
        for sigma in [3.0f32, 9.0, 20.0] {
            let blurred = gaussian(&step, sigma);
            // one sigma right of the step a normal distribution has passed .8413
            let at = 199.5 + sigma;
            let (i, f) = (at.floor() as usize, at.fract());
            let value = blurred[(i, 1)] * (1.0 - f) + blurred[(i + 1, 1)] * f;
            assert!((value - 0.8413).abs() < 0.015, "sigma {sigma}: {value}");
        }
    }

    #[test]
    fn colours_blur_channel_by_channel() {
        let plane = ramp(20, 11);
        let three = plane.map(|&v| [v, 2.0 * v, -v]);
        let (one, all) = (gaussian(&plane, 1.5), gaussian(&three, 1.5));
        for (a, b) in one.data.iter().zip(&all.data) {
            assert!((a - b[0]).abs() < 1e-5 && (2.0 * a - b[1]).abs() < 1e-5 && (a + b[2]).abs() < 1e-5);
        }
    }

    #[test]
    fn sobel_measures_a_slope() {
        let slope = Grid::from_data(9, 9, (0..81).map(|i| 0.5 * (i % 9) as f32 - 0.25 * (i / 9) as f32).collect());
        let (gx, gy) = sobel(&slope);
        assert!((gx[(4, 4)] - 0.5).abs() < 1e-6 && (gy[(4, 4)] + 0.25).abs() < 1e-6);
    }

    #[test]
    fn bilateral_flattens_noise_but_keeps_an_edge() {
        let picture =
            Grid::from_data(16, 16, (0..256).map(|i| [if i % 16 < 8 { 40 + (i % 3) as u8 } else { 200 }; 3]).collect());
        let out = bilateral(&picture, 2, 16.0, 2.0);
        assert_eq!(out[(12, 8)], [200; 3]);
        assert!((40..=42).contains(&out[(7, 8)][0]));
    }

    #[test]
    fn median_removes_a_speck_and_tiny_pictures_do_not_panic() {
        let mut plane = Grid::new(5, 5, 0.2f32);
        plane[(2, 2)] = 1.0;
        assert_eq!(median(&plane, 1)[(2, 2)], 0.2);
        for (w, h) in [(1, 1), (2, 2), (1, 7)] {
            let tiny = Grid::new(w, h, 0.5f32);
            assert!(gaussian(&tiny, 9.0).data.iter().all(|v| (v - 0.5).abs() < 1e-4));
            sobel(&tiny);
            median(&tiny, 2);
        }
    }
}
