//! The colours that training starts from, and new ones for entries that nobody uses any more.

use rand::Rng;
use rand::seq::index;
use rand_chacha::ChaCha8Rng;

use super::batch::Footage;
use super::model::{ENTRIES, Groups};

/// A labelled pixel that the palette may learn from. Rare colours count more than their number.
#[derive(Clone, Copy)]
struct Sample {
    colour: [f32; 3],
    weight: f32,
}

/// Pixels of the clip, by group: background, skin, the rest of the person.
pub struct Samples([Vec<Sample>; 3]);

/// Background entries care less about lightness: walls are lit unevenly.
pub const BACKGROUND_LIGHTNESS: f32 = 0.36;
const DRAWN: usize = 60_000;
/// Fewer skin pixels than this among the drawn ones are no skin.
const LEAST_SKIN: usize = 50;
const ROUNDS: usize = 25;

impl Samples {
    /// Without labels (no figure) all pixels are one group.
    pub fn draw(footage: &Footage, has_figure: bool, rng: &mut ChaCha8Rng) -> Self {
        let pixels = footage.width * footage.height;
        let total = pixels * footage.frames.len();
        let drawn: Vec<usize> = index::sample(rng, total, DRAWN.min(total)).into_vec();
        let at = |i: &usize| (&footage.frames[i / pixels], i % pixels);
        let colours: Vec<[f32; 3]> = drawn.iter().map(|i| at(i).0.colours[i % pixels]).collect();
        let mut groups = [const { Vec::new() }; 3];
        for ((i, &colour), weight) in drawn.iter().zip(&colours).zip(rarity(&colours)) {
            let (frame, pixel) = at(i);
            let group = match (has_figure, frame.figure[pixel], frame.skin[pixel]) {
                (false, _, _) => 2,
                (true, 0, _) => 0,
                (true, 1, 1) => 1,
                (true, 1, 0) => 2,
                _ => continue,
            };
            groups[group].push(Sample { colour, weight });
        }
        Self(groups)
    }

    /// Which entries this clip has; joins what there is of skin to the rest if it is next to nothing.
    pub fn groups(&mut self, has_figure: bool, footage: &Footage) -> Groups {
        let skin = self.0[1].len() >= LEAST_SKIN;
        if !skin {
            let [_, few, cloth] = &mut self.0;
            cloth.append(few);
        }
        // Where no skin is known there may be no pixel known to be none, either.
        if has_figure && self.0[2].is_empty() {
            let known = |f: &super::batch::Frame| {
                let person = f.colours.iter().zip(&f.figure).filter(|(_, label)| **label == 1);
                person.map(|(&colour, _)| Sample { colour, weight: 1.0 }).step_by(97).collect::<Vec<_>>()
            };
            self.0[2] = footage.frames.iter().flat_map(known).collect();
        }
        Groups::new(has_figure && !self.0[0].is_empty() && !self.0[2].is_empty(), skin)
    }

    /// Colours and weights of one group.
    pub fn of(&self, group: usize) -> impl Iterator<Item = ([f32; 3], f32)> {
        self.0[group].iter().map(|sample| (sample.colour, sample.weight))
    }

    pub fn centres(&self, groups: Groups, rng: &mut ChaCha8Rng) -> [[f32; 3]; ENTRIES] {
        let mut centres = [[0.0; 3]; ENTRIES];
        let (background, person) = centres.split_at_mut(groups.background);
        let (skin, cloth) = person.split_at_mut(groups.skin);
        k_means(&self.0[0], background, BACKGROUND_LIGHTNESS, rng);
        k_means(&self.0[1], skin, 1.0, rng);
        k_means(&self.0[2], cloth, 1.0, rng);
        centres
    }

    /// A new colour for an entry that died: a pixel of its group far from all living entries.
    pub fn another(
        &self,
        groups: Groups,
        entry: usize,
        centres: &[[f32; 3]],
        rng: &mut ChaCha8Rng,
    ) -> Option<[f32; 3]> {
        let group = groups.of(entry);
        let lightness = if group == 0 { BACKGROUND_LIGHTNESS } else { 1.0 };
        let living: Vec<[f32; 3]> =
            (0..ENTRIES).filter(|&k| k != entry && groups.of(k) == group).map(|k| centres[k]).collect();
        let far: Vec<f32> = self.0[group].iter().map(|s| s.weight * nearest(&s.colour, &living, lightness).1).collect();
        Some(self.0[group].get(choose(&far, rng)?)?.colour)
    }
}

