//! First pass: probabilities, and all parts of the loss that a pixel knows alone.

use rayon::prelude::*;

use super::{Centres, FAR, FIGURE, Known, TARGET_SOFTNESS, sum};
use crate::net::batch::Batch;
use crate::net::map::Map;
use crate::net::model::{ENTRIES, Model};
use crate::net::shuffle;
use crate::net::simd::{self, Kernel, LANES, Lanes, Vector, each, exp, ln, transpose};

/// Keeps the ratio of skin finite where there is no person.
pub const SKIN_FLOOR: f32 = 1e-4;
/// Beyond this the ratio of skin is taken as certain, and pulls no more.
pub const SKIN_CERTAIN: f32 = 1e-3;
/// How far a gate may close: no label is trusted entirely.
const FIGURE_GATE: f32 = 1e-3;
const SKIN_GATE: f32 = 0.01;
/// Logits further below the best than this count as this: products of smaller powers were slow, denormal numbers.
const LEAST_POWER: f32 = -60.0;
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
    palette: f32,
    figure: f32,
    skin: f32,
    usage: [f32; ENTRIES],
    colour: [[f32; 3]; ENTRIES],
}

impl Sums {
    fn add(&mut self, row: &RowSums) {
        self.weight += f64::from(row.weight);
        self.labels += f64::from(row.labels);
        self.figure += f64::from(row.figure);
        self.skin += f64::from(row.skin);
        self.palette += f64::from(row.palette);
        for k in 0..ENTRIES {
            self.usage[k] += f64::from(row.usage[k]);
            (0..3).for_each(|c| self.colour[k][c] += f64::from(row.colour[k][c]));
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
        let mut sums = PackSums::default();
        let (said, _) = self.said.as_chunks::<LANES>();
        let (pull, _) = self.pull.as_chunks_mut::<LANES>();
        for part in 0..shuffle::PARTS {
            for first in (0..self.width / 2).step_by(LANES) {
                let count = LANES.min(self.width / 2 - first);
                let mut pack = Pack::nothing();
                for j in 0..count {
                    let i = part / 2 * self.width + 2 * (first + j) + part % 2;
                    pack.values[j] = said[(first + j) * shuffle::PARTS + part];
                    (0..3).for_each(|c| pack.colour[c][j] = self.colours[i][c]);
                    pack.figure[j] = f32::from(self.figure[i]);
                    pack.skin[j] = f32::from(self.skin[i]);
                    pack.there[j] = 1.0;
                }
                transpose::<V>(&mut pack.values);
                pack.judge::<V>(self.centres, self.known, &mut sums);
                transpose::<V>(&mut pack.values);
                transpose::<V>(&mut pack.chances);
                for j in 0..count {
                    self.chances[part / 2 * self.width + 2 * (first + j) + part % 2] = pack.chances[j];
                    pull[(first + j) * shuffle::PARTS + part] = pack.values[j];
                }
            }
        }
        sums.join::<V>()
    }
}

/// Sixteen pixels, every second of a row, a lane for each.
struct Pack {
    /// What the head said of palette entries and figure, then the gradient of it.
    values: [Lanes; LANES],
    /// Probabilities of palette entries and figure.
    chances: [Lanes; LANES],
    colour: [Lanes; 3],
    /// Labels: 1, 0, or -1 for unknown.
    figure: Lanes,
    skin: Lanes,
    /// 1 where there is a pixel, 0 beyond the end of the row.
    there: Lanes,
}

/// What packs add up to, a lane for each of their pixels.
#[derive(Default)]
struct PackSums {
    weight: Lanes,
    labels: Lanes,
    palette: Lanes,
    figure: Lanes,
    skin: Lanes,
    usage: [Lanes; ENTRIES],
    colour: [[Lanes; 3]; ENTRIES],
}

impl PackSums {
    #[inline(always)]
    fn join<V: Vector>(&self) -> RowSums {
        let mut row = RowSums {
            weight: sum::<V>(&self.weight),
            labels: sum::<V>(&self.labels),
            palette: sum::<V>(&self.palette),
            figure: sum::<V>(&self.figure),
            skin: sum::<V>(&self.skin),
            ..RowSums::default()
        };
        for k in 0..ENTRIES {
            row.usage[k] = sum::<V>(&self.usage[k]);
            (0..3).for_each(|c| row.colour[k][c] = sum::<V>(&self.colour[k][c]));
        }
        row
    }
}

/// Values by entry, a lane for each pixel.
type Entries = [Lanes; ENTRIES];

impl Pack {
    #[inline(always)]
    fn nothing() -> Self {
        let unknown = [-1.0; LANES];
        let zero = [0.0; LANES];
        Self {
            values: [zero; LANES],
            chances: [zero; LANES],
            colour: [zero; 3],
            figure: unknown,
            skin: unknown,
            there: zero,
        }
    }

