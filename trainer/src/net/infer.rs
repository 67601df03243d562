use rayon::prelude::*;

use super::batch;
use super::loss;
use super::map::Map;
use super::model::{ENTRIES, Model};
use super::network::{self, INPUTS, Maps};
use super::shuffle::{self, Window};
use crate::raster::{Grid, Plane, Rgb};

/// What the network says of one frame.
#[derive(Clone, Debug)]
pub struct Segmented {
    /// Unnormalised, a plane for each palette entry.
    pub logits: Vec<Plane>,
    /// Probability of the person; 1 everywhere when the clip has no figure.
    pub figure: Plane,
}

impl Segmented {
    /// The most likely entry of each pixel.
    pub fn labels(&self) -> Grid<u8> {
        let mut labels = Grid::new(self.figure.width, self.figure.height, 0);
        let mut best = vec![f32::MIN; labels.data.len()];
        for (k, plane) in self.logits.iter().enumerate() {
            for ((label, best), &logit) in labels.data.iter_mut().zip(&mut best).zip(&plane.data) {
                if logit > *best {
                    (*label, *best) = (k as u8, logit);
                }
            }
        }
        labels
    }
}

impl Model {
    /// Looks at a frame of the working size (others work, but nothing was learned for them).
    pub fn infer(&self, frame: &Rgb) -> Segmented {
        if frame.data.is_empty() {
            let empty = || Grid::new(frame.width, frame.height, 0.0);
            return Segmented { logits: (0..ENTRIES).map(|_| empty()).collect(), figure: empty() };
        }
        let (width, height) = (batch::padded(frame.width), batch::padded(frame.height));
        let colours = batch::colours(self, frame);
        let mut input = Map::zeros(1, height / 2, width / 2, INPUTS);
        let window = Window { x: 0, y: 0, frame_width: width, frame_height: height };
        shuffle::space_to_depth(&colours, window, &mut input, 0);
        let mut maps = Maps::new(1, height, width);
        network::forward(&self.weights, &input, &mut maps);

        let said = loss::entry_logits(self, &colours, &maps.head);
        let pixel = |i: usize| &said[i / frame.width * width + i % frame.width];
        let plane = |k: usize| {
            let data = (0..frame.data.len()).map(|i| pixel(i)[k]).collect();
            Grid::from_data(frame.width, frame.height, data)
        };
        let logits = (0..ENTRIES).into_par_iter().map(plane).collect();
        let probability = |logit: &f32| 1.0 / (1.0 + (-logit).exp());
        let everywhere = || Grid::new(frame.width, frame.height, 1.0);
        let figure = if self.groups.has_figure() { plane(ENTRIES).map(probability) } else { everywhere() };
        Segmented { logits, figure }
    }
}
