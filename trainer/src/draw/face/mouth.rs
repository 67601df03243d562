//! Lips as a tone without outline, the line between them, and an open mouth with teeth.

use super::{Portrait, between};
use crate::draw::ink::INK;
use crate::draw::landmarks::{
    LOWER_LIP_INNER, LOWER_LIP_OUTER, UPPER_LIP_INNER, UPPER_LIP_OUTER, cheek_colour, colours_in, quantile,
};
use crate::draw::point::{Point, add, distance, mix, shift, sub};

const INSIDE: [f32; 3] = [70.0, 20.0, 28.0];
const TEETH: [f32; 3] = [250.0, 246.0, 238.0];
/// Lips are the shaded skin with green and blue taken away.
const LIP_TINT: [f32; 3] = [0.97, 0.76, 0.78];
/// Gaps between the lips, in face widths, from which the mouth is open and shows teeth.
const OPEN: f32 = 0.028;
const TEETH_FROM: f32 = 0.05;
/// Teeth are not much darker than the cheeks (lightness).
const TEETH_DARKER: f32 = 0.12;
/// Page pixels of face width from which lips have a tone, an accent below, corners.
const TONE_FROM: f32 = 60.0;
const ACCENT_FROM: f32 = 45.0;
const CORNERS_FROM: f32 = 70.0;

pub fn draw(portrait: &mut Portrait) {
    let (upper, lower) = (portrait.pick(&UPPER_LIP_INNER), portrait.pick(&LOWER_LIP_INNER));
    if portrait.page_size() > TONE_FROM {
        draw_tone(portrait, &upper, &lower);
    }
    let gap = distance(portrait.at(13), portrait.at(14)) / portrait.size;
    if gap > OPEN {
        draw_open(portrait, &upper, &lower, gap);
    } else {
        draw_line(portrait, &upper, &lower);
    }
    if portrait.page_size() > ACCENT_FROM {
        let below = portrait.step(0.0, -0.012);
        let accent: Vec<Point> = portrait.pick(&[84, 17, 314]).into_iter().map(|p| add(p, below)).collect();
        portrait.stroke(&accent, portrait.line(0.016, 1.0), (0.5, 0.5), 0.8);
    }
    if portrait.page_size() > CORNERS_FROM {
        for corner in [61, 291] {
            let dot = portrait.disc(portrait.at(corner), (0.006 * portrait.size).max(0.5 * portrait.unit));
            portrait.paint(&dot, INK, 1.0);
        }
    }
}

fn draw_tone(portrait: &mut Portrait, upper: &[Point], lower: &[Point]) {
    let tint = portrait.tinted(std::array::from_fn(|i| portrait.shade[i] * LIP_TINT[i]));
    for (outer, inner, opacity) in [(&UPPER_LIP_OUTER, upper, 0.75), (&LOWER_LIP_OUTER, lower, 0.38)] {
        let shape = portrait.cover(&between(&portrait.pick(outer), inner));
        portrait.paint(&shape, tint, opacity);
    }
}

fn draw_line(portrait: &mut Portrait, upper: &[Point], lower: &[Point]) {
    let mut line: Vec<Point> = upper.iter().zip(lower).map(|(&a, &b)| mix(a, b, 0.5)).collect();
    let (first, last) = (line[0], line[line.len() - 1]);
    let beyond = sub(last, first);
    let end = line.len() - 1;
    line[0] = shift(first, beyond, -0.04);
    line[end] = shift(last, beyond, 0.04);
    portrait.stroke(&line, portrait.line(0.027, 1.8), (0.4, 0.4), 1.0);
}

fn draw_open(portrait: &mut Portrait, upper: &[Point], lower: &[Point], gap: f32) {
    let outline = between(upper, lower);
    let opening = portrait.cover(&outline);
    portrait.paint(&opening, portrait.tinted(INSIDE), 1.0);
    let inside = colours_in(portrait.lab, &outline);
    let cheek = cheek_colour(portrait.lab, portrait.points).map_or(0.0, |colour| colour[0]);
    if gap > TEETH_FROM && inside.len() > 4 && quantile(&inside, 0, 0.75) > cheek - TEETH_DARKER {
        let edge: Vec<Point> = upper.iter().zip(lower).map(|(&a, &b)| mix(a, b, 0.55)).collect();
        let teeth = portrait.cover(&between(upper, &edge)).inside(&opening);
        portrait.paint(&teeth, portrait.tinted(TEETH), 1.0);
    }
    portrait.stroke(upper, portrait.line(0.028, 1.5), (0.35, 0.35), 1.0);
    portrait.stroke(lower, portrait.line(0.014, 0.9), (0.5, 0.5), 1.0);
}
