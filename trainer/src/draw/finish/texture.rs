//! Noise that looks like paper and pigment: the same at the same place, whatever is drawn there.

use crate::raster::Plane;
use crate::raster::resize::{Interpolation, resize};
use rayon::prelude::*;

/// Smooth noise 0..1 whose hills are `size` apart, with finer ones on them. Different `seed`s look different.
pub fn cloud(x: f32, y: f32, size: f32, seed: u32) -> f32 {
    let octave = |k: u32| hills(x / size * (1 << k) as f32, y / size * (1 << k) as f32, seed.wrapping_add(k));
    (4.0 * octave(0) + 2.0 * octave(1) + octave(2)) / 7.0
}

/// [`cloud`] for a whole picture whose page pixels are `unit` wide: worked out as coarsely as its hills allow.
pub fn clouds(width: usize, height: usize, unit: f32, size: f32, seed: u32) -> Plane {
    /// Samples from hill to hill; the finest hills are four times as close.
    const SAMPLES: f32 = 16.0;
    let step = (size * unit / SAMPLES).max(1.0);
    let small = |length: usize| ((length as f32 / step).ceil() as usize).max(1);
    let (w, h) = (small(width), small(height));
    let (x_step, y_step) = (width as f32 / w as f32 / unit, height as f32 / h as f32 / unit);
    let value = |i: usize| cloud((i % w) as f32 * x_step, (i / w) as f32 * y_step, size, seed);
    let coarse = Plane::from_data(w, h, (0..w * h).into_par_iter().with_min_len(1024).map(value).collect());
    resize(&coarse, width, height, Interpolation::Linear)
}

/// Values at whole places, smoothly joined between them.
fn hills(x: f32, y: f32, seed: u32) -> f32 {
    let (x0, y0) = (x.floor(), y.floor());
    let ease = |t: f32| t * t * (3.0 - 2.0 * t);
    let (u, v) = (ease(x - x0), ease(y - y0));
    let at = |dx: f32, dy: f32| scatter((x0 + dx) as i32, (y0 + dy) as i32, seed);
    let mix = |a: f32, b: f32, t: f32| a + t * (b - a);
    mix(mix(at(0.0, 0.0), at(1.0, 0.0), u), mix(at(0.0, 1.0), at(1.0, 1.0), u), v)
}

/// A number 0..1 for a place, without any pattern that is seen.
fn scatter(x: i32, y: i32, seed: u32) -> f32 {
    let mut h =
        (x as u32).wrapping_mul(0x9E37_79B1) ^ (y as u32).wrapping_mul(0x85EB_CA77) ^ seed.wrapping_mul(0xC2B2_AE3D);
    h = (h ^ (h >> 15)).wrapping_mul(0x2C1B_3C6D);
    h = (h ^ (h >> 12)).wrapping_mul(0x297A_2D39);
    (h ^ (h >> 15)) as f32 / u32::MAX as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_smooth_fills_its_range_and_stays_in_it() {
        let values: Vec<f32> = (0..20_000).map(|i| cloud((i % 200) as f32, (i / 200) as f32, 12.0, 3)).collect();
        let (low, high) = values.iter().fold((1.0f32, 0.0f32), |(l, h), &v| (l.min(v), h.max(v)));
        assert!((0.0..0.25).contains(&low) && (0.75..=1.0).contains(&high), "{low} {high}");
        assert!(values.chunks(200).all(|row| row.windows(2).all(|p| (p[0] - p[1]).abs() < 0.25)));
    }
}
