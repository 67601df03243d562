//! What a step is judged by, and the gradient of it.
//!
//! | part | says |
//! |---|---|
//! | labels | cross-entropy with the nearest palette entry that the pixel's group allows |
//! | palette | each entry is the mean of the pixels that chose it |
//! | smooth | neighbours of one colour choose one entry (a Potts model) |
//! | steady | so does the same place in the next frame |
//! | figure | what is known to be the person or not, both sides weighing the same |
//! | border | the figure's edge lies where colours change (a gated CRF, Obukhov et al. 2019) |
//! | skin | which of the person's pixels are skin |
//!
//! Three passes over the batch: `pixel` (all that a pixel knows alone), `field` (the border, at half size),
//! `gradient` (neighbours in space and time, and the way back through softmax).

mod field;
mod gradient;
mod pixel;
#[cfg(test)]
mod reference;
#[cfg(test)]
mod tests;

use rayon::prelude::*;

use super::batch::Batch;
use super::map::Map;
use super::model::{ENTRIES, Groups, Model};
use super::palette::BACKGROUND_LIGHTNESS;
use super::shuffle;
use super::simd::{LANES, Lanes, Vector, each};

/// The lane of a pixel's 16 values that speaks of the figure.
const FIGURE: usize = ENTRIES;
/// What squared distances are divided by in the logits, before the gain.
const SOFTNESS: f32 = 0.12;
/// The same in the choice that the logits should come to. It must be decided: between two entries that are nearly
/// alike a soft choice is half and half everywhere, which costs neighbours nothing and lets noise pick the label.
const TARGET_SOFTNESS: f32 = 0.04;
/// Distances beyond this make no difference to the logits.
const FAR: f32 = 3.0;

const SMOOTH_WEIGHT: f32 = 1.2;
/// One direction is looked at in each step and stands for both.
const SMOOTH_DIRECTIONS: f32 = 2.0;
const STEADY_WEIGHT: f32 = 0.6;
const BORDER_WEIGHT: f32 = 0.4;
const SKIN_WEIGHT: f32 = 0.5;

/// The parts of the loss, weighted: they add up to the whole.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parts {
    pub labels: f32,
    pub palette: f32,
    pub smooth: f32,
    pub steady: f32,
    pub figure: f32,
    pub border: f32,
    pub skin: f32,
}

impl Parts {
    pub fn total(&self) -> f32 {
        self.labels + self.palette + self.smooth + self.steady + self.figure + self.border + self.skin
    }
}

/// Which neighbours this step compares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Direction {
    Down,
    Right,
}

/// What the loss says besides the gradient of the head.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub parts: Parts,
    pub d_centres: [[f32; 3]; ENTRIES],
    pub d_log_gain: f32,
    /// Each entry's share of all choices, weighted as the labels are.
    pub usage: [f32; ENTRIES],
}

/// Scratch space for one size of batch.
pub struct Loss {
    /// For each pixel the palette probabilities, then the figure's.
    chances: Vec<Lanes>,
    field: field::Field,
}

impl Loss {
    pub fn new(batch: &Batch) -> Self {
        let pixels = batch.images * batch.height * batch.width;
        Self { chances: vec![[0.0; LANES]; pixels], field: field::Field::new(batch) }
    }

    /// Judges what the head said, and writes the gradient of that to `d_head`.
    pub fn judge(
        &mut self,
        batch: &Batch,
        model: &Model,
        direction: Direction,
        head: &Map,
        d_head: &mut Map,
    ) -> Outcome {
        let palette = Centres::new(model);
        let known = Known::count(batch, model.groups);
        let sums = pixel::pass(batch, &palette, &known, head, &mut self.chances, d_head);
        let border = if model.groups.has_figure() { self.field.judge(batch, &self.chances) } else { 0.0 };
        let scale = 1.0 / sums.weight.max(f64::MIN_POSITIVE);
        let neighbours = gradient::Neighbours { direction, chances: &self.chances, field: &self.field };
        let near = gradient::pass(batch, &palette, &known, neighbours, scale as f32, d_head);
        let parts = Parts {
            labels: (sums.labels * scale) as f32,
            palette: (sums.palette * scale) as f32,
            smooth: near.smooth as f32,
            steady: near.steady as f32,
            figure: sums.figure as f32,
            border,
            skin: sums.skin as f32,
        };
        Outcome {
            parts,
            d_centres: sums.d_centres(model, scale),
            // The logits hold -gain · distance / SOFTNESS.
            d_log_gain: (-f64::from(palette.loudness) * near.distance_pull) as f32,
            usage: std::array::from_fn(|k| (sums.usage[k] * scale) as f32),
        }
    }
}

