//! Brows, and the frown lines between them.

use super::Portrait;
use super::ridge::{Fit, Ridge};
use crate::draw::landmarks::{EyeSide, cheek_colour, colours_in, quantile};
use crate::draw::pen::stroke_outline;
use crate::draw::point::{Point, add, distance, dot, mix, sub};
use crate::raster::clean::smoothstep;

/// Widths of brows that are looked for, in face widths.
const WIDTHS: [f32; 3] = [0.030, 0.042, 0.056];
/// Ridges fainter than this (lightness) do not move a brow.
const CLEAR: f32 = 0.012;
/// A brow this much darker than the cheeks (lightness) is drawn in full ink and width; a pale one thinner and softer.
const DARK_BROW: (f32, f32) = (0.03, 0.20);
/// Height of a calm brow's inner end over the inner corner of the eye, in face widths, for a level head; and how much
/// of it is lost as the head bows (per unit of [`Portrait::bow`]). Measured on seven clips, .01 apart.
const CALM_HEIGHT: (f32, f32) = (0.131, -0.11);
/// Brows that stand off their calm height, or off their usual height in this clip, are drawn further off.
const EXAGGERATION: f32 = 0.35;
const EXAGGERATION_OF_CLIP: f32 = 0.3;
/// Face widths below the calm height at which a scowl begins and is complete; how much standing below the usual height
/// of the clip adds to it, and a crease between the brows.
const SCOWL: (f32, f32) = (0.018, 0.034);
const SCOWL_OF_CLIP: f32 = 0.4;
const SCOWL_OF_CREASE: f32 = 0.02;
/// A crease leaves the skin between the brows this much lighter than beside it (lightness).
const CREASE: (f32, f32) = (0.025, 0.055);
/// Contrast of a brow (lightness) from which its place is certain.
const SURE: f32 = 0.045;
/// How far a scowl pulls the inner ends down, in face widths.
const SCOWL_PULL: f32 = 0.022;
/// Page pixels of face width from which a scowl has frown lines.
const FROWN_FROM: f32 = 90.0;

struct Brow {
    /// From the outer end to the inner.
    line: Vec<Point>,
    width: f32,
    darkness: f32,
    /// Of the inner end above the inner corner of the eye, in face widths.
    height: f32,
    /// How far its place is to be believed, 0..1.
    sure: f32,
}

/// `delta`: how many face widths the brows stand above their usual place in the clip.
pub fn draw(portrait: &mut Portrait, sides: &[&EyeSide], delta: f32) {
    let brows: Vec<Brow> = sides.iter().map(|side| find(portrait, side)).collect();
    let calm = CALM_HEIGHT.0 + CALM_HEIGHT.1 * portrait.bow();
    let raised = brows.iter().map(|b| b.sure * (b.height - calm)).sum::<f32>() / brows.len().max(1) as f32;
    let creased = smoothstep(crease(portrait, &brows), CREASE.0, CREASE.1);
    let lowered = SCOWL_OF_CREASE * creased - raised - SCOWL_OF_CLIP * delta;
    let scowl = smoothstep(lowered, SCOWL.0, SCOWL.1);
    let lift = EXAGGERATION * raised.clamp(-0.03, 0.06) + EXAGGERATION_OF_CLIP * delta.clamp(-0.02, 0.05);
    for brow in &brows {
        draw_brow(portrait, brow, lift, scowl);
    }
    if scowl > 0.5 && portrait.page_size() > FROWN_FROM && brows.len() == 2 {
        for brow in &brows {
            draw_frown(portrait, brow);
        }
    }
}

