//! How a place is drawn: few flat colours of its own, dots, lines where colours meet.

use rayon::prelude::*;

use super::finish::Layers;
use super::ink::{border_strength, boundary_ink, scene_ink, seen_steps};
use super::materials::{FIGURE_LOOK, PLACE_LOOK, chroma, comic_colours};
use super::pen::dots;
use super::style::Style;
use crate::raster::clean::{clean_labels, smoothstep};
use crate::raster::colour::{lightness, srgb, to_srgb};
use crate::raster::filter::{bilateral, gaussian};
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Lab, Plane, Rgb};

/// How a place is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Grey colours are tinted with this hue, degrees.
    pub hue_deg: f32,
    pub greyscale: bool,
    /// Size of a page pixel.
    pub unit: f32,
    /// Pixels of the canvas per pixel of the video.
    pub upsampling: f32,
    /// It is not all there is: shapes become larger, greys tinted, the dark lifted, so that a figure stands out.
    pub behind_figure: bool,
}

/// Size of the shapes of a place behind a figure, and of a picture that is all there is.
const COARSENESS: (f32, f32) = (1.0, 0.5);

impl Look {
    fn coarseness(&self) -> f32 {
        if self.behind_figure { COARSENESS.0 } else { COARSENESS.1 }
    }
}

/// Blur of each colour's share: rounder borders than the figure's, in units.
const BORDER_BLUR: f32 = 5.5;
/// Smallest area of a colour, squared units.
const SMALLEST_AREA: f32 = 2500.0;
/// Spread of colour distances when shares are made, squared OKLab as [`distance`] weighs it.
const SHARE_SPREAD: f32 = 0.0022;
/// Direction of the rows of dots.
const DOT_ANGLE_DEG: f32 = 35.0;
/// Mean lightness up to which a place is lifted: dark places swallow the figure.
const LIGHT_PLACE: f32 = 0.62;
/// Colours a place starts with; those too alike join.
const COLOURS: usize = 8;
/// Squared distance under which two colours are one.
const SAME_COLOUR: f32 = 0.0026;
/// A colour with less than this share of the place is no colour of its own.
const SMALLEST_SHARE: f32 = 0.012;

/// Squared difference of colours: shading counts less than hue.
fn distance(a: [f32; 3], b: [f32; 3]) -> f32 {
    0.25 * (a[0] - b[0]).powi(2) + 2.0 * ((a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2))
}

/// The colours that a place is made of, as filmed, the most frequent first.
pub fn colours_of(place: &Lab) -> Vec<[f32; 3]> {
    const SAMPLES: usize = 8000;
    const ROUNDS: usize = 10;
    let step = (place.data.len() / SAMPLES).max(1);
    let pixels: Vec<[f32; 3]> = place.data.iter().copied().step_by(step).collect();
    let mut centres = start_colours(&pixels);
    let mut members = Vec::new();
    for _ in 0..ROUNDS {
        members = vec![([0.0f32; 3], 0.0f32); centres.len()];
        for &p in &pixels {
            let (sum, count) = &mut members[nearest(p, &centres)];
            (0..3).for_each(|k| sum[k] += p[k]);
            *count += 1.0;
        }
        centres =
            members.iter().zip(&centres).map(|((s, n), c)| if *n > 0.0 { s.map(|v| v / n) } else { *c }).collect();
    }
    let mut ranked: Vec<([f32; 3], f32)> = centres.into_iter().zip(members.iter().map(|m| m.1)).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1));
    let least = SMALLEST_SHARE * pixels.len() as f32;
    let mut kept: Vec<[f32; 3]> = Vec::new();
    for (colour, count) in ranked {
        if kept.is_empty() || count > least && kept.iter().all(|&k| distance(k, colour) > SAME_COLOUR) {
            kept.push(colour);
        }
    }
    kept
}

