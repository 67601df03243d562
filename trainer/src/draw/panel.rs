//! One panel: the figure in a framing before a backdrop.

use super::background::{Backdrop, made_background};
use super::figure::{Figure, draw_figure};
use super::finish::{Layers, on_paper};
use super::framing::{Framing, UNIT, View};
use super::place::{self, Look};
use super::scene::Scene;
use super::style::Sheet;
use crate::raster::colour::{to_float, to_lab, to_rgb};
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Plane, Rgb};

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
        let mut behind = backdrop(scene, shot, &view, &figure);
        if shot.backdrop != Backdrop::Plate {
            add_halo(&mut behind, &figure, &scene.style.sheet);
        }
        compose(scene, behind, &figure)
    } else {
        draw_place(scene, shot.frame, &view, shot.hue_deg)
    };
    to_rgb(&resize(&canvas, shot.width, shot.height, Interpolation::Area))
}

/// The place without the figure, at drawing size, sRGB 0..255; the whole picture when there is no figure.
pub fn draw_place(scene: &Scene, frame: usize, view: &View, hue_deg: f32) -> Grid<[f32; 3]> {
    on_paper(layers_of_place(scene, frame, view, hue_deg), None, scene.style, UNIT)
}

fn layers_of_place(scene: &Scene, frame: usize, view: &View, hue_deg: f32) -> Layers {
    let filmed = &scene.clip().frames[frame];
    let has_figure = scene.clip().has_figure;
    let seen = if has_figure { scene.plate.at(filmed, &scene.alpha[frame]) } else { filmed.clone() };
    let calm = place::calmed(&seen);
    let picture = to_lab(&to_rgb(&view.crop(&to_float(&calm), Interpolation::Cubic)));
    let look = Look {
        hue_deg,
        greyscale: scene.materials.greyscale,
        unit: UNIT,
        upsampling: view.scale(),
        behind_figure: has_figure,
    };
    place::draw_place(&picture, &place::colours_of(&to_lab(&calm)), &look, scene.style)
}

/// Puts the figure before what is behind it.
fn compose(scene: &Scene, mut behind: Layers, figure: &Figure) -> Grid<[f32; 3]> {
    for (i, below) in behind.colour.data.iter_mut().enumerate() {
        let (a, c) = (figure.cover.data[i], figure.layers.colour.data[i]);
        *below = std::array::from_fn(|k| below[k] + a * (c[k] - below[k]));
        behind.ink.data[i] *= 1.0 - a;
    }
    on_paper(behind, Some(figure.all_ink()), scene.style, UNIT)
}

/// A pale border that cuts the figure out of a made background.
fn add_halo(behind: &mut Layers, figure: &Figure, sheet: &Sheet) {
    if sheet.halo <= 0.0 {
        return;
    }
    for (below, distance) in behind.colour.data.iter_mut().zip(&figure.distance.data) {
        let amount = (sheet.halo * UNIT + 1.65 * UNIT + distance.min(0.0) + 0.5).clamp(0.0, 1.0);
        *below = std::array::from_fn(|k| below[k] + amount * (sheet.halo_colour[k] - below[k]));
    }
}

fn backdrop(scene: &Scene, shot: &Shot, view: &View, figure: &Figure) -> Layers {
    if shot.backdrop == Backdrop::Plate {
        return layers_of_place(scene, shot.frame, view, shot.hue_deg);
    }
    let colour = made_background(
        view.width,
        view.height,
        shot.backdrop,
        &scene.style.ground,
        shot.hue_deg,
        scene.materials.greyscale,
        UNIT,
        figure.focus,
        shot.frame as u64,
    );
    Layers { ink: Plane::new(view.width, view.height, 0.0), colour }
}
