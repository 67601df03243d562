//! From flat colours and ink to what is seen on paper: the colours of a style, its paint or print, then the ink.

mod halftone;
mod screen;
mod texture;
mod wash;

pub use halftone::{Halftone, Separation};
pub use screen::Screen;
pub use texture::cloud;
pub use wash::Wash;

use super::style::{Grade, Pens, Sheet, Style};
use crate::raster::clean::smoothstep;
use crate::raster::colour::{lch, oklab_of, srgb};
use crate::raster::{Grid, Plane};
use rayon::prelude::*;

/// A picture in the making.
#[derive(Clone)]
pub struct Layers {
    /// Colours without ink, sRGB 0..255.
    pub colour: Grid<[f32; 3]>,
    /// How much ink lies over them, 0..1.
    pub ink: Plane,
}

/// What becomes of flat colours on paper.
#[derive(Debug)]
pub enum Finish {
    Flat,
    Wash(Wash),
    Screen(Screen),
    Halftone(Halftone),
}

impl Finish {
    /// Paints or prints `colour` (sRGB 0..255) onto paper. `unit`: size of a page pixel.
    pub fn put_on_paper(&self, colour: &mut Grid<[f32; 3]>, paper: [f32; 3], unit: f32) {
        match self {
            Self::Flat => {}
            Self::Wash(wash) => wash.paint(colour, paper, unit),
            Self::Screen(screen) => screen.stick(colour, unit),
            Self::Halftone(halftone) => halftone.print(colour, paper, unit),
        }
    }
}

impl Grade {
    /// The page colour that `colour` becomes, both OKLab.
    pub fn of(&self, [l, a, b]: [f32; 3]) -> [f32; 3] {
        let mut lightness = self.dark + (self.light - self.dark) * l.clamp(0.0, 1.0);
        if self.tones > 1 {
            let steps = (self.tones - 1) as f32;
            lightness = (lightness * steps).round() / steps;
        }
        let chroma = (self.saturation * a.hypot(b)).min(self.max_chroma);
        lch(lightness.min(1.0), chroma, b.atan2(a).to_degrees() + self.hue_deg)
    }

    /// Changes a whole picture, sRGB 0..255.
    pub fn apply(&self, picture: &mut Grid<[f32; 3]>) {
        let same = self.saturation == 1.0 && self.dark == 0.0 && self.light == 1.0 && self.hue_deg == 0.0;
        if same && self.tones == 0 {
            return;
        }
        picture.data.par_iter_mut().with_min_len(4096).for_each(|p| *p = srgb(self.of(oklab_of(*p))));
    }
}

/// How much is left of the paint in a panel, which ends unevenly before its rim; `None` where it goes to the rim.
fn painted(width: usize, height: usize, sheet: &Sheet, unit: f32) -> Option<Plane> {
    if sheet.ragged <= 0.0 {
        return None;
    }
    let mut kept = texture::clouds(width, height, unit, 46.0, 5);
    for (i, v) in kept.data.iter_mut().enumerate() {
        let (x, y) = (i % width, i / width);
        let inside = x.min(y).min(width - 1 - x).min(height - 1 - y) as f32 / unit;
        *v = smoothstep(inside - sheet.ragged * 1.6 * *v, 0.0, 0.16 * sheet.ragged);
    }
    Some(kept)
}

/// A panel on paper: its colours painted or printed, then the ink of what is behind, then the figure's.
pub fn on_paper(layers: Layers, figure_ink: Option<Plane>, style: &Style, unit: f32) -> Grid<[f32; 3]> {
    let Layers { mut colour, mut ink } = layers;
    let mut figure_ink = figure_ink;
    if let Some(kept) = painted(colour.width, colour.height, &style.sheet, unit) {
        colour.data.iter_mut().zip(&kept.data).for_each(|(c, k)| *c = c.map(|v| 255.0 + k * (v - 255.0)));
        for plane in [Some(&mut ink), figure_ink.as_mut()].into_iter().flatten() {
            plane.data.iter_mut().zip(&kept.data).for_each(|(ink, k)| *ink *= k);
        }
    }
    style.finish.put_on_paper(&mut colour, style.sheet.paper, unit);
    lay_ink(&mut colour, &ink, style.pens.place, &style.pens, unit);
    if let Some(ink) = figure_ink {
        lay_ink(&mut colour, &ink, style.pens.figure, &style.pens, unit);
    }
    colour
}

/// Lays ink over a picture. A dry pen leaves it where the paper is low.
pub fn lay_ink(canvas: &mut Grid<[f32; 3]>, ink: &Plane, colour: [f32; 3], pens: &Pens, unit: f32) {
    let width = canvas.width;
    canvas.data.par_iter_mut().zip(&ink.data).enumerate().for_each(|(i, (pixel, &amount))| {
        if amount <= 0.0 {
            return;
        }
        let (x, y) = ((i % width) as f32 / unit, (i / width) as f32 / unit);
        let missing = if pens.dryness > 0.0 { pens.dryness * cloud(x, y, 3.0, 9) } else { 0.0 };
        let amount = amount * (1.0 - missing);
        *pixel = std::array::from_fn(|k| pixel[k] + amount * (colour[k] - pixel[k]));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(colour: [f32; 3]) -> Grid<[f32; 3]> {
        Grid::new(120, 120, colour)
    }

    fn mean(picture: &Grid<[f32; 3]>) -> [f32; 3] {
        let n = picture.data.len() as f32;
        std::array::from_fn(|k| picture.data.iter().map(|p| p[k]).sum::<f32>() / n)
    }

    #[test]
    fn every_finish_keeps_light_lighter_than_dark_and_white_the_colour_of_paper() {
        for style in Style::all() {
            let on_paper = |grey: f32| {
                let mut picture = patch([grey; 3]);
                style.finish.put_on_paper(&mut picture, style.sheet.paper, 2.0);
                oklab_of(mean(&picture))[0]
            };
            assert!(
                on_paper(40.0) + 0.1 < on_paper(150.0) && on_paper(150.0) + 0.05 < on_paper(255.0),
                "{}",
                style.name
            );
            assert!(on_paper(255.0) > 0.92, "{}", style.name);
        }
    }

    #[test]
    fn paint_ends_before_the_rim_of_a_panel_and_covers_its_middle() {
        let style = Style::find("watercolour").unwrap();
        let layers = Layers { colour: patch([90.0, 120.0, 160.0]), ink: Plane::new(120, 120, 0.0) };
        let panel = on_paper(layers, Some(Plane::new(120, 120, 1.0)), style, 2.0);
        assert_eq!(panel[(0, 60)], style.sheet.paper);
        assert!(panel[(60, 60)][0] < 150.0, "{:?}", panel[(60, 60)]);
    }

    #[test]
    fn a_grade_of_few_tones_leaves_few_lightnesses() {
        let grade = Grade { saturation: 0.0, max_chroma: 0.0, dark: 0.0, light: 1.0, hue_deg: 0.0, tones: 3 };
        let mut seen: Vec<_> = (0..=100).map(|i| (grade.of([i as f32 / 100.0, 0.1, 0.1])[0] * 100.0) as i32).collect();
        seen.dedup();
        assert_eq!(seen, [0, 50, 100]);
    }
}
