//! What tells hair from a cap: lines the way it lies, one shine across them, loose locks over the outline.
//!
//! Hair lies away from the whorl at the back of the skull, then falls; where the picture shows edges inside the hair, they
//! correct that.

use super::flow::{Flow, edge_flow};
use super::head::Head;
use super::pen;
use super::point::{Point, add, dot, scale, shift, turn, unit};
use super::scene::sample;
use crate::raster::clean::smoothstep;
use crate::raster::distance::distance;
use crate::raster::filter::{gaussian, sobel};
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Mask, Plane};

/// Faces narrower than this many page pixels get hair without lines.
const SMALLEST_HEAD: f32 = 44.0;
/// From here on a head's hair is not its own any more, in face widths from the centre of the face.
const REACH: f32 = 2.6;
/// Where hair begins to spread from, in the head's coordinates.
const WHORL: Point = [0.0, 1.15];
/// Below this hair falls instead of lying on the skull.
const FALLS: f32 = 0.25;
/// A beard is this wide on either side, and grows from here downwards and a little apart.
const BEARD: f32 = 0.6;
const CHEEK: f32 = 0.1;
const BEARD_SPREAD: f32 = 0.7;
/// How much the picture's edges count against the usual way of hair.
const SEEN: f32 = 1.2;

/// Grid of places where a line may begin, length and width of lines, all in face widths.
const SPACING: f32 = 0.075;
const LENGTH: std::ops::Range<f32> = 0.16..0.52;
const WIDTH: f32 = 0.016;
/// Lines begin mostly near a border of the hair: so far from it, in face widths, and so often there and elsewhere.
const NEAR_BORDER: f32 = 0.12;
const OFTEN: f32 = 0.62;
const SELDOM: f32 = 0.14;

/// The middle of the shine between the forehead (0) and the outline (1), half its width, and its half angle.
const SHINE: f32 = 0.60;
const SHINE_HALF: f32 = 0.13;
const SHINE_ANGLE: f32 = 0.75;
/// Hair thinner than this over the forehead does not shine, in face widths.
const THINNEST: f32 = 0.14;

/// The outline is compared with itself smoothed so much, in face widths; shares of pixels in which the two differ.
const SMOOTH: f32 = 0.06;
const COMBED: f32 = 0.05;
const TOUSLED: f32 = 0.16;

/// The hairline is looked at so blurred, in face widths; it begins at this height of a head.
const HAIRLINE: f32 = 0.03;
const TEMPLE: f32 = 0.1;
/// Hairs that reach over the hairline: their spacing, length beyond it and width, in face widths.
const FRINGE_SPACING: f32 = 0.035;
const FRINGE: f32 = 0.09;
const FRINGE_WIDTH: f32 = 0.030;

/// Length and width of loose locks, in face widths.
const LOCK: f32 = 0.17;
const LOCK_WIDTH: f32 = 0.05;

/// Lines and shine of all hair in a panel, 0..1.
pub struct Strands {
    pub lines: Plane,
    pub shine: Plane,
}

/// How hair lies on the heads of a panel.
pub struct Lie<'a> {
    hair: &'a Mask,
    heads: Vec<Head>,
    seen: Flow,
    /// The picture is this many times as large as `seen`.
    shrink: f32,
    unit: f32,
}

