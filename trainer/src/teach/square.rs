//! A turned square part of a frame: what nets that find landmarks look at.

use crate::raster::Grid;
use crate::raster::resize::{Interpolation, warp};

pub(super) struct Square {
    /// Affine map from the square's pixels to the frame's, by rows.
    to_frame: [f32; 6],
    /// Frame pixels that one of its pixels spans.
    scale: f32,
    /// In its own pixels.
    side: usize,
}

impl Square {
    /// Around `centre`, `length` frame pixels long, `side` of its own. What lies along `right` in the frame is level in it.
    pub fn new(centre: [f32; 2], length: f32, right: [f32; 2], side: usize) -> Self {
        let scale = length / side as f32;
        let (sin, cos) = right[1].atan2(right[0]).sin_cos();
        let (sin, cos) = (sin * scale, cos * scale);
        let half = side as f32 / 2.0;
        let to_frame = [cos, -sin, centre[0] - (cos - sin) * half, sin, cos, centre[1] - (sin + cos) * half];
        Self { to_frame, scale, side }
    }

    /// What it shows of a frame (sRGB 0..255), as a net's input 0..1.
    pub fn view(&self, frame: &Grid<[f32; 3]>) -> Vec<f32> {
        let mut view = warp(frame, self.to_frame, self.side, self.side, Interpolation::Linear);
        let values = view.data.as_flattened_mut();
        values.iter_mut().for_each(|value| *value /= 255.0);
        values.to_vec()
    }

    /// A point of the square in frame pixels; depth in the same unit.
    pub fn place(&self, [x, y, z]: [f32; 3]) -> [f32; 3] {
        let m = self.to_frame;
        [m[0] * x + m[1] * y + m[2], m[3] * x + m[4] * y + m[5], z * self.scale]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turned_square_keeps_its_centre_and_levels_what_it_was_turned_by() {
        let square = Square::new([100.0, 90.0], 96.0, [20.0, 20.0], 192);
        let centre = square.place([96.0, 96.0, 2.0]);
        assert!((centre[0] - 100.0).abs() < 1e-3 && (centre[1] - 90.0).abs() < 1e-3);
        assert!((centre[2] - 1.0).abs() < 1e-5, "96 frame pixels on 192: depth halves, {}", centre[2]);
        let right = square.place([97.0, 96.0, 0.0]);
        let (dx, dy) = (right[0] - centre[0], right[1] - centre[1]);
        assert!((dx - dy).abs() < 1e-4 && dx > 0.0, "to the right in the square is down right in the frame");
    }
}
