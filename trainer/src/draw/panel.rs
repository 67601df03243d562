//! One panel: the figure in a framing before a backdrop.

use super::background::{Backdrop, made_background};
use super::figure::{Figure, draw_figure};
use super::framing::{Framing, UNIT, View};
use super::ink::INK;
use super::place::{self, PlaceStyle};
use super::scene::Scene;
use crate::raster::colour::{to_float, to_lab, to_rgb};
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Rgb};

/// Width of the pale border that cuts the figure out of a made background, in units.
const HALO: f32 = 4.2;
const PAPER_WHITE: [f32; 3] = [252.0, 250.0, 244.0];

/// What one panel shows.
#[derive(Clone, Copy, Debug)]
pub struct Shot {
    pub frame: usize,
    pub framing: Framing,
    pub backdrop: Backdrop,
    pub hue_deg: f32,
    /// Page pixels.
    pub width: usize,
    pub height: usize,
}

/// Draws a shot, `width × height` page pixels.
pub fn draw_panel(scene: &Scene, shot: &Shot) -> Rgb {
    let subject = scene.subject(shot.frame);
    let window = subject.window(shot.framing, shot.width as f32 / shot.height.max(1) as f32);
    let view = View::of_page(window, shot.width, shot.height, scene.clip().width);
    let canvas = if scene.clip().has_figure {
        let figure = draw_figure(scene, shot.frame, &view);
        let mut canvas = backdrop(scene, shot, &view, &figure);
        if shot.backdrop != Backdrop::Plate {
            add_halo(&mut canvas, &figure);
        }
        compose(&mut canvas, &figure);
        canvas
    } else {
        draw_place(scene, shot.frame, &view, shot.hue_deg)
    };
    to_rgb(&resize(&canvas, shot.width, shot.height, Interpolation::Area))
}

/// The place without the figure, at drawing size; the whole picture when there is no figure.
pub fn draw_place(scene: &Scene, frame: usize, view: &View, hue_deg: f32) -> Grid<[f32; 3]> {
    let filmed = &scene.clip().frames[frame];
    let has_figure = scene.clip().has_figure;
    let seen = if has_figure { scene.plate.at(filmed, &scene.alpha[frame]) } else { filmed.clone() };
    let calm = place::calmed(&seen);
    let picture = to_lab(&to_rgb(&view.crop(&to_float(&calm), Interpolation::Cubic)));
    let style = PlaceStyle {
        hue_deg,
        greyscale: scene.materials.greyscale,
        unit: UNIT,
        upsampling: view.scale(),
        behind_figure: has_figure,
    };
    place::draw_place(&picture, &place::colours_of(&to_lab(&calm)), &style)
}

fn compose(canvas: &mut Grid<[f32; 3]>, figure: &Figure) {
    for (i, below) in canvas.data.iter_mut().enumerate() {
        let (a, ink, c) = (figure.cover.data[i], figure.outline.data[i], figure.colour.data[i]);
        *below = std::array::from_fn(|k| {
            let v = below[k] + a * (c[k] - below[k]);
            v + ink * (INK[k] - v)
        });
    }
}

fn add_halo(canvas: &mut Grid<[f32; 3]>, figure: &Figure) {
    for (below, distance) in canvas.data.iter_mut().zip(&figure.distance.data) {
        let amount = (HALO * UNIT + 1.65 * UNIT + distance.min(0.0) + 0.5).clamp(0.0, 1.0);
        *below = std::array::from_fn(|k| below[k] + amount * (PAPER_WHITE[k] - below[k]));
    }
}

fn backdrop(scene: &Scene, shot: &Shot, view: &View, figure: &Figure) -> Grid<[f32; 3]> {
    let greyscale = scene.materials.greyscale;
    if shot.backdrop != Backdrop::Plate {
        let seed = shot.frame as u64;
        return made_background(
            view.width,
            view.height,
            shot.backdrop,
            shot.hue_deg,
            greyscale,
            UNIT,
            figure.focus,
            seed,
        );
    }
    draw_place(scene, shot.frame, view, shot.hue_deg)
}
