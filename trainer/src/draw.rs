//! Drawing: from what the network says about a clip to panels, cut-outs, a background and a page.
//!
//! [`Scene`](scene::Scene) holds what is worked out once a clip: materials, skin, hair, the place. A panel is a
//! [`View`](framing::View) of one frame: mask, labels, tones, ink, face, backdrop, in that order.

pub mod background;
pub mod cloth;
pub mod cutout;
pub mod face;
pub mod figure;
pub mod finish;
pub mod flow;
pub mod framing;
pub mod gaps;
pub mod hair;
pub mod hand;
pub mod head;
pub mod histogram;
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
pub mod shading;
mod shadow;
pub mod skin;
pub mod strands;
pub mod style;

use rayon::prelude::*;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

use crate::clip::Character;
use crate::raster::colour::to_rgb;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Rgb, Rgba};
use framing::{Framing, View};
use keyframes::KeyFrames;
use panel::Shot;
use scene::Scene;
use style::Style;

/// Panels that are drawn beside each other: where one cannot use every processor, the other does. More would take more
/// memory, and the first would come later.
const AT_ONCE: usize = 2;

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

/// Draws a character in a style. `on_panel` hears of each panel as it gets ready. When it breaks, or `go_on`, which is asked
/// before each picture, says no, the answer is `None`, as for a clip without frames.
pub fn draw(
    character: &Character,
    style: &Style,
    go_on: &(dyn Fn() -> bool + Sync),
    on_panel: &mut dyn FnMut(usize, &DrawnPanel) -> ControlFlow<()>,
) -> Option<Drawn> {
    let ask = || go_on().then_some(());
    let mut scene = Scene::new(character, style);
    ask()?;
    let clip = character.clip;
    let frames = KeyFrames::choose(&scene, page::PANELS);
    scene.find_hands(&frames.chosen);
    ask()?;
    let (places, page_height) = page::places(clip.height > clip.width);
    let mut page = page::blank(page_height, &style.sheet);
    let shots = page::shots(&scene, &frames, &places);
    let mut panels = Vec::new();
    for (shots, places) in shots.chunks(AT_ONCE).zip(places.chunks(AT_ONCE)) {
        let images = shots.par_iter().map(|shot| go_on().then(|| panel::draw_panel(&scene, shot)));
        let images: Vec<Rgb> = images.collect::<Option<_>>()?;
        for ((image, shot), place) in images.into_iter().zip(shots).zip(places) {
            let alt = alt_text(&scene, shot);
            let drawn = DrawnPanel { image, frame: shot.frame, framing: shot.framing.name(), alt };
            if on_panel(panels.len(), &drawn).is_break() {
                return None;
            }
            page::mount(&mut page, &drawn.image, place, &style.sheet);
            panels.push(drawn);
        }
    }
    let first = panels.first()?.frame;
    let (background, cutouts) = rayon::join(|| background(&scene, first), || cut_out_all(&scene, &panels, go_on));
    Some(Drawn { cutouts: cutouts?, panels, background, page })
}

