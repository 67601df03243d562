//! Drawing: from what the network says about a clip to panels, cut-outs, a background and a page.
//!
//! [`Scene`](scene::Scene) holds what is worked out once a clip: materials, skin, hair, the place. A panel is a
//! [`View`](framing::View) of one frame: mask, labels, tones, ink, face, backdrop, in that order.

pub mod background;
pub mod cloth;
pub mod cutout;
pub mod face;
pub mod flow;
pub mod framing;
pub mod hair;
pub mod ink;
pub mod keyframes;
pub mod labels;
pub mod landmarks;
pub mod mask;
pub mod materials;
pub mod page;
pub mod panel;
pub mod pen;
pub mod place;
pub mod plate;
pub mod point;
pub mod scene;
pub mod shadow;
pub mod skin;

use std::ops::ControlFlow;

use crate::clip::Character;
use crate::raster::colour::to_rgb;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Rgb, Rgba};
use framing::{Framing, View};
use keyframes::KeyFrames;
use panel::Shot;
use scene::Scene;

/// Everything that one character gives a comic.
pub struct Drawn {
    pub panels: Vec<DrawnPanel>,
    /// The figure without anything behind it, one for each key frame.
    pub cutouts: Vec<Rgba>,
    /// The place without the figure.
    pub background: Rgb,
    /// The panels composed.
    pub page: Rgb,
}

#[derive(Clone)]
pub struct DrawnPanel {
    pub image: Rgb,
    /// Index of the clip's frame.
    pub frame: usize,
    /// long, full, medium, close or extreme.
    pub framing: &'static str,
    /// What the panel shows, for who cannot see it.
    pub alt: String,
}

/// Draws a character. `on_panel` hears of each panel as it gets ready and may stop the drawing; then the answer is
/// `None`, as for a clip without frames.
pub fn draw(
    character: &Character,
    on_panel: &mut dyn FnMut(usize, &DrawnPanel) -> ControlFlow<()>,
) -> Option<Drawn> {
    let scene = Scene::new(character);
    let clip = character.clip;
    let frames = KeyFrames::choose(&scene, page::PANELS);
    let (places, page_height) = page::places(clip.height > clip.width);
    let mut page = page::blank(page_height);
    let mut panels = Vec::new();
    for (i, (shot, place)) in page::shots(&scene, &frames, &places).iter().zip(&places).enumerate() {
        let image = panel::draw_panel(&scene, shot);
        let drawn = DrawnPanel {
            image,
            frame: shot.frame,
            framing: shot.framing.name(),
            alt: alt_text(&scene, shot),
        };
        if on_panel(i, &drawn).is_break() {
            return None;
        }
        page::mount(&mut page, &drawn.image, place);
        panels.push(drawn);
    }
    let background = background(&scene, panels.first()?.frame);
    let cutouts = if clip.has_figure {
        let mut used: Vec<usize> = panels.iter().map(|p| p.frame).collect();
        used.sort_unstable();
        used.dedup();
        used.into_iter().map(|frame| cutout::cut_out(&scene, frame)).collect()
    } else {
        Vec::new()
    };
    Some(Drawn { panels, cutouts, background, page })
}

/// The place as a page-wide picture.
fn background(scene: &Scene, frame: usize) -> Rgb {
    let clip = scene.clip();
    let height = page::PAGE_WIDTH * clip.height / clip.width.max(1);
    let window = [0.0, 0.0, clip.width as f32, clip.height as f32];
    let view = View::of_page(window, page::PAGE_WIDTH, height, clip.width);
    let large = panel::draw_place(scene, frame, &view, scene.materials.hues[0]);
    to_rgb(&resize(&large, page::PAGE_WIDTH, height.max(1), Interpolation::Area))
}

fn alt_text(scene: &Scene, shot: &Shot) -> String {
    let clip = scene.clip();
    let seconds = clip.times_ms.get(shot.frame).copied().unwrap_or(0) as f32 / 1000.0;
    if !clip.has_figure {
        return format!("The scene at {seconds:.1} s, in flat colours.");
    }
    let what = match shot.framing {
        Framing::Long => "The character in the scene",
        Framing::Full => "The whole character",
        Framing::Medium => "The character from head to waist",
        Framing::Close => "Head and shoulders of the character",
        Framing::Extreme => "The character's face",
    };
    let face = match scene.face(shot.frame).map(landmarks::yaw) {
        None => ", the face not seen",
        Some(yaw) if yaw < -0.25 => ", turned to the left",
        Some(yaw) if yaw > 0.25 => ", turned to the right",
        Some(_) => ", looking this way",
    };
    format!("{what}{face}, at {seconds:.1} s.")
}
