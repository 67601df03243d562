//! Bilinear doubling (corners not aligned), with the skip connection added in the same pass.

use super::map::Map;

/// `out = double(low) + skip`.
pub fn forward(low: &Map, skip: &Map, out: &mut Map) {
    let channels = low.channels;
    out.for_each_row(|image, y, row| {
        let (near, far) = sources(y, low.height);
        let (near, far) = (low.row(image, near), low.row(image, far));
        let skip = skip.row(image, y);
        for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
            let (left, right) = sources(x, low.width);
            let at = |row: &[f32], x: usize, c: usize| row[x * channels + c];
            let skip = &skip[x * channels..][..channels];
            for (c, value) in pixel.iter_mut().enumerate() {
                let upper = 0.75 * at(near, left, c) + 0.25 * at(near, right, c);
                let lower = 0.75 * at(far, left, c) + 0.25 * at(far, right, c);
                *value = skip[c] + 0.75 * upper + 0.25 * lower;
            }
        }
    });
}

/// The gradient of `low`; that of `skip` is `d_out` itself.
pub fn backward(d_out: &Map, d_low: &mut Map) {
    // A low pixel reaches four rows and columns of the doubled map, at the border the last one twice.
    const REACH: [f32; 4] = [0.25, 0.75, 0.75, 0.25];
    let channels = d_low.channels;
    d_low.for_each_row(|image, y, row| {
        row.fill(0.0);
        for (i, row_share) in REACH.iter().enumerate() {
            let from = d_out.row(image, (2 * y + i).saturating_sub(1).min(d_out.height - 1));
            for (x, pixel) in row.chunks_exact_mut(channels).enumerate() {
                for (j, share) in REACH.iter().enumerate() {
                    let column = (2 * x + j).saturating_sub(1).min(d_out.width - 1);
                    let from = &from[column * channels..][..channels];
                    for (value, d) in pixel.iter_mut().zip(from) {
                        *value += row_share * share * d;
                    }
                }
            }
        }
    });
}

/// The nearer (weight ¾) and the farther (weight ¼) source of position `i` of the doubled map.
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
