//! Bilinear doubling (corners not aligned), with the skip connection added in the same pass.

use super::map::Map;
use super::simd::{self, Kernel, Vector};

/// `out = double(low) + skip`.
pub fn forward(low: &Map, skip: &Map, out: &mut Map) {
    let channels = low.channels;
    out.for_each_row(|image, y, row| {
        let (near, far) = sources(y, low.height);
        let (near, far) = (low.row(image, near), low.row(image, far));
        simd::run(DoubleRow { near, far, skip: skip.row(image, y), channels, out: row });
    });
}

/// The gradient of `low`; that of `skip` is `d_out` itself.
pub fn backward(d_out: &Map, d_low: &mut Map) {
    let channels = d_low.channels;
    d_low.for_each_row(|image, y, row| {
        // A low pixel reaches four rows and columns of the doubled map, at the border the last one twice.
        let rows = [0, 1, 2, 3].map(|i| d_out.row(image, (2 * y + i).saturating_sub(1).min(d_out.height - 1)));
        simd::run(HalveRow { rows, channels, out: row });
    });
}

struct DoubleRow<'a> {
    near: &'a [f32],
    far: &'a [f32],
    skip: &'a [f32],
    channels: usize,
    out: &'a mut [f32],
}

impl Kernel for DoubleRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(self) {
        let Self { near, far, skip, channels, out } = self;
        let width = near.len() / channels;
        for (x, pixel) in out.chunks_exact_mut(channels).enumerate() {
            let (left, right) = sources(x, width);
            let (near_left, near_right) = (&near[left * channels..][..channels], &near[right * channels..][..channels]);
            let (far_left, far_right) = (&far[left * channels..][..channels], &far[right * channels..][..channels]);
            let skip = &skip[x * channels..][..channels];
            for c in 0..channels {
                let upper = 0.75 * near_left[c] + 0.25 * near_right[c];
                let lower = 0.75 * far_left[c] + 0.25 * far_right[c];
                pixel[c] = skip[c] + 0.75 * upper + 0.25 * lower;
            }
        }
    }
}

struct HalveRow<'a> {
    rows: [&'a [f32]; 4],
    channels: usize,
    out: &'a mut [f32],
}

impl Kernel for HalveRow<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(self) {
        const REACH: [f32; 4] = [0.25, 0.75, 0.75, 0.25];
        let Self { rows, channels, out } = self;
        let last = rows[0].len() / channels - 1;
        for (x, pixel) in out.chunks_exact_mut(channels).enumerate() {
            pixel.fill(0.0);
            for (row, row_share) in rows.iter().zip(REACH) {
                for (j, share) in REACH.iter().enumerate() {
                    let from = &row[(2 * x + j).saturating_sub(1).min(last) * channels..][..channels];
                    for c in 0..channels {
                        pixel[c] += row_share * share * from[c];
                    }
                }
            }
        }
    }
}

/// The nearer (weight ¾) and the farther (weight ¼) source of position `i` of the doubled map.
#[inline(always)]
fn sources(i: usize, low: usize) -> (usize, usize) {
    let near = i / 2;
    let far = if i.is_multiple_of(2) { near.saturating_sub(1) } else { (near + 1).min(low - 1) };
    (near, far)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubling_keeps_constants_and_slopes() {
        let mut low = Map::zeros(1, 3, 4, 16);
        low.for_each_row(|_, y, row| (0..row.len()).for_each(|i| row[i] = (y * 10 + i / 16) as f32));
        let mut out = Map::zeros(1, 6, 8, 16);
        forward(&low, &Map::zeros(1, 6, 8, 16), &mut out);
        assert_eq!(out.row(0, 0)[0], 0.0);
        assert_eq!(out.row(0, 3)[3 * 16], 12.5 + 1.25);
        assert_eq!(out.row(0, 5)[7 * 16], 23.0);
    }

    #[test]
    fn backward_is_the_transpose_of_forward() {
        for (height, width) in [(1, 1), (1, 3), (2, 2), (5, 4)] {
            let low = Map::noise(2, height, width, 16, 1);
            let other = Map::noise(2, 2 * height, 2 * width, 16, 2);
            let mut up = Map::zeros(2, 2 * height, 2 * width, 16);
            forward(&low, &Map::zeros(2, 2 * height, 2 * width, 16), &mut up);
            let mut down = Map::zeros(2, height, width, 16);
            backward(&other, &mut down);
            assert!((up.dot(&other) - low.dot(&down)).abs() < 1e-4);
        }
    }
}
