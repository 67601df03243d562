use super::Clip;
use crate::raster::Grid;

impl Clip {
    /// Blocks of colours that flicker, with a person in the middle whose upper half is skin: for timing and for comparing
    /// devices, where what frames show makes no difference.
    pub fn blocks(width: usize, height: usize, frames: usize) -> Self {
        let picture = |t: usize| {
            let pixel = |i: usize| {
                let block = (i % width / 16 + i / width / 16 * 40).wrapping_mul(2_654_435_761) >> 8;
                [block as u8, (block >> 8) as u8, ((i + t) * 7 % 32) as u8]
            };
            Grid::from_data(width, height, (0..width * height).map(pixel).collect())
        };
        let there = |i: usize| (width / 3..2 * width / 3).contains(&(i % width));
        let person = (0..width * height).map(|i| if there(i) { 1.0 } else { 0.0 }).collect();
        let skin = |i: usize| if there(i) { i8::from(i / width < height / 2) } else { -1 };
        let skin = (0..width * height).map(skin).collect();
        Self {
            width,
            height,
            frames: (0..frames).map(picture).collect(),
            source: Vec::new(),
            times_ms: (0..frames as u64).map(|t| 40 * t).collect(),
            person: vec![Grid::from_data(width, height, person); frames],
            faces: vec![Vec::new(); frames],
            skin: vec![Grid::from_data(width, height, skin); frames],
            skin_median: None,
            has_figure: true,
        }
    }
}
