//! A face as a comic artist draws it: few strokes and fills placed by the 468 landmarks.
//!
//! Lengths are shares of the face's width, with floors in page pixels so that a small face keeps legible lines.
//! What the landmarks do not tell (where the eyes look, whether the lids are down, a frown) is read from the picture.

mod brows;
mod eyes;
mod gaze;
mod jaw;
mod mouth;
mod nose;
mod ridge;

use super::finish::Layers;
use super::landmarks::{self, CHIN, COUNT, FOREHEAD, LEFT, RIGHT};
use super::pen;
use super::point::{Point, add, distance, scale, sub, turn, unit};
use crate::raster::clean::smoothstep;
use crate::raster::polygon::Coverage;
use crate::raster::{Grid, Lab, Plane};

/// Beyond this yaw the eye on the far side is hidden by the nose.
const FAR_EYE_YAW: f32 = 0.48;
/// Faces narrower than this many pixels are left as they are: no feature would be a pixel large.
const SMALLEST_FACE: f32 = 12.0;

/// The face being drawn and the paper it is drawn on.
struct Portrait<'a> {
    canvas: &'a mut Grid<[f32; 3]>,
    ink: &'a mut Plane,
    points: &'a [[f32; 3]],
    lab: &'a Lab,
    /// Width of the face in canvas pixels.
    size: f32,
    /// Canvas pixels to a page pixel.
    unit: f32,
    yaw: f32,
    /// The face's own axes, of length 1: from chin to forehead, and towards the right of the picture.
    up: Point,
    right: Point,
    skin: [f32; 3],
    shade: [f32; 3],
    /// -1: light from the left of the picture, 1: from the right.
    light: f32,
}

/// Draws eyes, brows, nose, mouth and jaw over flat skin. Colours, `skin` and `shade` are sRGB 0..255, `points` and
/// `lab` (the picture as filmed) in canvas pixels; `unit` is the size of a page pixel on the canvas; `neck` is where
/// skin below the face was found; `brow_delta` says by how many face widths the brows stand above their usual place.
#[expect(clippy::too_many_arguments, reason = "one call, and a struct for it would only repeat the names")]
pub fn draw_face(
    layers: &mut Layers,
    points: &[[f32; 3]],
    lab: &Lab,
    unit: f32,
    skin: [f32; 3],
    shade: [f32; 3],
    light: f32,
    neck: &Plane,
    brow_delta: f32,
) {
    let size = landmarks::face_size(points);
    let odd = points.len() < COUNT || points.iter().flatten().any(|v| !v.is_finite());
    let Layers { colour: canvas, ink } = layers;
    let same_size = lab.data.len() == canvas.data.len() && neck.data.len() == canvas.data.len();
    if odd || size < SMALLEST_FACE || !same_size {
        return;
    }
    let up = self::unit(sub(landmarks::at(points, FOREHEAD), landmarks::at(points, CHIN)));
    let yaw = landmarks::yaw(points);
    let (unit, right) = (unit.max(0.1), turn(up));
    let mut portrait = Portrait { canvas, ink, points, lab, size, unit, yaw, up, right, skin, shade, light };
    let visible = landmarks::visible(lab, points);
    let eyes = [(&RIGHT, visible.right && yaw > -FAR_EYE_YAW), (&LEFT, visible.left && yaw < FAR_EYE_YAW)];
    let seen: Vec<_> = eyes.into_iter().filter(|eye| eye.1).map(|eye| eye.0).collect();

    if visible.mouth {
        mouth::draw(&mut portrait);
    }
    nose::draw(&mut portrait);
    let gaze = gaze::read(&portrait, &seen);
    for side in &seen {
        eyes::draw(&mut portrait, side, gaze);
    }
    brows::draw(&mut portrait, &seen, brow_delta);
    jaw::draw(&mut portrait, neck);
}

