//! Brows and the frown lines between them.

use super::{Portrait, blend};
use crate::draw::ink::INK;
use crate::draw::landmarks::{EyeSide, cheek_colour, colours_in, quantile};
use crate::draw::point::{Point, add, distance, mix};
use crate::raster::clean::smoothstep;

/// Raised or lowered brows are drawn this much further from their usual place than they are.
const EXAGGERATION: f32 = 0.7;
/// A brow this much darker than the cheeks (lightness) is drawn in full ink and width; a pale one thinner and softer.
const DARK_BROW: (f32, f32) = (0.03, 0.20);
/// Brows this far below their usual place (in face widths) are a frown.
const FROWN: f32 = -0.010;
const FROWN_FROM: f32 = 90.0;

pub fn draw(portrait: &mut Portrait, sides: &[&EyeSide], delta: f32) {
    for side in sides {
        draw_brow(portrait, side, delta);
    }
    if delta < FROWN && portrait.page_size() > FROWN_FROM && sides.len() == 2 {
        draw_frown(portrait);
    }
}

fn draw_brow(portrait: &mut Portrait, side: &EyeSide, delta: f32) {
    let (upper, lower) = (portrait.pick(&side.brow_upper), portrait.pick(&side.brow_lower));
    let darkness = darkness(portrait, &upper, &lower);
    let mut line: Vec<Point> = upper.iter().zip(&lower).map(|(&a, &b)| mix(a, b, 0.5)).collect();
    for (i, point) in line.iter_mut().enumerate() {
        let scowl = if i >= 3 { 0.5 * delta.min(0.0) } else { 0.0 };
        *point = add(*point, portrait.step(0.0, 0.01 + EXAGGERATION * delta + scowl));
    }
    let thickness = upper.iter().zip(&lower).map(|(&a, &b)| distance(a, b)).fold(0.0, f32::max);
    let width = ((0.55 + 0.30 * darkness) * thickness).max(1.9 * portrait.unit);
    let colour = blend(blend(portrait.shade, INK, 0.7), INK, darkness);
    let outline = crate::draw::pen::stroke_outline(&line, width, 0.75, 0.22);
    let shape = portrait.cover(&outline);
    portrait.paint(&shape, colour, 1.0);
}

/// 0 for a brow as light as the skin, 1 for a dark one.
fn darkness(portrait: &Portrait, upper: &[Point], lower: &[Point]) -> f32 {
    let Some(cheek) = cheek_colour(portrait.lab, portrait.points) else { return 1.0 };
    let outline: Vec<Point> = upper.iter().chain(lower.iter().rev()).copied().collect();
    let seen = colours_in(portrait.lab, &outline);
    if seen.len() < 4 { 1.0 } else { smoothstep(cheek[0] - quantile(&seen, 0, 0.3), DARK_BROW.0, DARK_BROW.1) }
}

fn draw_frown(portrait: &mut Portrait) {
    let width = portrait.line(0.014, 1.0);
    for (inner_end, inward) in [(107, 1.0), (336, -1.0)] {
        let middle = add(portrait.at(inner_end), portrait.step(0.028 * inward, -0.01));
        let line = [
            add(middle, portrait.step(0.0, 0.05)),
            add(middle, portrait.step(0.006 * inward, 0.0)),
            add(middle, portrait.step(0.0, -0.045)),
        ];
        portrait.stroke(&line, width, (0.5, 0.5), 0.85);
    }
}
