//! First pass: probabilities, and all parts of the loss that a pixel knows alone.

use rayon::prelude::*;

use super::{Centres, FIGURE, Known, TARGET_SOFTNESS, logits, sum};
use crate::net::batch::Batch;
use crate::net::map::Map;
use crate::net::model::{ENTRIES, Model};
use crate::net::shuffle;
use crate::net::simd::{self, Kernel, LANES, Lanes, Vector, each, exp};

/// Keeps the ratio of skin finite where there is no person.
pub const SKIN_FLOOR: f32 = 1e-4;
/// Beyond this the ratio of skin is taken as certain, and pulls no more.
pub const SKIN_CERTAIN: f32 = 1e-3;
/// How far a gate may close: no label is trusted entirely.
const FIGURE_GATE: f32 = 1e-3;
const SKIN_GATE: f32 = 0.01;
/// The three gates of a pixel add up to 1, so at least one is this wide open.
const OPEN_GATE: f32 = 0.3;
/// Pixel weights before they are normed: everywhere, on the person, on skin.
const WEIGHTS: [f32; 3] = [0.3, 1.0, 0.7];

/// Sums over the batch; `labels`, `palette`, `usage`, `colour` still want division by `weight`.
#[derive(Clone, Default)]
pub struct Sums {
    pub weight: f64,
    pub labels: f64,
    pub palette: f64,
    pub figure: f64,
    pub skin: f64,
    pub usage: [f64; ENTRIES],
    /// Colours of the pixels that chose an entry.
    pub colour: [[f64; 3]; ENTRIES],
}

/// The sums of one row.
#[derive(Clone, Copy, Default)]
struct RowSums {
    weight: f32,
    labels: f32,
    figure: f32,
    skin: f32,
    palette: Lanes,
    usage: Lanes,
    colour: [Lanes; 3],
}

impl Sums {
    fn add(&mut self, row: &RowSums) {
        self.weight += f64::from(row.weight);
        self.labels += f64::from(row.labels);
        self.figure += f64::from(row.figure);
        self.skin += f64::from(row.skin);
        for k in 0..ENTRIES {
            self.palette += f64::from(row.palette[k]);
            self.usage[k] += f64::from(row.usage[k]);
            (0..3).for_each(|c| self.colour[k][c] += f64::from(row.colour[c][k]));
        }
    }

    /// From Σ weight · p · |u − c|².
    pub fn d_centres(&self, model: &Model, scale: f64) -> [[f32; 3]; ENTRIES] {
        let slope = |k: usize, c: usize| 2.0 * (self.usage[k] * f64::from(model.centres[k][c]) - self.colour[k][c]);
        std::array::from_fn(|k| std::array::from_fn(|c| (slope(k, c) * scale) as f32))
    }
}

/// Fills `chances`, and `d_head` with the gradients of labels (times the weight of the whole batch) and figure.
pub(super) fn pass(
    batch: &Batch,
    centres: &Centres,
    known: &Known,
    head: &Map,
    chances: &mut [Lanes],
    d_head: &mut Map,
) -> Sums {
    let (width, blocks) = (batch.width, batch.height / 2);
    let (row_step, channels) = (d_head.row_step(), d_head.channels);
    // The frame's rows stand between the images: two of each image's rows have no pixels.
    let rows: Vec<&mut [f32]> = d_head
        .data
        .chunks_exact_mut(row_step)
        .enumerate()
        .filter(|(i, _)| (1..=blocks).contains(&(i % (blocks + 2))))
        .map(|(_, row)| &mut row[channels..row_step - channels])
        .collect();
    let sums: Vec<RowSums> = rows
        .into_par_iter()
        .zip(chances.par_chunks_exact_mut(2 * width))
        .enumerate()
        .map(|(i, (pull, chances))| {
            let pixels = i * 2 * width..(i + 1) * 2 * width;
            simd::run(RowPair {
                centres,
                known,
                width,
                said: head.row(i / blocks, i % blocks),
                colours: &batch.colours[pixels.clone()],
                figure: &batch.figure[pixels.clone()],
                skin: &batch.skin[pixels],
                chances,
                pull,
            })
        })
        .collect();
    let mut total = Sums::default();
    sums.iter().for_each(|row| total.add(row));
    total
}

/// Two rows of pixels: one of the half-size head.
struct RowPair<'a> {
    centres: &'a Centres,
    known: &'a Known,
    width: usize,
    said: &'a [f32],
    colours: &'a [[f32; 3]],
    figure: &'a [i8],
    skin: &'a [i8],
    chances: &'a mut [Lanes],
    pull: &'a mut [f32],
}

impl Kernel for RowPair<'_> {
    type Output = RowSums;

    #[inline(always)]
    fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(self) -> RowSums {
        let mut sums = RowSums::default();
        let (said, _) = self.said.as_chunks::<LANES>();
        let (pull, _) = self.pull.as_chunks_mut::<LANES>();
        for i in 0..2 * self.width {
            let part = shuffle::part(i % self.width, i / self.width) / LANES;
            let labels = Labels { figure: self.figure[i], skin: self.skin[i] };
            self.chances[i] =
                pixel::<V>(self.centres, self.known, &said[part], self.colours[i], labels, &mut pull[part], &mut sums);
        }
        sums
    }
}