/// `None` when `go_on` says no.
fn cut_out_all(scene: &Scene, panels: &[DrawnPanel], go_on: &(dyn Fn() -> bool + Sync)) -> Option<Vec<Rgba>> {
    if !scene.clip().has_figure {
        return Some(vec![]);
    }
    let frames: BTreeSet<usize> = panels.iter().map(|panel| panel.frame).collect();
    frames.into_par_iter().map(|frame| go_on().then(|| cutout::cut_out(scene, frame))).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clip::{Clip, Palette};
    use crate::raster::{Grid, Plane};
    use std::sync::atomic::AtomicUsize;
    use std::sync::atomic::Ordering::Relaxed;

    const WIDTH: usize = 64;
    const HEIGHT: usize = 48;

    /// A red figure that walks before a grey wall; no face.
    fn clip(frames: usize, has_figure: bool) -> Clip {
        let inside = |t: usize, i: usize| {
            let (x, y) = (i % WIDTH, i / WIDTH);
            (12 + 8 * t..32 + 8 * t).contains(&x) && y > 10
        };
        let pictures: Vec<Rgb> = (0..frames)
            .map(|t| {
                let pixel = |i| if inside(t, i) { [190, 40, 30] } else { [150, 155, 160] };
                Grid::from_data(WIDTH, HEIGHT, (0..WIDTH * HEIGHT).map(pixel).collect())
            })
            .collect();
        let person = |t| {
            let seen = |i| if has_figure && inside(t, i) { 0.98 } else { 0.02 };
            Grid::from_data(WIDTH, HEIGHT, (0..WIDTH * HEIGHT).map(seen).collect())
        };
        Clip {
            width: WIDTH,
            height: HEIGHT,
            source: pictures.clone(),
            times_ms: (0..frames as u64).map(|t| 500 * t).collect(),
            person: (0..frames).map(person).collect(),
            faces: vec![Vec::new(); frames],
            skin: vec![Grid::new(WIDTH, HEIGHT, -1); frames],
            skin_median: None,
            has_figure,
            frames: pictures,
        }
    }

    fn with_character<T>(clip: &Clip, then: impl FnOnce(&Character) -> T) -> T {
        let colours = vec![[0.68, 0.0, -0.01], [0.75, 0.03, 0.05], [0.5, 0.15, 0.09], [0.2, 0.0, 0.0]];
        let palette = Palette { colours, background: 1, skin: 1, scale: 0.1 };
        let logits = |t: usize| -> Vec<Plane> {
            let person = &clip.person[t];
            vec![person.map(|p| -8.0 * p), person.map(|_| -4.0), person.map(|p| 8.0 * p), person.map(|_| -4.0)]
        };
        let labels = clip.person.iter().map(|p| p.map(|&p| if p > 0.5 { 2 } else { 0 })).collect();
        let figure = clip.person.clone();
        then(&Character { clip, palette: &palette, figure, labels, logits: &logits, hands: &|_| Vec::new() })
    }

    #[test]
    fn a_faceless_figure_becomes_panels_cut_outs_and_a_place_without_it() {
        let clip = clip(3, true);
        let mut heard = Vec::new();
        let drawn = with_character(&clip, |character| {
            draw(character, Default::default(), &|| true, &mut |i, panel| {
                heard.push((i, panel.framing));
                ControlFlow::Continue(())
            })
        })
        .unwrap();
        assert_eq!(heard.len(), page::PANELS);
        assert_eq!(drawn.page.width, page::PAGE_WIDTH);
        assert!(drawn.cutouts.iter().all(|c| c.data.iter().any(|p| p[3] == 255) && c.data.iter().any(|p| p[3] == 0)));
        let red = |p: &[u8; 3]| p[0] > 150 && p[1] < 90;
        assert!(drawn.panels[0].image.data.iter().any(red), "the figure is in the first panel");
        assert!(!drawn.background.data.iter().any(red), "the place is without it");
    }

    #[test]
    fn drawing_stops_when_told_and_a_clip_without_frames_gives_nothing() {
        let mut count = 0;
        let stopped = with_character(&clip(2, false), |character| {
            draw(character, Default::default(), &|| true, &mut |_, _| {
                count += 1;
                ControlFlow::Break(())
            })
        });
        assert!(stopped.is_none() && count == 1);
        let asked = AtomicUsize::new(0);
        let stopped = with_character(&clip(2, true), |character| {
            let go_on = || asked.fetch_add(1, Relaxed) < 2;
            draw(character, Default::default(), &go_on, &mut |_, _| ControlFlow::Continue(()))
        });
        assert!(stopped.is_none() && asked.into_inner() <= 2 + AT_ONCE, "it goes on after it was told to stop");
        let empty = clip(0, true);
        assert!(
            with_character(&empty, |c| draw(c, Default::default(), &|| true, &mut |_, _| ControlFlow::Continue(())))
                .is_none()
        );
    }
}
