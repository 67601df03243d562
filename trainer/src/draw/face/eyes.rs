//! One eye: lid, white, iris, catch-light and crease.

use super::gaze::Gaze;
use super::{Portrait, between, blend};
use crate::draw::landmarks::EyeSide;
use crate::draw::point::{Point, add, centre, distance, dot, grow, mix, shift, sub, turn, unit};
use crate::raster::clean::smoothstep;
use crate::raster::polygon::Coverage;

const WHITE: [f32; 3] = [250.0, 248.0, 242.0];
const IRIS: [f32; 3] = [92.0, 62.0, 44.0];
/// Radius of the iris in eye widths.
const IRIS_RADIUS: f32 = 0.215;
/// Iris of eyes that are wide open, which show white around it.
const WIDE_IRIS_RADIUS: f32 = 0.20;
/// Opening of a calm eye in eye widths, how much wider it is drawn (a drawn eye as open as a filmed one looks sleepy), and
/// how much more than it is an opening is drawn away from that.
const CALM_OPENING: f32 = 0.28;
const CALM_STRETCH: f32 = 1.18;
const OPENING_EXAGGERATION: f32 = 2.2;
const STRETCH: (f32, f32) = (0.8, 1.4);
/// Lids further down than this meet.
const CLOSED: f32 = 0.7;
/// Width of the upper lid's line, in face widths and page pixels.
const LID: (f32, f32) = (0.034, 1.8);
/// Page pixels of face width from which an eye has a white, a lower lid, a crease.
const WHITE_FROM: f32 = 38.0;
const LOWER_LID_FROM: f32 = 75.0;
const CREASE_FROM: f32 = 105.0;

/// The two lids as drawn, each from the outer corner to the inner.
struct Lids {
    upper: Vec<Point>,
    lower: Vec<Point>,
    /// Where the upper lid is when the eye is open: the crease stays there.
    open: Vec<Point>,
    width: f32,
    /// 0 for a calm eye, 1 for one wide open.
    wide: f32,
}

pub fn draw(portrait: &mut Portrait, side: &EyeSide, gaze: Gaze) {
    let lids = lids(portrait, side, gaze.lowered);
    let line = portrait.line(LID.0, LID.1);
    let opening = distance(lids.upper[4], lids.lower[4]);
    if gaze.lowered > CLOSED || opening < 1.1 * line.min(0.09 * lids.width + portrait.unit) {
        draw_closed(portrait, &lids, line);
        return;
    }
    draw_ball(portrait, &lids, gaze, opening);
    let corner = shift(lids.upper[0], sub(lids.upper[0], lids.upper[8]), 0.06);
    let lash: Vec<Point> = std::iter::once(corner).chain(lids.upper.iter().copied()).collect();
    portrait.stroke(&lash, line, (0.30, 0.75), 1.0);
    if portrait.page_size() > LOWER_LID_FROM {
        portrait.stroke(&lids.lower[1..6], 0.42 * line, (0.4, 0.7), 0.75);
    }
    if portrait.page_size() > CREASE_FROM {
        let lift = scale_up(portrait, 0.26 * distance(lids.open[4], lids.lower[4]) + 0.012 * portrait.size);
        let crease: Vec<Point> = lids.open[1..8].iter().map(|&p| add(p, lift)).collect();
        portrait.stroke(&crease, 0.36 * line, (0.5, 0.5), 0.65);
    }
}

/// The mesh's lids, a little larger on small faces, narrow and wide eyes more so than they are, and the upper lid as far
/// down as it is in the picture.
fn lids(portrait: &Portrait, side: &EyeSide, lowered: f32) -> Lids {
    let middle = centre(&portrait.pick(&side.ring));
    let larger = 1.05 + 0.24 * smoothstep(110.0 - portrait.page_size(), 0.0, 75.0);
    let (upper, lower) = (portrait.pick(&side.upper), portrait.pick(&side.lower));
    let opening = distance(upper[4], lower[4]) / distance(upper[0], upper[8]).max(1e-6);
    let stretch = (CALM_STRETCH + OPENING_EXAGGERATION * (opening - CALM_OPENING)).clamp(STRETCH.0, STRETCH.1);
    let axis = unit(sub(upper[8], upper[0]));
    let stretched = |points: &[Point]| -> Vec<Point> {
        let corner = mix(upper[0], upper[8], 0.5);
        let across = turn(axis);
        let lift = |&p: &Point| shift(p, across, (stretch - 1.0) * dot(sub(p, corner), across));
        grow(&points.iter().map(lift).collect::<Vec<_>>(), middle, larger)
    };
    let (open, lower) = (stretched(&upper), stretched(&lower));
    let upper: Vec<Point> = open.iter().zip(&lower).map(|(&u, &l)| mix(u, l, lowered)).collect();
    let width = distance(open[0], open[8]);
    Lids { upper, lower, open, width, wide: smoothstep(opening, 0.31, 0.37) }
}

