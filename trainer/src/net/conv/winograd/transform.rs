//! The four changes between values and polynomials: `G`, `Bᵀ`, `A` and `Aᵀ`, and `Gᵀ` on the way back.

use super::super::rows::{Begin, End, begin_with, finish};
use super::{POINTS, SIZE, TILE};
use crate::net::simd::{Kernel, LANES, Lanes, Vector, each};

/// `G·g` of a kernel row.
pub fn weights(a: &Lanes, b: &Lanes, c: &Lanes) -> [Lanes; POINTS] {
    [
        each(|k| a[k] / 4.0),
        each(|k| -(a[k] + b[k] + c[k]) / 6.0),
        each(|k| -(a[k] - b[k] + c[k]) / 6.0),
        each(|k| (a[k] + 2.0 * b[k] + 4.0 * c[k]) / 24.0),
        each(|k| (a[k] - 2.0 * b[k] + 4.0 * c[k]) / 24.0),
        *c,
    ]
}

/// `Gᵀ·m`: from sums `[point][kernel row][plane]` to `[kernel row][kernel column][plane]`.
pub fn weight_gradients(sums: &[f32], plane: usize, dw: &mut [f32]) {
    for (row, dw) in dw.chunks_exact_mut(SIZE * plane).enumerate() {
        let [m0, m1, m2, m3, m4, m5] =
            std::array::from_fn(|point: usize| &sums[(point * SIZE + row) * plane..][..plane]);
        let (left, rest) = dw.split_at_mut(plane);
        let (middle, right) = rest.split_at_mut(plane);
        for i in 0..plane {
            let (near, far) = ((m1[i] + m2[i]) / 6.0, (m3[i] + m4[i]) / 24.0);
            left[i] = m0[i] / 4.0 - near + far;
            middle[i] = (m2[i] - m1[i]) / 6.0 + (m3[i] - m4[i]) / 12.0;
            right[i] = m5[i] - near + 4.0 * far;
        }
    }
}

/// `Bᵀ·d` of one row with its frame.
pub struct Inputs<'a> {
    /// `[width + 2][blocks]`
    pub row: &'a [Lanes],
    pub tiles: usize,
    pub blocks: usize,
    /// `[point][tile][blocks · 16]`
    pub out: &'a mut [f32],
}

impl Kernel for Inputs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(self) {
        let Self { row, tiles, blocks, out } = self;
        let out = out.as_chunks_mut::<LANES>().0;
        for tile in 0..tiles {
            for block in 0..blocks {
                let mut d = [V::load(&[0.0; LANES]); POINTS];
                for (i, d) in d.iter_mut().enumerate() {
                    if let Some(pixel) = row.get((tile * TILE + i) * blocks + block) {
                        *d = V::load(pixel);
                    }
                }
                let even = d[4].add_multiple(-4.0, d[2]);
                let odd = d[3].add_multiple(-4.0, d[1]);
                let far_even = d[4].add_multiple(-1.0, d[2]);
                let far_odd = d[3].add_multiple(-1.0, d[1]);
                let points = [
                    d[4].add_multiple(-5.0, d[2]).add_multiple(4.0, d[0]),
                    even.add_multiple(1.0, odd),
                    even.add_multiple(-1.0, odd),
                    far_even.add_multiple(2.0, far_odd),
                    far_even.add_multiple(-2.0, far_odd),
                    d[5].add_multiple(-5.0, d[3]).add_multiple(4.0, d[1]),
                ];
                store(&points, out, tiles * blocks, tile * blocks + block);
            }
        }
    }
}

/// `A·dy` of one row.
pub struct Gradients<'a> {
    /// `[width][blocks]`
    pub row: &'a [Lanes],
    pub tiles: usize,
    pub blocks: usize,
    /// `[point][tile][blocks · 16]`
    pub out: &'a mut [f32],
}

impl Kernel for Gradients<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(self) {
        let Self { row, tiles, blocks, out } = self;
        let out = out.as_chunks_mut::<LANES>().0;
        for tile in 0..tiles {
            for block in 0..blocks {
                let mut y = [V::load(&[0.0; LANES]); TILE];
                for (i, y) in y.iter_mut().enumerate() {
                    if let Some(pixel) = row.get((tile * TILE + i) * blocks + block) {
                        *y = V::load(pixel);
                    }
                }
                let even = y[0].add_multiple(1.0, y[2]);
                let odd = y[1].add_multiple(1.0, y[3]);
                let far_even = y[0].add_multiple(4.0, y[2]);
                let far_odd = y[1].add_multiple(4.0, y[3]);
                let points = [
                    y[0],
                    even.add_multiple(1.0, odd),
                    even.add_multiple(-1.0, odd),
                    far_even.add_multiple(2.0, far_odd),
                    far_even.add_multiple(-2.0, far_odd),
                    y[3],
                ];
                store(&points, out, tiles * blocks, tile * blocks + block);
            }
        }
    }
}

#[inline(always)]
fn store<V: Vector>(points: &[V; POINTS], out: &mut [Lanes], plane: usize, at: usize) {
    for (point, values) in points.iter().enumerate() {
        values.store(&mut out[point * plane + at]);
    }
}

/// `Aᵀ·m`: one row of outputs.
pub struct Outputs<'a> {
    /// `[point][tile][channels]`
    pub products: &'a [f32],
    pub tiles: usize,
    pub channels: usize,
    pub out: &'a mut [f32],
    pub begin: Begin<'a>,
    pub end: End<'a>,
}

impl Kernel for Outputs<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(self) {
        let Self { products, tiles, channels, out, begin, end } = self;
        let (products, blocks) = (products.as_chunks::<LANES>().0, channels / LANES);
        for tile in 0..tiles {
            for block in 0..blocks {
                let mut m = [V::load(&[0.0; LANES]); POINTS];
                for (point, m) in m.iter_mut().enumerate() {
                    *m = V::load(&products[point * tiles * blocks + tile * blocks + block]);
                }
                let (sum, difference) = (m[1].add_multiple(1.0, m[2]), m[1].add_multiple(-1.0, m[2]));
                let (far_sum, far_difference) = (m[3].add_multiple(1.0, m[4]), m[3].add_multiple(-1.0, m[4]));
                let pixels = [
                    m[0].add_multiple(1.0, sum).add_multiple(1.0, far_sum),
                    difference.add_multiple(2.0, far_difference),
                    sum.add_multiple(4.0, far_sum),
                    m[5].add_multiple(1.0, difference).add_multiple(8.0, far_difference),
                ];
                for (i, pixel) in pixels.iter().enumerate() {
                    let at = (tile * TILE + i) * channels + block * LANES;
                    if at < out.len() {
                        let sum = begin_with::<V>(begin, out, at, block).add_multiple(1.0, *pixel);
                        finish(sum, out, at, end);
                    }
                }
            }
        }
    }
}
