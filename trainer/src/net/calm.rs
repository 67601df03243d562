//! Frames without their noise. Colour alone decides most labels, so noise would make specks of them: each colour
//! becomes the mean of its neighbours that look like it (a bilateral filter, Tomasi and Manduchi 1998).

use rayon::prelude::*;

use super::simd::{self, Kernel, Vector, exp};

/// How far neighbours may be, in pixels.
const REACH: usize = 2;
/// Deviation of the weight over distance, in pixels.
const NEAR: f32 = 1.5;
/// Deviation of the weight over colour, in the network's colours: above noise, below what the eye calls an edge.
const ALIKE: f32 = 0.2;

/// Filters a row-major picture.
pub fn calm(colours: &[[f32; 3]], width: usize) -> Vec<[f32; 3]> {
    let planes: [Vec<f32>; 3] = [0, 1, 2].map(|c| colours.iter().map(|colour| colour[c]).collect());
    let mut calm = vec![[0.0; 3]; colours.len()];
    calm.par_chunks_exact_mut(width).enumerate().for_each(|(y, out)| simd::run(Row { planes: &planes, width, y, out }));
    calm
}

struct Row<'a> {
    planes: &'a [Vec<f32>; 3],
    width: usize,
    y: usize,
    out: &'a mut [[f32; 3]],
}

impl Kernel for Row<'_> {
    type Output = ();

    #[inline(always)]
    fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(self) {
        let Self { planes: [l, a, b], width, y, out } = self;
        let mut sums = [vec![0.0; width], vec![0.0; width], vec![0.0; width], vec![0.0; width]];
        let here = y * width;
        for row in y.saturating_sub(REACH)..(y + REACH + 1).min(l.len() / width) {
            for shift in -(REACH as isize)..=REACH as isize {
                let Some(count) = width.checked_sub(shift.unsigned_abs()) else { continue };
                let first = (-shift).max(0) as usize;
                let there = row * width + (first as isize + shift).max(0) as usize;
                let down = row.abs_diff(y) as f32;
                let far = (down * down + (shift * shift) as f32) / (2.0 * NEAR * NEAR);
                let [sl, sa, sb, sw] = &mut sums;
                let (sl, sa) = (&mut sl[first..][..count], &mut sa[first..][..count]);
                let (sb, sw) = (&mut sb[first..][..count], &mut sw[first..][..count]);
                let (l0, a0, b0) =
                    (&l[here + first..][..count], &a[here + first..][..count], &b[here + first..][..count]);
                let (l1, a1, b1) = (&l[there..][..count], &a[there..][..count], &b[there..][..count]);
                for i in 0..count {
                    let (dl, da, db) = (l1[i] - l0[i], a1[i] - a0[i], b1[i] - b0[i]);
                    let weight = exp::<V>((dl * dl + da * da + db * db) * (-0.5 / (ALIKE * ALIKE)) - far);
                    sl[i] += weight * l1[i];
                    sa[i] += weight * a1[i];
                    sb[i] += weight * b1[i];
                    sw[i] += weight;
                }
            }
        }
        for (x, colour) in out.iter_mut().enumerate() {
            let share = 1.0 / sums[3][x];
            *colour = [sums[0][x] * share, sums[1][x] * share, sums[2][x] * share];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_calmed_and_edges_stay() {
        let colour = |i: usize| {
            let noise = if (i * 2_654_435_761) >> 9 & 1 == 0 { 0.05 } else { -0.05 };
            [if i % 16 < 8 { 0.0 } else { 2.0 } + noise, 0.5, 0.0]
        };
        let picture: Vec<[f32; 3]> = (0..16 * 12).map(colour).collect();
        let calmed = calm(&picture, 16);
        let off = |picture: &[[f32; 3]]| {
            let off = |i: usize| (picture[i][0] - if i % 16 < 8 { 0.0 } else { 2.0 }).abs();
            (0..picture.len()).map(off).sum::<f32>() / picture.len() as f32
        };
        assert!(off(&calmed) < 0.5 * off(&picture), "{} of {}", off(&calmed), off(&picture));
        assert!((calmed[5 * 16 + 7][0] - calmed[5 * 16 + 8][0]).abs() > 1.8);
        assert!(calmed.iter().all(|c| (c[1] - 0.5).abs() < 1e-5));
    }

    #[test]
    fn a_picture_smaller_than_the_filter_is_no_trouble() {
        assert_eq!(calm(&[[0.25, 0.5, 1.0]], 1), [[0.25, 0.5, 1.0]]);
    }
}
