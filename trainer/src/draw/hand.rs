//! Hands with fingers, placed by their landmarks: which pixels are theirs, and the lines between and around fingers.
//!
//! A hand is drawn where its form agrees with the skin that was found; else it stays the flat of skin that it was.

pub mod form;

use super::finish::Layers;
use super::ink::boundary_ink;
use super::point::{dot, sub};
use crate::clip::HAND_POINTS;
use crate::raster::clean::smoothstep;
use crate::raster::components::{Connectivity, regions};
use crate::raster::distance::nearest;
use crate::raster::{Grid, Mask, Plane};
use form::{Form, Part};

/// Palms shorter than this many page pixels leave no room for lines between fingers.
const SMALLEST_PALM: f32 = 20.0;
/// Share of a hand's form that must lie on skin, for its landmarks to be believed.
const LEAST_SKIN: f32 = 0.6;
/// Skin beside the form is a blurred rim, or the air between fingers, when it is smaller than this (squared palm lengths).
const LARGEST_RIM: f32 = 0.5;
/// Lines begin where one thing is nearer than another by the first, and are full from the second on (palm lengths).
const NEARER: (f32, f32) = (0.06, 0.12);
/// Strength of lines around a hand and between its fingers, as shares of the thickest.
const AROUND: f32 = 0.8;
const BETWEEN: f32 = 0.5;

/// The drawn hands of a panel.
pub struct Hands {
    /// Their pixels.
    pub mask: Mask,
    /// Lines around and between fingers.
    pub ink: Plane,
    forms: Vec<Form>,
}

impl Hands {
    /// `points` are landmarks in panel pixels, the surest hand first; `skin` is what was found in the panel; `width` are a pen's
    /// page pixels.
    pub fn draw(points: &[[[f32; 3]; HAND_POINTS]], skin: &Mask, unit: f32, width: (f32, f32)) -> Self {
        let (w, h) = (skin.width, skin.height);
        let mut mask = Mask::new(w, h, false);
        let mut strength = Plane::new(w, h, 0.0);
        let mut forms = Vec::new();
        // the surest hand last: it is the one that the other does not hide
        for points in points.iter().rev() {
            let form = Form::new(points);
            let mut parts = Grid::new(w, h, None);
            let mut depth = Plane::new(w, h, f32::INFINITY);
            form.render(&mut parts, &mut depth);
            if form.palm_length < SMALLEST_PALM * unit || !agrees(&parts, skin) {
                continue;
            }
            for i in (0..parts.data.len()).filter(|&i| parts.data[i].is_some()) {
                (mask.data[i], strength.data[i]) = (true, 0.0);
            }
            add_lines(&mut strength, &form, &parts, &depth);
            forms.push(form);
        }
        let ink =
            if forms.is_empty() { Plane::new(w, h, 0.0) } else { boundary_ink(&strength, unit, width, (0.1, 1.0)) };
        Self { mask, ink, forms }
    }

    /// Makes the hands' pixels skin (`label`) of the figure, and takes away what of the skin beside them is no hand: in its stead
    /// comes what is next to it. `kept` are faces and necks.
    pub fn settle(&self, cover: &mut Plane, labels: &mut Grid<i16>, skin: &mut Mask, label: i16, kept: &Mask) {
        if self.forms.is_empty() {
            return;
        }
        let rim = self.rim(skin, kept);
        let other = Grid::from_data(
            skin.width,
            skin.height,
            (0..skin.data.len()).map(|i| !skin.data[i] && !self.mask.data[i]).collect(),
        );
        if let Some(beside) = nearest(&other) {
            for i in (0..rim.data.len()).filter(|&i| rim.data[i]) {
                let from = beside.index.data[i] as usize;
                (labels.data[i], skin.data[i]) = (labels.data[from], false);
                cover.data[i] = cover.data[i].min(cover.data[from]);
            }
        }
        for i in (0..rim.data.len()).filter(|&i| self.mask.data[i]) {
            (labels.data[i], skin.data[i], cover.data[i]) = (label, true, 1.0);
        }
    }

    /// The hands' own lines instead of folds that the light made on them.
    pub fn lay_ink(&self, ink: &mut Plane) {
        for (i, ink) in ink.data.iter_mut().enumerate() {
            *ink = if self.mask.data[i] { self.ink.data[i] } else { ink.max(self.ink.data[i]) };
        }
    }

