//! 21 landmarks of each hand: MediaPipe's hand landmark net on a square that is turned so that the hand points up.

use crate::clip::{HAND_POINTS, Hand};
use crate::raster::Grid;

use super::palm_detector::Palm;
use super::square::Square;
use super::tflite::{Memory, Model, ModelError};

/// The net sees a square of this side, in sRGB 0..1; its answers are in the same pixels.
const SIDE: usize = 224;
/// The square's side in palms, and how far beyond the palm's centre, towards the fingers, it is centred.
const MARGIN: f32 = 2.6;
const TOWARDS_FINGERS: f32 = 0.5;

#[derive(Debug)]
pub(super) struct HandMesh {
    model: Model,
}

impl HandMesh {
    pub fn new(model: Model) -> Result<Self, ModelError> {
        let (coordinates, one) = ([1, 3 * HAND_POINTS], [1, 1]);
        // landmarks, presence, which hand it is, landmarks in metres
        if model.input_shape() != [1, SIDE, SIDE, 3] || !model.output_shapes().eq([coordinates, one, one, coordinates])
        {
            return Err(ModelError::Shape("not a hand's landmarks"));
        }
        Ok(Self { model })
    }

    /// The landmarks of a hand whose palm was detected, in pixels of `frame` (sRGB 0..255).
    pub fn trace(&self, frame: &Grid<[f32; 3]>, palm: &Palm, memory: &mut Memory) -> Result<Hand, ModelError> {
        let square = square(palm);
        let outputs = self.model.run(&square.view(frame), memory)?;
        let (triples, _) = outputs[0].as_chunks::<3>();
        let points = std::array::from_fn(|i| square.place(triples[i]));
        Ok(Hand { points, presence: outputs[1][0] })
    }
}

fn square(palm: &Palm) -> Square {
    let [x, y] = palm.along;
    let length = x.hypot(y).max(f32::MIN_POSITIVE);
    let beyond = TOWARDS_FINGERS * palm.size / length;
    let centre = [palm.centre[0] + beyond * x, palm.centre[1] + beyond * y];
    Square::new(centre, MARGIN * palm.size, [-y, x], SIDE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_square_reaches_from_below_the_wrist_to_beyond_the_fingers() {
        let palm = Palm { centre: [200.0, 100.0], size: 50.0, along: [30.0, 0.0], score: 1.0 };
        let square = square(&palm);
        let top = square.place([112.0, 0.0, 0.0]);
        let bottom = square.place([112.0, 224.0, 0.0]);
        assert!((top[0] - 290.0).abs() < 1e-3 && (top[1] - 100.0).abs() < 1e-3, "fingers point right: {top:?}");
        assert!((bottom[0] - 160.0).abs() < 1e-3 && (bottom[1] - 100.0).abs() < 1e-3, "{bottom:?}");
    }
}
