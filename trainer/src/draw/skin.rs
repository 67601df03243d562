//! Skin: its two tones, and which panel pixels have it.

use std::collections::BTreeMap;

use super::head::{Head, about_neck};
use super::landmarks::{LEFT, OVAL, RIGHT, face_mask, face_size, features, pick};
use super::materials::chroma;
use super::pen::fill;
use super::scene::sample;
use crate::clip::Clip;
use crate::raster::clean::{clean_mask, smooth_mask, smoothstep};
use crate::raster::colour::lch;
use crate::raster::components::{Connectivity, regions};
use crate::raster::filter::gaussian;
use crate::raster::morphology::dilate;
use crate::raster::polygon::convex_hull;
use crate::raster::{Grid, Lab, Mask, Plane};

/// One tone and one shadow.
#[derive(Clone, Debug)]
pub struct SkinTones {
    /// Page colours, OKLab.
    pub light: [f32; 3],
    pub shadow: [f32; 3],
    /// Median colour as filmed; its lightness is that of lit skin.
    pub filmed: [f32; 3],
    /// Whether skin was seen, or `filmed` is only a guess.
    pub known: bool,
}

/// Skin where none was seen.
const GUESS: [f32; 3] = [0.65, 0.03, 0.04];
/// The hue that filmed hues are pulled half-way to.
const SKIN_HUE_DEG: f32 = 55.0;
const CHROMA: std::ops::RangeInclusive<f32> = 0.060..=0.105;
const LIGHTNESS: std::ops::RangeInclusive<f32> = 0.40..=0.88;
/// Lightness of skin from which shadows on it begin to turn rosy, and are fully.
const ROSY: (f32, f32) = (0.55, 0.78);

impl SkinTones {
    /// `pictures` are some frames in OKLab.
    pub fn new(clip: &Clip, pictures: &BTreeMap<usize, Lab>) -> Self {
        let known = clip.skin_median.is_some();
        let mut filmed = clip.skin_median.unwrap_or(GUESS);
        if let Some(lit) = lit_lightness(clip, pictures, filmed[0]) {
            filmed[0] = lit;
        }
        Self::of(filmed, known)
    }

    fn of(filmed: [f32; 3], known: bool) -> Self {
        let (l, c) = (filmed[0], chroma(filmed));
        // like the ITA angle: chroma by lightness tells dark skin in the sun from light skin in the shade
        let by_tint = 0.86 - 2.2 * (c / l.max(0.05) - 0.05).max(0.0);
        let lightness = (0.4 * l + 0.6 * by_tint + 0.04).min(l + 0.17).clamp(*LIGHTNESS.start(), *LIGHTNESS.end());
        if c < 0.012 {
            let light = [lightness.max(0.84), 0.0, 0.0];
            return Self { light, shadow: [0.78 * light[0], 0.0, 0.0], filmed, known };
        }
        let hue = 0.5 * (filmed[2].atan2(filmed[1]).to_degrees() + SKIN_HUE_DEG);
        let chroma = (1.6 * c).clamp(*CHROMA.start(), *CHROMA.end());
        let light = lch(lightness, chroma, hue);
        // the shadow is darker and redder; on dark skin as much more chroma would be red, not brown
        let rosy = smoothstep(lightness, ROSY.0, ROSY.1);
        let shadow = lch(0.80 * lightness - 0.01, (0.90 + 0.22 * rosy) * chroma, hue - 3.0 - 5.0 * rosy);
        Self { light, shadow, filmed, known }
    }
}

impl SkinTones {
    /// Whether a colour may be this skin in shadow: darker or as light, of its hue, nearly as saturated for its lightness.
    pub fn like_shadow(&self, colour: [f32; 3]) -> bool {
        let hue = |c: [f32; 3]| c[2].atan2(c[1]).to_degrees();
        let turn = ((hue(colour) - hue(self.filmed) + 540.0) % 360.0 - 180.0).abs();
        let saturation = |c: [f32; 3]| chroma(c) / c[0].max(0.05);
        let lightness = colour[0] / self.filmed[0].max(0.05);
        turn < 20.0 && saturation(colour) > 0.5 * saturation(self.filmed) && (0.45..1.1).contains(&lightness)
    }
}

