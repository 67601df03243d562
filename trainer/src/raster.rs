//! Pictures in memory: one [`Grid`] type, and the image operations that preparing and drawing share.
//!
//! Conventions: row-major, `(0, 0)` is the centre of the top left pixel, lengths in pixels,
//! colours in OKLab (Ottosson 2020) unless a name says sRGB.

pub mod clean;
pub mod colour;
pub mod components;
pub mod distance;
pub mod filter;
pub mod morphology;
pub mod polygon;
pub mod resize;

/// A `width × height` picture, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid<T> {
    pub width: usize,
    pub height: usize,
    pub data: Vec<T>,
}

/// One value a pixel: a probability, a lightness, an amount of ink.
pub type Plane = Grid<f32>;
/// sRGB, 8 bits a channel.
pub type Rgb = Grid<[u8; 3]>;
/// sRGB with straight alpha, 8 bits a channel.
pub type Rgba = Grid<[u8; 4]>;
/// OKLab: lightness 0..1, a, b.
pub type Lab = Grid<[f32; 3]>;
/// True where something is.
pub type Mask = Grid<bool>;

impl<T: Clone> Grid<T> {
    pub fn new(width: usize, height: usize, fill: T) -> Self {
        Self { width, height, data: vec![fill; width * height] }
    }
}

impl<T> Grid<T> {
    /// `data` holds `width × height` values, row by row.
    pub fn from_data(width: usize, height: usize, data: Vec<T>) -> Self {
        assert_eq!(data.len(), width * height, "a grid holds width × height values");
        Self { width, height, data }
    }

    pub fn row(&self, y: usize) -> &[T] {
        &self.data[y * self.width..(y + 1) * self.width]
    }

    pub fn map<U>(&self, f: impl FnMut(&T) -> U) -> Grid<U> {
        Grid { width: self.width, height: self.height, data: self.data.iter().map(f).collect() }
    }
}

impl<T> std::ops::Index<(usize, usize)> for Grid<T> {
    type Output = T;
    fn index(&self, (x, y): (usize, usize)) -> &T {
        &self.data[y * self.width + x]
    }
}

impl<T> std::ops::IndexMut<(usize, usize)> for Grid<T> {
    fn index_mut(&mut self, (x, y): (usize, usize)) -> &mut T {
        &mut self.data[y * self.width + x]
    }
}
