//! A page of five panels: what each shows, and where it stands.

use super::framing::{BIG_FACE, Framing};
use super::keyframes::KeyFrames;
use super::landmarks::{CHIN, FOREHEAD, at};
use super::panel::Shot;
use super::scene::Scene;
use super::style::Sheet;
use crate::raster::{Grid, Rgb};

pub const PAGE_WIDTH: usize = 1280;
pub const PANELS: usize = 5;
const GUTTER: usize = 14;
/// Heights of the two rows, as shares of the page's width.
const ROWS: [f32; 2] = [0.44, 0.40];

/// A rectangle on the page: left, top, width, height.
pub type Place = [usize; 4];

/// Places of the panels in reading order, and the page's height.
pub fn places(portrait: bool) -> (Vec<Place>, usize) {
    let share = |s: f32| (PAGE_WIDTH as f32 * s) as usize;
    let [first, second] = ROWS.map(share);
    let height = first + second + 3 * GUTTER;
    if portrait {
        // one tall panel, four smaller ones beside it
        let tall = share(0.44);
        let (w, h) = ((PAGE_WIDTH - 4 * GUTTER - tall) / 2, (first + second) / 2);
        let small = |j: usize| [2 * GUTTER + tall + j % 2 * (w + GUTTER), GUTTER + j / 2 * (h + GUTTER), w, h];
        let mut all = vec![[GUTTER, GUTTER, tall, first + second + GUTTER]];
        all.extend((0..4).map(small));
        return (all, height);
    }
    let side = share(0.36);
    let (wide, third) = (PAGE_WIDTH - 3 * GUTTER - side, (PAGE_WIDTH - 4 * GUTTER) / 3);
    let mut all = vec![[GUTTER, GUTTER, wide, first], [2 * GUTTER + wide, GUTTER, side, first]];
    all.extend((0..3).map(|j| [GUTTER + j * (third + GUTTER), first + 2 * GUTTER, third, second]));
    (all, height)
}

/// What each panel shows. The widest pose gets the place, the best face the close-up; the others keep their order in time.
pub fn shots(scene: &Scene, frames: &KeyFrames, places: &[Place]) -> Vec<Shot> {
    let Some((&close, rest)) = frames.chosen.split_first() else { return Vec::new() };
    let mut rest = rest.to_vec();
    rest.sort_unstable();
    let tall_face = scene.face(close).is_some_and(|points| {
        let (top, chin) = (at(points, FOREHEAD), at(points, CHIN));
        (top[0] - chin[0]).hypot(top[1] - chin[1]) > BIG_FACE * scene.clip().height as f32
    });
    let spread = |t: usize| width_of_figure(scene, t) + 0.3 * frames.sharpness[t];
    let mut take = |score: &dyn Fn(usize) -> f32| {
        let best = (0..rest.len()).max_by(|&a, &b| score(rest[a]).total_cmp(&score(rest[b])));
        best.map_or(close, |i| rest.remove(i))
    };
    let wide = if tall_face { take(&|t| -(t as f32)) } else { take(&spread) };
    let medium = take(&|t| frames.face[t]);
    let (third, last) = (take(&|t| -(t as f32)), take(&|t| -(t as f32)));
    let hues = &scene.materials.hues;
    let plan = [
        (wide, Framing::Long, hues[0]),
        (medium, Framing::Medium, hues[1]),
        (third, if tall_face { Framing::Medium } else { Framing::Full }, hues[2]),
        (close, if tall_face { Framing::Extreme } else { Framing::Close }, hues[0]),
        (last, if tall_face { Framing::Close } else { Framing::Medium }, hues[1]),
    ];
    let backdrops = scene.style.ground.backdrops;
    let shot = |(((frame, framing, hue_deg), backdrop), place): (((usize, Framing, f32), _), &Place)| Shot {
        frame,
        framing,
        backdrop,
        hue_deg,
        width: place[2],
        height: place[3],
    };
    plan.into_iter().zip(backdrops).zip(places).map(shot).collect()
}

/// Share of the columns that the figure has pixels in.
fn width_of_figure(scene: &Scene, frame: usize) -> f32 {
    let alpha = &scene.alpha[frame];
    let columns = (0..alpha.width).filter(|&x| (0..alpha.height).any(|y| alpha[(x, y)] > 0.5));
    columns.count() as f32 / alpha.width.max(1) as f32
}

/// An empty page.
pub fn blank(height: usize, sheet: &Sheet) -> Rgb {
    Grid::new(PAGE_WIDTH, height, sheet.paper.map(|v| v as u8))
}

/// Puts a panel at its place, with a frame.
pub fn mount(page: &mut Rgb, panel: &Rgb, place: &Place, sheet: &Sheet) {
    let frame = sheet.frame.map(|v| v as u8);
    let [left, top, width, height] = *place;
    for y in 0..height.min(panel.height) {
        for x in 0..width.min(panel.width) {
            let rim = x.min(y).min(width - 1 - x).min(height - 1 - y) < sheet.frame_width;
            page[(left + x, top + y)] = if rim { frame } else { panel[(x, y)] };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_lie_on_the_page_and_do_not_overlap() {
        for portrait in [false, true] {
            let (places, height) = places(portrait);
            assert_eq!(places.len(), PANELS);
            for (i, [x, y, w, h]) in places.iter().enumerate() {
                assert!(x + w <= PAGE_WIDTH - GUTTER && y + h <= height - GUTTER);
                for [ox, oy, ow, oh] in &places[i + 1..] {
                    assert!(x + w <= *ox || ox + ow <= *x || y + h <= *oy || oy + oh <= *y);
                }
            }
        }
    }
}
