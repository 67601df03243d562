//! Lips as a tone without outline, the line between them, and an open mouth with teeth.

use super::ridge::Ridge;
use super::{Portrait, between};
use crate::draw::landmarks::{
    LOWER_LIP_INNER, LOWER_LIP_OUTER, UPPER_LIP_INNER, UPPER_LIP_OUTER, cheek_colour, colours_in, quantile,
};
use crate::draw::point::{Point, add, distance, mix};

const INSIDE: [f32; 3] = [70.0, 20.0, 28.0];
const TEETH: [f32; 3] = [250.0, 246.0, 238.0];
/// Lips are the shaded skin with green and blue taken away.
const LIP_TINT: [f32; 3] = [0.97, 0.77, 0.79];
const UPPER_TONE: f32 = 0.65;
const LOWER_TONE: f32 = 0.34;
/// The dark line between closed lips; lengths in face widths.
const LINE: Ridge = Ridge { reach: 0.04, width: 0.02, usual: [0.015, 0.012, 0.012] };
/// Seen from below, the mesh bends the mouth into an arch that is too sad: the middle of the line is lowered by this
/// many face widths per unit of the head's tilt.
const LESS_ARCH: f32 = 0.07;
/// Gaps between the lips, in face widths, from which the mouth is open and shows teeth.
const OPEN: f32 = 0.028;
const TEETH_FROM: f32 = 0.038;
/// Teeth are not much darker than the cheeks (lightness).
const TEETH_DARKER: f32 = 0.12;
/// Page pixels of face width from which lips have a tone and an accent below.
const TONE_FROM: f32 = 60.0;
const ACCENT_FROM: f32 = 45.0;

/// Borders of the lips, each from the left of the picture to the right.
struct Lips {
    upper_outer: Vec<Point>,
    upper: Vec<Point>,
    lower: Vec<Point>,
    lower_outer: Vec<Point>,
    /// Between the lips, in face widths.
    gap: f32,
}

pub fn draw(portrait: &mut Portrait) {
    let lips = find(portrait);
    if portrait.page_size() > TONE_FROM {
        draw_tone(portrait, &lips);
    }
    if lips.gap > OPEN {
        draw_open(portrait, &lips);
    } else {
        draw_line(portrait, &lips);
    }
    if portrait.page_size() > ACCENT_FROM {
        let below = portrait.step(0.0, -0.012);
        let accent: Vec<Point> = lips.lower_outer[4..7].iter().map(|&p| add(p, below)).collect();
        portrait.stroke(&accent, portrait.line(0.015, 1.0), (0.5, 0.5), 0.75);
    }
}

/// The mesh's lips; closed ones are moved onto the dark line of the picture.
fn find(portrait: &Portrait) -> Lips {
    let gap = distance(portrait.at(13), portrait.at(14)) / portrait.size;
    let mut lips = Lips {
        upper_outer: portrait.pick(&UPPER_LIP_OUTER),
        upper: portrait.pick(&UPPER_LIP_INNER),
        lower: portrait.pick(&LOWER_LIP_INNER),
        lower_outer: portrait.pick(&LOWER_LIP_OUTER),
        gap,
    };
    let down = LESS_ARCH * -portrait.bow().min(0.0);
    for border in [&mut lips.upper, &mut lips.lower, &mut lips.lower_outer] {
        let last = (border.len() - 1) as f32;
        for (i, point) in border.iter_mut().enumerate() {
            let place = 2.0 * i as f32 / last - 1.0;
            *point = add(*point, portrait.step(0.0, -down * (1.0 - place * place)));
        }
    }
    if gap <= OPEN {
        let fit = LINE.fit(portrait, &middle(&lips));
        for border in [&mut lips.upper_outer, &mut lips.upper, &mut lips.lower, &mut lips.lower_outer] {
            fit.apply(portrait, border);
        }
    }
    lips
}

fn middle(lips: &Lips) -> Vec<Point> {
    lips.upper.iter().zip(&lips.lower).map(|(&a, &b)| mix(a, b, 0.5)).collect()
}

fn draw_tone(portrait: &mut Portrait, lips: &Lips) {
    let tint = portrait.tinted(std::array::from_fn(|i| portrait.shade[i] * LIP_TINT[i]));
    let halves = [(&lips.upper_outer, &lips.upper, UPPER_TONE), (&lips.lower_outer, &lips.lower, LOWER_TONE)];
    for (outer, inner, opacity) in halves {
        let shape = portrait.cover(&between(outer, inner));
        portrait.lighten(&shape);
        portrait.paint(&shape, tint, opacity);
    }
}

/// From corner to corner.
fn draw_line(portrait: &mut Portrait, lips: &Lips) {
    let mut line = middle(lips);
    let last = line.len() - 1;
    line[0] = mix(line[0], lips.upper_outer[0], 0.7);
    line[last] = mix(line[last], lips.upper_outer[last], 0.7);
    portrait.stroke(&line, portrait.line(0.025, 1.7), (0.4, 0.4), 1.0);
}

fn draw_open(portrait: &mut Portrait, lips: &Lips) {
    let outline = between(&lips.upper, &lips.lower);
    let opening = portrait.cover(&outline);
    portrait.paint(&opening, portrait.tinted(INSIDE), 1.0);
    let inside = colours_in(portrait.lab, &outline);
    let cheek = cheek_colour(portrait.lab, portrait.points).map_or(0.0, |colour| colour[0]);
    if lips.gap > TEETH_FROM && inside.len() > 4 && quantile(&inside, 0, 0.75) > cheek - TEETH_DARKER {
        let edge: Vec<Point> = lips.upper.iter().zip(&lips.lower).map(|(&a, &b)| mix(a, b, 0.55)).collect();
        let teeth = portrait.cover(&between(&lips.upper, &edge)).inside(&opening);
        portrait.paint(&teeth, portrait.tinted(TEETH), 1.0);
    }
    portrait.stroke(&lips.upper, portrait.line(0.026, 1.5), (0.35, 0.35), 1.0);
    portrait.stroke(&lips.lower, portrait.line(0.014, 0.9), (0.5, 0.5), 1.0);
}
