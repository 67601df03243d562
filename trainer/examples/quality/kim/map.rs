//! Feature maps.

use rayon::prelude::*;

/// Channels of a pixel side by side, pixels row by row, in a frame of zeros one pixel wide: what a 3×3 kernel sees
/// beyond the edge.
pub struct Map {
    pub width: usize,
    pub height: usize,
    pub channels: usize,
    pub data: Vec<f32>,
}

impl Map {
    pub fn new(width: usize, height: usize, channels: usize) -> Self {
        Self { width, height, channels, data: vec![0.0; (width + 2) * (height + 2) * channels] }
    }

    pub fn pixels(&self) -> usize {
        self.width * self.height
    }

    /// Where a pixel begins, the frame counted too.
    pub fn framed(&self, x: usize, y: usize) -> usize {
        (y * (self.width + 2) + x) * self.channels
    }

    pub fn row(&self, y: usize) -> &[f32] {
        &self.data[self.framed(1, y + 1)..][..self.width * self.channels]
    }

    /// All rows, without the frame.
    pub fn rows_mut(&mut self) -> impl IndexedParallelIterator<Item = &mut [f32]> {
        let (inner, channels) = (self.width * self.channels, self.channels);
        let rows = self.data.par_chunks_exact_mut(inner + 2 * channels).skip(1).take(self.height);
        rows.map(move |row| &mut row[channels..][..inner])
    }

    /// Sums over the pixels, one for each channel, of what `add` adds to them for a row. Rows are added up in order,
    /// so the sums do not depend on threads.
    pub fn sum_rows(&self, add: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
        let rows: Vec<Vec<f32>> = (0..self.height)
            .into_par_iter()
            .map(|y| {
                let mut sums = vec![0.0; self.channels];
                add(y, &mut sums);
                sums
            })
            .collect();
        (0..self.channels).map(|c| rows.iter().map(|row| f64::from(row[c])).sum::<f64>() as f32).collect()
    }
}
