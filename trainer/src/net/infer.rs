use super::batch;
use super::loss;
use super::map::Map;
use super::model::{ENTRIES, Model};
use super::network::{self, INPUTS, Maps};
use super::shuffle::{self, Window};
use super::simd::LANES;
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
        let best = |i: usize| {
            let entries = 1..self.logits.len();
            entries.fold(0, |best, k| if self.logits[k].data[i] > self.logits[best].data[i] { k } else { best }) as u8
        };
        let data = (0..self.figure.data.len()).map(best).collect();
        Grid::from_data(self.figure.width, self.figure.height, data)
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

        let entry_logits = loss::entry_logits(self);
        let has_figure = self.groups.has_figure();
        let mut logits: Vec<Plane> = (0..ENTRIES).map(|_| Grid::new(frame.width, frame.height, 0.0)).collect();
        let mut figure = Grid::new(frame.width, frame.height, 1.0);
        for y in 0..frame.height {
            let row = maps.head.row(0, y / 2).as_chunks::<LANES>().0;
            for x in 0..frame.width {
                let said = &row[shuffle::part(x, y) / LANES];
                let values = entry_logits(said, colours[y * width + x]);
                logits.iter_mut().zip(values).for_each(|(plane, value)| plane[(x, y)] = value);
                if has_figure {
                    figure[(x, y)] = 1.0 / (1.0 + (-said[ENTRIES]).exp());
                }
            }
        }
        Segmented { logits, figure }
    }
}