fn find(portrait: &Portrait, side: &EyeSide) -> Brow {
    let (upper, lower) = (portrait.pick(&side.brow_upper), portrait.pick(&side.brow_lower));
    let mut line: Vec<Point> = upper.iter().zip(&lower).map(|(&a, &b)| mix(a, b, 0.5)).collect();
    let mesh_width = upper.iter().zip(&lower).map(|(&a, &b)| distance(a, b)).fold(0.0, f32::max);
    let fits =
        WIDTHS.map(|width| (width, Ridge { reach: 0.06, width, usual: [0.03, 0.02, 0.015] }.fit(portrait, &line)));
    let (width, fit) = fits.into_iter().max_by(|a, b| a.1.contrast.total_cmp(&b.1.contrast)).unwrap_or_default();
    let fit = if fit.contrast < CLEAR { Fit::default() } else { fit };
    fit.apply(portrait, &mut line);
    // the mesh lets the outer end hang lower than brows do
    line[0] = mix(line[0], line[1], 0.35);
    let darkness = darkness(portrait, &upper, &lower);
    let seen = (width * portrait.size).clamp(0.7 * mesh_width, 1.15 * mesh_width);
    let height = dot(sub(line[line.len() - 1], portrait.at(side.upper[8])), portrait.up) / portrait.size;
    Brow { line, width: (0.65 + 0.25 * darkness) * seen, darkness, height, sure: (fit.contrast / SURE).min(1.0) }
}

/// How much lighter the skin between the brows is than where a scowl draws them together (lightness); 0 or less for
/// brows apart.
fn crease(portrait: &Portrait, brows: &[Brow]) -> f32 {
    /// In face widths: how far the middle may lie aside, half the gap that a scowl leaves, the extent down and up.
    const ASIDE: f32 = 0.02;
    const HALF_GAP: f32 = 0.052;
    const EXTENT: (f32, f32) = (-0.01, 0.06);
    let [a, b] = brows else { return 0.0 };
    let middle = mix(a.line[a.line.len() - 1], b.line[b.line.len() - 1], 0.5);
    let column = |x: f32| {
        let height = |i: i32| EXTENT.0 + (EXTENT.1 - EXTENT.0) * i as f32 / 8.0;
        (0..9).map(|i| portrait.lightness(add(middle, portrait.step(x, height(i))))).sum::<f32>() / 9.0
    };
    let depth = |x: f32| column(x) - column(x - HALF_GAP).max(column(x + HALF_GAP));
    (-4..=4).map(|i| depth(0.25 * i as f32 * ASIDE)).fold(f32::MIN, f32::max)
}

fn draw_brow(portrait: &mut Portrait, brow: &Brow, lift: f32, scowl: f32) {
    let last = brow.line.len() - 1;
    let pull = |i: usize| (i as f32 / last as f32).powi(3) * scowl * SCOWL_PULL;
    let line: Vec<Point> =
        brow.line.iter().enumerate().map(|(i, &p)| add(p, portrait.step(0.0, lift - pull(i)))).collect();
    let opacity = 0.7 + 0.3 * brow.darkness;
    let outline = stroke_outline(&line, brow.width.max(1.9 * portrait.unit), 0.75, 0.20);
    let shape = portrait.cover(&outline);
    portrait.ink_on_skin(&shape, opacity);
}

/// 0 for a brow as light as the skin, 1 for a dark one.
fn darkness(portrait: &Portrait, upper: &[Point], lower: &[Point]) -> f32 {
    let Some(cheek) = cheek_colour(portrait.lab, portrait.points) else { return 1.0 };
    let outline: Vec<Point> = upper.iter().chain(lower.iter().rev()).copied().collect();
    let seen = colours_in(portrait.lab, &outline);
    if seen.len() < 4 { 1.0 } else { smoothstep(cheek[0] - quantile(&seen, 0, 0.3), DARK_BROW.0, DARK_BROW.1) }
}

/// A short upright line inside the brow's inner end.
fn draw_frown(portrait: &mut Portrait, brow: &Brow) {
    let end = brow.line[brow.line.len() - 1];
    let inward = dot(sub(end, brow.line[0]), portrait.right).signum();
    let middle = add(end, portrait.step(0.030 * inward, -0.01));
    let line = [
        add(middle, portrait.step(0.0, 0.05)),
        add(middle, portrait.step(0.006 * inward, 0.0)),
        add(middle, portrait.step(0.0, -0.045)),
    ];
    portrait.stroke(&line, portrait.line(0.014, 1.0), (0.5, 0.5), 0.85);
}