impl Portrait<'_> {
    fn at(&self, index: usize) -> Point {
        landmarks::at(self.points, index)
    }

    fn pick(&self, indices: &[usize]) -> Vec<Point> {
        landmarks::pick(self.points, indices)
    }

    /// A step of `right` and `up` face widths.
    fn step(&self, right: f32, up: f32) -> Point {
        scale(add(scale(self.right, right), scale(self.up, up)), self.size)
    }

    /// 0 for a level head, positive for one that looks down: depth of the chin behind the forehead per height.
    fn bow(&self) -> f32 {
        /// Beyond, the depths of the mesh are not to be trusted.
        const RANGE: (f32, f32) = (-0.4, 0.65);
        let height = distance(self.at(CHIN), self.at(FOREHEAD)).max(1e-6);
        ((self.points[CHIN][2] - self.points[FOREHEAD][2]) / height).clamp(RANGE.0, RANGE.1)
    }

    /// Lightness of the picture at the nearest pixel.
    fn lightness(&self, [x, y]: Point) -> f32 {
        let clamp = |v: f32, size: usize| v.round().clamp(0.0, size as f32 - 1.0) as usize;
        self.lab[(clamp(x, self.lab.width), clamp(y, self.lab.height))][0]
    }

    /// Width of the face in page pixels: what decides how much detail it gets.
    fn page_size(&self) -> f32 {
        self.size / self.unit
    }

    /// Width of a line that is `share` of the face wide, but never under `least` page pixels. Small faces get
    /// lines a bit wider than their share.
    fn line(&self, share: f32, least: f32) -> f32 {
        const KEPT: f32 = 0.58;
        let wide = share * self.size;
        wide.min(least * self.unit + KEPT * wide).max(least * self.unit)
    }

    fn cover(&self, polygon: &[Point]) -> Coverage {
        Coverage::polygon(polygon, self.canvas.width, self.canvas.height)
    }

    fn disc(&self, centre: Point, radius: f32) -> Coverage {
        Coverage::disc(centre, radius, self.canvas.width, self.canvas.height)
    }

    /// Opaque colour: over ink as well.
    fn paint(&mut self, shape: &Coverage, colour: [f32; 3], opacity: f32) {
        pen::paint(self.canvas, shape, colour, opacity);
        shape.for_each(|x, y, cover| self.ink[(x, y)] *= 1.0 - cover * opacity);
    }

    fn ink(&mut self, shape: &Coverage, opacity: f32) {
        shape.for_each(|x, y, cover| {
            let ink = &mut self.ink[(x, y)];
            *ink += cover * opacity * (1.0 - *ink);
        });
    }

    /// Inks where skin is, and not where hair or a cap lies over it.
    fn ink_on_skin(&mut self, shape: &Coverage, opacity: f32) {
        /// Brightness against shaded skin: certainly not skin below the first, certainly skin above the second.
        const SKIN: (f32, f32) = (0.45, 0.75);
        let shade = brightness(self.shade).max(1.0);
        let mut seen = shape.clone();
        shape.for_each(|x, y, cover| {
            let on_skin = smoothstep(brightness(self.canvas[(x, y)]) / shade, SKIN.0, SKIN.1);
            seen.plane[(x - shape.left, y - shape.top)] = cover * on_skin;
        });
        self.paint(&seen, self.shade, 1.0);
        self.ink(&seen, opacity);
    }

    /// Makes what is darker than shaded skin that: lips lie before a beard.
    fn lighten(&mut self, shape: &Coverage) {
        let mut dark = shape.clone();
        shape.for_each(|x, y, cover| {
            let darker = brightness(self.canvas[(x, y)]) < 0.9 * brightness(self.shade);
            dark.plane[(x - shape.left, y - shape.top)] = if darker { cover } else { 0.0 };
        });
        self.paint(&dark, self.shade, 1.0);
    }

    /// A tapered ink stroke.
    fn stroke(&mut self, points: &[Point], width: f32, tapers: (f32, f32), opacity: f32) {
        let shape = self.cover(&pen::stroke_outline(points, width, tapers.0, tapers.1));
        self.ink(&shape, opacity);
    }

    /// True for a film in black and white, where features stay grey too.
    fn is_grey(&self) -> bool {
        self.skin.iter().all(|channel| (channel - self.skin[0]).abs() < 8.0)
    }

    /// `colour`, or its grey in a film in black and white.
    fn tinted(&self, colour: [f32; 3]) -> [f32; 3] {
        if self.is_grey() { [brightness(colour); 3] } else { colour }
    }
}

/// The closed outline between two lines that run the same way.
fn between(a: &[Point], b: &[Point]) -> Vec<Point> {
    const SAMPLES: usize = 40;
    let mut outline = pen::spline(a, SAMPLES);
    outline.extend(pen::spline(b, SAMPLES).into_iter().rev());
    outline
}

fn brightness([r, g, b]: [f32; 3]) -> f32 {
    0.3 * r + 0.59 * g + 0.11 * b
}

