//! Which pixels belong to a person: the segmentation net on the whole frame, and once more on the figure's window.

use crate::raster::components::{Connectivity, Region, regions};
use crate::raster::resize::{Interpolation, crop, resize};
use crate::raster::{Grid, Plane};

use super::tflite::{Memory, Model, ModelError};

/// The net sees a square of this side, in sRGB 0..1.
const SIDE: usize = 256;
/// What is added around a figure's box on each side, as a share of its longer side.
const MARGIN: f32 = 0.2;
/// A figure whose window would fill more than this of the frame gains nothing from a second look.
const WORTH_A_SECOND_LOOK: f32 = 0.85;
/// How much all likely pixels may outnumber those of the largest part before the rest counts as other people.
const ALONE: f32 = 1.15;
/// What remains of the first look outside the window of someone who is alone.
const OUTSIDE: f32 = 0.05;

#[derive(Debug)]
pub(super) struct PersonFinder {
    model: Model,
}

impl PersonFinder {
    pub fn new(model: Model) -> Result<Self, ModelError> {
        if model.input_shape() != [1, SIDE, SIDE, 3] || !model.output_shapes().eq([[1, SIDE, SIDE, 1]]) {
            return Err(ModelError::Shape("not a person segmentation"));
        }
        Ok(Self { model })
    }

    /// Probability of each pixel to be a person, `width × height` for the whole of `frame` (sRGB 0..255).
    ///
    /// Small figures are seen in too few of the net's pixels, which costs hands and arms: they get a second look.
    pub fn find(
        &self,
        frame: &Grid<[f32; 3]>,
        width: usize,
        height: usize,
        memory: &mut Memory,
    ) -> Result<Plane, ModelError> {
        let mut person = resize(&self.look(frame, whole(frame), memory)?, width, height, Interpolation::Linear);
        let likely = person.map(|&p| p > 0.5);
        let parts = regions(&likely, Connectivity::Eight).regions;
        let Some(largest) = parts.iter().filter(|part| part.value).max_by_key(|part| part.area) else {
            return Ok(person);
        };
        let Some([x0, y0, x1, y1]) = window_around(largest, width, height) else { return Ok(person) };
        let everyone = likely.data.iter().filter(|&&likely| likely).count();
        if (everyone as f32) < ALONE * largest.area as f32 {
            person.data.iter_mut().for_each(|p| *p = p.min(OUTSIDE));
        }
        let (sx, sy) = (frame.width as f32 / width as f32, frame.height as f32 / height as f32);
        let window = [x0 as f32 * sx, y0 as f32 * sy, (x1 - x0) as f32 * sx, (y1 - y0) as f32 * sy];
        let closer = resize(&self.look(frame, window, memory)?, x1 - x0, y1 - y0, Interpolation::Linear);
        for (y, row) in (y0..y1).enumerate() {
            person.data[row * width + x0..row * width + x1].copy_from_slice(closer.row(y));
        }
        Ok(person)
    }

    /// Runs the net on a window `[x, y, width, height]` of the frame, stretched to the net's square.
    fn look(&self, frame: &Grid<[f32; 3]>, window: [f32; 4], memory: &mut Memory) -> Result<Plane, ModelError> {
        let mut view = crop(frame, window, SIDE, SIDE, Interpolation::Area);
        let values = view.data.as_flattened_mut();
        values.iter_mut().for_each(|value| *value /= 255.0);
        let output = self.model.run(values, memory)?.swap_remove(0);
        Ok(Plane::from_data(SIDE, SIDE, output))
    }
}

fn whole(frame: &Grid<[f32; 3]>) -> [f32; 4] {
    [0.0, 0.0, frame.width as f32, frame.height as f32]
}

/// `[left, top, right, bottom]` of a square around a figure, cut off at the frame; `None` when it would hardly be
/// smaller than the frame.
fn window_around(figure: &Region<bool>, width: usize, height: usize) -> Option<[usize; 4]> {
    let (w, h) = ((figure.x1 - figure.x0) as f32, (figure.y1 - figure.y0) as f32);
    let side = w.max(h) * (1.0 + 2.0 * MARGIN);
    if side > WORTH_A_SECOND_LOOK * width.max(height) as f32 {
        return None;
    }
    let centre = [(figure.x0 + figure.x1) as f32 / 2.0, (figure.y0 + figure.y1) as f32 / 2.0];
    let low = centre.map(|c| (c - side / 2.0).max(0.0) as usize);
    let high = |axis: usize, size: usize| ((centre[axis] + side / 2.0) as usize).clamp(low[axis] + 1, size);
    Some([low[0], low[1], high(0, width), high(1, height)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(x0: usize, y0: usize, x1: usize, y1: usize) -> Region<bool> {
        Region { value: true, area: 1, x0, y0, x1, y1 }
    }

    #[test]
    fn a_figure_at_the_border_gets_a_window_inside_the_frame() {
        assert_eq!(window_around(&figure(0, 50, 10, 100), 200, 100), Some([0, 40, 40, 100]));
        assert_eq!(window_around(&figure(199, 99, 200, 100), 200, 100), Some([198, 98, 200, 100]));
    }

    #[test]
    fn a_figure_that_fills_the_frame_gets_no_second_look() {
        assert_eq!(window_around(&figure(20, 10, 90, 100), 120, 100), None);
        assert_eq!(window_around(&figure(0, 0, 1, 1), 1, 1), None);
    }
}