    #[inline(always)]
    fn judge<V: Vector>(&mut self, centres: &Centres, known: &Known, sums: &mut PackSums) {
        let (plain, seen) = self.distances(centres);
        let mut logits = [[0.0; LANES]; ENTRIES];
        for k in 0..ENTRIES {
            one_by_one();
            logits[k] = each(|p| self.values[k][p] - centres.loudness * seen[k][p].min(FAR));
        }
        let every = [[1.0; LANES]; 3];
        let (chances, log_total) = softmax::<V>(&logits, &every, centres);
        let odds = each(|p| exp::<V>(-self.values[FIGURE][p]));
        let figure = each(|p| 1.0 / (1.0 + odds[p]));
        let (mut skin, mut cloth) = ([0.0; LANES], [0.0; LANES]);
        for (k, chance) in chances.iter().enumerate() {
            one_by_one();
            skin = each(|p| skin[p] + centres.skin[k] * chance[p]);
            cloth = each(|p| cloth[p] + centres.cloth[k] * chance[p]);
        }
        let ratio = each(|p| skin[p] / (skin[p] + cloth[p] + SKIN_FLOOR));

        let (target, believed) = self.target::<V>(centres, &seen, &figure, &ratio);
        let person = each(|p| if believed[p] > 0.5 { WEIGHTS[1] } else { 0.0 });
        let on_skin = each(|p| if self.skin[p] == 1.0 { WEIGHTS[2] } else { 0.0 });
        let weight = each(|p| self.there[p] * (WEIGHTS[0] + person[p] + on_skin[p]));
        let mut agreed = [0.0; LANES];
        for k in 0..ENTRIES {
            one_by_one();
            agreed = each(|p| agreed[p] + target[k][p] * logits[k][p]);
            let share = each(|p| weight[p] * chances[k][p]);
            self.values[k] = each(|p| weight[p] * (chances[k][p] - target[k][p]));
            self.chances[k] = chances[k];
            sums.usage[k] = each(|p| sums.usage[k][p] + share[p]);
            sums.palette = each(|p| sums.palette[p] + share[p] * plain[k][p]);
            for c in 0..3 {
                sums.colour[k][c] = each(|p| sums.colour[k][c][p] + share[p] * self.colour[c][p]);
            }
        }
        sums.weight = each(|p| sums.weight[p] + weight[p]);
        sums.labels = each(|p| sums.labels[p] + weight[p] * (log_total[p] - agreed[p]));
        self.chances[FIGURE] = figure;
        self.judge_figure::<V>(known, &odds, &figure, sums);
        self.judge_skin::<V>(known, &ratio, sums);
    }

    /// Squared distances to the entries' colours, plain and as the choice sees them.
    #[inline(always)]
    fn distances(&self, centres: &Centres) -> (Entries, Entries) {
        let (mut plain, mut seen) = ([[0.0; LANES]; ENTRIES], [[0.0; LANES]; ENTRIES]);
        for k in 0..ENTRIES {
            one_by_one();
            let [l, a, b] = [centres.channels[0][k], centres.channels[1][k], centres.channels[2][k]];
            let lightness = each(|p| (self.colour[0][p] - l) * (self.colour[0][p] - l));
            let hue = each(|p| (self.colour[1][p] - a) * (self.colour[1][p] - a));
            let chroma = each(|p| (self.colour[2][p] - b) * (self.colour[2][p] - b));
            plain[k] = each(|p| lightness[p] + hue[p] + chroma[p]);
            seen[k] = each(|p| plain[k][p] - centres.lenience[k] * lightness[p]);
        }
        (plain, seen)
    }

