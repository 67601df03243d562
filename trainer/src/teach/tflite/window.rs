//! The geometry that convolutions and pooling share: a window that slides over a picture.

use std::ops::Range;

use super::ModelError;

/// The shape of one picture: rows, columns, channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Picture {
    pub rows: usize,
    pub columns: usize,
    pub channels: usize,
}

impl Picture {
    /// From a `[1, rows, columns, channels]` tensor shape.
    pub fn from_shape(shape: &[usize]) -> Result<Self, ModelError> {
        match *shape {
            [1, rows, columns, channels] if rows * columns * channels > 0 => Ok(Self { rows, columns, channels }),
            _ => Err(ModelError::Shape("not one picture of rows, columns and channels")),
        }
    }
}

/// A window in one direction.
#[derive(Clone, Copy, Debug)]
struct Slide {
    size: usize,
    stride: usize,
    /// How far the first window begins before the picture.
    before: usize,
    length: usize,
}

impl Slide {
    /// TensorFlow's padding: `same` spreads what is missing evenly, the odd one behind; else there is none.
    fn new(size: usize, stride: usize, same: bool, input: usize, output: usize) -> Result<Self, ModelError> {
        if size == 0 || stride == 0 || (!same && size > input) {
            return Err(ModelError::Shape("an empty window, or one larger than the picture"));
        }
        let steps = if same { input.div_ceil(stride) } else { (input - size) / stride + 1 };
        if steps != output {
            return Err(ModelError::Shape("a window's steps do not cover its output"));
        }
        let needed = ((output - 1) * stride).saturating_add(size);
        let before = if same { needed.saturating_sub(input) / 2 } else { 0 };
        Ok(Self { size, stride, before, length: input })
    }

    /// Which taps of window `step` lie inside the picture, and the place of the first of them.
    fn inside(&self, step: usize) -> (Range<usize>, usize) {
        let start = step * self.stride;
        let first = self.before.saturating_sub(start).min(self.size);
        let end = (self.length + self.before).saturating_sub(start).clamp(first, self.size);
        (first..end, (start + first).saturating_sub(self.before))
    }
}

/// A window over both directions of a picture.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    vertical: Slide,
    horizontal: Slide,
}

/// Size, stride and padding of a window as files state them; `[rows, columns]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framing {
    pub size: [usize; 2],
    pub stride: [usize; 2],
    pub same: bool,
}

impl Window {
    pub fn new(framing: Framing, input: Picture, output: Picture) -> Result<Self, ModelError> {
        let Framing { size, stride, same } = framing;
        Ok(Self {
            vertical: Slide::new(size[0], stride[0], same, input.rows, output.rows)?,
            horizontal: Slide::new(size[1], stride[1], same, input.columns, output.columns)?,
        })
    }

    /// Taps and first row for row `step` of the output.
    pub fn rows(&self, step: usize) -> (Range<usize>, usize) {
        self.vertical.inside(step)
    }

    /// Taps and first column for column `step` of the output.
    pub fn columns(&self, step: usize) -> (Range<usize>, usize) {
        self.horizontal.inside(step)
    }

    /// Rows and columns of the window.
    pub fn size(&self) -> [usize; 2] {
        [self.vertical.size, self.horizontal.size]
    }

    /// Whether every window is just the pixel below it.
    pub fn is_pointwise(&self) -> bool {
        let single = |slide: &Slide| slide.size == 1 && slide.stride == 1 && slide.before == 0;
        single(&self.vertical) && single(&self.horizontal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn same_padding_puts_the_odd_pixel_behind() {
        // Stride 2, size 3 over 4 pixels: one pixel is missing in all, and it is missing at the end.
        let slide = Slide::new(3, 2, true, 4, 2).expect("fits");
        assert_eq!(slide.inside(0), (0..3, 0));
        assert_eq!(slide.inside(1), (0..2, 2));
    }

    #[test]
    fn taps_before_the_picture_are_left_out() {
        let slide = Slide::new(5, 1, true, 3, 3).expect("fits");
        assert_eq!(slide.inside(0), (2..5, 0));
        assert_eq!(slide.inside(1), (1..4, 0));
        assert_eq!(slide.inside(2), (0..3, 0));
    }

    #[test]
    fn a_wrong_output_size_is_refused() {
        assert!(Slide::new(3, 2, true, 4, 3).is_err());
        assert!(Slide::new(5, 1, false, 4, 1).is_err());
        assert!(Slide::new(3, 0, true, 4, 4).is_err());
    }
}