#[derive(Clone, Copy)]
struct Labels {
    figure: i8,
    skin: i8,
}

#[inline(always)]
fn pixel<V: Vector>(
    centres: &Centres,
    known: &Known,
    said: &Lanes,
    colour: [f32; 3],
    labels: Labels,
    pull: &mut Lanes,
    sums: &mut RowSums,
) -> Lanes {
    let (plain, seen) = centres.distances(colour);
    let mut logits = logits(said, &seen, centres.loudness);
    logits[FIGURE] = f32::MIN;
    let (mut chances, log_total) = softmax::<V>(&logits);
    let odds = exp::<V>(-said[FIGURE]);
    let figure = 1.0 / (1.0 + odds);
    let skin = sum::<V>(&each(|k| chances[k] * centres.skin[k]));
    let person = skin + sum::<V>(&each(|k| chances[k] * centres.cloth[k]));

    let (target, believed) = target::<V>(centres, &seen, labels, figure, skin / (person + SKIN_FLOOR));
    let on_skin = if labels.skin == 1 { WEIGHTS[2] } else { 0.0 };
    let weight = WEIGHTS[0] + if believed > 0.5 { WEIGHTS[1] } else { 0.0 } + on_skin;

    sums.weight += weight;
    sums.labels += weight * (log_total - sum::<V>(&each(|k| target[k] * logits[k].max(-1e30))));
    for k in 0..LANES {
        let share = weight * chances[k];
        pull[k] = weight * (chances[k] - target[k]);
        sums.usage[k] += share;
        sums.palette[k] += share * plain[k];
        sums.colour[0][k] += share * colour[0];
        sums.colour[1][k] += share * colour[1];
        sums.colour[2][k] += share * colour[2];
    }
    pull[FIGURE] = match labels.figure {
        1 => known.person * (figure - 1.0),
        0 => known.background * figure,
        _ => 0.0,
    };
    sums.figure += match labels.figure {
        1 => -known.person * figure.max(f32::MIN_POSITIVE).ln(),
        // 1 − figure, without losing what is left of it near 1.
        0 => -known.background * (odds * figure).max(f32::MIN_POSITIVE).ln(),
        _ => 0.0,
    };
    sums.skin += skin_loss(known, labels, skin / (person + SKIN_FLOOR));
    chances[FIGURE] = figure;
    chances
}

/// Probabilities, and the logarithm of what they were divided by.
#[inline(always)]
fn softmax<V: Vector>(logits: &Lanes) -> (Lanes, f32) {
    let top = V::load(logits).max();
    let powers = each(|k| exp::<V>(logits[k] - top));
    let total = sum::<V>(&powers);
    let share = 1.0 / total;
    (each(|k| powers[k] * share), top + total.ln())
}

/// The choice by colour among the entries that labels (or, where there are none, the network) allow;
/// and the belief in a person.
#[inline(always)]
fn target<V: Vector>(centres: &Centres, seen: &Lanes, labels: Labels, figure: f32, skin: f32) -> (Lanes, f32) {
    let mut by_colour = each(|k| -seen[k] * (1.0 / TARGET_SOFTNESS));
    by_colour[FIGURE] = f32::MIN;
    if !centres.groups.has_figure() {
        return (softmax::<V>(&by_colour).0, 1.0);
    }
    let believed = if labels.figure < 0 { figure } else { f32::from(labels.figure) };
    let believed = believed.clamp(FIGURE_GATE, 1.0 - FIGURE_GATE);
    let skin = if labels.skin < 0 { 0.3 * skin + 0.35 } else { f32::from(labels.skin) };
    let skin = if centres.groups.skin == 0 { 0.0 } else { skin.clamp(SKIN_GATE, 1.0 - SKIN_GATE) };
    // The best entry behind an open gate sets the scale, so that the powers neither vanish nor overflow.
    let (background, skin, cloth) = (1.0 - believed, believed * skin, believed * (1.0 - skin));
    let gates = each(|k| background * centres.background[k] + skin * centres.skin[k] + cloth * centres.cloth[k]);
    let open = each(|k| if gates[k] >= OPEN_GATE { by_colour[k] } else { f32::MIN });
    let top = V::load(&open).max();
    let powers = each(|k| gates[k] * exp::<V>(by_colour[k] - top));
    let share = 1.0 / sum::<V>(&powers);
    (each(|k| powers[k] * share), believed)
}

#[inline(always)]
fn skin_loss(known: &Known, labels: Labels, ratio: f32) -> f32 {
    let ratio = ratio.clamp(SKIN_CERTAIN, 1.0 - SKIN_CERTAIN);
    match labels {
        Labels { figure: 1, skin: 1 } => -known.skin * ratio.ln(),
        Labels { figure: 1, skin: 0 } => -known.skin * (1.0 - ratio).ln(),
        _ => 0.0,
    }
}