impl<'a> Lie<'a> {
    /// `lightness` and `hair` are of one panel, the faces' landmarks in its pixels.
    pub fn read(hair: &'a Mask, lightness: &Plane, faces: &[Vec<[f32; 3]>], page_unit: f32) -> Self {
        let heads: Vec<Head> = faces.iter().map(|face| Head::new(face)).collect();
        let size = heads.iter().map(|head| head.size).fold(64.0, f32::max);
        let shrink = (size / 96.0).max(1.0);
        let small = |length: usize| ((length as f32 / shrink) as usize).max(1);
        let (w, h) = (small(hair.width), small(hair.height));
        // only edges inside the hair: the border is an edge too, and the hairline lies across the hair
        let own = resize(&hair.map(|&is| f32::from(u8::from(is))), w, h, Interpolation::Area);
        let light = resize(lightness, w, h, Interpolation::Area);
        let both = Grid::from_data(w, h, own.data.iter().zip(&light.data).map(|(&o, &l)| [o * l, o]).collect());
        let around = gaussian(&both, 6.0).map(|s| s[0] / (s[1] + 1e-3));
        let inside = (0..w * h).map(|i| own.data[i] * (light.data[i] - around.data[i])).collect();
        Self { hair, heads, seen: edge_flow(&Grid::from_data(w, h, inside), 3.0), shrink, unit: page_unit }
    }

    /// The way hair grows at a pixel, a unit vector; `None` far from every head.
    fn way(&self, p: Point) -> Option<Point> {
        let (head, place) = self.head_at(p)?;
        let [u, v] = place;
        let usual = if v < 0.0 && u.abs() < BEARD {
            [BEARD_SPREAD * u, (v - CHEEK).min(-0.3)]
        } else if v < FALLS {
            [0.25 * u.signum(), -1.0]
        } else {
            [u - WHORL[0], v - WHORL[1]]
        };
        let usual = unit(head.direction(usual));
        let at = |length: f32, size: usize| ((length / self.shrink) as usize).min(size - 1);
        let seen = self.seen[(at(p[0].max(0.0), self.seen.width), at(p[1].max(0.0), self.seen.height))];
        let along = dot(seen, usual);
        Some(unit(shift(usual, seen, SEEN * along)))
    }

    fn head_at(&self, p: Point) -> Option<(&Head, Point)> {
        let places = self.heads.iter().map(|head| (head, head.place(p)));
        let near = |place: &Point| place[0].hypot(place[1]);
        places.min_by(|a, b| near(&a.1).total_cmp(&near(&b.1))).filter(|(_, place)| near(place) < REACH)
    }

    fn is_hair(&self, [x, y]: Point) -> bool {
        let inside = x >= 0.0 && y >= 0.0 && x < self.hair.width as f32 && y < self.hair.height as f32;
        inside && self.hair[(x as usize, y as usize)]
    }

    /// Lines and shine. `cover` is the figure's, `light` the side that light comes from (-1 left, 1 right).
    pub fn strands(&self, cover: &Plane, light: f32) -> Strands {
        let (w, h) = (self.hair.width, self.hair.height);
        let mut strands = Strands { lines: Plane::new(w, h, 0.0), shine: Plane::new(w, h, 0.0) };
        if !self.hair.data.iter().any(|&is| is) || !self.is_large() {
            return strands;
        }
        let depth = distance(&self.hair.map(|&is| !is));
        self.each_place(SPACING, |p, size, chance| {
            let near = sample(&depth, p) < NEAR_BORDER * size;
            if self.is_hair(p) && chance[0] < if near { OFTEN } else { SELDOM } {
                self.line(&mut strands.lines, p, size, chance);
            }
        });
        self.shine(&mut strands.shine, cover, light);
        strands
    }

    fn is_large(&self) -> bool {
        self.heads.iter().any(|head| head.size > SMALLEST_HEAD * self.unit)
    }

    /// Calls with places on a jittered grid over every head, the head's size, and three random numbers of the place. They
    /// go with the head, so that hair looks the same in each panel.
    fn each_place(&self, spacing: f32, mut visit: impl FnMut(Point, f32, [f32; 3])) {
        for head in &self.heads {
            let n = (REACH / spacing) as i32;
            for (i, j) in (-n..=n).flat_map(|j| (-n..=n).map(move |i| (i, j))) {
                let chance = [0, 1, 2].map(|k| noise(i, j, k));
                let jitter = [3, 4].map(|k| noise(i, j, k) - 0.5);
                let place = [(i as f32 + jitter[0]) * spacing, (j as f32 + jitter[1]) * spacing];
                let p = head.pixel(place);
                if self.head_at(p).is_some_and(|(nearest, _)| std::ptr::eq(nearest, head)) {
                    visit(p, head.size, chance);
                }
            }
        }
    }