/// Frequent colours that are far from each other, one after the other.
fn start_colours(pixels: &[[f32; 3]]) -> Vec<[f32; 3]> {
    let mut bins: std::collections::BTreeMap<[i32; 3], ([f32; 3], f32)> = Default::default();
    for p in pixels {
        let key = [(p[0] * 12.0) as i32, (p[1] * 40.0).round() as i32, (p[2] * 40.0).round() as i32];
        let (sum, count) = bins.entry(key).or_default();
        (0..3).for_each(|k| sum[k] += p[k]);
        *count += 1.0;
    }
    let bins: Vec<([f32; 3], f32)> = bins.into_values().map(|(sum, n)| (sum.map(|v| v / n), n)).collect();
    let mut chosen: Vec<[f32; 3]> = Vec::new();
    for _ in 0..COLOURS.min(bins.len()) {
        let apart = |c: [f32; 3]| chosen.iter().map(|&o| distance(o, c)).fold(0.05, f32::min);
        let score = |bin: &([f32; 3], f32)| bin.1 * apart(bin.0);
        chosen.extend(bins.iter().max_by(|a, b| score(a).total_cmp(&score(b))).map(|b| b.0));
    }
    chosen
}

fn nearest(colour: [f32; 3], among: &[[f32; 3]]) -> usize {
    (0..among.len()).min_by(|&a, &b| distance(among[a], colour).total_cmp(&distance(among[b], colour))).unwrap_or(0)
}

/// Draws what a view shows of a place in its `colours` (as filmed; at least one): flat areas, dots below and in the
/// dark, lines where colours meet.
pub fn draw_place(picture: &Lab, colours: &[[f32; 3]], look: &Look, style: &Style) -> Layers {
    let labels = areas(picture, colours, look);
    let page = page_colours(colours, look, &labels);
    let flat = labels.map(|&l| page[l as usize]);
    let tone = dot_tone(&flat).map(|t| style.ground.place_dots * t);
    let dotted = dots(picture.width, picture.height, 7.2 * look.unit, DOT_ANGLE_DEG, &tone);
    let warm = if look.greyscale { 0.0 } else { 0.015 };
    let dark: Vec<[f32; 3]> = page.iter().map(|c| srgb([0.86 * c[0], c[1], c[2] - warm])).collect();
    let mut borders = border_strength(&labels, &flat);
    let steps = seen_steps(picture, look.upsampling, look.unit);
    borders.data.iter_mut().zip(&steps.data).for_each(|(border, step)| *border = border.min(*step));
    let mut ink = boundary_ink(&borders, look.unit, style.pens.place_borders, (0.05, 0.25));
    let lines = scene_ink(&lightness(picture), look.upsampling, look.unit);
    ink.data.iter_mut().zip(&lines.data).for_each(|(ink, line)| *ink = ink.max(style.pens.place_lines * line));
    let mut colour = to_srgb(&flat);
    for (i, pixel) in colour.data.iter_mut().enumerate() {
        let (below, dot) =
            (dark[labels.data[i] as usize], if style.ground.place_dots > 0.0 { dotted.data[i] } else { 0.0 });
        *pixel = std::array::from_fn(|k| pixel[k] + dot * (below[k] - pixel[k]));
    }
    let grade = if look.behind_figure { &style.place } else { &style.figure };
    grade.apply(&mut colour);
    Layers { colour, ink }
}

/// More dots further down and where it is dark.
fn dot_tone(flat: &Lab) -> Plane {
    let (w, h) = (flat.width, flat.height);
    let tone = |(i, c): (usize, &[f32; 3])| {
        let down = (i / w) as f32 / h as f32;
        (0.06 + 0.55 * down.powf(1.3) + 0.5 * (0.62 - c[0])).clamp(0.03, 0.5)
    };
    Grid::from_data(w, h, flat.data.iter().enumerate().map(tone).collect())
}

/// The colour of each pixel, in calm areas.
fn areas(picture: &Lab, colours: &[[f32; 3]], look: &Look) -> Grid<i16> {
    let (w, h) = (picture.width, picture.height);
    let small = resize(picture, (w / 2).max(1), (h / 2).max(1), Interpolation::Area);
    let blur = look.coarseness() * BORDER_BLUR * look.unit / 2.0;
    let shares: Vec<Plane> = colours
        .par_iter()
        .map(|&colour| {
            let share = small.map(|&c| (-distance(c, colour) / SHARE_SPREAD).exp() + 1e-4);
            resize(&gaussian(&share, blur), w, h, Interpolation::Linear)
        })
        .collect();
    let best = |i: usize| (0..colours.len()).max_by(|&a, &b| shares[a].data[i].total_cmp(&shares[b].data[i]));
    let data = (0..w * h).into_par_iter().with_min_len(4096).map(|i| best(i).unwrap_or(0) as i16).collect();
    clean_labels(&Grid::from_data(w, h, data), SMALLEST_AREA * (look.coarseness() * look.unit).powi(2))
}

