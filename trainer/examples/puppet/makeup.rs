//! What the head's skin shows, as linear colours: eyes, brows, lips, blush. Painted from the front onto the solid.

use super::head::{EYE, Mouth};
use super::pose::Pose;
use super::vector::{Vec3, blend, mix, ramp, vec3};

/// What a point of a surface looks like before light falls on it.
#[derive(Clone, Copy)]
pub struct Surface {
    pub colour: Vec3,
    /// How bright highlights are, and how sharp (the exponent).
    pub gloss: f32,
    pub sharpness: f32,
    /// How much light seeps through, as it does in skin.
    pub soft: f32,
}

pub const SKIN: Vec3 = vec3(0.66, 0.37, 0.245);
const BLUSH: Vec3 = vec3(0.68, 0.25, 0.17);
const LIP: Vec3 = vec3(0.50, 0.11, 0.10);
const INSIDE: Vec3 = vec3(0.07, 0.012, 0.012);
const TONGUE: Vec3 = vec3(0.42, 0.09, 0.08);
const TEETH: Vec3 = vec3(0.82, 0.78, 0.70);
const BROW: Vec3 = vec3(0.045, 0.022, 0.013);
const LASH: Vec3 = vec3(0.012, 0.008, 0.008);
const WHITE: Vec3 = vec3(0.80, 0.78, 0.76);
const IRIS: Vec3 = vec3(0.10, 0.16, 0.08);

/// Edges of paint are this soft, in cm.
const EDGE: f32 = 0.09;

/// 1 inside (negative distances), 0 outside.
fn inside(distance: f32) -> f32 {
    ramp(EDGE, -EDGE, distance)
}

pub fn skin(p: Vec3, pose: &Pose) -> Surface {
    let mut surface = Surface { colour: SKIN, gloss: 0.13, sharpness: 14.0, soft: 1.0 };
    let m = p.mirrored();
    let blush = (-0.22 * (m - vec3(4.3, -3.0, 6.0)).dot(m - vec3(4.3, -3.0, 6.0))).exp();
    let nose_tip = (-0.7 * (p - vec3(0.0, -3.7, 10.5)).dot(p - vec3(0.0, -3.7, 10.5))).exp();
    surface.colour = blend(surface.colour, BLUSH, (0.5 * blush + 0.35 * nose_tip).max(0.45 * ramp(7.0, 7.8, m.x)));
    if p.z < 3.0 {
        return surface;
    }
    let nostril = (m - vec3(0.62, -4.65, 9.3)).length() - 0.36;
    surface.colour = blend(surface.colour, INSIDE, 0.7 * ramp(0.15, -0.1, nostril));
    brow(&mut surface, m, pose);
    lips(&mut surface, p, &Mouth::of(pose));
    eye(&mut surface, p, pose);
    surface
}

fn brow(surface: &mut Surface, m: Vec3, pose: &Pose) {
    let along = (m.x - 1.35) / 4.1;
    let arch = 2.05 + 0.75 * pose.brows + 0.75 * (2.4 * along).sin() - 0.55 * along;
    let half = 0.36 * ramp(-0.12, 0.1, along) * ramp(1.05, 0.5, along).max(0.25);
    let strands = 0.03 * (9.0 * m.x + 6.0 * m.y).sin();
    let shown = inside((m.y - arch).abs() - half + strands) * ramp(-0.05, 0.03, along) * ramp(1.05, 0.95, along);
    surface.colour = blend(surface.colour, BROW, 0.92 * shown);
}

fn lips(surface: &mut Surface, p: Vec3, mouth: &Mouth) {
    let (x, y) = mouth.straight(p);
    let narrow = (1.0 - x * x).max(0.0);
    let bow = 0.16 * (1.0 - (3.5 * x * mouth.half_width / 2.4).cos().max(0.0)) + 0.72;
    let upper = mouth.gap * narrow.sqrt() + bow * narrow.powf(0.8);
    let lower = -mouth.gap * narrow.sqrt() - 0.95 * narrow.powf(0.7);
    let on_lips = inside(y - upper) * inside(lower - y) * ramp(1.02, 0.96, x.abs());
    surface.colour = blend(surface.colour, LIP, 0.8 * on_lips);
    surface.gloss = mix(surface.gloss, 0.3, on_lips);
    surface.sharpness = mix(surface.sharpness, 30.0, on_lips);
    let open = inside(y.abs() - mouth.gap * narrow.sqrt() - 0.05) * ramp(1.0, 0.93, x.abs());
    let seen = mouth.gap.max(0.2);
    let teeth = ramp(-0.1, 0.08, y - 0.25 * seen) * ramp(0.95, 0.7, x.abs());
    let tongue = 0.7 * ramp(0.0, -0.15, y + 0.35 * seen) * ramp(0.8, 0.4, x.abs());
    let within = blend(blend(INSIDE, TONGUE, tongue), TEETH, teeth * ramp(0.12, 0.35, mouth.gap));
    surface.colour = blend(surface.colour, within, open);
    surface.soft = mix(surface.soft, 0.0, open);
    surface.gloss = mix(surface.gloss, 0.05, open);
}

fn eye(surface: &mut Surface, p: Vec3, pose: &Pose) {
    let side = p.x.signum();
    let (x, y) = (p.mirrored().x - EYE.x, p.y - EYE.y);
    let across = x / 1.75;
    if across.abs() > 1.35 || y.abs() > 2.2 {
        return;
    }
    let narrow = (1.0 - across * across).max(0.0);
    let tilt = 0.1 * across;
    let squint = 0.12 * pose.smile.max(0.0);
    let low = tilt - 0.66 * narrow + squint;
    let wide = 0.95 * narrow.powf(0.75) + 0.12 * pose.brows * narrow;
    let high = mix(tilt + wide, low + 0.03, pose.blink);
    let crease = tilt + wide + 0.32 + 0.25 * pose.brows - y;
    let lid = ramp(0.16, 0.0, crease.abs()) * ramp(1.25, 0.8, across.abs());
    surface.colour = blend(surface.colour, surface.colour * 0.45, 0.6 * lid);
    let ball = eyeball(side * x - 0.42 * pose.gaze, y - 0.06, high - y);
    let seen = inside(y - high) * inside(low - y) * ramp(1.02, 0.97, across.abs());
    surface.colour = blend(surface.colour, ball, seen);
    surface.soft = mix(surface.soft, 0.15, seen);
    surface.gloss = mix(surface.gloss, 0.0, seen);
    let flick = 0.11 + 0.05 * across;
    let lash = inside((y - high - 0.05).abs() - flick) * ramp(1.14, 1.0, across.abs());
    let under = 0.45 * inside((y - low).abs() - 0.03) * ramp(1.0, 0.7, across.abs());
    surface.colour = blend(surface.colour, LASH, lash.max(under));
}

/// Looked at from where the iris is centred; `under` is how far below the upper lid.
fn eyeball(x: f32, y: f32, under: f32) -> Vec3 {
    let r = x.hypot(y);
    let rim = ramp(0.5, 0.86, r);
    let iris = blend(IRIS * (1.5 - 0.9 * (y + 0.5).clamp(0.0, 1.0)), LASH, 0.75 * rim);
    let colour = blend(WHITE, iris, inside(r - 0.86));
    let colour = blend(colour, LASH, inside(r - 0.4));
    let shaded = colour * mix(0.5, 1.0, ramp(0.0, 0.55, under));
    blend(shaded, vec3(1.6, 1.6, 1.6), inside((x + 0.3).hypot(y - 0.28) - 0.17))
}
