//! Which palette group each panel pixel has: the network's word at working size, the colours at panel size.

use rayon::prelude::*;

use super::framing::View;
use crate::clip::Palette;
use crate::raster::filter::gaussian;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Lab, Plane};

/// Channel weights of the space that the network was trained in.
pub const TRAINING_WEIGHTS: [f32; 3] = [0.5, 1.4, 1.4];
/// Temperature of the colour distance in training.
const TEMPERATURE: f32 = 0.12;
/// The network's log probability counts no lower than this: it may be wrong.
const LEAST_LOG_PROBABILITY: f32 = -5.0;
/// A colour farther off than this is simply another colour.
const FARTHEST: f32 = 8.0;

/// Palette entries to choose from, and how.
pub struct Choice<'a> {
    /// Entries `first..last` of the palette compete.
    pub first: usize,
    pub last: usize,
    /// The label of each palette entry; entries with the same label count as one.
    pub group: &'a [i16],
    /// Blur of the probabilities in panel pixels: how round the borders get.
    pub blur: f32,
    /// How much the colour at panel size counts against the network's word.
    pub colour: f32,
}

/// The most likely group of each pixel of the view. `logits` are the network's, at working size; `within` (working size) and
/// `cover` (panel size) say how much a pixel belongs to the side that is labelled.
pub fn label_map(
    choice: &Choice,
    palette: &Palette,
    logits: &[Plane],
    within: &Plane,
    cover: &Plane,
    view: &View,
    picture: &Lab,
) -> Grid<i16> {
    let half = view.half();
    let evidence = log_probabilities(&logits[choice.first..choice.last], within);
    let evidence: Vec<Plane> = evidence.iter().map(|p| half.crop(p, Interpolation::Linear)).collect();
    let colours = resize(picture, half.width, half.height, Interpolation::Area);
    let groups = distinct(&choice.group[choice.first..choice.last]);
    let shares = group_shares(choice, palette, &evidence, &colours, &groups);
    let weight = resize(cover, half.width, half.height, Interpolation::Area).map(|c| c + 0.02);
    let smooth: Vec<Plane> = shares
        .into_iter()
        .map(|mut share| {
            share.data.iter_mut().zip(&weight.data).for_each(|(s, w)| *s *= w);
            resize(&gaussian(&share, choice.blur / 2.0), view.width, view.height, Interpolation::Linear)
        })
        .collect();
    most_likely(&smooth, &groups)
}

/// Log softmax over the competing entries, averaged a little where the side is certain.
fn log_probabilities(logits: &[Plane], within: &Plane) -> Vec<Plane> {
    let weight = within.map(|&a| a * a + 1e-3);
    let total = gaussian(&weight, 0.8);
    let pixels = within.data.len();
    let norm: Vec<f32> = (0..pixels)
        .into_par_iter()
        .with_min_len(4096)
        .map(|i| {
            let most = logits.iter().map(|z| z.data[i]).fold(f32::NEG_INFINITY, f32::max);
            most + logits.iter().map(|z| (z.data[i] - most).exp()).sum::<f32>().ln()
        })
        .collect();
    logits
        .iter()
        .map(|z| {
            let own = z.data.iter().zip(&norm).zip(&weight.data);
            let weighted = own.map(|((z, n), w)| (z - n).max(LEAST_LOG_PROBABILITY) * w).collect();
            let mut mean = gaussian(&Grid::from_data(z.width, z.height, weighted), 0.8);
            mean.data.iter_mut().zip(&total.data).for_each(|(m, t)| *m /= t);
            mean
        })
        .collect()
}

fn distinct(labels: &[i16]) -> Vec<i16> {
    let mut ids = labels.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Probability of each group from evidence and colour distance.
fn group_shares(choice: &Choice, palette: &Palette, evidence: &[Plane], colours: &Lab, groups: &[i16]) -> Vec<Plane> {
    let weigh = |c: [f32; 3]| std::array::from_fn::<f32, 3, _>(|k| c[k] * TRAINING_WEIGHTS[k] / palette.scale);
    let entries: Vec<([f32; 3], usize)> = (choice.first..choice.last)
        .map(|i| (weigh(palette.colours[i]), groups.iter().position(|g| *g == choice.group[i]).unwrap_or(0)))
        .collect();
    let (n, pixels) = (groups.len(), colours.data.len());
    let mut shares = vec![0.0f32; pixels * n];
    shares.par_chunks_mut(n * colours.width.max(1)).enumerate().for_each_init(
        || vec![0.0f32; entries.len()],
        |score, (y, row)| {
            for (x, share) in row.chunks_exact_mut(n).enumerate() {
                let (i, c) = (y * colours.width + x, weigh(colours[(x, y)]));
                for ((s, (entry, _)), e) in score.iter_mut().zip(&entries).zip(evidence) {
                    let d: f32 = (0..3).map(|k| (c[k] - entry[k]).powi(2)).sum();
                    *s = e.data[i] - choice.colour * (d / TEMPERATURE).min(FARTHEST);
                }
                let most = score.iter().copied().fold(f32::NEG_INFINITY, f32::max);
                let mut sum = 0.0;
                for (s, (_, group)) in score.iter().zip(&entries) {
                    let p = (s - most).exp();
                    share[*group] += p;
                    sum += p;
                }
                share.iter_mut().for_each(|v| *v /= sum);
            }
        },
    );
    (0..n)
        .map(|g| Grid::from_data(colours.width, colours.height, shares.iter().skip(g).step_by(n).copied().collect()))
        .collect()
}

fn most_likely(shares: &[Plane], groups: &[i16]) -> Grid<i16> {
    let Some(first) = shares.first() else { return Grid::new(0, 0, 0) };
    let best = |i: usize| {
        let top = (0..shares.len()).max_by(|&a, &b| shares[a].data[i].total_cmp(&shares[b].data[i]));
        groups[top.unwrap_or(0)]
    };
    let data = (0..first.data.len()).into_par_iter().with_min_len(4096).map(best).collect();
    Grid::from_data(first.width, first.height, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn palette() -> Palette {
        Palette { colours: vec![[0.2, 0.0, 0.0], [0.8, 0.0, 0.0], [0.5, 0.1, 0.1]], background: 0, skin: 1, scale: 0.1 }
    }

    fn labelled(logits: &[Plane], picture: &Lab, group: &[i16]) -> Grid<i16> {
        let view = View { window: [0.0, 0.0, 16.0, 8.0], width: 32, height: 16, working_width: 16 };
        let choice = Choice { first: 0, last: 3, group, blur: 1.5, colour: 0.9 };
        label_map(&choice, &palette(), logits, &Grid::new(16, 8, 1.0), &Grid::new(32, 16, 1.0), &view, picture)
    }

    #[test]
    fn colours_decide_where_the_network_is_undecided() {
        let picture = Grid::from_data(
            32,
            16,
            (0..512).map(|i| if i % 32 < 16 { [0.2, 0.0, 0.0] } else { [0.8, 0.0, 0.0] }).collect(),
        );
        let labels = labelled(&vec![Grid::new(16, 8, 0.0); 3], &picture, &[0, 1, 2]);
        assert_eq!((labels[(4, 8)], labels[(28, 8)]), (0, 1));
    }

    #[test]
    fn joined_entries_win_together() {
        let mut logits = vec![Grid::new(16, 8, 0.0); 3];
        logits[0] = Grid::new(16, 8, 0.4);
        let picture = Grid::new(32, 16, [0.55, 0.02, 0.02]);
        assert_eq!(labelled(&logits, &picture, &[0, 7, 7])[(16, 8)], 7);
    }
}
