//! Where faces are, roughly: MediaPipe's full-range detector on the letter-boxed frame.

use crate::raster::Grid;
use crate::raster::resize::{Interpolation, crop};

use super::tflite::{Memory, Model, ModelError};

/// The net sees a square of this side, in sRGB -1..1; its answers are in the same pixels.
const SIDE: usize = 192;
/// It answers once for each cell of a grid of this side.
const CELLS: usize = 48;
/// Box centre and size, then x and y of six points: both eyes, nose tip, mouth, both ears.
const VALUES: usize = 16;
const FIRST_POINT: usize = 4;
/// Detections below this belief are noise.
const LEAST_SCORE: f32 = 0.4;
/// Two boxes whose centres are closer than this share of the wider one show the same face.
const SAME_FACE: f32 = 0.4;

/// A face's box in frame pixels.
#[derive(Clone, Debug)]
pub(super) struct Detection {
    pub centre: [f32; 2],
    pub size: [f32; 2],
    /// The eye at the left of an upright picture, and the other.
    pub eyes: [[f32; 2]; 2],
    pub score: f32,
}

#[derive(Debug)]
pub(super) struct FaceDetector {
    model: Model,
}

impl FaceDetector {
    pub fn new(model: Model) -> Result<Self, ModelError> {
        let anchors = CELLS * CELLS;
        if model.input_shape() != [1, SIDE, SIDE, 3]
            || !model.output_shapes().eq([[1, anchors, VALUES], [1, anchors, 1]])
        {
            return Err(ModelError::Shape("not a face detector"));
        }
        Ok(Self { model })
    }

    /// Faces in a frame (sRGB 0..255), the surest first.
    pub fn find(&self, frame: &Grid<[f32; 3]>, memory: &mut Memory) -> Result<Vec<Detection>, ModelError> {
        let letterbox = Letterbox::around(frame);
        let outputs = self.model.run(&letterbox.view(frame), memory)?;
        let mut found: Vec<Detection> = outputs[0]
            .chunks_exact(VALUES)
            .zip(&outputs[1])
            .enumerate()
            .map(|(cell, (values, logit))| letterbox.detection(cell, values, 1.0 / (1.0 + (-logit).exp())))
            .filter(|detection| detection.score > LEAST_SCORE)
            .collect();
        found.sort_by(|a, b| b.score.total_cmp(&a.score));
        Ok(surest(found))
    }
}

/// The square that a frame is centred in; what it leaves free is black.
struct Letterbox {
    side: f32,
    /// The frame's top left corner in the square.
    left: f32,
    top: f32,
}

impl Letterbox {
    fn around<T>(frame: &Grid<T>) -> Self {
        let side = frame.width.max(frame.height);
        let half = |length: usize| ((side - length) / 2) as f32;
        Self { side: side as f32, left: half(frame.width), top: half(frame.height) }
    }

    /// The square as the net wants it.
    fn view(&self, frame: &Grid<[f32; 3]>) -> Vec<f32> {
        let window = [-self.left, -self.top, self.side, self.side];
        let mut view = crop(frame, window, SIDE, SIDE, Interpolation::Area);
        let scale = self.side / SIDE as f32;
        let outside = |index: usize, before: f32, length: usize| {
            let place = (index as f32 + 0.5) * scale - before;
            place < 0.0 || place >= length as f32
        };
        for (index, pixel) in view.data.iter_mut().enumerate() {
            let (x, y) = (index % SIDE, index / SIDE);
            if outside(x, self.left, frame.width) || outside(y, self.top, frame.height) {
                *pixel = [0.0; 3];
            }
            *pixel = pixel.map(|value| value / 127.5 - 1.0);
        }
        view.data.as_flattened().to_vec()
    }

    /// A cell's answer in frame pixels: positions are relative to the cell's centre.
    fn detection(&self, cell: usize, values: &[f32], score: f32) -> Detection {
        let anchor = [cell % CELLS, cell / CELLS].map(|index| (index as f32 + 0.5) / CELLS as f32);
        let place = |first: usize| {
            let along = |axis: usize| (anchor[axis] + values[first + axis] / SIDE as f32) * self.side;
            [along(0) - self.left, along(1) - self.top]
        };
        Detection {
            centre: place(0),
            size: [values[2], values[3]].map(|length| length / SIDE as f32 * self.side),
            eyes: [place(FIRST_POINT), place(FIRST_POINT + 2)],
            score,
        }
    }
}

/// Of several boxes on one face only the surest stays (`found` begins with the surest).
fn surest(found: Vec<Detection>) -> Vec<Detection> {
    let mut kept: Vec<Detection> = Vec::new();
    for detection in found {
        let same = |other: &Detection| {
            let apart = (0..2).map(|axis| (detection.centre[axis] - other.centre[axis]).abs()).fold(0.0, f32::max);
            apart <= SAME_FACE * detection.size[0].max(other.size[0])
        };
        if !kept.iter().any(same) {
            kept.push(detection);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(x: f32, y: f32, score: f32) -> Detection {
        Detection { centre: [x, y], size: [100.0, 100.0], eyes: [[x - 20.0, y], [x + 20.0, y]], score }
    }

    #[test]
    fn neighbouring_boxes_are_one_face_and_far_ones_are_two() {
        let kept = surest(vec![face(50.0, 50.0, 0.9), face(80.0, 60.0, 0.8), face(150.0, 50.0, 0.7)]);
        assert_eq!(kept.iter().map(|face| face.score).collect::<Vec<_>>(), [0.9, 0.7]);
    }

    #[test]
    fn a_wide_frame_stands_between_black_bars() {
        let frame = Grid::new(40, 20, [255.0; 3]);
        let view = Letterbox::around(&frame).view(&frame);
        let row = |y: usize| view[(y * SIDE + SIDE / 2) * 3];
        assert_eq!((row(0), row(47), row(SIDE / 2), row(SIDE - 48), row(SIDE - 1)), (-1.0, -1.0, 1.0, -1.0, -1.0));
        assert!((row(48) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_cell_in_the_middle_answers_in_frame_pixels() {
        let frame = Grid::new(200, 100, ());
        let mut values = [0.0; VALUES];
        (values[2], values[3]) = (96.0, 48.0);
        let detection = Letterbox::around(&frame).detection(24 * CELLS + 24, &values, 1.0);
        let centre = (24.5 / 48.0) * 200.0;
        assert_eq!(detection.centre, [centre, centre - 50.0]);
        assert_eq!(detection.size, [100.0, 50.0]);
    }
}