/// 1/√density of each colour in a coarse histogram, about 1 in the mean.
fn rarity(colours: &[[f32; 3]]) -> Vec<f32> {
    const BINS: usize = 24;
    const REACH: f32 = 3.0;
    let bin = |colour: &[f32; 3]| {
        colour.iter().fold(0, |bin, v| {
            bin * BINS + (((v + REACH) / (2.0 * REACH) * BINS as f32) as isize).clamp(0, BINS as isize - 1) as usize
        })
    };
    let mut counts = vec![0u32; BINS * BINS * BINS];
    colours.iter().for_each(|c| counts[bin(c)] += 1);
    let weights: Vec<f32> = colours.iter().map(|c| 1.0 / (counts[bin(c)] as f32).sqrt()).collect();
    let mean = weights.iter().sum::<f32>() / weights.len().max(1) as f32;
    weights.iter().map(|w| w / mean).collect()
}

/// Weighted k-means from k-means++ seeds (Arthur and Vassilvitskii 2007).
fn k_means(samples: &[Sample], centres: &mut [[f32; 3]], lightness: f32, rng: &mut ChaCha8Rng) {
    if centres.is_empty() || samples.is_empty() {
        return;
    }
    let mut chance: Vec<f32> = samples.iter().map(|s| s.weight).collect();
    for k in 0..centres.len() {
        centres[k] = samples[choose(&chance, rng).unwrap_or(0)].colour;
        for (chance, sample) in chance.iter_mut().zip(samples) {
            *chance = sample.weight * nearest(&sample.colour, &centres[..=k], lightness).1;
        }
    }
    for _ in 0..ROUNDS {
        let mut sums = vec![[0.0f64; 4]; centres.len()];
        for sample in samples {
            let sum = &mut sums[nearest(&sample.colour, centres, lightness).0];
            let weight = f64::from(sample.weight);
            (0..3).for_each(|c| sum[c] += weight * f64::from(sample.colour[c]));
            sum[3] += weight;
        }
        for (centre, sum) in centres.iter_mut().zip(&sums).filter(|(_, sum)| sum[3] > 0.0) {
            *centre = std::array::from_fn(|c| (sum[c] / sum[3]) as f32);
        }
    }
}

/// The nearest centre and its squared distance.
fn nearest(colour: &[f32; 3], centres: &[[f32; 3]], lightness: f32) -> (usize, f32) {
    let distance = |centre: &[f32; 3]| {
        let [l, a, b] = std::array::from_fn(|c| (colour[c] - centre[c]) * (colour[c] - centre[c]));
        lightness * l + a + b
    };
    let distances = centres.iter().map(distance).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f32::MAX))
}

/// An index by chance, in proportion to `chance`; `None` when there is none at all.
fn choose(chance: &[f32], rng: &mut ChaCha8Rng) -> Option<usize> {
    let total: f64 = chance.iter().map(|c| f64::from(*c)).sum();
    let mut left = rng.random::<f64>() * total;
    let chosen = chance.iter().position(|c| {
        left -= f64::from(*c);
        left < 0.0
    });
    chosen.filter(|_| total > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn k_means_finds_separate_colours_however_rare() {
        let colours = [[0.0, 0.0, 0.0], [1.0, 0.0, 1.0], [-1.0, 2.0, 0.0]];
        let sample = |i: usize| Sample { colour: colours[if i < 900 { 0 } else { i % 3 }], weight: 1.0 };
        let samples: Vec<Sample> = (0..1000).map(sample).collect();
        let mut centres = [[9.0; 3]; 3];
        k_means(&samples, &mut centres, 1.0, &mut ChaCha8Rng::seed_from_u64(3));
        for colour in &colours {
            assert!(nearest(colour, &centres, 1.0).1 < 1e-6, "{colour:?} is not among {centres:?}");
        }
    }

    #[test]
    fn fewer_colours_than_entries_is_no_trouble() {
        let samples = [Sample { colour: [0.5; 3], weight: 1.0 }];
        let mut centres = [[0.0; 3]; 4];
        k_means(&samples, &mut centres, 1.0, &mut ChaCha8Rng::seed_from_u64(3));
        assert_eq!(centres[0], [0.5; 3]);
        k_means(&[], &mut centres, 1.0, &mut ChaCha8Rng::seed_from_u64(3));
    }
}
