use rayon::prelude::*;

/// A batch of feature maps, `images × height × width × channels`, each image framed by one pixel of zeros.
///
/// The frame lets a 3×3 convolution read three neighbouring pixels as one run of `3 · channels` floats without asking
/// where the border is. Nothing may ever write to it.
#[derive(Clone, Debug)]
pub struct Map {
    pub images: usize,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
    pub data: Vec<f32>,
}

impl Map {
    pub fn zeros(images: usize, height: usize, width: usize, channels: usize) -> Self {
        let data = vec![0.0; images * (height + 2) * (width + 2) * channels];
        Self { images, height, width, channels, data }
    }

    /// Floats from one row to the next, frame included.
    pub fn row_step(&self) -> usize {
        (self.width + 2) * self.channels
    }

    /// Where the pixel `(x, y)` of *framed* coordinates begins: the frame is column and row 0.
    pub fn framed(&self, image: usize, y: usize, x: usize) -> usize {
        ((image * (self.height + 2) + y) * (self.width + 2) + x) * self.channels
    }

    /// The pixels of one row, without the frame.
    pub fn row(&self, image: usize, y: usize) -> &[f32] {
        let start = self.framed(image, y + 1, 1);
        &self.data[start..start + self.width * self.channels]
    }

    /// Calls `write(image, y, row)` for every row, in parallel.
    pub fn for_each_row(&mut self, write: impl Fn(usize, usize, &mut [f32]) + Sync) {
        let (height, channels, row_step) = (self.height, self.channels, self.row_step());
        self.data.par_chunks_mut(row_step).enumerate().for_each(|(i, row)| {
            let (image, y) = (i / (height + 2), i % (height + 2));
            if (1..=height).contains(&y) {
                write(image, y - 1, &mut row[channels..row_step - channels]);
            }
        });
    }

    /// Calls `write(image, first row, rows)` for bands of up to `rows` rows, in parallel. Rows come with their frame.
    pub fn for_each_band(&mut self, rows: usize, write: impl Fn(usize, usize, &mut [f32]) + Sync) {
        let (height, row_step) = (self.height, self.row_step());
        self.data.par_chunks_mut(row_step * (height + 2)).enumerate().for_each(|(image, data)| {
            let bands = data[row_step..row_step * (height + 1)].par_chunks_mut(rows * row_step);
            bands.enumerate().for_each(|(band, data)| write(image, band * rows, data));
        });
    }
}

#[cfg(test)]
impl Map {
    /// Values around zero that differ from pixel to pixel, the same for the same `seed`.
    pub fn noise(images: usize, height: usize, width: usize, channels: usize, seed: u64) -> Self {
        use rand::{Rng, SeedableRng};
        let mut rng = rand_chacha::ChaCha8Rng::seed_from_u64(seed);
        let values: Vec<f32> = (0..images * height * width * channels).map(|_| rng.random_range(-1.0..1.0)).collect();
        let mut map = Self::zeros(images, height, width, channels);
        map.for_each_row(|image, y, row| {
            let start = (image * height + y) * row.len();
            row.copy_from_slice(&values[start..start + row.len()]);
        });
        map
    }

    /// Inner product over the pixels.
    pub fn dot(&self, other: &Map) -> f64 {
        self.data.iter().zip(&other.data).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
    }
}
