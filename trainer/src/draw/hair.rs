//! Hair (or what covers the head): one material, found by its colour around the faces.

use std::collections::HashMap;

use super::framing::View;
use super::landmarks::{CHIN, FOREHEAD, OVAL, at, face_size, pick};
use super::materials::Material;
use super::point::{Point, centre, dot, sub, turn, unit};
use super::scene::Scene;
use crate::raster::clean::{clean_mask, smooth_mask};
use crate::raster::components::{Connectivity, regions};
use crate::raster::filter::gaussian;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Lab, Mask, Plane};

/// The label of hair pixels; beyond every palette entry.
pub const HAIR: i16 = 900;

/// What hair looks like in one clip.
pub struct Hair {
    /// Share of hair among the pixels of a colour, 0..1.
    share: Histogram,
    pub material: Material,
    /// Hair is darker than this.
    lightest: f32,
    /// The crown is covered: what shines there is hair as well.
    covers_crown: bool,
}

/// Share of dark pixels on the crown from which on a head has hair.
const HAIRY: f32 = 0.30;
/// How much darker than lit skin hair must be.
const DARKER_THAN_SKIN: f32 = 0.09;
/// Smallest piece without connection to the crown, in squared face widths: a goatee, not a shadow.
const DETACHED: f32 = 0.08;
/// Hair pixels in the sampled frames from which on there is hair.
const ENOUGH: usize = 150;

impl Hair {
    /// `pictures` are some frames in OKLab at working size.
    pub fn learn(scene: &Scene, pictures: &HashMap<usize, Lab>) -> Option<Self> {
        let lightest = scene.skin.filmed[0] - DARKER_THAN_SKIN;
        let (mut crown, mut body) = (Histogram::new(), Histogram::new());
        let mut seen: Vec<[f32; 3]> = Vec::new();
        let (mut top, mut dark_top) = (0usize, 0usize);
        for (&t, picture) in pictures {
            let Some(head) = scene.face(t).map(Head::new) else { continue };
            let (alpha, skin) = (&scene.alpha[t], &scene.clip().skin[t]);
            for y in 0..picture.height {
                for x in 0..picture.width {
                    let (colour, place) = (picture[(x, y)], head.place([x as f32, y as f32]));
                    if alpha[(x, y)] < 0.8 {
                        continue;
                    }
                    let dark = skin[(x, y)] != 1 && colour[0] < lightest;
                    if on_crown(place) {
                        top += 1;
                        dark_top += usize::from(dark);
                    }
                    if dark && is_crown(place) {
                        crown.add(colour);
                        seen.push(colour);
                    } else if skin[(x, y)] == 1 || !near_head(place) {
                        body.add(colour);
                    }
                }
            }
        }
        if seen.len() < ENOUGH {
            return None;
        }
        let share = Histogram::share(&crown.smooth(), &body.smooth());
        seen.retain(|&c| share.at(c) > 0.3);
        let covers_crown = dark_top as f32 > HAIRY * top as f32;
        (seen.len() >= ENOUGH / 2).then(|| Self { material: material(&mut seen), share, lightest, covers_crown })
    }

    /// Hair in a panel: dark around the heads, hair-coloured further off, all connected to a head. On a head with hair,
    /// whatever shines on the crown is hair too, `skin` or not. `figure` is the figure's cover.
    pub fn find(
        &self, view: &View, picture: &Lab, figure: &Plane, skin: &Mask, faces: &[Vec<[f32; 3]>], panel_unit: f32,
    ) -> Mask {
        let half = view.half();
        let small = resize(picture, half.width, half.height, Interpolation::Area);
        let bare = skin.data.iter().zip(&figure.data).map(|(&s, &c)| [if s { 0.0 } else { c }, c]).collect();
        let bare = Grid::from_data(view.width, view.height, bare);
        let cover = resize(&bare, half.width, half.height, Interpolation::Area);
        let mut hair = Grid::new(view.width, view.height, false);
        for face in faces {
            let halved: Vec<[f32; 3]> = face.iter().map(|p| p.map(|v| v / 2.0)).collect();
            let part = self.find_one(&small, &cover, &Head::new(&halved), panel_unit);
            let part = resize(&part, view.width, view.height, Interpolation::Linear);
            for i in 0..hair.data.len() {
                hair.data[i] |= part.data[i] > 0.5 && figure.data[i] > 0.3;
            }
        }
        hair
    }