    /// The choice by colour among the entries that labels (or, where there are none, the network) allow;
    /// and the belief in a person.
    #[inline(always)]
    fn target<V: Vector>(&self, centres: &Centres, seen: &Entries, figure: &Lanes, ratio: &Lanes) -> (Entries, Lanes) {
        let mut by_colour = [[0.0; LANES]; ENTRIES];
        for k in 0..ENTRIES {
            one_by_one();
            by_colour[k] = each(|p| -seen[k][p] * (1.0 / TARGET_SOFTNESS));
        }
        let mut believed = [1.0; LANES];
        let mut gates = [[1.0; LANES]; 3];
        if centres.groups.has_figure() {
            let person = each(|p| if self.figure[p] < 0.0 { figure[p] } else { self.figure[p] });
            believed = each(|p| person[p].clamp(FIGURE_GATE, 1.0 - FIGURE_GATE));
            let there = if centres.groups.skin == 0 { 0.0 } else { 1.0 };
            let skin = each(|p| if self.skin[p] < 0.0 { 0.3 * ratio[p] + 0.35 } else { self.skin[p] });
            let skin = each(|p| there * skin[p].clamp(SKIN_GATE, 1.0 - SKIN_GATE));
            gates[0] = each(|p| 1.0 - believed[p]);
            gates[1] = each(|p| believed[p] * skin[p]);
            gates[2] = each(|p| believed[p] * (1.0 - skin[p]));
        }
        (softmax::<V>(&by_colour, &gates, centres).0, believed)
    }

    #[inline(always)]
    fn judge_figure<V: Vector>(&mut self, known: &Known, odds: &Lanes, figure: &Lanes, sums: &mut PackSums) {
        let person = each(|p| if self.figure[p] == 1.0 { known.person } else { 0.0 });
        let background = each(|p| if self.figure[p] == 0.0 { known.background } else { 0.0 });
        self.values[FIGURE] = each(|p| person[p] * (figure[p] - 1.0) + background[p] * figure[p]);
        // 1 − figure, without losing what is left of it near 1.
        let right = each(|p| if self.figure[p] == 1.0 { figure[p] } else { odds[p] * figure[p] });
        sums.figure = each(|p| sums.figure[p] - (person[p] + background[p]) * ln::<V>(right[p]));
    }

    #[inline(always)]
    fn judge_skin<V: Vector>(&self, known: &Known, ratio: &Lanes, sums: &mut PackSums) {
        let labelled = each(|p| if self.figure[p] == 1.0 && self.skin[p] >= 0.0 { known.skin } else { 0.0 });
        let ratio = each(|p| ratio[p].clamp(SKIN_CERTAIN, 1.0 - SKIN_CERTAIN));
        let right = each(|p| if self.skin[p] == 1.0 { ratio[p] } else { 1.0 - ratio[p] });
        sums.skin = each(|p| sums.skin[p] - labelled[p] * ln::<V>(right[p]));
    }
}

/// Probabilities of entries behind the gates of their groups, and the logarithm of what they were divided by.
#[inline(always)]
fn softmax<V: Vector>(logits: &Entries, gates: &[Lanes; 3], centres: &Centres) -> (Entries, Lanes) {
    // The best entry behind an open gate sets the scale, so that the powers neither vanish nor overflow.
    let mut top = [f32::MIN; LANES];
    for k in 0..ENTRIES {
        one_by_one();
        let gate = &gates[centres.groups.of(k)];
        top = each(|p| if gate[p] >= OPEN_GATE { top[p].max(logits[k][p]) } else { top[p] });
    }
    let mut powers = [[0.0; LANES]; ENTRIES];
    let mut total = [0.0; LANES];
    for k in 0..ENTRIES {
        one_by_one();
        let gate = &gates[centres.groups.of(k)];
        powers[k] = each(|p| gate[p] * exp::<V>((logits[k][p] - top[p]).max(LEAST_POWER)));
        total = each(|p| total[p] + powers[k][p]);
    }
    let share = each(|p| 1.0 / total[p]);
    for power in &mut powers {
        one_by_one();
        *power = each(|p| power[p] * share[p]);
    }
    (powers, each(|p| top[p] + ln::<V>(total[p])))
}

/// Keeps the compiler from gathering one lane of several entries in a vector, where lanes of one lie side by side.
#[inline(always)]
fn one_by_one() {
    std::hint::black_box(());
}
