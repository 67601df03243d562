//! Hair about as light as skin.

use super::super::head::{Head, on_bare_face, on_crown};
use super::super::histogram::Histogram;
use super::super::landmarks::{OVAL, face_mask};
use super::{ENOUGH, Hair, Tell, material};
use crate::raster::filter::gaussian;
use crate::raster::{Lab, Plane};

/// Light hair: share of the crown's pixels whose colours a face seldom has, and how much more grain the crown has than
/// the face, measured against a blur of so many face widths.
const OTHER_COLOURS: f32 = 0.5;
const GRAINY: f32 = 1.4;
const GRAIN: f32 = 0.06;

/// What the crowns and faces of some frames look like: hair that is as light as skin has other colours than the face, and
/// more of a grain.
#[derive(Default)]
pub(super) struct Crown {
    seen: Vec<[f32; 3]>,
    crown: Part,
    face: Part,
}

#[derive(Default)]
struct Part {
    colours: Histogram,
    /// Sum of what pixels differ from their surroundings in lightness, and how many they are.
    grain: f32,
    count: f32,
}

impl Part {
    fn add(&mut self, colour: [f32; 3], grain: f32) {
        self.colours.add(colour);
        self.grain += grain;
        self.count += 1.0;
    }

    fn mean_grain(&self) -> f32 {
        self.grain / self.count.max(1.0)
    }
}

impl Crown {
    pub fn look(&mut self, picture: &Lab, alpha: &Plane, face: &[[f32; 3]]) {
        let head = Head::new(face);
        let oval = face_mask(picture.width, picture.height, face, &OVAL, 0.9);
        let light = picture.map(|c| c[0]);
        let rough = gaussian(&light, GRAIN * head.size);
        for (i, &colour) in picture.data.iter().enumerate().filter(|(i, _)| alpha.data[*i] > 0.9) {
            let place = head.place([(i % picture.width) as f32, (i / picture.width) as f32]);
            let grain = (light.data[i] - rough.data[i]).abs();
            if on_crown(place) {
                self.seen.push(colour);
                self.crown.add(colour, grain);
            } else if oval.data[i] > 0.5 && on_bare_face(place) {
                self.face.add(colour, grain);
            }
        }
    }

    pub fn hair(mut self) -> Option<Hair> {
        let share = Histogram::share(&self.crown.colours.smooth(), &self.face.colours.smooth());
        let other = self.seen.iter().filter(|&&c| share.at(c) > 0.5).count() as f32;
        let grainy = self.crown.mean_grain() > GRAINY * self.face.mean_grain();
        if self.seen.len() < ENOUGH || other < OTHER_COLOURS * self.seen.len() as f32 || !grainy {
            return None;
        }
        let material = material(&mut self.seen);
        Some(Hair { share, material, tell: Tell::Colour, covers_crown: true, beard: false, long: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::landmarks::tests::plain_face;
    use crate::draw::point::Point;
    use crate::raster::Grid;

    #[test]
    fn a_blond_crown_is_hair_and_a_bald_one_that_shines_is_not() {
        let face = plain_face([100.0, 130.0], 80.0);
        let head = Head::new(&face);
        let learned = |look: &dyn Fn(Point, usize) -> [f32; 3]| {
            let colour = |i: usize| look(head.place([(i % 200) as f32, (i / 200) as f32]), i);
            let picture = Lab::from_data(200, 200, (0..40_000).map(colour).collect());
            let mut seen = Crown::default();
            seen.look(&picture, &Grid::new(200, 200, 1.0), &face);
            seen.hair()
        };
        // Skin has pores: a little grain is everywhere.
        let skin = |i: usize, shine: f32| [if i.is_multiple_of(3) { 0.67 } else { 0.71 } + shine, 0.03, 0.04];
        let strand = |i: usize| [if i.is_multiple_of(3) { 0.62 } else { 0.74 }, 0.005, 0.075];
        let blond = learned(&|place, i| if on_crown(place) { strand(i) } else { skin(i, 0.0) }).expect("hair");
        assert!(blond.covers_crown && blond.differs_from_skin(strand(1)));
        assert!(!blond.differs_from_skin(skin(1, 0.0)));
        let bald = |[u, v]: Point, i| skin(i, 0.2 * (-(u * u + (v - 1.3) * (v - 1.3)) * 2.0).exp());
        assert!(learned(&bald).is_none());
    }
}