/// Lightness that a little over two thirds of the skin pixels stay below: skin in the light.
fn lit_lightness(clip: &Clip, pictures: &BTreeMap<usize, Lab>, median: f32) -> Option<f32> {
    let mut seen: Vec<f32> = Vec::new();
    for (&t, picture) in pictures {
        let pixels = picture.data.iter().zip(&clip.skin[t].data);
        seen.extend(pixels.filter(|(p, s)| **s == 1 && (p[0] - median).abs() < 0.25).map(|(p, _)| p[0]));
    }
    let at = (0.72 * seen.len() as f32) as usize;
    (seen.len() > 200).then(|| *seen.select_nth_unstable_by(at, f32::total_cmp).1)
}

/// What a panel shows, for finding its skin.
pub struct Seen<'a> {
    pub picture: &'a Lab,
    /// Cover of the figure.
    pub cover: &'a Plane,
    /// Faces in panel pixels.
    pub faces: &'a [Vec<[f32; 3]>],
    pub unit: f32,
    pub greyscale: bool,
}

/// How far below a face its throat is, in face widths.
const THROAT: f32 = 0.55;
/// Places between the eyes; two of them without skin mean glasses.
const NOSE_BRIDGE: [usize; 3] = [168, 6, 197];
const NOSE: [usize; 8] = [168, 129, 98, 97, 2, 326, 327, 358];
const CHEEKS_AND_NOSE: [usize; 7] = [117, 50, 101, 346, 280, 330, 195];

/// Makes skin of what lies inside faces and drops what only looks like skin.
pub fn settle(mut skin: Mask, seen: &Seen, tones: &SkinTones) -> Mask {
    // labels go on outside the figure: what lies there would be judged along
    let near = dilate(&seen.cover.map(|&c| c > 0.5), 3.0 * seen.unit);
    skin.data.iter_mut().zip(&near.data).for_each(|(s, &n)| *s &= n);
    for face in seen.faces {
        skin = settle_face(skin, face, seen, tones);
    }
    skin = drop_strangers(skin, seen, tones);
    smooth_mask(&skin, 1.6 * seen.unit).map(|&s| s > 0.5)
}

fn settle_face(mut skin: Mask, face: &[[f32; 3]], seen: &Seen, tones: &SkinTones) -> Mask {
    let (w, h) = (skin.width, skin.height);
    let size = face_size(face);
    let oval = face_mask(w, h, face, &OVAL, 0.98);
    let bare = |i: &usize| sample(&skin, [face[*i][0], face[*i][1]]);
    let glasses = NOSE_BRIDGE.iter().filter(|i| !bare(i)).count() >= 2;
    let mut holes = features(w, h, face);
    if !glasses {
        for side in [&RIGHT, &LEFT] {
            let socket = [&side.ring[..], &side.brow_upper, &side.brow_lower].concat();
            fill(&mut holes, &convex_hull(&pick(face, &socket)), 1.0);
        }
        fill(&mut holes, &convex_hull(&pick(face, &NOSE)), 1.0);
    }
    if seen.greyscale {
        by_lightness(&mut skin, face, seen);
    }
    let near = gaussian(&skin.map(|&s| f32::from(u8::from(s))), 0.13 * size);
    for i in 0..skin.data.len() {
        let glint = seen.picture.data[i][0] > tones.filmed[0] - 0.05;
        let inside = oval.data[i] > 0.5;
        // what is as light as skin inside a face shines, or is a tooth: hair and beard are darker
        skin.data[i] |= inside && near.data[i] > 0.22 && (holes.data[i] > 0.5 || glint && !glasses);
    }
    let hole = if glasses { 0.008 } else { 0.03 } * size * size;
    let clean = clean_mask(&skin, 200.0 * seen.unit * seen.unit, hole);
    paste(&mut skin, &clean, &oval);
    // what skin encloses on the neck is the chin's shadow, or a thing too small to be told
    let lowered: Vec<[f32; 3]> = face.iter().map(|p| [p[0], p[1] + THROAT * size, p[2]]).collect();
    paste(&mut skin, &clean, &face_mask(w, h, &lowered, &OVAL, 0.9));
    let calm = smooth_mask(&skin, (1.6 * seen.unit).max(0.014 * size)).map(|&s| s > 0.5);
    paste(&mut skin, &calm, &face_mask(w, h, face, &OVAL, 1.1));
    skin
}

fn paste(skin: &mut Mask, from: &Mask, within: &Plane) {
    for ((s, &f), &inside) in skin.data.iter_mut().zip(&from.data).zip(&within.data) {
        if inside > 0.5 {
            *s = f;
        }
    }
}