    /// One tapered line from `p` the way the hair lies, up to the hair's end.
    fn line(&self, lines: &mut Plane, p: Point, size: f32, chance: [f32; 3]) {
        let length = size * (LENGTH.start + (LENGTH.end - LENGTH.start) * chance[1]);
        let step = 0.03 * size;
        let mut points = vec![p];
        let mut at = p;
        while points.len() as f32 * step < length {
            let Some(way) = self.way(at) else { break };
            at = shift(at, way, step);
            if !self.is_hair(at) {
                break;
            }
            points.push(at);
        }
        if points.len() > 3 {
            let width = (WIDTH * size * (0.6 + 0.8 * chance[2])).max(1.1 * self.unit);
            pen::stroke(lines, &points, width, 0.25, 0.85);
        }
    }

    /// A band across the crown on the side of the light, with ends like a brush's.
    fn shine(&self, shine: &mut Plane, cover: &Plane, light: f32) {
        let bare = Grid::from_data(
            cover.width,
            cover.height,
            cover.data.iter().zip(&self.hair.data).map(|(&c, &hair)| c > 0.5 && !hair).collect(),
        );
        if !bare.data.iter().any(|&b| b) {
            return;
        }
        let (from_skin, from_outside) = (distance(&bare), distance(&cover.map(|&c| c < 0.5)));
        for (i, amount) in shine.data.iter_mut().enumerate().filter(|(i, _)| self.hair.data[*i]) {
            let p = [(i % cover.width) as f32, (i / cover.width) as f32];
            let Some((head, [u, v])) = self.head_at(p) else { continue };
            let (inner, outer) = (from_skin.data[i], from_outside.data[i]);
            if v < FALLS || inner + outer < THINNEST * head.size {
                continue;
            }
            let angle = u.atan2(v - 0.1) - 0.45 * light;
            let half = SHINE_HALF * (1.0 - (angle / SHINE_ANGLE).powi(2)) * (0.55 + 0.75 * bristle(angle));
            let off = (inner / (inner + outer) - SHINE).abs();
            let edge = self.unit / (inner + outer);
            *amount = ((half - off) / edge + 0.5).clamp(0.0, 1.0);
        }
    }

    /// Hair grows out of the forehead: no line divides them. `strength` is that of borders.
    pub fn open_hairline(&self, strength: &mut Plane, skin: &Mask) {
        let size = self.heads.iter().map(|head| head.size).fold(1.0, f32::max);
        let both = |hair: bool, skin: bool| f32::from(u8::from(hair)) - f32::from(u8::from(skin));
        let side = self.hair.data.iter().zip(&skin.data).map(|(&h, &s)| both(h, s)).collect();
        let (gx, gy) = sobel(&gaussian(&Grid::from_data(skin.width, skin.height, side), HAIRLINE * size));
        for (i, border) in strength.data.iter_mut().enumerate().filter(|(_, border)| **border > 0.0) {
            let (x, y) = (i % skin.width, i / skin.width);
            let pixels =
                [i, y * skin.width + (x + 1).min(skin.width - 1), (y + 1).min(skin.height - 1) * skin.width + x];
            let between = pixels.iter().any(|&j| self.hair.data[j]) && pixels.iter().any(|&j| skin.data[j]);
            let p = [x as f32, y as f32];
            let Some((_, place)) = self.head_at(p).filter(|(_, place)| between && place[1] > TEMPLE) else { continue };
            let Some(way) = self.way(p) else { continue };
            let across = dot(unit([gx.data[i], gy.data[i]]), way).abs();
            // locks that fall beside a face lie along its border, and keep their line
            *border *= 1.0 - smoothstep(across, 0.35, 0.75) * smoothstep(place[1], TEMPLE, FALLS);
        }
    }

