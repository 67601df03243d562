//! Made backgrounds: halftone dots, a split field, a burst of rays, speed lines, a blot of paint.

use std::f32::consts::TAU;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::finish::cloud;
use super::pen::{dots, paint};
use super::point::Point;
use super::style::{Ground, Swatch};
use crate::raster::clean::smoothstep;
use crate::raster::colour::{lch, srgb};
use crate::raster::polygon::Coverage;
use crate::raster::{Grid, Plane};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backdrop {
    /// The scene of the video itself. It is drawn elsewhere; made here, it looks like `Dots`.
    Plate,
    Dots,
    Split,
    Burst,
    Speed,
    /// Paint that runs out on white paper.
    Blot,
}

/// Share of the chroma that is left on a page in black and white.
const GREY_CHROMA: f32 = 0.25;
/// Direction of the halftone rows.
const DOT_ANGLE_DEG: f32 = 35.0;
const RAYS: usize = 11;
const SPEED_LINES: usize = 84;

/// The paper and the colours of one background.
struct Scene<'a> {
    canvas: Grid<[f32; 3]>,
    ground: &'a Ground,
    hue_deg: f32,
    chroma: f32,
    unit: f32,
    focus: Point,
}

/// A background in sRGB 0..255 around the hue `hue_deg` (OKLab). `unit` is the size of a page pixel, `focus` the pixel
/// that rays and lines come from; the same `seed` makes the same lines.
#[expect(clippy::too_many_arguments, reason = "one call, and a struct for it would only repeat the names")]
pub fn made_background(
    width: usize,
    height: usize,
    kind: Backdrop,
    ground: &Ground,
    hue_deg: f32,
    greyscale: bool,
    unit: f32,
    focus: (f32, f32),
    seed: u64,
) -> Grid<[f32; 3]> {
    let chroma = if greyscale { GREY_CHROMA } else { 1.0 };
    let canvas = Grid::new(width, height, [0.0; 3]);
    let mut scene = Scene { canvas, ground, hue_deg, chroma, unit, focus: [focus.0, focus.1] };
    match kind {
        Backdrop::Plate | Backdrop::Dots => scene.dots(),
        Backdrop::Split => scene.split(),
        Backdrop::Burst => scene.burst(),
        Backdrop::Speed => scene.speed(seed),
        Backdrop::Blot => scene.blot(seed as u32),
    }
    scene.canvas
}

