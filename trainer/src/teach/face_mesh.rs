//! 468 landmarks of each face: MediaPipe's face mesh on a turned square around the detector's box, then once more
//! around the landmarks themselves, which makes it steady.

use crate::clip::Face;
use crate::raster::Grid;
use crate::raster::resize::{Interpolation, warp};

use super::face_detector::Detection;
use super::landmarks::{LEFT_EYE_CORNERS, RIGHT_EYE_CORNERS};
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
        let first = self.look(frame, &Square::on(found.centre, found.size, found.eyes), found.score, memory)?;
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
        self.look(frame, &Square::on(centre, [right - left, bottom - top], eyes), found.score, memory)
    }

    fn look(
        &self,
        frame: &Grid<[f32; 3]>,
        square: &Square,
        score: f32,
        memory: &mut Memory,
    ) -> Result<Face, ModelError> {
        let mut view = warp(frame, square.to_frame, SIDE, SIDE, Interpolation::Linear);
        let values = view.data.as_flattened_mut();
        values.iter_mut().for_each(|value| *value /= 255.0);
        let outputs = self.model.run(values, memory)?;
        let (triples, _) = outputs[0].as_chunks::<3>();
        let points = triples.iter().map(|&point| square.place(point)).collect();
        Ok(Face { points, presence: 1.0 / (1.0 + (-outputs[1][0]).exp()), score })
    }
}

/// A square part of the frame, turned so that the eyes are level in it.
struct Square {
    /// Affine map from the square's pixels to the frame's, by rows.
    to_frame: [f32; 6],
    /// Frame pixels that one of its pixels spans.
    scale: f32,
}

impl Square {
    fn on(centre: [f32; 2], size: [f32; 2], eyes: [[f32; 2]; 2]) -> Self {
        let (dx, dy) = (eyes[1][0] - eyes[0][0], eyes[1][1] - eyes[0][1]);
        let scale = size[0].max(size[1]) * MARGIN / SIDE as f32;
        let (sin, cos) = dy.atan2(dx).sin_cos();
        let (sin, cos) = (sin * scale, cos * scale);
        let half = SIDE as f32 / 2.0;
        let to_frame = [cos, -sin, centre[0] - (cos - sin) * half, sin, cos, centre[1] - (sin + cos) * half];
        Self { to_frame, scale }
    }

    fn place(&self, [x, y, z]: [f32; 3]) -> [f32; 3] {
        let m = self.to_frame;
        [m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5], z * self.scale]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_square_keeps_its_centre_and_levels_the_eyes() {
        let eyes = [[90.0, 80.0], [110.0, 100.0]];
        let square = Square::on([100.0, 90.0], [64.0, 48.0], eyes);
        let centre = square.place([96.0, 96.0, 2.0]);
        assert!((centre[0] - 100.0).abs() < 1e-3 && (centre[1] - 90.0).abs() < 1e-3);
        assert!((centre[2] - 1.0).abs() < 1e-5, "96 frame pixels on 192: depth halves, {}", centre[2]);
        let right = square.place([97.0, 96.0, 0.0]);
        let (dx, dy) = (right[0] - centre[0], right[1] - centre[1]);
        assert!((dx - dy).abs() < 1e-4 && dx > 0.0, "to the right in the square is down right in the frame");
    }
}