fn blend(a: [f32; 3], b: [f32; 3], t: f32) -> [f32; 3] {
    std::array::from_fn(|i| a[i] + t * (b[i] - a[i]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::landmarks::tests::{plain_face, skin_with};
    use crate::draw::landmarks::{LEFT, LIPS_OUTER};
    use crate::draw::point::Point;

    pub(super) const SIDE: usize = 240;

    /// A face 140 pixels wide in the middle of a square of side [`SIDE`].
    pub(super) fn face() -> Vec<[f32; 3]> {
        plain_face([120.0, 120.0], 140.0)
    }

    /// What `read` says about a picture of the plain face with `dark` polygons on it.
    pub(super) fn with_portrait<T>(dark: &[Vec<Point>], read: impl FnOnce(&mut Portrait) -> T) -> T {
        let (points, lab) = (face(), skin_with(SIDE, SIDE, dark));
        let Layers { mut colour, mut ink } = paper();
        let (skin, shade) = ([200.0, 160.0, 140.0], [160.0, 120.0, 100.0]);
        let (up, right) = ([0.0, -1.0], [1.0, 0.0]);
        let (canvas, ink) = (&mut colour, &mut ink);
        let (points, lab) = (&points[..], &lab);
        read(&mut Portrait {
            canvas,
            ink,
            points,
            lab,
            size: 140.0,
            unit: 1.0,
            yaw: 0.0,
            up,
            right,
            skin,
            shade,
            light: 1.0,
        })
    }

    fn paper() -> Layers {
        Layers { colour: Grid::new(SIDE, SIDE, [200.0, 160.0, 140.0]), ink: Plane::new(SIDE, SIDE, 0.0) }
    }

    fn draw(points: &[[f32; 3]], dark: &[Vec<Point>], neck: f32) -> Layers {
        let mut layers = paper();
        let (skin, shade) = ([200.0, 160.0, 140.0], [160.0, 120.0, 100.0]);
        let neck = Plane::new(SIDE, SIDE, neck);
        draw_face(&mut layers, points, &skin_with(SIDE, SIDE, dark), 1.0, skin, shade, 1.0, &neck, 0.0);
        layers
    }

    /// Inked pixels within 12 pixels of a place.
    fn ink_near(layers: &Layers, [x, y]: Point) -> usize {
        let near = |i: usize| ((i % SIDE) as f32 - x).hypot((i / SIDE) as f32 - y) < 12.0;
        layers.ink.data.iter().enumerate().filter(|(i, ink)| near(*i) && **ink > 0.6).count()
    }

    #[test]
    fn only_features_that_the_picture_shows_are_drawn() {
        let points = face();
        let left_eye = landmarks::pick(&points, &LEFT.ring);
        let (right_middle, left_middle, mouth) = ([89.0, 99.0], [151.0, 99.0], [120.0, 168.0]);
        let drawn = draw(&points, std::slice::from_ref(&left_eye), 0.0);
        assert!(ink_near(&drawn, left_middle) > 20);
        assert_eq!((ink_near(&drawn, right_middle), ink_near(&drawn, mouth)), (0, 0));
        let drawn = draw(&points, &[left_eye, landmarks::pick(&points, &LIPS_OUTER)], 0.0);
        assert!(ink_near(&drawn, mouth) > 20);
    }

    #[test]
    fn the_jaw_is_drawn_above_a_neck_only() {
        let chin = [120.0, 215.0];
        assert!(ink_near(&draw(&face(), &[], 1.0), chin) > 10);
        assert_eq!(ink_near(&draw(&face(), &[], 0.0), chin), 0);
    }

    #[test]
    fn hair_hides_a_brow_and_a_beard_does_not_hide_lips() {
        let hair = [60.0, 40.0, 25.0];
        let (on_hair, lips) = with_portrait(&[], |portrait| {
            portrait.canvas.data.fill(hair);
            let shape = portrait.disc([60.0, 60.0], 8.0);
            portrait.ink_on_skin(&shape, 1.0);
            let shape = portrait.disc([120.0, 168.0], 8.0);
            portrait.lighten(&shape);
            (portrait.ink[(60, 60)], portrait.canvas[(120, 168)])
        });
        assert_eq!((on_hair, lips), (0.0, [160.0, 120.0, 100.0]));
    }

    #[test]
    fn odd_input_leaves_the_canvas_or_at_least_does_not_panic() {
        for points in [vec![], vec![[120.0; 3]; COUNT], vec![[f32::NAN; 3]; COUNT], plain_face([9.0, 9.0], 4.0)] {
            let drawn = draw(&points, &[], 1.0);
            assert!(drawn.colour == paper().colour && drawn.ink == paper().ink);
        }
        for middle in [[0.0, 0.0], [-60.0, 120.0], [240.0, 500.0]] {
            draw(&plain_face(middle, 300.0), &[vec![[0.0, 0.0], [200.0, 0.0], [0.0, 200.0]]], 1.0);
        }
        let mut tiny = Layers { colour: Grid::new(2, 2, [1.0; 3]), ink: Plane::new(2, 2, 0.0) };
        let lab = Lab::new(2, 2, [0.5, 0.0, 0.0]);
        draw_face(&mut tiny, &face(), &lab, 2.0, [1.0; 3], [0.0; 3], 1.0, &Plane::new(2, 2, 1.0), 0.1);
    }
}
