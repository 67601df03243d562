//! Last pass: neighbours in space and time, and from probabilities back to what the head said.

use rayon::prelude::*;

use super::field::Field;
use super::pixel::{SKIN_CERTAIN, SKIN_FLOOR};
use super::{Centres, Direction, FAR, FIGURE, Known, SMOOTH_DIRECTIONS, SMOOTH_WEIGHT, STEADY_WEIGHT, apart, sum};
use crate::net::batch::Batch;
use crate::net::map::Map;
use crate::net::shuffle;
use crate::net::simd::{self, Kernel, LANES, Lanes, Vector, each, exp};

/// Neighbours whose colours differ by more than this need not agree.
const SMOOTH_COLOURS: f32 = 0.25;
/// The same between frames, where a difference means that something moved.
const STEADY_COLOURS: f32 = 0.15;

#[derive(Clone, Copy)]
pub struct Neighbours<'a> {
    pub direction: Direction,
    pub chances: &'a [Lanes],
    pub field: &'a Field,
}

#[derive(Clone, Copy, Default)]
pub struct Near {
    pub smooth: f64,
    pub steady: f64,
    /// Σ gradient of a logit · the distance in it.
    pub distance_pull: f64,
}

/// Turns the raw label gradients in `d_head` (to be multiplied by `scale`) into the whole gradient.
pub(super) fn pass(
    batch: &Batch,
    centres: &Centres,
    known: &Known,
    neighbours: Neighbours,
    scale: f32,
    d_head: &mut Map,
) -> Near {
    let blocks = batch.height / 2;
    let (row_step, channels) = (d_head.row_step(), d_head.channels);
    let rows: Vec<Near> = d_head
        .data
        .par_chunks_exact_mut(row_step)
        .enumerate()
        .filter(|(i, _)| (1..=blocks).contains(&(i % (blocks + 2))))
        .map(|(i, row)| {
            simd::run(RowPair {
                batch,
                centres,
                known,
                neighbours,
                scale,
                image: i / (blocks + 2),
                block: i % (blocks + 2) - 1,
                pull: &mut row[channels..row_step - channels],
            })
        })
        .collect();
    rows.iter().fold(Near::default(), |sum, row| Near {
        smooth: sum.smooth + row.smooth,
        steady: sum.steady + row.steady,
        distance_pull: sum.distance_pull + row.distance_pull,
    })
}

struct RowPair<'a> {
    batch: &'a Batch,
    centres: &'a Centres,
    known: &'a Known,
    neighbours: Neighbours<'a>,
    scale: f32,
    image: usize,
    block: usize,
    pull: &'a mut [f32],
}

/// Sums of one row, a lane for each entry.
#[derive(Clone, Copy, Default)]
struct RowSums {
    smooth: Lanes,
    steady: Lanes,
    distance_pull: Lanes,
}

impl Kernel for RowPair<'_> {
    type Output = Near;

    #[inline(always)]
    fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(mut self) -> Near {
        let mut sums = RowSums::default();
        for y in [2 * self.block, 2 * self.block + 1] {
            for x in 0..self.batch.width {
                self.pixel::<V>(y, x, &mut sums);
            }
        }
        Near {
            smooth: without_figure::<V>(&sums.smooth),
            steady: without_figure::<V>(&sums.steady),
            distance_pull: without_figure::<V>(&sums.distance_pull),
        }
    }
}