/// Lids that meet: one line that hangs down, and the fold of the lid above it.
fn draw_closed(portrait: &mut Portrait, lids: &Lids, line: f32) {
    let corner = shift(lids.lower[0], sub(lids.lower[0], lids.lower[8]), 0.05);
    let lash: Vec<Point> = std::iter::once(corner).chain(lids.lower.iter().copied()).collect();
    portrait.stroke(&lash, 1.1 * line, (0.35, 0.5), 1.0);
    if portrait.page_size() > LOWER_LID_FROM {
        let fold: Vec<Point> = lids.open[1..8].to_vec();
        portrait.stroke(&fold, 0.4 * line, (0.5, 0.5), 0.7);
    }
}

fn draw_ball(portrait: &mut Portrait, lids: &Lids, gaze: Gaze, opening: f32) {
    let ball = portrait.cover(&between(&lids.upper, &lids.lower));
    if portrait.page_size() > WHITE_FROM {
        let white = blend(portrait.tinted(WHITE), portrait.skin, 0.16);
        portrait.paint(&ball, white, 1.0);
        let brim: Vec<Point> = lids.upper.iter().zip(&lids.lower).map(|(&u, &l)| mix(u, l, 0.28)).collect();
        let shadow = portrait.cover(&between(&lids.upper, &brim)).inside(&ball);
        portrait.paint(&shadow, portrait.shade, 0.6);
    }
    let share = IRIS_RADIUS + lids.wide * (WIDE_IRIS_RADIUS - IRIS_RADIUS);
    let radius = (share * lids.width).clamp(0.40 * opening, 1.4 * opening).max(1.3 * portrait.unit);
    let middle = iris_place(portrait, lids, gaze, radius, opening);
    draw_iris(portrait, &ball, middle, radius);
}

/// Resting on the lower lid and cut by the upper one, which looks calm; only wide eyes show it whole.
fn iris_place(portrait: &Portrait, lids: &Lids, gaze: Gaze, radius: f32, opening: f32) -> Point {
    let axis = unit(sub(lids.lower[8], lids.lower[0]));
    let sideways = gaze.sideways * lids.width * dot(axis, portrait.right).signum();
    let mid = mix(lids.upper[4], lids.lower[4], 0.5);
    let upward = unit(sub(lids.open[4], lids.lower[4]));
    let rest = (0.94 * radius - 0.5 * opening).clamp(-0.08 * opening, 0.5 * radius);
    shift(shift(mid, upward, rest), axis, sideways)
}

fn draw_iris(portrait: &mut Portrait, ball: &Coverage, middle: Point, radius: f32) {
    let unit = portrait.unit;
    let iris = portrait.disc(middle, radius).inside(ball);
    portrait.ink(&iris, 1.0);
    if radius > 4.5 * unit {
        let rim = (0.16 * radius).max(1.0 * unit);
        let inner = portrait.disc(middle, radius - rim).inside(ball);
        portrait.paint(&inner, portrait.tinted(IRIS), 1.0);
        let pupil = portrait.disc(middle, 0.5 * radius).inside(ball);
        portrait.ink(&pupil, 1.0);
    }
    if radius > 2.2 * unit {
        let towards = add(portrait.step(0.33 * portrait.light, 0.0), portrait.step(0.0, 0.30));
        let spot = shift(middle, towards, radius / portrait.size);
        let light = portrait.disc(spot, (0.27 * radius).max(unit)).inside(ball);
        portrait.paint(&light, [255.0; 3], 1.0);
    }
}

fn scale_up(portrait: &Portrait, pixels: f32) -> Point {
    portrait.step(0.0, pixels / portrait.size)
}