    /// Hairs that reach over the hairline onto the forehead, so that it is no edge of a cap.
    pub fn fringe(&self, skin: &Mask) -> Plane {
        let mut fringe = Plane::new(skin.width, skin.height, 0.0);
        if !self.is_large() || !skin.data.iter().any(|&s| s) {
            return fringe;
        }
        let to_skin = distance(skin);
        self.each_place(FRINGE_SPACING, |p, size, chance| {
            let Some((_, place)) = self.head_at(p) else { return };
            if place[1] < FALLS || !self.is_hair(p) || sample(&to_skin, p) > FRINGE_SPACING * size {
                return;
            }
            let Some(way) = self.way(p) else { return };
            let length = FRINGE * size * (0.35 + 0.65 * chance[1]);
            let sideways = scale(turn(way), 0.3 * length * (chance[2] - 0.5));
            let points = [shift(p, way, -0.5 * length), p, add(shift(p, way, length), sideways)];
            pen::stroke(&mut fringe, &points, FRINGE_WIDTH * size * (0.6 + 0.8 * chance[0]), 0.3, 0.9);
        });
        fringe
    }

    /// How rough the outline of the hair on the heads is already: 0 combed, 1 tousled.
    fn wildness(&self, cover: &Plane) -> f32 {
        let size = self.heads.iter().map(|head| head.size).fold(1.0, f32::max);
        let smooth = gaussian(cover, SMOOTH * size);
        let (mut rough, mut border) = (0.0, 1.0);
        for (i, (&c, &s)) in cover.data.iter().zip(&smooth.data).enumerate() {
            let p = [(i % cover.width) as f32, (i / cover.width) as f32];
            // where the smoothed outline and the outline disagree, about the border of the hair
            if (0.2..0.8).contains(&s) && self.head_at(p).is_some_and(|(_, place)| place[1] > FALLS) {
                border += 1.0;
                rough += f32::from(u8::from((c > 0.5) != (s > 0.5)));
            }
        }
        ((rough / border - COMBED) / (TOUSLED - COMBED)).clamp(0.0, 1.0)
    }

    /// Locks that stand off the head: the hair's outline, and so the figure's.
    pub fn locks(&self, cover: &Plane) -> Plane {
        let mut locks = Plane::new(cover.width, cover.height, 0.0);
        let wild = self.wildness(cover);
        if !self.is_large() || wild == 0.0 {
            return locks;
        }
        let depth = distance(&cover.map(|&c| c < 0.5));
        self.each_place(0.05, |p, size, chance| {
            let Some((head, place)) = self.head_at(p) else { return };
            let shallow = (0.01..0.06).contains(&(sample(&depth, p) / size));
            if !shallow || !self.is_hair(p) || place[1] < FALLS || chance[0] > 0.6 * wild {
                return;
            }
            let out = unit(head.direction([place[0], place[1] - 0.2]));
            let Some(way) = self.way(p) else { return };
            let aside = if dot(turn(out), way) < 0.0 { scale(turn(out), -1.0) } else { turn(out) };
            let length = LOCK * size * (0.5 + chance[1]) * (0.3 + 0.7 * wild);
            let root = shift(p, aside, -0.5 * length);
            let tip = add(p, add(scale(aside, 0.62 * length), scale(out, (0.15 + 0.25 * chance[2]) * length)));
            let outline = pen::stroke_outline(&[root, shift(p, out, 0.03 * length), tip], LOCK_WIDTH * size, 0.2, 0.9);
            pen::fill(&mut locks, &outline, 1.0);
        });
        locks
    }
}

/// Teeth of uneven length along an angle, 0..1.
fn bristle(angle: f32) -> f32 {
    let tooth = angle * 9.0;
    let (cell, within) = (tooth.floor(), tooth - tooth.floor());
    let length = noise(cell as i32, 7, 11);
    (0.3 + 0.7 * length) * (1.0 - (2.0 * within - 1.0).abs().powf(1.5))
}