impl Scene<'_> {
    fn colour(&self, swatch: Swatch) -> [f32; 3] {
        srgb(lch(swatch.lightness, swatch.chroma * self.chroma, self.hue_deg + swatch.aside_deg))
    }

    fn size(&self) -> (f32, f32) {
        (self.canvas.width.max(1) as f32, self.canvas.height.max(1) as f32)
    }

    fn dots(&mut self) {
        let (width, height) = self.size();
        let (light, deep) = (self.colour(self.ground.light), self.colour(self.ground.deep));
        self.canvas.data.fill(light);
        self.halftone(11.0, deep, |x, y| (0.62 * (y / height).powf(1.2) + 0.10 * (x / width - 0.5).abs()).min(0.6));
    }

    fn split(&mut self) {
        /// Slope of the border, and where it crosses the middle.
        const BORDER: (f32, f32) = (0.28, 0.62);
        let (width, height) = self.size();
        let below = move |x: f32, y: f32| y - height * BORDER.1 + (x - 0.5 * width) * BORDER.0;
        let Ground { light, deep, floor, .. } = *self.ground;
        let [light, deep, floor] = [light, deep, floor].map(|swatch| self.colour(swatch));
        self.canvas.data.fill(light);
        self.halftone(9.0, deep, |x, y| (0.45 * (1.0 + below(x, y) / (0.55 * height))).min(0.5));
        self.lay(floor, |x, y| smoothstep(below(x, y), -0.7, 0.7));
    }

    fn burst(&mut self) {
        let Ground { light, deep, ray, .. } = *self.ground;
        let [light, deep, ray] = [light, deep, ray].map(|swatch| self.colour(swatch));
        self.canvas.data.fill(light);
        let reach = self.reach();
        for i in 0..RAYS {
            let angle = TAU * i as f32 / RAYS as f32;
            let half = 0.25 * TAU / RAYS as f32;
            let wedge = [self.focus, self.away(angle - half, 2.0 * reach), self.away(angle + half, 2.0 * reach)];
            self.wedge(&wedge, ray);
        }
        let focus = self.focus;
        let radius = move |x: f32, y: f32| (x - focus[0]).hypot(y - focus[1]) / reach;
        self.halftone(10.0, deep, |x, y| (0.55 * (radius(x, y) - 0.22) / 0.4).clamp(0.0, 0.5));
    }

    fn speed(&mut self, seed: u64) {
        let (paper, line) = (self.colour(self.ground.pale), self.colour(self.ground.line));
        self.canvas.data.fill(paper);
        let reach = self.reach();
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        for i in 0..SPEED_LINES {
            let angle = (i as f32 + random.random_range(-0.45..0.45)) / SPEED_LINES as f32 * TAU;
            let thin = if random.random_bool(0.5) { 0.45 } else { 1.0 };
            let half = random.random_range(0.02..0.055) * thin;
            let start = random.random_range(0.16..0.40);
            // a wedge as wide at the border as its angle says, with its tip away from the focus
            let wedge = [
                self.away(angle, start * reach),
                self.away(angle - half, 1.6 * reach),
                self.away(angle + half, 1.6 * reach),
            ];
            self.wedge(&wedge, line);
        }
    }

    /// Two colours that run into each other around the figure, and end in white paper before the corners.
    fn blot(&mut self, seed: u32) {
        let Ground { light, deep, ray, .. } = *self.ground;
        let [light, deep, ray] = [light, deep, ray].map(|swatch| self.colour(swatch));
        let ((width, height), unit, focus) = (self.size(), self.unit, self.focus);
        let size = width.min(height) / unit;
        let mixed = |x: f32, y: f32, n: u32| cloud(x / unit, y / unit, 0.5 * size, seed.wrapping_add(n));
        self.canvas.data.fill(light);
        self.lay(deep, |x, y| smoothstep(mixed(x, y, 1) + 0.25 * (y / height - 0.5), 0.42, 0.72));
        self.lay(ray, |x, y| 0.8 * smoothstep(mixed(x, y, 2), 0.55, 0.75));
        let away = |x: f32, y: f32| ((x - focus[0]) / (0.62 * width)).hypot((y - focus[1]) / (0.70 * height));
        self.lay([255.0; 3], |x, y| smoothstep(away(x, y) + 0.9 * (mixed(x, y, 3) - 0.5), 0.78, 0.90));
    }

    /// The diagonal: no pixel is further from a focus inside the picture.
    fn reach(&self) -> f32 {
        let (width, height) = self.size();
        width.hypot(height)
    }

    fn away(&self, angle: f32, distance: f32) -> Point {
        [self.focus[0] + distance * angle.cos(), self.focus[1] + distance * angle.sin()]
    }

    fn wedge(&mut self, corners: &[Point], colour: [f32; 3]) {
        let shape = Coverage::polygon(corners, self.canvas.width, self.canvas.height);
        paint(&mut self.canvas, &shape, colour, 1.0);
    }

    fn halftone(&mut self, cell: f32, colour: [f32; 3], tone: impl Fn(f32, f32) -> f32) {
        let (width, height) = (self.canvas.width, self.canvas.height);
        let share = self.ground.dots;
        if share <= 0.0 {
            return;
        }
        let tones = (0..width * height).map(|i| share * tone((i % width) as f32, (i / width) as f32)).collect();
        let cover = dots(width, height, cell * self.unit, DOT_ANGLE_DEG, &Plane::from_data(width, height, tones));
        self.lay(colour, |x, y| cover[(x as usize, y as usize)]);
    }

    fn lay(&mut self, colour: [f32; 3], amount: impl Fn(f32, f32) -> f32) {
        let width = self.canvas.width;
        for (i, pixel) in self.canvas.data.iter_mut().enumerate() {
            let amount = amount((i % width) as f32, (i / width) as f32);
            *pixel = std::array::from_fn(|c| pixel[c] + amount * (colour[c] - pixel[c]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [Backdrop; 5] = [Backdrop::Dots, Backdrop::Split, Backdrop::Burst, Backdrop::Speed, Backdrop::Blot];

    fn ground() -> &'static Ground {
        &<&super::super::style::Style>::default().ground
    }

    #[test]
    fn every_kind_keeps_near_its_hue_and_is_the_same_for_the_same_seed() {
        for kind in KINDS {
            let make = |seed| made_background(120, 90, kind, ground(), 230.0, false, 1.0, (60.0, 40.0), seed);
            let picture = make(3);
            assert!(picture.data.iter().all(|p| p[2] >= p[0]), "{kind:?} is blue everywhere");
            assert_eq!(picture, make(3));
            assert_eq!(picture == make(4), !matches!(kind, Backdrop::Speed | Backdrop::Blot));
        }
    }

    #[test]
    fn a_page_in_black_and_white_gets_pale_backgrounds() {
        let spread = |greyscale| {
            let picture = made_background(40, 40, Backdrop::Dots, ground(), 150.0, greyscale, 1.0, (20.0, 20.0), 1);
            picture.data.iter().map(|p| p.iter().fold(0.0, |m: f32, &v| m.max((v - p[0]).abs()))).sum::<f32>()
        };
        assert!(spread(true) < 0.5 * spread(false));
    }

    #[test]
    fn a_focus_outside_and_tiny_pictures_do_not_panic() {
        for kind in KINDS {
            for size in [0, 1, 2] {
                made_background(size, size, kind, ground(), 30.0, false, 2.0, (-500.0, 9000.0), 7);
            }
        }
    }
}