/// Without colour, skin is what is about as light as the cheeks, in and just below the face.
fn by_lightness(skin: &mut Mask, face: &[[f32; 3]], seen: &Seen) {
    let size = face_size(face);
    let mut cheeks = CHEEKS_AND_NOSE.map(|i| sample(seen.picture, [face[i][0], face[i][1]])[0]);
    cheeks.sort_by(f32::total_cmp);
    let lowered: Vec<[f32; 3]> = face.iter().map(|p| [p[0], p[1] + 0.12 * size, p[2]]).collect();
    let wide = face_mask(skin.width, skin.height, &lowered, &OVAL, 1.12);
    let lightness = gaussian(&seen.picture.map(|p| p[0]), 0.02 * size);
    for i in 0..skin.data.len() {
        let on = wide.data[i] > 0.5 && seen.cover.data[i] > 0.5;
        skin.data[i] |= on && lightness.data[i] > cheeks[cheeks.len() / 2] - 0.20;
    }
}

/// Away from the face, skin must be skin-coloured and no speck: badges and prints are not.
fn drop_strangers(skin: Mask, seen: &Seen, tones: &SkinTones) -> Mask {
    let found = regions(&skin, Connectivity::Eight);
    let mut of_face = vec![false; found.regions.len()];
    let mut largest_face = 0.0f32;
    for face in seen.faces {
        largest_face = largest_face.max(face_size(face));
        let oval = face_mask(skin.width, skin.height, face, &OVAL, 1.02);
        for (&id, &inside) in found.ids.data.iter().zip(&oval.data) {
            of_face[id as usize] |= inside > 0.5;
        }
    }
    let smallest = (200.0 * seen.unit * seen.unit).max(SMALLEST_HAND * largest_face * largest_face);
    let mut colours: Vec<Vec<[f32; 3]>> = vec![Vec::new(); found.regions.len()];
    for (i, &id) in found.ids.data.iter().enumerate().step_by(SAMPLED_PIXELS) {
        if seen.cover.data[i] > 0.5 {
            colours[id as usize].push(seen.picture.data[i]);
        }
    }
    let keep: Vec<bool> = (0..found.regions.len())
        .map(|id| {
            let region = &found.regions[id];
            region.value
                && (of_face[id]
                    || (colours[id].len() * SAMPLED_PIXELS) as f32 >= smallest
                        && (!tones.known || skin_coloured(&mut colours[id], tones)))
        })
        .collect();
    found.ids.map(|&id| keep[id as usize])
}

/// Area of the smallest bit of hand or arm that is worth drawing, in squared face widths.
const SMALLEST_HAND: f32 = 0.04;
/// Every which pixel is looked at for a region's median colour.
const SAMPLED_PIXELS: usize = 3;

fn skin_coloured(colours: &mut [[f32; 3]], tones: &SkinTones) -> bool {
    let middle = colours.len() / 2;
    if colours.is_empty() {
        return false;
    }
    let mut median = |k: usize| colours.select_nth_unstable_by(middle, |a, b| a[k].total_cmp(&b[k])).1[k];
    let seen = [median(0), median(1), median(2)];
    let tint = (seen[1] - tones.filmed[1]).hypot(seen[2] - tones.filmed[2]);
    let pale = chroma(tones.filmed);
    seen[0] - tones.filmed[0] < 0.13 && (pale < 0.012 || tint < (0.35 * pale).max(0.018) || tones.like_shadow(seen))
}

/// A bright shirt lights the chin above it: small islands of cloth between skin and hair (`bare`) about a neck are skin,
/// which has `label`.
pub fn lit_by_cloth(labels: &mut Grid<i16>, bare: &[i16], label: i16, faces: &[Vec<[f32; 3]>]) {
    /// Area of an island in squared face widths, and the share of its border that skin and hair have.
    const ISLAND: f32 = 0.09;
    const ENCLOSED: f32 = 0.7;
    let found = regions(labels, Connectivity::Four);
    let enclosed = found.border_share(|value| bare.contains(&value));
    let heads: Vec<Head> = faces.iter().map(|face| Head::new(face)).collect();
    let island: Vec<bool> = found
        .regions
        .iter()
        .zip(&enclosed)
        .map(|(region, &enclosed)| {
            let middle = [(region.x0 + region.x1) as f32 / 2.0, (region.y0 + region.y1) as f32 / 2.0];
            let small =
                |head: &Head| (region.area as f32) < ISLAND * head.size.powi(2) && about_neck(head.place(middle));
            !bare.contains(&region.value) && enclosed > ENCLOSED && heads.iter().any(small)
        })
        .collect();
    labels.data.iter_mut().zip(&found.ids.data).filter(|(_, id)| island[**id as usize]).for_each(|(l, _)| *l = label);
}