/// The palette as the passes read it: a lane for each entry.
struct Centres {
    channels: [Lanes; 3],
    /// What is taken off the squared lightness difference: background entries care less about it.
    lenience: Lanes,
    /// 1 for entries of the group, else 0.
    skin: Lanes,
    cloth: Lanes,
    /// gain / SOFTNESS.
    loudness: f32,
    groups: Groups,
}

impl Centres {
    fn new(model: &Model) -> Self {
        let entry = |value: &dyn Fn(usize) -> f32| -> Lanes {
            std::array::from_fn(|lane| if lane < ENTRIES { value(lane) } else { 0.0 })
        };
        let member = |group: usize| entry(&|k| f32::from(u8::from(model.groups.of(k) == group)));
        let background = member(0);
        Self {
            channels: [0, 1, 2].map(|c| entry(&|k| model.centres[k][c])),
            lenience: background.map(|b| b * (1.0 - BACKGROUND_LIGHTNESS)),
            skin: member(1),
            cloth: member(2),
            loudness: model.log_gain.exp() / SOFTNESS,
            groups: model.groups,
        }
    }

    /// Squared distances, plain and as the choice sees them.
    #[inline(always)]
    fn distances(&self, colour: [f32; 3]) -> (Lanes, Lanes) {
        let mut plain = [0.0; LANES];
        let mut seen = [0.0; LANES];
        for k in 0..LANES {
            let l = colour[0] - self.channels[0][k];
            let a = colour[1] - self.channels[1][k];
            let b = colour[2] - self.channels[2][k];
            plain[k] = l * l + a * a + b * b;
            seen[k] = plain[k] - self.lenience[k] * l * l;
        }
        (plain, seen)
    }
}

/// The logits of all palette entries of one pixel, from what the head said. The figure's lane means nothing here.
#[inline(always)]
fn logits(said: &Lanes, seen: &Lanes, loudness: f32) -> Lanes {
    each(|k| said[k] - loudness * seen[k].min(FAR))
}

/// The logits of every pixel of one frame (`colours`, row-major, from image 0 of the head); the figure's in the last lane.
pub fn entry_logits(model: &Model, colours: &[[f32; 3]], head: &Map) -> Vec<Lanes> {
    let centres = Centres::new(model);
    let width = 2 * head.width;
    let mut all = vec![[0.0; LANES]; colours.len()];
    all.par_chunks_exact_mut(width).zip(colours.par_chunks_exact(width)).enumerate().for_each(|(y, (row, colours))| {
        let said = head.row(0, y / 2).as_chunks::<LANES>().0;
        for (x, (pixel, &colour)) in row.iter_mut().zip(colours).enumerate() {
            let said = &said[shuffle::part(x, y) / LANES];
            *pixel = logits(said, &centres.distances(colour).1, centres.loudness);
            pixel[FIGURE] = said[FIGURE];
        }
    });
    all
}

/// How many pixels of the batch are labelled, as weights of one pixel.
struct Known {
    person: f32,
    background: f32,
    skin: f32,
}

impl Known {
    fn count(batch: &Batch, groups: Groups) -> Self {
        let share = |count: usize| 1.0 / count.max(1) as f32;
        let figure = |label: i8| batch.figure.iter().filter(|l| **l == label).count();
        let skin = batch.figure.iter().zip(&batch.skin).filter(|(f, s)| **f == 1 && **s >= 0).count();
        let there = f32::from(u8::from(groups.has_figure()));
        let skin_there = f32::from(u8::from(groups.skin > 0));
        Self {
            person: there * 0.5 * share(figure(1)),
            background: there * 0.5 * share(figure(0)),
            skin: skin_there * SKIN_WEIGHT * share(skin),
        }
    }
}

#[inline(always)]
fn sum<V: Vector>(lanes: &Lanes) -> f32 {
    V::load(lanes).sum()
}

/// Squared distance of two colours.
#[inline(always)]
fn apart(a: [f32; 3], b: [f32; 3]) -> f32 {
    let [x, y, z] = [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
    x * x + y * y + z * z
}