    /// Puts the hands before faces: what is theirs is again as it was before faces were drawn.
    pub fn uncover(&self, layers: &mut Layers, faceless: &Layers) {
        for i in (0..self.mask.data.len()).filter(|&i| self.mask.data[i]) {
            (layers.colour.data[i], layers.ink.data[i]) = (faceless.colour.data[i], faceless.ink.data[i]);
        }
    }

    /// Small pieces of skin beside hands, on the fingers' side of the wrist.
    fn rim(&self, skin: &Mask, kept: &Mask) -> Mask {
        let mut rim = Mask::new(skin.width, skin.height, false);
        for form in &self.forms {
            let mut left = skin.clone();
            for (i, left) in left.data.iter_mut().enumerate().filter(|(_, left)| **left) {
                *left = !self.mask.data[i] && !kept.data[i] && ahead(form, i % skin.width, i / skin.width);
            }
            let near = self.near(form);
            let found = regions(&left, Connectivity::Eight);
            for (i, &id) in found.ids.data.iter().enumerate() {
                let region = &found.regions[id as usize];
                let small = (region.area as f32) < LARGEST_RIM * form.palm_length.powi(2);
                rim.data[i] |= region.value && small && near(i % skin.width, i / skin.width);
            }
        }
        rim
    }

    /// Whether a pixel is about as near to the wrist as the hand's own are.
    fn near(&self, form: &Form) -> impl Fn(usize, usize) -> bool {
        let (wrist, reach) = (form.wrist, 2.6 * form.palm_length);
        move |x, y| (x as f32 - wrist[0]).hypot(y as f32 - wrist[1]) < reach
    }
}

fn ahead(form: &Form, x: usize, y: usize) -> bool {
    dot(sub([x as f32, y as f32], form.wrist), form.along) > 0.05 * form.palm_length
}

fn agrees(parts: &Grid<Option<Part>>, skin: &Mask) -> bool {
    let all = parts.data.iter().filter(|part| part.is_some()).count();
    let on = parts.data.iter().zip(&skin.data).filter(|(part, skin)| part.is_some() && **skin).count();
    all > 0 && on as f32 >= LEAST_SKIN * all as f32
}