/// A steady random number of a place, 0..1.
fn noise(i: i32, j: i32, k: u32) -> f32 {
    let mut hash =
        (i as u32).wrapping_mul(0x9e37_79b1) ^ (j as u32).wrapping_mul(0x85eb_ca77) ^ k.wrapping_mul(0xc2b2_ae3d);
    hash = (hash ^ hash >> 15).wrapping_mul(0x2c1b_3c6d);
    hash = (hash ^ hash >> 12).wrapping_mul(0x297a_2d39);
    (hash ^ hash >> 15) as f32 / u32::MAX as f32
}

#[cfg(test)]
mod tests {
    use super::super::landmarks::tests::plain_face;
    use super::*;

    /// A round head of hair with a face in its lower part, and its outline pulled about by `teeth` pixels.
    fn head(teeth: f32) -> (Mask, Plane, Vec<[f32; 3]>) {
        let face = plain_face([150.0, 170.0], 100.0);
        let radius = |x: f32, y: f32| 90.0 + teeth * (12.0 * (x - 150.0).atan2(y - 130.0)).sin();
        let from = |i: usize, y: f32| ((i % 300) as f32 - 150.0).hypot((i / 300) as f32 - y);
        let cover = (0..300 * 300).map(|i| from(i, 130.0) < radius((i % 300) as f32, (i / 300) as f32));
        let cover = Grid::from_data(300, 300, cover.map(|c| f32::from(u8::from(c))).collect());
        let hair = (0..300 * 300).map(|i| cover.data[i] > 0.5 && from(i, 170.0) > 62.0 && i / 300 < 170);
        (Grid::from_data(300, 300, hair.collect()), cover, face)
    }

    fn sum(plane: &Plane) -> f32 {
        plane.data.iter().sum()
    }

    #[test]
    fn lines_and_shine_lie_in_the_hair_and_are_the_same_every_time() {
        let (hair, cover, face) = head(0.0);
        let light = Plane::new(300, 300, 0.3);
        let faces = [face];
        let drawn = || Lie::read(&hair, &light, &faces, 1.0).strands(&cover, 1.0);
        let strands = drawn();
        let outside = hair.map(|&h| !h);
        let outside = crate::raster::morphology::erode(&outside, 5.0);
        for plane in [&strands.lines, &strands.shine] {
            assert!(sum(plane) > 100.0, "{}", sum(plane));
            assert!(plane.data.iter().zip(&outside.data).all(|(&v, &out)| !out || v == 0.0));
        }
        assert_eq!(strands.lines.data, drawn().lines.data);
        let half =
            |of: std::ops::Range<usize>| of.map(|x| (0..300).map(|y| strands.shine[(x, y)]).sum::<f32>()).sum::<f32>();
        assert!(half(150..300) > 2.0 * half(0..150), "it shines on the side of the light");
    }

    #[test]
    fn locks_stand_off_tousled_hair_and_combed_hair_stays_as_it_is() {
        for (teeth, wild) in [(0.0, false), (9.0, true)] {
            let (hair, cover, face) = head(teeth);
            let locks = Lie::read(&hair, &Plane::new(300, 300, 0.3), &[face], 1.0).locks(&cover);
            let off = locks.data.iter().zip(&cover.data).filter(|(l, c)| **l > 0.5 && **c < 0.5).count();
            assert_eq!(off > 100, wild, "{off} pixels off the head");
        }
    }

    #[test]
    fn small_heads_and_no_heads_have_no_lines() {
        let (hair, cover, face) = head(9.0);
        for (faces, unit) in [(vec![face], 3.0), (vec![], 1.0)] {
            let lie = Lie::read(&hair, &Plane::new(300, 300, 0.3), &faces, unit);
            assert!(sum(&lie.strands(&cover, 1.0).lines) == 0.0 && sum(&lie.locks(&cover)) == 0.0);
        }
    }
}
