//! The solid form of a hand: bones with flesh around them, seen from the camera with what hides what.

use crate::clip::HAND_POINTS;
use crate::draw::point::{Point, distance, dot, shift, sub, unit};
use crate::raster::Grid;

pub const WRIST: usize = 0;
const THUMB_BASE: usize = 1;
/// Bases of the fingers, from the index finger on.
pub const KNUCKLES: [usize; 4] = [5, 9, 13, 17];
/// Radii at a finger's four landmarks, as shares of the palm's length: a finger is about a fifth of it wide.
const FINGER: [f32; 4] = [0.108, 0.100, 0.090, 0.074];
/// Thumb to little finger, against that.
const THICKNESS: [f32; 5] = [1.2, 1.0, 1.02, 0.97, 0.84];
/// Flesh around the palm's outline.
const PALM: f32 = 0.115;
/// How wide the knuckles stand, as a share of the palm's length.
const KNUCKLE_SPAN: f32 = 0.68;
/// From the wrist towards the little finger: the heel of the hand, which has no landmark.
const HEEL: f32 = 0.22;

/// What a pixel shows of a hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Palm,
    /// Thumb (0) to little finger (4), and which of its bones from the base on.
    Finger(u8, u8),
}

/// A piece of a finger: a cone with round ends.
struct Bone {
    part: Part,
    ends: [[f32; 3]; 2],
    radii: [f32; 2],
}

/// A hand in panel pixels.
pub struct Form {
    /// From the wrist to the middle finger's base, as if it lay flat before the camera.
    pub palm_length: f32,
    pub wrist: Point,
    /// From the wrist to the fingers.
    pub along: Point,
    bones: Vec<Bone>,
    palm: Vec<[f32; 3]>,
}

impl Form {
    pub fn new(points: &[[f32; 3]; HAND_POINTS]) -> Self {
        let apart = |a: usize, b: usize| {
            let [dx, dy, dz] = [0, 1, 2].map(|axis| points[a][axis] - points[b][axis]);
            dx.hypot(dy).hypot(dz)
        };
        // a hand that points at the camera is short, one seen from its edge is narrow
        let palm_length = apart(WRIST, KNUCKLES[1]).max(apart(KNUCKLES[0], KNUCKLES[3]) / KNUCKLE_SPAN).max(1e-3);
        let mut bones = Vec::new();
        for (finger, thickness) in THICKNESS.into_iter().enumerate() {
            let radius = |joint: usize| FINGER[joint] * thickness * palm_length;
            for bone in 0..3 {
                let from = THUMB_BASE + 4 * finger + bone;
                // the thumb's first bone is inside the ball of the hand
                let part = if finger == 0 && bone == 0 { Part::Palm } else { Part::Finger(finger as u8, bone as u8) };
                let ends = [points[from], points[from + 1]];
                bones.push(Bone { part, ends, radii: [radius(bone), radius(bone + 1)] });
            }
        }
        let [index, little] = [KNUCKLES[0], KNUCKLES[3]].map(|i| flat(points[i]));
        let wrist = flat(points[WRIST]);
        let heel =
            shift(wrist, sub(little, index), HEEL * palm_length / distance(little, index).max(0.3 * palm_length));
        let mut palm = vec![points[WRIST], points[THUMB_BASE]];
        palm.extend(KNUCKLES.map(|i| points[i]));
        palm.push([heel[0], heel[1], points[WRIST][2]]);
        Self { palm_length, wrist, along: unit(sub(flat(points[KNUCKLES[1]]), wrist)), bones, palm }
    }

    /// What each pixel shows, and how far from the camera that is; only pixels of the hand are changed, and nearer ones win.
    pub fn render(&self, parts: &mut Grid<Option<Part>>, depth: &mut Grid<f32>) {
        let reach = 0.3 * self.palm_length;
        let places = || self.bones.iter().flat_map(|bone| bone.ends).chain(self.palm.iter().copied());
        let range = |axis: usize, length: usize| {
            let low = places().map(|p| p[axis]).fold(f32::MAX, f32::min) - reach;
            let high = places().map(|p| p[axis]).fold(f32::MIN, f32::max) + reach;
            low.clamp(0.0, length as f32) as usize..high.clamp(0.0, length as f32) as usize
        };
        let (columns, rows) = (range(0, parts.width), range(1, parts.height));
        for y in rows {
            for x in columns.clone() {
                let p = [x as f32, y as f32];
                let bones = self.bones.iter().filter_map(|bone| Some((bone.part, bone.depth_at(p)?)));
                let palm = self.palm_at(p).map(|depth| (Part::Palm, depth));
                let Some((part, z)) = bones.chain(palm).min_by(|a, b| a.1.total_cmp(&b.1)) else { continue };
                if z < depth[(x, y)] {
                    (parts[(x, y)], depth[(x, y)]) = (Some(part), z);
                }
            }
        }
    }

    /// Depth of the palm's surface: a slab with round edges through its landmarks.
    fn palm_at(&self, p: Point) -> Option<f32> {
        let radius = PALM * self.palm_length;
        let outside = outside(&self.palm, p);
        (outside < radius).then(|| {
            let (mut sum, mut weights) = (0.0, 0.0);
            for &point in &self.palm {
                let weight = 1.0 / (distance(flat(point), p).powi(2) + 0.01 * self.palm_length.powi(2));
                (sum, weights) = (sum + weight * point[2], weights + weight);
            }
            sum / weights - (radius * radius - outside * outside).sqrt()
        })
    }
}

impl Bone {
    /// Depth of its surface at a pixel, if it covers that.
    fn depth_at(&self, p: Point) -> Option<f32> {
        let [a, b] = self.ends;
        let t = along(flat(a), flat(b), p);
        let between = |from: f32, to: f32| from + t * (to - from);
        let radius = between(self.radii[0], self.radii[1]);
        let off = distance(p, [between(a[0], b[0]), between(a[1], b[1])]);
        (off < radius).then(|| between(a[2], b[2]) - (radius * radius - off * off).sqrt())
    }
}

fn flat([x, y, _]: [f32; 3]) -> Point {
    [x, y]
}

/// Where on a stretch (0..1) the place nearest to `p` is.
fn along(a: Point, b: Point, p: Point) -> f32 {
    let d = sub(b, a);
    (dot(sub(p, a), d) / dot(d, d).max(1e-6)).clamp(0.0, 1.0)
}

/// Distance to a polygon; 0 inside.
fn outside(polygon: &[[f32; 3]], p: Point) -> f32 {
    let (mut nearest, mut inside) = (f32::MAX, false);
    for (i, &a) in polygon.iter().enumerate() {
        let (a, b) = (flat(a), flat(polygon[(i + 1) % polygon.len()]));
        nearest = nearest.min(distance(p, shift(a, sub(b, a), along(a, b, p))));
        if (a[1] <= p[1]) != (b[1] <= p[1]) && p[0] < a[0] + (p[1] - a[1]) / (b[1] - a[1]) * (b[0] - a[0]) {
            inside = !inside;
        }
    }
    if inside { 0.0 } else { nearest }
}