    /// `covers`: of what is not skin, and of the whole figure.
    fn find_one(&self, picture: &Lab, covers: &Grid<[f32; 2]>, head: &Head, panel_unit: f32) -> Plane {
        let (w, h) = (picture.width, picture.height);
        let cover = self.crown_as_hair(covers, head);
        let score = |x: usize, y: usize| {
            let (colour, place) = (picture[(x, y)], head.place([x as f32, y as f32]));
            let dark = f32::from(u8::from(colour[0] < self.lightest));
            let share = self.share.at(colour);
            let score = match place {
                _ if on_crown(place) => if cover[(x, y)] > covers[(x, y)][0] { 1.0 } else { dark },
                _ if behind_glasses(place) => 0.0,
                // beside and below the eyes it must also have the colour: shadows on dark skin are dark too
                _ if near_head(place) => dark * if place[1] > 0.25 { 0.55 + 0.45 * share } else { 1.1 * share },
                _ if share > certain(place) => share * dark,
                _ => 0.0,
            };
            score * cover[(x, y)]
        };
        let scores = Grid::from_data(w, h, (0..w * h).map(|i| score(i % w, i / w)).collect());
        // what is seen as hair may be blurred over the figure, but not over the background
        let both = Grid::from_data(w, h, scores.data.iter().zip(&cover.data).map(|(s, c)| [*s, *c]).collect());
        let blurred = gaussian(&both, 0.03 * head.size).map(|b| b[0] / (b[1] + 0.15));
        let mask = clean_mask(&blurred.map(|&s| s > 0.42), 0.02 * head.size.powi(2), 0.05 * head.size.powi(2));
        let found = regions(&mask, Connectivity::Eight);
        let (mut on_head, mut from_crown) = (vec![false; found.regions.len()], vec![false; found.regions.len()]);
        for y in 0..h {
            for x in 0..w {
                let (id, place) = (found.ids[(x, y)] as usize, head.place([x as f32, y as f32]));
                on_head[id] |= near_head(place);
                from_crown[id] |= on_crown(place);
            }
        }
        let large = DETACHED * head.size.powi(2);
        let attached = found.ids.map(|&id| {
            let (region, id) = (&found.regions[id as usize], id as usize);
            region.value && (from_crown[id] || on_head[id] && region.area as f32 > large)
        });
        smooth_mask(&attached, (0.02 * head.size).max(0.8 * panel_unit))
    }

    /// Cover of what may be hair: not skin; but the whole crown when hair covers it.
    fn crown_as_hair(&self, covers: &Grid<[f32; 2]>, head: &Head) -> Plane {
        let mut cover = covers.map(|c| c[0]);
        if self.covers_crown {
            for (i, c) in cover.data.iter_mut().enumerate() {
                if on_crown(head.place([(i % covers.width) as f32, (i / covers.width) as f32])) {
                    // a hair more than the cover tells the score that this is hair whatever it looks like
                    *c = covers.data[i][1] + 1e-3;
                }
            }
        }
        cover
    }
}

/// Base tone and one highlight.
fn material(seen: &mut [[f32; 3]]) -> Material {
    let n = seen.len();
    let mut at = |k: usize, q: f32| {
        let i = ((n - 1) as f32 * q) as usize;
        seen.select_nth_unstable_by(i, |a, b| a[k].total_cmp(&b[k])).1[k]
    };
    let (median, light) = (at(0, 0.45), at(0, 0.95));
    let (a, b) = (at(1, 0.5), at(2, 0.5));
    let base = [(0.85 * median + 0.02).clamp(0.17, 0.72), 1.25 * a, 1.25 * b];
    if light - median < 0.07 {
        return Material::flat(base);
    }
    let shine = [base[0] + (0.7 * (light - median)).clamp(0.06, 0.13), base[1], base[2]];
    Material { levels: vec![median, light], tones: vec![base, shine], mean: base, calm: 1.7 }
}

/// A head's own coordinates: the centre of the face and its axes.
struct Head {
    centre: Point,
    up: Point,
    size: f32,
}

impl Head {
    fn new(face: &[[f32; 3]]) -> Self {
        let up = unit(sub(at(face, FOREHEAD), at(face, CHIN)));
        Self { centre: centre(&pick(face, &OVAL)), up, size: face_size(face).max(1.0) }
    }

    /// Sideways and up from the centre of the face, in face widths.
    fn place(&self, p: Point) -> Point {
        let from = sub(p, self.centre);
        [dot(from, turn(self.up)) / self.size, dot(from, self.up) / self.size]
    }
}

/// Above the forehead and beside the temples: where hair is learned.
fn is_crown([u, v]: Point) -> bool {
    v > 0.05 && ellipse(u, v, 0.54, 0.72) > 1.0 && ellipse(u, v, 0.72, 1.0) < 1.0
}

/// Around the skull, beside the cheeks, and the beard.
fn near_head([u, v]: Point) -> bool {
    if v > 0.2 { ellipse(u, v, 0.85, 1.3) < 1.0 } else { u.abs() < 0.82 && v > -0.62 }
}

/// The skull above the hairline.
fn on_crown([u, v]: Point) -> bool {
    v > 0.3 && ellipse(u, v, 0.54, 0.74) > 1.0 && ellipse(u, v, 0.75, 1.35) < 1.0
}

