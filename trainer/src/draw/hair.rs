//! Hair (or what covers the head): one material, found by its colour around the faces.

mod crown;
mod ends;

use std::collections::BTreeMap;

use super::framing::View;
use super::head::{Head, behind_glasses, beside_neck, certain, is_crown, near_head, on_chin, on_crown};
use super::histogram::Histogram;
use super::landmarks::{LIPS_OUTER, at, face_mask};
use super::materials::{Material, skin_label};
use super::point::Point;
use super::scene::Scene;
use crate::raster::clean::{clean_mask, smooth_mask};
use crate::raster::components::{Connectivity, regions};
use crate::raster::filter::gaussian;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Lab, Mask, Plane};
use crown::Crown;
pub use ends::take_ends;

/// The label of hair pixels; beyond every palette entry.
pub const HAIR: i16 = 900;

/// What hair looks like in one clip.
pub struct Hair {
    /// Share of hair among the pixels of a colour, 0..1.
    share: Histogram,
    pub material: Material,
    tell: Tell,
    /// The crown is covered: what shines there is hair as well.
    covers_crown: bool,
    /// There is a beard; hair falls beside the neck. Without either, what is dark below the eyes is shadow.
    beard: bool,
    long: bool,
}

/// What tells hair from skin.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Tell {
    /// It is darker than this.
    Darker(f32),
    /// Its colour: it is about as light as skin.
    Colour,
}

/// Share of dark pixels on the crown from which on a head has hair.
const HAIRY: f32 = 0.30;
/// How much darker than lit skin hair must be.
const DARKER_THAN_SKIN: f32 = 0.09;
/// Shares of hair-like pixels on the chin and beside the neck that make a beard and long hair.
const BEARDED: f32 = 0.35;
const LONG: f32 = 0.40;
/// Lower end of short hair, and half the width of a beard, in face widths from the centre of the face.
const EYES: f32 = -0.02;
const BEARD_WIDTH: f32 = 0.62;
/// A hole in a beard ends above this; lower down is the collar.
const LOWEST_BEARD: f32 = -0.72;
/// Smallest piece without connection to the crown, in squared face widths: a goatee, not a shadow.
const DETACHED: f32 = 0.08;
/// Hair pixels in the sampled frames from which on there is hair.
const ENOUGH: usize = 150;

impl Hair {
    /// `pictures` are some frames in OKLab at working size.
    pub fn learn(scene: &Scene, pictures: &BTreeMap<usize, Lab>) -> Option<Self> {
        let mut hair = match Self::dark(scene, pictures) {
            Some(dark) if dark.covers_crown => dark,
            thin => Self::light(scene, pictures).or(thin)?,
        };
        hair.beard = hair.frequency(scene, pictures, on_chin) > BEARDED;
        hair.long = hair.frequency(scene, pictures, beside_neck) > LONG;
        Some(hair)
    }

    /// Hair that is darker than skin.
    fn dark(scene: &Scene, pictures: &BTreeMap<usize, Lab>) -> Option<Self> {
        let lightest = scene.skin.filmed[0] - DARKER_THAN_SKIN;
        let (mut crown, mut body) = (Histogram::default(), Histogram::default());
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
        if seen.len() < ENOUGH / 2 {
            return None;
        }
        let material = material(&mut seen);
        let covers_crown = dark_top as f32 > HAIRY * top as f32;
        Some(Self { share, material, tell: Tell::Darker(lightest), covers_crown, beard: false, long: false })
    }

    /// Hair about as light as skin.
    fn light(scene: &Scene, pictures: &BTreeMap<usize, Lab>) -> Option<Self> {
        let mut crown = Crown::default();
        for (&t, picture) in pictures {
            if let Some(face) = scene.face(t) {
                crown.look(picture, &scene.alpha[t], face);
            }
        }
        crown.hair()
    }

    /// Whether a colour may be hair and no skin.
    fn differs_from_skin(&self, colour: [f32; 3]) -> bool {
        match self.tell {
            Tell::Darker(lightest) => colour[0] < lightest,
            Tell::Colour => self.share.at(colour) > 0.5,
        }
    }

    /// Share of the figure's pixels at some place about the heads that look like hair.
    fn frequency(&self, scene: &Scene, pictures: &BTreeMap<usize, Lab>, wanted: fn(Point) -> bool) -> f32 {
        let (mut all, mut hair) = (1.0f32, 0.0f32);
        for (&t, picture) in pictures {
            let Some(head) = scene.face(t).map(Head::new) else { continue };
            for (i, &colour) in picture.data.iter().enumerate() {
                let place = head.place([(i % picture.width) as f32, (i / picture.width) as f32]);
                if wanted(place) && scene.alpha[t].data[i] > 0.8 {
                    all += 1.0;
                    let entry = usize::from(scene.character.labels[t].data[i]);
                    let skin = scene.materials.group.get(entry) == Some(&skin_label(scene.character.palette));
                    let dark = self.differs_from_skin(colour) && !skin;
                    hair += f32::from(u8::from(dark && self.share.at(colour) > 0.5));
                }
            }
        }
        hair / all
    }

