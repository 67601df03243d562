//! Where hands are, roughly: MediaPipe's palm detector on a square window of the frame.
//!
//! Zhang et al. 2020, "MediaPipe Hands": palms are found rather than hands, since they bend less and overlap less.

use crate::raster::Grid;
use crate::raster::resize::{Interpolation, crop};

use super::tflite::{Memory, Model, ModelError};

/// The net sees a square of this side, in sRGB 0..1; its answers are in the same pixels.
const SIDE: usize = 192;
/// It answers for the cells of two grids, several times for each: cells on a side, answers a cell.
const GRIDS: [(usize, usize); 2] = [(24, 2), (12, 6)];
const ANCHORS: usize = 2016;
/// Box centre and size, then x and y of seven points, the wrist and the knuckle of the middle finger among them.
const VALUES: usize = 18;
const WRIST: usize = 4;
const KNUCKLE: usize = 8;
/// Detections below this belief are noise.
const LEAST_SCORE: f32 = 0.5;
/// Two boxes whose centres are closer than this share of the wider one show the same palm.
const SAME_PALM: f32 = 0.4;

/// A palm in frame pixels.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Palm {
    pub centre: [f32; 2],
    /// Longer side of its box.
    pub size: f32,
    /// Where the hand points: from the wrist to the middle finger's base.
    pub along: [f32; 2],
    pub score: f32,
}

#[derive(Debug)]
pub(super) struct PalmDetector {
    model: Model,
}

impl PalmDetector {
    pub fn new(model: Model) -> Result<Self, ModelError> {
        if model.input_shape() != [1, SIDE, SIDE, 3]
            || !model.output_shapes().eq([[1, ANCHORS, VALUES], [1, ANCHORS, 1]])
        {
            return Err(ModelError::Shape("not a palm detector"));
        }
        Ok(Self { model })
    }

    /// Palms in the window `[x, y, side]` of a frame (sRGB 0..255), in no order; one palm may be there several times.
    pub fn find(&self, frame: &Grid<[f32; 3]>, window: [f32; 3], memory: &mut Memory) -> Result<Vec<Palm>, ModelError> {
        let [x, y, side] = window;
        let mut view = crop(frame, [x, y, side, side], SIDE, SIDE, Interpolation::Area);
        let values = view.data.as_flattened_mut();
        values.iter_mut().for_each(|value| *value /= 255.0);
        let outputs = self.model.run(values, memory)?;
        let answers = anchors().zip(outputs[0].chunks_exact(VALUES)).zip(&outputs[1]);
        let palms = answers.map(|((anchor, values), logit)| palm(anchor, values, *logit, window));
        Ok(palms.filter(|palm| palm.score > LEAST_SCORE).collect())
    }
}

/// Centres of the cells that the net answers for, in its order, as shares of its square.
fn anchors() -> impl Iterator<Item = [f32; 2]> {
    GRIDS.into_iter().flat_map(|(cells, answers)| {
        let centre = move |cell: usize| [cell % cells, cell / cells].map(|index| (index as f32 + 0.5) / cells as f32);
        (0..cells * cells * answers).map(move |answer| centre(answer / answers))
    })
}

/// An answer in frame pixels: positions are relative to the anchor.
fn palm(anchor: [f32; 2], values: &[f32], logit: f32, [x, y, side]: [f32; 3]) -> Palm {
    let place = |first: usize| {
        let along = |axis: usize| (anchor[axis] + values[first + axis] / SIDE as f32) * side;
        [x + along(0), y + along(1)]
    };
    let (wrist, knuckle) = (place(WRIST), place(KNUCKLE));
    Palm {
        centre: place(0),
        size: values[2].max(values[3]) / SIDE as f32 * side,
        along: [knuckle[0] - wrist[0], knuckle[1] - wrist[1]],
        score: 1.0 / (1.0 + (-logit).exp()),
    }
}

/// Of several boxes on one palm only the surest stays; the surest come first.
pub(super) fn surest(mut found: Vec<Palm>) -> Vec<Palm> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Palm> = Vec::new();
    for palm in found {
        let same = |other: &Palm| {
            let apart = (0..2).map(|axis| (palm.centre[axis] - other.centre[axis]).abs()).fold(0.0, f32::max);
            apart <= SAME_PALM * palm.size.max(other.size)
        };
        if !kept.iter().any(same) {
            kept.push(palm);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_an_anchor_for_every_answer_of_the_net() {
        let anchors: Vec<[f32; 2]> = anchors().collect();
        assert_eq!(anchors.len(), ANCHORS);
        assert_eq!((anchors[0], anchors[1], anchors[2]), ([0.5 / 24.0; 2], [0.5 / 24.0; 2], [1.5 / 24.0, 0.5 / 24.0]));
        assert_eq!(
            (anchors[1151], anchors[1152], anchors[1158]),
            ([23.5 / 24.0; 2], [0.5 / 12.0; 2], [1.5 / 12.0, 0.5 / 12.0])
        );
        assert_eq!(anchors[2015], [11.5 / 12.0; 2]);
    }

    #[test]
    fn an_answer_becomes_a_palm_in_frame_pixels() {
        let mut values = [0.0; VALUES];
        (values[2], values[3]) = (48.0, 24.0);
        (values[WRIST + 1], values[KNUCKLE + 1]) = (19.2, -19.2);
        let found = palm([0.5, 0.25], &values, 0.0, [100.0, 40.0, 384.0]);
        assert_eq!((found.centre, found.size, found.score), ([292.0, 136.0], 96.0, 0.5));
        assert!(found.along[0] == 0.0 && (found.along[1] + 76.8).abs() < 1e-3, "it points up: {:?}", found.along);
    }

    #[test]
    fn boxes_on_one_palm_are_one_palm() {
        let palm = |x: f32, score: f32| Palm { centre: [x, 50.0], size: 40.0, along: [0.0, -1.0], score };
        let kept = surest(vec![palm(58.0, 0.6), palm(50.0, 0.9), palm(90.0, 0.7)]);
        assert_eq!(kept.iter().map(|palm| palm.score).collect::<Vec<_>>(), [0.9, 0.7]);
    }
}
