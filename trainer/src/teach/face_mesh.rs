//! 468 landmarks of each face: MediaPipe's face mesh on a turned square around the detector's box, then once more
//! around the landmarks themselves, which makes it steady.

use crate::clip::Face;
use crate::raster::Grid;

use super::face_detector::Detection;
use super::landmarks::{LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS};
use super::square::Square;
use super::tflite::{Memory, Model, ModelError};

/// The net sees a square of this side, in sRGB 0..1; its answers are in the same pixels.
const SIDE: usize = 192;
const POINTS: usize = 468;
/// The square's side as a multiple of the face box.
const MARGIN: f32 = 1.5;

#[derive(Debug)]
pub(super) struct FaceMesh {
    model: Model,
}

impl FaceMesh {
    pub fn new(model: Model) -> Result<Self, ModelError> {
        if model.input_shape() != [1, SIDE, SIDE, 3] || !model.output_shapes().eq([[1, 1, 1, 3 * POINTS], [1, 1, 1, 1]])
        {
            return Err(ModelError::Shape("not a face mesh"));
        }
        Ok(Self { model })
    }

    /// The landmarks of a detected face, in pixels of `frame` (sRGB 0..255).
    pub fn trace(&self, frame: &Grid<[f32; 3]>, found: &Detection, memory: &mut Memory) -> Result<Face, ModelError> {
        let first = self.look(frame, &square(found.centre, found.size, found.eyes), found.score, memory)?;
        let extent = |axis: usize| {
            let values = first.points.iter().map(|point| point[axis]);
            (values.clone().fold(f32::MAX, f32::min), values.fold(f32::MIN, f32::max))
        };
        let ((left, right), (top, bottom)) = (extent(0), extent(1));
        let eye = |corners: [usize; 2]| {
            let [a, b] = corners.map(|corner| first.points[corner]);
            [(a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0]
        };
        let centre = [(left + right) / 2.0, (top + bottom) / 2.0];
        let eyes = [eye(RIGHT_EYE_CORNERS), eye(LEFT_EYE_CORNERS)];
        self.look(frame, &square(centre, [right - left, bottom - top], eyes), found.score, memory)
    }

    fn look(
        &self,
        frame: &Grid<[f32; 3]>,
        square: &Square,
        score: f32,
        memory: &mut Memory,
    ) -> Result<Face, ModelError> {
        let outputs = self.model.run(&square.view(frame), memory)?;
        let (triples, _) = outputs[0].as_chunks::<3>();
        let points = triples.iter().map(|&point| square.place(point)).collect();
        Ok(Face { points, presence: 1.0 / (1.0 + (-outputs[1][0]).exp()), score })
    }
}

/// Around a face, with the eyes level in it.
fn square(centre: [f32; 2], size: [f32; 2], eyes: [[f32; 2]; 2]) -> Square {
    let right = [eyes[1][0] - eyes[0][0], eyes[1][1] - eyes[0][1]];
    Square::new(centre, size[0].max(size[1]) * MARGIN, right, SIDE)
}