    /// Hair in a panel: dark around the heads, hair-coloured further off, all connected to a head. On a head with hair,
    /// whatever shines on the crown is hair too, `skin` or not. `figure` is the figure's cover.
    pub fn find(
        &self,
        view: &View,
        picture: &Lab,
        figure: &Plane,
        skin: &Mask,
        faces: &[Vec<[f32; 3]>],
        panel_unit: f32,
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
            if self.beard {
                close_beard(&mut hair, face);
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
            let dark = f32::from(u8::from(self.differs_from_skin(colour)));
            let share = self.share.at(colour);
            let score = match place {
                _ if on_crown(place) => {
                    if cover[(x, y)] > covers[(x, y)][0] {
                        1.0
                    } else {
                        dark
                    }
                }
                _ if behind_glasses(place) => 0.0,
                // beside and below the eyes it must also have the colour: shadows on dark skin are dark too
                _ if place[1] < EYES && !(self.long || self.beard && place[0].abs() < BEARD_WIDTH) => 0.0,
                _ if near_head(place) => dark * if place[1] > 0.25 { 0.55 + 0.45 * share } else { 1.1 * share },
                _ if self.long && share > certain(place) => share * dark,
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

/// A beard is thin under the lip, where light gets through: what it and the lips enclose is beard.
fn close_beard(hair: &mut Mask, face: &[[f32; 3]]) {
    let head = Head::new(face);
    let lips = face_mask(hair.width, hair.height, face, &LIPS_OUTER, 1.0).map(|&l| l > 0.3);
    let bare = hair.data.iter().zip(&lips.data).map(|(&h, &l)| !h && !l).collect();
    let found = regions(&Grid::from_data(hair.width, hair.height, bare), Connectivity::Four);
    let [_, mouth] = head.place(at(face, LIPS_OUTER[0]));
    let within = |&(x, y): &(usize, usize)| {
        let [u, v] = head.place([x as f32, y as f32]);
        u.abs() < BEARD_WIDTH && (LOWEST_BEARD..mouth + 0.1).contains(&v)
    };
    let enclosed: Vec<bool> = found
        .regions
        .iter()
        .map(|r| r.value && [(r.x0, r.y0), (r.x1, r.y0), (r.x0, r.y1), (r.x1, r.y1)].iter().all(within))
        .collect();
    hair.data.iter_mut().zip(&found.ids.data).for_each(|(h, &id)| *h |= enclosed[id as usize]);
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

#[cfg(test)]
mod tests {
    use super::super::landmarks::OVAL;
    use super::*;

    fn brown() -> Hair {
        let (mut crown, mut body) = (Histogram::default(), Histogram::default());
        (0..100).for_each(|_| crown.add([0.25, 0.02, 0.03]));
        (0..100).for_each(|_| body.add([0.25, 0.0, -0.08]));
        let share = Histogram::share(&crown.smooth(), &body.smooth());
        Hair {
            share,
            material: Material::flat([0.25, 0.02, 0.03]),
            tell: Tell::Darker(0.5),
            covers_crown: false,
            beard: false,
            long: true,
        }
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
    fn bare_skin_that_beard_and_lips_enclose_is_beard_and_the_neck_is_not() {
        let face = super::super::landmarks::tests::plain_face([100.0, 80.0], 80.0);
        let beard = |x: usize, y: usize| {
            let chin = (62..138).contains(&x) && (96..140).contains(&y);
            chin && !((90..110).contains(&x) && (108..130).contains(&y))
        };
        let mut hair = Grid::from_data(200, 200, (0..40_000).map(|i| beard(i % 200, i / 200)).collect());
        close_beard(&mut hair, &face);
        assert!(hair[(100, 120)] && hair[(100, 128)], "the hole under the lip");
        assert!(!hair[(100, 60)] && !hair[(100, 150)], "nose and neck stay bare");
    }

    #[test]
    fn hair_of_its_colour_reaches_the_shoulders_but_a_dark_shirt_does_not_become_hair() {
        let mut picture = Grid::new(200, 200, [0.9, 0.0, 0.0]);
        for y in 0..200 {
            for x in 0..200 {
                if (40..60).contains(&y) && (70..130).contains(&x) || (60..150).contains(&y) && (120..134).contains(&x)
                {
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
