//! From the palette to materials: entries that differ only in shading join, and every material gets a few comic tones.

use std::collections::BTreeMap;

use crate::clip::Palette;
use crate::raster::colour::lch;

/// One kind of cloth, hair or thing: a colour in at most three tones.
#[derive(Clone, Debug, PartialEq)]
pub struct Material {
    /// Lightness in the video of each tone, ascending.
    pub levels: Vec<f32>,
    /// Colour on the page of each tone, OKLab.
    pub tones: Vec<[f32; 3]>,
    /// Mean colour on the page, OKLab: what inking compares neighbours by.
    pub mean: [f32; 3],
    /// How much larger and rounder than usual its patches of tone are.
    pub calm: f32,
}

impl Material {
    /// A material without shading.
    pub fn flat(colour: [f32; 3]) -> Self {
        Self { levels: vec![colour[0]], tones: vec![colour], mean: colour, calm: 1.0 }
    }
}

/// The figure's materials by label, and the background's colours.
#[derive(Clone, Debug)]
pub struct Materials {
    /// The label of each palette entry. All skin entries share one.
    pub group: Vec<i16>,
    pub cloth: BTreeMap<i16, Material>,
    /// Hues in degrees for made backgrounds, the one farthest from the figure's colours first.
    pub hues: Vec<f32>,
    /// The video has no colour.
    pub greyscale: bool,
}

/// Below this chroma a whole palette is grey.
const GREY_PALETTE: f32 = 0.012;
/// Below this an entry's hue means little.
const COLOURED: f32 = 0.05;
/// Hues that backgrounds may have: sky, mint, violet, green, peach, yellow.
const BACKDROP_HUES: [f32; 6] = [232.0, 195.0, 105.0, 305.0, 85.0, 160.0];

impl Materials {
    /// `usage` is each entry's share of pixels; `skin` the page colour of skin; `shaded_skin` tells the entries that the
    /// network took for cloth although they are skin in shadow.
    pub fn new(palette: &Palette, usage: &[f32], skin: [f32; 3], shaded_skin: &[bool]) -> Self {
        let page = comic_colours(&palette.colours, &figure_usage(palette, usage), &FIGURE_LOOK);
        let group = join(palette, usage, shaded_skin);
        let cloth = (palette.first_cloth()..palette.colours.len())
            .map(|i| group[i])
            .filter(|&label| label != skin_label(palette))
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .map(|label| {
                let members = (0..group.len()).filter(|&i| group[i] == label).collect();
                (label, tones(members, palette, usage, &page))
            })
            .collect();
        Self {
            hues: backdrop_hues(&page[palette.first_cloth()..], &usage[palette.first_cloth()..], skin),
            greyscale: palette.colours.iter().all(|c| chroma(*c) < GREY_PALETTE),
            group,
            cloth,
        }
    }
}

/// The label that all skin entries share.
pub fn skin_label(palette: &Palette) -> i16 {
    palette.background as i16
}

pub fn chroma(c: [f32; 3]) -> f32 {
    c[1].hypot(c[2])
}

fn hue_deg(c: [f32; 3]) -> f32 {
    c[2].atan2(c[1]).to_degrees()
}

/// Lightness between the dark and the light end of a set of entries, 0..1 and a little beyond.
fn rank(lightness: f32, dark: f32, light: f32) -> f32 {
    ((lightness - dark) / (light - dark).max(0.25)).clamp(-0.1, 1.1)
}

/// How colours of one side look on the page.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Lightness of the darkest and the lightest.
    pub dark: f32,
    pub light: f32,
    /// By what share chroma grows, and where it ends.
    pub boost: f32,
    pub max_chroma: f32,
    /// Added lightness of vivid colours.
    pub lift: f32,
}
pub const FIGURE_LOOK: Look = Look { dark: 0.20, light: 0.94, boost: 0.80, max_chroma: 0.20, lift: 0.10 };
/// The place stays behind: lighter and less vivid.
pub const PLACE_LOOK: Look = Look { dark: 0.36, light: 0.95, boost: 0.55, max_chroma: 0.13, lift: 0.0 };
/// Share of the stretched lightness; the rest stays as filmed.
const STRETCH: f32 = 0.6;

/// Comic colours: lightness stretched over the range a page has, chroma lifted.
pub fn comic_colours(colours: &[[f32; 3]], usage: &[f32], look: &Look) -> Vec<[f32; 3]> {
    let (dark, light) = ends(colours, usage);
    let comic = |&c: &[f32; 3]| {
        let target = look.dark + (look.light - look.dark) * rank(c[0], dark, light);
        let mut lightness = (1.0 - STRETCH) * c[0] + STRETCH * target;
        let vivid = ((chroma(c) - 0.03) / 0.07).clamp(0.0, 1.0);
        lightness += look.lift * vivid * ((0.9 - lightness) / 0.3).clamp(0.0, 1.0);
        let boost = 1.0 + look.boost * ((chroma(c) - 0.012) / 0.03).clamp(0.0, 1.0);
        lch(lightness, (chroma(c) * boost).min(look.max_chroma), hue_deg(c))
    };
    colours.iter().map(comic).collect()
}