/// Marks borders of a hand, to the right and lower neighbour, with the strength of their line.
fn add_lines(strength: &mut Plane, form: &Form, parts: &Grid<Option<Part>>, depth: &Plane) {
    let (w, h) = (parts.width, parts.height);
    for y in 0..h {
        for x in 0..w {
            for (nx, ny) in [(x + 1, y), (x, y + 1)] {
                if nx >= w || ny >= h || (parts[(x, y)] == parts[(nx, ny)]) {
                    continue;
                }
                let apart = (depth[(x, y)] - depth[(nx, ny)]).abs() / form.palm_length;
                let nearer = || BETWEEN * smoothstep(apart, NEARER.0, NEARER.1);
                let line = match (parts[(x, y)], parts[(nx, ny)]) {
                    (None, _) | (_, None) => {
                        if ahead(form, x, y) {
                            AROUND
                        } else {
                            0.0
                        }
                    }
                    (Some(Part::Finger(a, _)), Some(Part::Finger(b, _))) if a != b => BETWEEN,
                    _ => nearer(),
                };
                strength[(x, y)] = strength[(x, y)].max(line);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::components::regions;

    const SIDE: usize = 240;
    const SKIN: i16 = 7;
    const CLOTH: i16 = 3;

    /// A right hand with its back to us: the index finger points up, the others are bent before the palm.
    fn pointing(scale: f32) -> [[f32; 3]; HAND_POINTS] {
        let mut points = [[0.0; 3]; HAND_POINTS];
        points[1..5].copy_from_slice(&[
            [-30.0, -20.0, 0.0],
            [-46.0, -44.0, -4.0],
            [-40.0, -62.0, -20.0],
            [-18.0, -60.0, -40.0],
        ]);
        points[5..9].copy_from_slice(&[
            [-27.0, -88.0, 0.0],
            [-28.0, -132.0, 0.0],
            [-28.0, -158.0, 0.0],
            [-28.0, -180.0, 0.0],
        ]);
        for (finger, x) in [(2, -8.0), (3, 11.0), (4, 28.0)] {
            let bent = [[x, -88.0, 0.0], [x, -92.0, -36.0], [x, -62.0, -44.0], [x, -48.0, -26.0]];
            points[1 + 4 * finger..][..4].copy_from_slice(&bent);
        }
        points.map(|[x, y, z]| [130.0 + scale * x, 215.0 + scale * y, scale * z])
    }

    fn everywhere() -> Mask {
        Mask::new(SIDE, SIDE, true)
    }

    fn drawn(points: [[f32; 3]; HAND_POINTS], skin: &Mask) -> Hands {
        Hands::draw(&[points], skin, 1.0, (0.9, 2.8))
    }

    #[test]
    fn the_fingers_of_a_pointing_hand_are_areas_of_their_own_with_ink_between() {
        let points = pointing(1.0);
        let hands = drawn(points, &everywhere());
        let bare: Vec<bool> = hands.mask.data.iter().zip(&hands.ink.data).map(|(&m, &ink)| m && ink < 0.5).collect();
        let found = regions(&Grid::from_data(SIDE, SIDE, bare), Connectivity::Four);
        let area_at = |i: usize| found.ids[(points[i][0] as usize, points[i][1] as usize)];
        let mut bent = [4, 11, 15, 19].map(area_at);
        assert!(bent.iter().all(|&id| found.regions[id as usize].value), "ink on a finger");
        bent.sort_unstable();
        assert!(bent.windows(2).all(|pair| pair[0] != pair[1]), "two fingers are one area: {bent:?}");
        assert!(hands.mask[(points[7][0] as usize, points[7][1] as usize)], "the index finger points up");
        let beside = points[7][0] as usize + 24;
        assert!(!hands.mask[(beside, points[7][1] as usize)], "nothing is beside it");
    }

    #[test]
    fn what_is_nearer_hides_what_is_behind_it() {
        let points = pointing(1.0);
        let mut parts = Grid::new(SIDE, SIDE, None);
        let mut depth = Plane::new(SIDE, SIDE, f32::INFINITY);
        Form::new(&points).render(&mut parts, &mut depth);
        let at = |i: usize| parts[(points[i][0] as usize, points[i][1] as usize)];
        assert!(matches!(at(11), Some(Part::Finger(2, _))), "a bent finger lies before the palm: {:?}", at(11));
        assert_eq!(parts[(130, 200)], Some(Part::Palm));
    }

    #[test]
    fn skin_between_a_finger_and_its_neighbours_goes_and_a_face_stays() {
        let mut skin = Mask::new(SIDE, SIDE, false);
        (30..SIDE).for_each(|y| (70..180).for_each(|x| skin[(x, y)] = true));
        let hands = drawn(pointing(1.0), &skin);
        let settled = |kept: bool| {
            let (mut cover, mut skin) = (Plane::new(SIDE, SIDE, 1.0), skin.clone());
            let mut labels = skin.map(|&skin| if skin { SKIN } else { CLOTH });
            hands.settle(&mut cover, &mut labels, &mut skin, SKIN, &Mask::new(SIDE, SIDE, kept));
            (labels[(74, 60)], labels[(102, 40)])
        };
        assert_eq!((settled(false), settled(true)), ((CLOTH, SKIN), (SKIN, SKIN)));
    }

    #[test]
    fn hands_that_are_small_or_not_on_skin_stay_as_they_are() {
        let nowhere = Mask::new(SIDE, SIDE, false);
        for hands in [
            drawn(pointing(0.15), &everywhere()),
            drawn(pointing(1.0), &nowhere),
            Hands::draw(&[], &everywhere(), 1.0, (0.9, 2.8)),
        ] {
            let (mut cover, mut labels) = (Plane::new(SIDE, SIDE, 0.3), Grid::new(SIDE, SIDE, CLOTH));
            hands.settle(&mut cover, &mut labels, &mut nowhere.clone(), SKIN, &nowhere);
            assert!(cover.data.iter().all(|&c| c == 0.3) && labels.data.iter().all(|&l| l == CLOTH));
            assert!(hands.ink.data.iter().all(|&ink| ink == 0.0));
        }
    }

    #[test]
    fn landmarks_beyond_the_panel_or_on_one_spot_do_not_panic() {
        for points in [[[-900.0, 4.0, 0.0]; HAND_POINTS], [[5.0; 3]; HAND_POINTS], pointing(4.0)] {
            drawn(points, &everywhere());
        }
    }
}
