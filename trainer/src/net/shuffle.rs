//! Between pixels and the half-size maps: 2×2 pixels become channels on the way in, channels pixels on the way out.
//!
//! Pixel `(x, y)` lives in the map's pixel `(x/2, y/2)` as part `2·(y%2) + x%2`. On the way in a part has three
//! channels (its colour); after the four parts come the block's coordinates in -1..1 and two zeros. On the way out a
//! part has 16: the palette's logits and the figure's.

use super::map::Map;
use super::network::INPUTS;
use super::simd::LANES;

/// A piece of a frame: its top left corner and the size of the whole frame.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    pub x: usize,
    pub y: usize,
    pub frame_width: usize,
    pub frame_height: usize,
}

/// Writes the window's colours (row-major, as wide as the map says) to one image of the input map.
pub fn space_to_depth(colours: &[[f32; 3]], window: Window, input: &mut Map, image: usize) {
    assert_eq!(input.channels, INPUTS);
    let width = 2 * input.width;
    for y in 0..input.height {
        let start = input.framed(image, y + 1, 1);
        let row = &mut input.data[start..start + width / 2 * INPUTS];
        for (x, block) in row.as_chunks_mut::<INPUTS>().0.iter_mut().enumerate() {
            for part in 0..PARTS {
                let pixel = colours[(2 * y + part / 2) * width + 2 * x + part % 2];
                block[part * 3..part * 3 + 3].copy_from_slice(&pixel);
            }
            block[12] = position(window.x / 2 + x, window.frame_width / 2);
            block[13] = position(window.y / 2 + y, window.frame_height / 2);
        }
    }
}

/// -1 for the first of `count` places, 1 for the last.
fn position(i: usize, count: usize) -> f32 {
    if count < 2 { -1.0 } else { 2.0 * i as f32 / (count - 1) as f32 - 1.0 }
}

/// Pixels of a block.
pub const PARTS: usize = 4;

/// Where the 16 outputs for column `x` of a frame's row `y` begin in the head's row `y / 2`.
#[inline(always)]
pub fn part(x: usize, y: usize) -> usize {
    ((x / 2) * PARTS + 2 * (y % 2) + x % 2) * LANES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pixel_of_the_window_reaches_its_own_channels() {
        let colours: Vec<[f32; 3]> = (0..32).map(|i| [i as f32, 100.0 + i as f32, 200.0 + i as f32]).collect();
        let mut input = Map::zeros(1, 2, 4, INPUTS);
        let window = Window { x: 8, y: 0, frame_width: 16, frame_height: 4 };
        space_to_depth(&colours, window, &mut input, 0);
        let row = input.row(0, 1);
        for (part, pixel) in [16 + 4, 16 + 5, 24 + 4, 24 + 5].into_iter().enumerate() {
            assert_eq!(row[2 * INPUTS + part * 3..][..3], colours[pixel]);
        }
        assert_eq!(row[3 * INPUTS + 12..][..4], [1.0, 1.0, 0.0, 0.0]);
    }
}