/// Share of hair that a colour needs to be taken for hair: long hair falls beside the neck, seldom far from it.
fn certain([u, v]: Point) -> f32 {
    match (u.abs(), v) {
        (u, v) if u < 1.0 && v > -1.1 && v < 1.4 => 0.45,
        (u, v) if u < 1.5 && v > -2.2 && v < 1.6 => 0.55,
        _ => f32::INFINITY,
    }
}

/// Between brows and cheekbones dark things are glasses, not hair.
fn behind_glasses([u, v]: Point) -> bool {
    u.abs() < 0.40 && v > -0.12 && v < 0.30
}

fn ellipse(u: f32, v: f32, a: f32, b: f32) -> f32 {
    (u / a).powi(2) + (v / b).powi(2)
}

/// Counts of colours, smoothed: 16 steps of lightness, 40 × 40 of tint.
#[derive(Clone)]
struct Histogram(Vec<f32>);

const STEPS: [usize; 3] = [16, 40, 40];
const TINT_RANGE: f32 = 0.4;

impl Histogram {
    fn new() -> Self {
        Self(vec![0.0; STEPS.iter().product()])
    }

    fn index(c: [f32; 3]) -> usize {
        let step = |v: f32, n: usize| ((v * n as f32) as usize).min(n - 1);
        let tint = |v: f32| (v / TINT_RANGE + 0.5).max(0.0);
        (step(c[0].max(0.0), STEPS[0]) * STEPS[1] + step(tint(c[1]), STEPS[1])) * STEPS[2] + step(tint(c[2]), STEPS[2])
    }

    fn add(&mut self, c: [f32; 3]) {
        self.0[Self::index(c)] += 1.0;
    }

    fn at(&self, c: [f32; 3]) -> f32 {
        self.0[Self::index(c)]
    }

    /// Shares of all pixels, blurred over a bin in every direction.
    fn smooth(&self) -> Self {
        let total = self.0.iter().sum::<f32>().max(1.0);
        let mut values: Vec<f32> = self.0.iter().map(|v| v / total).collect();
        for (stride, n) in [(STEPS[1] * STEPS[2], STEPS[0]), (STEPS[2], STEPS[1]), (1, STEPS[2])] {
            for _ in 0..2 {
                let before = values.clone();
                for (i, v) in values.iter_mut().enumerate() {
                    let at = i / stride % n;
                    let left = if at > 0 { before[i - stride] } else { before[i] };
                    let right = if at + 1 < n { before[i + stride] } else { before[i] };
                    *v = 0.5 * before[i] + 0.25 * (left + right);
                }
            }
        }
        Self(values)
    }

    fn share(of: &Self, against: &Self) -> Self {
        Self(of.0.iter().zip(&against.0).map(|(a, b)| a / (a + 0.7 * b + 1e-6)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brown() -> Hair {
        let (mut crown, mut body) = (Histogram::new(), Histogram::new());
        (0..100).for_each(|_| crown.add([0.25, 0.02, 0.03]));
        (0..100).for_each(|_| body.add([0.25, 0.0, -0.08]));
        let share = Histogram::share(&crown.smooth(), &body.smooth());
        Hair { share, material: Material::flat([0.25, 0.02, 0.03]), lightest: 0.5, covers_crown: false }
    }

    /// A face 40 wide in the middle of a 200 × 200 panel.
    fn face() -> Vec<[f32; 3]> {
        let mut points = vec![[100.0, 80.0, 0.0]; 468];
        for (i, &k) in OVAL.iter().enumerate() {
            let angle = i as f32 / 36.0 * std::f32::consts::TAU;
            points[k] = [100.0 + 20.0 * angle.sin(), 80.0 - 26.0 * angle.cos(), 0.0];
        }
        points[234] = [80.0, 80.0, 0.0];
        points[454] = [120.0, 80.0, 0.0];
        points
    }

    #[test]
    fn hair_of_its_colour_reaches_the_shoulders_but_a_dark_shirt_does_not_become_hair() {
        let mut picture = Grid::new(200, 200, [0.9, 0.0, 0.0]);
        for y in 0..200 {
            for x in 0..200 {
                if (40..60).contains(&y) && (70..130).contains(&x) || (60..150).contains(&y) && (120..134).contains(&x) {
                    picture[(x, y)] = [0.25, 0.02, 0.03];
                } else if y >= 130 {
                    picture[(x, y)] = [0.25, 0.0, -0.08];
                }
            }
        }
        let view = View { window: [0.0, 0.0, 200.0, 200.0], width: 200, height: 200, working_width: 200 };
        let (figure, skin) = (Grid::new(200, 200, 1.0), Grid::new(200, 200, false));
        let hair = brown().find(&view, &picture, &figure, &skin, &[face()], 1.0);
        assert!(hair[(100, 50)] && hair[(127, 120)], "crown {} strand {}", hair[(100, 50)], hair[(127, 120)]);
        assert!(!hair[(100, 170)] && !hair[(60, 140)]);
    }
}