/// Skin gets `label`. Pixels that lost it take the label of the colour in `others` that is most like them.
pub fn relabel(labels: &Grid<i16>, skin: &Mask, label: i16, picture: &Lab, others: &[([f32; 3], i16)]) -> Grid<i16> {
    let likeness =
        |a: [f32; 3], b: [f32; 3]| (a[0] - b[0]).powi(2) + 4.0 * ((a[1] - b[1]).powi(2) + (a[2] - b[2]).powi(2));
    let of_colour = |c: [f32; 3]| {
        let nearest = others.iter().min_by(|a, b| likeness(a.0, c).total_cmp(&likeness(b.0, c)));
        nearest.map_or(label, |n| n.1)
    };
    let pixels = labels.data.iter().zip(&skin.data).zip(&picture.data);
    let data = pixels.map(|((&l, &s), &c)| match (s, l == label) {
        (true, _) => label,
        (false, true) => of_colour(c),
        (false, false) => l,
    });
    Grid::from_data(labels.width, labels.height, data.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tones() -> SkinTones {
        SkinTones {
            light: lch(0.8, 0.08, 50.0),
            shadow: lch(0.6, 0.09, 45.0),
            filmed: lch(0.65, 0.06, 55.0),
            known: true,
        }
    }

    fn settled(colour: [f32; 3], side: usize) -> usize {
        let mut skin = Grid::new(60, 60, false);
        (20..20 + side).for_each(|y| (20..20 + side).for_each(|x| skin[(x, y)] = true));
        let picture = Grid::new(60, 60, colour);
        let seen = Seen { picture: &picture, cover: &Grid::new(60, 60, 1.0), faces: &[], unit: 1.0, greyscale: false };
        settle(skin, &seen, &tones()).data.iter().filter(|&&s| s).count()
    }

    #[test]
    fn a_hand_stays_but_a_badge_and_a_speck_go() {
        assert!(settled(lch(0.6, 0.055, 55.0), 20) > 300);
        assert_eq!(settled(lch(0.95, 0.01, 100.0), 20), 0);
        assert_eq!(settled(lch(0.6, 0.055, 55.0), 5), 0);
    }

    #[test]
    fn a_patch_of_shirt_on_the_throat_is_skin_and_the_shirt_is_not() {
        let face = super::super::landmarks::tests::plain_face([100.0, 80.0], 80.0);
        let mut labels = Grid::new(200, 200, 2i16);
        (100..110).for_each(|x| (140..150).for_each(|y| labels[(x, y)] = 5));
        (0..200).for_each(|x| (170..200).for_each(|y| labels[(x, y)] = 5));
        lit_by_cloth(&mut labels, &[2], 2, &[face]);
        assert_eq!((labels[(105, 145)], labels[(105, 180)]), (2, 5));
    }

    #[test]
    fn shadows_turn_light_skin_rosy_and_leave_dark_skin_brown() {
        let saturation = |c: [f32; 3]| chroma(c) / c[0];
        let light = SkinTones::of([0.80, 0.03, 0.05], true);
        assert!(chroma(light.shadow) > 1.1 * chroma(light.light), "{light:?}");
        let dark = SkinTones::of([0.38, 0.06, 0.07], true);
        assert!(dark.light[0] < 0.6 && saturation(dark.shadow) < 1.2 * saturation(dark.light), "{dark:?}");
    }

    #[test]
    fn what_is_no_longer_skin_takes_the_label_of_its_colour() {
        let labels = Grid::from_data(3, 1, vec![2i16, 2, 5]);
        let skin = Grid::from_data(3, 1, vec![false, true, false]);
        let others = [([0.9, 0.0, 0.0], 7), ([0.2, 0.0, 0.0], 8)];
        assert_eq!(relabel(&labels, &skin, 2, &Grid::new(3, 1, [0.8, 0.0, 0.0]), &others).data, [7, 2, 5]);
    }
}