/// Page colours for a place: greys take the tint, bright ones come together, a dark place is lifted.
fn page_colours(colours: &[[f32; 3]], look: &Look, labels: &Grid<i16>) -> Vec<[f32; 3]> {
    let strength = if look.greyscale { 0.25 } else { 1.0 };
    let (sin, cos) = look.hue_deg.to_radians().sin_cos();
    let mut counts = vec![1e-4f32; colours.len()];
    labels.data.iter().for_each(|&l| counts[l as usize] += 1.0);
    if !look.behind_figure {
        return comic_colours(colours, &counts, &FIGURE_LOOK);
    }
    let mut page = comic_colours(colours, &counts, &PLACE_LOOK);
    for c in &mut page {
        let tint = (1.0 - chroma(*c) / 0.06).clamp(0.0, 1.0) * 0.075 * strength * ((c[0] - 0.2) / 0.3).clamp(0.35, 1.0);
        let lightness = if c[0] > 0.6 { 0.55 * c[0] + 0.36 } else { c[0] };
        *c = [lightness, c[1] + tint * cos, c[2] + tint * sin];
    }
    let mean = page.iter().zip(&counts).map(|(c, n)| c[0] * n).sum::<f32>() / counts.iter().sum::<f32>();
    let lift = (LIGHT_PLACE - mean).clamp(0.0, 0.20);
    page.iter_mut().for_each(|c| c[0] += lift * ((0.9 - c[0]) / 0.4).clamp(0.0, 1.0));
    let total = counts.iter().sum::<f32>();
    for (c, count) in page.iter_mut().zip(&counts) {
        // large areas stay lighter than ink and figure, whatever the rest is like
        c[0] += 0.6 * smoothstep(count / total, 0.05, 0.3) * (LIGHT_PLACE - c[0]).max(0.0);
    }
    page
}

/// A calm copy of a picture: noise and texture gone, edges kept.
pub fn calmed(picture: &Rgb) -> Rgb {
    bilateral(&bilateral(picture, 2, 26.0, 2.0), 3, 26.0, 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Look = Look { hue_deg: 230.0, greyscale: false, unit: 1.0, upsampling: 1.0, behind_figure: false };

    fn wall_and_floor() -> Lab {
        Grid::from_data(
            160,
            120,
            (0..160 * 120).map(|i| if i / 160 < 70 { [0.8, 0.0, 0.0] } else { [0.4, 0.05, 0.08] }).collect(),
        )
    }

    #[test]
    fn a_place_has_the_colours_that_it_shows_and_no_more() {
        let colours = colours_of(&wall_and_floor());
        assert_eq!(colours.len(), 2);
        assert!((colours[0][0] - 0.8).abs() < 0.01 && (colours[1][0] - 0.4).abs() < 0.01);
    }

    #[test]
    fn a_speck_on_the_wall_is_left_out_and_the_floor_meets_the_wall_in_ink() {
        let mut picture = wall_and_floor();
        picture[(40, 30)] = [0.4, 0.05, 0.08];
        let drawn = draw_place(&picture, &colours_of(&picture), &LOOK, Default::default()).colour;
        let brightness = |x: usize, y: usize| drawn[(x, y)].iter().sum::<f32>() / 3.0;
        assert!((brightness(40, 30) - brightness(90, 30)).abs() < 40.0);
        assert!(brightness(80, 70).min(brightness(80, 69)) < 90.0);
    }

    #[test]
    fn the_smallest_place_is_a_pixel() {
        let pixel = Grid::new(1, 1, [0.5, 0.0, 0.0]);
        assert_eq!(draw_place(&pixel, &colours_of(&pixel), &LOOK, Default::default()).colour.data.len(), 1);
    }
}