impl RowPair<'_> {
    #[inline(always)]
    fn pixel<V: Vector>(&mut self, y: usize, x: usize, sums: &mut RowSums) {
        let Batch { images, height, width, .. } = self.batch;
        let (height, width) = (*height, *width);
        let i = (self.image * height + y) * width + x;
        let chances = self.neighbours.chances[i];
        let mut slope = self.skin_slope::<V>(i, &chances);

        let pixels = (images * height * width) as f32;
        let (step, at, end) = match self.neighbours.direction {
            Direction::Down => (width, y, height),
            Direction::Right => (1, x, width),
        };
        let pairs = pixels / end as f32 * (end - 1) as f32;
        let smooth = SMOOTH_DIRECTIONS * SMOOTH_WEIGHT / pairs.max(1.0);
        let smooth_fall = -0.5 / (SMOOTH_COLOURS * SMOOTH_COLOURS);
        if at + 1 < end {
            let difference = self.agree::<V>(i, i + step, smooth, smooth_fall, &mut slope);
            add(&mut sums.smooth, &difference);
        }
        if at > 0 {
            self.agree::<V>(i, i - step, smooth, smooth_fall, &mut slope);
        }
        let frame = height * width;
        let other = if self.image.is_multiple_of(2) { i + frame } else { i - frame };
        let steady_fall = -0.5 / (STEADY_COLOURS * STEADY_COLOURS);
        let difference = self.agree::<V>(i, other, 2.0 * STEADY_WEIGHT / pixels, steady_fall, &mut slope);
        if other > i {
            add(&mut sums.steady, &difference);
        }

        self.through_softmax::<V>(y, x, i, &chances, &slope, sums);
    }

    /// Two pixels should choose alike as far as their colours are alike. Adds to the slope of the first; returns the
    /// differences, weighted.
    #[inline(always)]
    fn agree<V: Vector>(&self, i: usize, other: usize, weight: f32, fall: f32, slope: &mut Lanes) -> Lanes {
        let colours = &self.batch.colours;
        let weight = weight * exp::<V>(fall * apart(colours[i], colours[other]));
        let (ours, theirs) = (&self.neighbours.chances[i], &self.neighbours.chances[other]);
        let difference = each(|k| ours[k] - theirs[k]);
        for k in 0..LANES {
            let pull = if difference[k] > 0.0 { weight } else { -weight };
            slope[k] += if difference[k] == 0.0 { 0.0 } else { pull };
        }
        each(|k| weight * difference[k].abs())
    }

    /// The gradient of the skin loss by the palette probabilities.
    #[inline(always)]
    fn skin_slope<V: Vector>(&self, i: usize, chances: &Lanes) -> Lanes {
        let label = self.batch.skin[i];
        if self.batch.figure[i] != 1 || label < 0 || self.known.skin == 0.0 {
            return [0.0; LANES];
        }
        let Centres { skin, cloth, .. } = self.centres;
        let on_skin = sum::<V>(&each(|k| chances[k] * skin[k]));
        let person = on_skin + sum::<V>(&each(|k| chances[k] * cloth[k])) + SKIN_FLOOR;
        let ratio = on_skin / person;
        if !(SKIN_CERTAIN..=1.0 - SKIN_CERTAIN).contains(&ratio) {
            return [0.0; LANES];
        }
        let by_ratio = self.known.skin * if label == 1 { -1.0 / ratio } else { 1.0 / (1.0 - ratio) };
        let by_person = -by_ratio * ratio / person;
        each(|k| skin[k] * by_ratio / person + (skin[k] + cloth[k]) * by_person)
    }

    #[inline(always)]
    fn through_softmax<V: Vector>(
        &mut self,
        y: usize,
        x: usize,
        i: usize,
        chances: &Lanes,
        slope: &Lanes,
        sums: &mut RowSums,
    ) {
        let part = shuffle::part(x, y);
        let pull: &mut [f32] = &mut self.pull[part..part + LANES];
        let figure = chances[FIGURE];
        let by_figure = pull[FIGURE] + self.neighbours.field.gradient(self.image, y, x) * figure * (1.0 - figure);
        let mut chances = *chances;
        chances[FIGURE] = 0.0;
        let mean = sum::<V>(&each(|k| chances[k] * slope[k]));
        let (_, seen) = self.centres.distances(self.batch.colours[i]);
        for k in 0..LANES {
            pull[k] = chances[k] * (slope[k] - mean) + self.scale * pull[k];
            sums.distance_pull[k] += pull[k] * seen[k].min(FAR);
        }
        pull[FIGURE] = by_figure;
    }
}

#[inline(always)]
fn add(sum: &mut Lanes, more: &Lanes) {
    for k in 0..LANES {
        sum[k] += more[k];
    }
}

#[inline(always)]
fn without_figure<V: Vector>(lanes: &Lanes) -> f64 {
    f64::from(sum::<V>(lanes) - lanes[FIGURE])
}
