use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::network;
use crate::clip::Palette;
use crate::raster::colour;

/// Palette entries of every model. With the figure's logit they fill the 16 values that the head says of a pixel.
pub const ENTRIES: usize = 15;

/// How many of the entries are background, skin, and the rest of the person, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Groups {
    pub background: usize,
    pub skin: usize,
    pub cloth: usize,
}

impl Groups {
    /// `figure` and `skin`: whether the labels know them.
    pub fn new(figure: bool, skin: bool) -> Self {
        match (figure, skin) {
            (false, _) => Self { background: 0, skin: 0, cloth: ENTRIES },
            (true, false) => Self { background: 5, skin: 0, cloth: 10 },
            (true, true) => Self { background: 5, skin: 2, cloth: 8 },
        }
    }

    /// Is there a figure to tell from a background?
    pub fn has_figure(&self) -> bool {
        self.background > 0
    }

    /// The group of an entry: 0 background, 1 skin, 2 the rest of the person.
    pub fn of(&self, entry: usize) -> usize {
        usize::from(entry >= self.background) + usize::from(entry >= self.background + self.skin)
    }
}

/// Colours are stretched by this before they are compared: hue and chroma tell more than lightness.
pub const STRETCH: [f32; 3] = [0.5, 1.4, 1.4];

/// What training makes: the network's weights, the palette, and how to read a frame.
#[derive(Clone, Debug)]
pub struct Model {
    /// The working size, in pixels.
    pub width: usize,
    pub height: usize,
    pub groups: Groups,
    /// See [`network::LAYERS`] for the order.
    pub weights: Vec<f32>,
    /// The palette in the network's colours `(STRETCH ⊙ OKLab − mean) / scale`.
    pub centres: [[f32; 3]; ENTRIES],
    pub mean: [f32; 3],
    pub scale: f32,
    /// Logarithm of how loudly colour distance speaks in the logits.
    pub log_gain: f32,
    /// Steps trained so far, and the seed they started from.
    pub step: u32,
    pub seed: u64,
}

impl Model {
    pub(super) fn untrained(
        width: usize,
        height: usize,
        groups: Groups,
        mean: [f32; 3],
        scale: f32,
        seed: u64,
    ) -> Self {
        let weights = network::initial_weights(&mut ChaCha8Rng::seed_from_u64(seed));
        let centres = [[0.0; 3]; ENTRIES];
        Self { width, height, groups, weights, centres, mean, scale, log_gain: -1.2, step: 0, seed }
    }

    /// The learned colours, in OKLab.
    pub fn palette(&self) -> Palette {
        let colours = self
            .centres
            .iter()
            .map(|centre| std::array::from_fn(|c| (centre[c] * self.scale + self.mean[c]) / STRETCH[c]))
            .collect();
        Palette { colours, background: self.groups.background, skin: self.groups.skin, scale: self.scale }
    }

    /// An sRGB pixel in the network's colours.
    pub(super) fn colour(&self, srgb: [u8; 3]) -> [f32; 3] {
        let lab = colour::oklab(srgb);
        std::array::from_fn(|c| (lab[c] * STRETCH[c] - self.mean[c]) / self.scale)
    }
}