/// Usage with the background left out: its colours do not count when the figure's are stretched.
fn figure_usage(palette: &Palette, usage: &[f32]) -> Vec<f32> {
    usage.iter().enumerate().map(|(i, &u)| if i < palette.background { 0.0 } else { u }).collect()
}

/// Lightness at 4 % and 96 % of what is used.
fn ends(colours: &[[f32; 3]], usage: &[f32]) -> (f32, f32) {
    let mut sorted: Vec<(f32, f32)> = colours.iter().zip(usage).map(|(c, &u)| (c[0], u + 1e-6)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let total: f32 = sorted.iter().map(|s| s.1).sum();
    let at = |share: f32| {
        let (mut sum, mut before) = (0.0, None::<(f32, f32)>);
        for &(l, u) in &sorted {
            sum += u / total;
            if sum >= share {
                return before.map_or(l, |(l0, s0)| l0 + (l - l0) * (share - s0) / (sum - s0).max(1e-6));
            }
            before = Some((l, sum));
        }
        before.map_or(0.5, |b| b.0)
    };
    (at(0.04), at(0.96))
}

/// Joins entries that differ only in shading: the same hue, or both grey and close.
fn join(palette: &Palette, usage: &[f32], shaded_skin: &[bool]) -> Vec<i16> {
    let first = palette.first_cloth();
    let is_skin = |i: usize| (palette.background..first).contains(&i) || shaded_skin.get(i) == Some(&true);
    let label = |i: usize| if is_skin(i) { skin_label(palette) } else { i as i16 };
    let mut group: Vec<i16> = (0..palette.colours.len()).map(label).collect();
    let mut order: Vec<usize> = (first..palette.colours.len()).filter(|&i| !is_skin(i)).collect();
    order.sort_by(|&a, &b| usage[b].total_cmp(&usage[a]));
    for &i in &order {
        for &j in &order {
            let (gi, gj) = (group[i], group[j]);
            if gi != gj && same_material(palette, &group, i, j) {
                group.iter_mut().filter(|g| **g == gi).for_each(|g| *g = gj);
            }
        }
    }
    group
}

fn same_material(palette: &Palette, group: &[i16], i: usize, j: usize) -> bool {
    let (a, b) = (palette.colours[i], palette.colours[j]);
    let together = (0..group.len()).filter(|&k| group[k] == group[i] || group[k] == group[j]);
    let (low, high) = together
        .fold((1.0f32, 0.0f32), |(low, high), k| (low.min(palette.colours[k][0]), high.max(palette.colours[k][0])));
    let range = high - low;
    let step = (a[0] - b[0]).abs();
    let tint = (a[1] - b[1]).hypot(a[2] - b[2]);
    match (chroma(a) > COLOURED, chroma(b) > COLOURED) {
        (true, true) => {
            let turn = ((hue_deg(a) - hue_deg(b) + 540.0) % 360.0 - 180.0).abs();
            turn < 24.0 && tint < 0.09 && range < 0.55 && step < 0.26
        }
        (false, false) => {
            let dark = a[0].max(b[0]) < 0.4;
            tint < if dark { 0.030 } else { 0.022 } && range < 0.26 && step < 0.15
        }
        _ => tint < 0.022 && step < 0.12,
    }
}

/// Entries closer than this in lightness share a tone.
const SAME_TONE: f32 = 0.075;

/// Entries of one tone on their way to a material.
struct Tone {
    weight: f32,
    lightness: f32,
    page: [f32; 3],
}

impl Tone {
    fn add(&mut self, other: &Tone) {
        let total = self.weight + other.weight;
        let mix = |a: f32, b: f32| (a * self.weight + b * other.weight) / total;
        let page = std::array::from_fn(|k| mix(self.page[k], other.page[k]));
        *self = Tone { weight: total, lightness: mix(self.lightness, other.lightness), page };
    }
}

/// Splits a material's entries into at most three tones (two when grey) and brings their colours closer together.
fn tones(mut members: Vec<usize>, palette: &Palette, usage: &[f32], page: &[[f32; 3]]) -> Material {
    members.sort_by(|&a, &b| palette.colours[a][0].total_cmp(&palette.colours[b][0]));
    let grey = members.iter().all(|&i| chroma(palette.colours[i]) < 0.04);
    let mut tones: Vec<Tone> = Vec::new();
    for i in members {
        let tone = Tone { weight: usage[i] + 1e-4, lightness: palette.colours[i][0], page: page[i] };
        match tones.last_mut() {
            Some(last) if tone.lightness - last.lightness < SAME_TONE => last.add(&tone),
            _ => tones.push(tone),
        }
    }
    while tones.len() > if grey { 2 } else { 3 } {
        let weakest = |j: &usize| tones[*j].weight.min(tones[*j + 1].weight);
        let j = (0..tones.len() - 1).min_by(|a, b| weakest(a).total_cmp(&weakest(b))).unwrap_or(0);
        let next = tones.remove(j + 1);
        tones[j].add(&next);
    }
    let total: f32 = tones.iter().map(|t| t.weight).sum();
    let mean: [f32; 3] = std::array::from_fn(|k| tones.iter().map(|t| t.page[k] * t.weight).sum::<f32>() / total);
    // a grey material keeps one tint, a coloured one its hue shifts; both get less contrast than filmed
    let (tint, contrast) = if chroma(mean) < 0.06 { (0.8, 0.60) } else { (0.35, 0.75) };
    let calm = |c: [f32; 3]| {
        let ab = |k: usize| tint * mean[k] + (1.0 - tint) * c[k];
        [mean[0] + contrast * (c[0] - mean[0]), ab(1), ab(2)]
    };
    Material {
        levels: tones.iter().map(|t| t.lightness).collect(),
        tones: tones.iter().map(|t| calm(t.page)).collect(),
        mean,
        calm: 1.0,
    }
}

/// Backdrop hues by distance from the figure's colours and its skin.
fn backdrop_hues(cloth: &[[f32; 3]], usage: &[f32], skin: [f32; 3]) -> Vec<f32> {
    let distance = |a: [f32; 3], b: [f32; 3]| {
        (0.25 * (a[0] - b[0]).powi(2) + 4.0 * (a[1] - b[1]).powi(2) + 4.0 * (a[2] - b[2]).powi(2)).sqrt()
    };
    let total = usage.iter().sum::<f32>().max(1e-6);
    let mut scored: Vec<(f32, f32)> = BACKDROP_HUES
        .iter()
        .map(|&hue| {
            let backdrop = lch(0.8, 0.09, hue);
            let far = |c: &[f32; 3]| distance(*c, backdrop);
            let weights = || usage.iter().map(|u| u / total);
            let nearest = cloth.iter().zip(weights()).filter(|(_, w)| *w > 0.03).map(|(c, _)| far(c));
            let mean: f32 = cloth.iter().zip(weights()).map(|(c, w)| w * far(c)).sum();
            (0.5 * nearest.fold(9.0, f32::min) + 0.4 * mean + 0.35 * distance(skin, backdrop), hue)
        })
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    scored.into_iter().map(|s| s.1).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn palette() -> Palette {
        let colours = vec![
            [0.7, 0.0, 0.0],
            lch(0.65, 0.06, 50.0),
            lch(0.40, 0.12, 60.0),
            lch(0.60, 0.14, 65.0),
            lch(0.50, 0.10, 250.0),
            [0.20, 0.0, 0.0],
            [0.28, 0.005, 0.0],
        ];
        Palette { colours, background: 1, skin: 1, scale: 0.1 }
    }

    #[test]
    fn shades_of_one_cloth_join_and_other_hues_stay_apart() {
        let materials = Materials::new(&palette(), &[1.0 / 7.0; 7], lch(0.7, 0.08, 50.0), &[]);
        let group = &materials.group;
        assert_eq!(group[2], group[3]);
        assert_eq!(group[5], group[6]);
        assert!(group[4] != group[2] && group[4] != group[5] && group[1] == skin_label(&palette()));
        let orange = &materials.cloth[&group[2]];
        assert!(orange.levels.len() == 2 && orange.tones[0][0] < orange.tones[1][0]);
    }

    #[test]
    fn an_orange_figure_stands_before_a_cool_backdrop() {
        let colours = vec![[0.7, 0.0, 0.0], lch(0.65, 0.06, 50.0), lch(0.65, 0.15, 65.0)];
        let palette = Palette { colours, background: 1, skin: 1, scale: 0.1 };
        let materials = Materials::new(&palette, &[0.5, 0.1, 0.4], lch(0.7, 0.08, 50.0), &[]);
        assert!([232.0, 195.0, 305.0].contains(&materials.hues[0]), "{:?}", materials.hues);
    }

    #[test]
    fn a_palette_with_nothing_but_background_is_no_problem() {
        let palette = Palette { colours: vec![[0.5; 3]; 2], background: 2, skin: 0, scale: 0.1 };
        assert!(Materials::new(&palette, &[0.5, 0.5], [0.7, 0.05, 0.05], &[]).cloth.is_empty());
    }
}
