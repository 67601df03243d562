//! From rays to colours: sphere tracing, one soft window light, the room's light around, and skin's soft edge of shade.

use super::scene::Scene;
use super::vector::{Vec3, blend, mix, vec3};

/// The camera stands this far in front of the head, cm.
pub const CAMERA: Vec3 = vec3(1.5, -10.0, 112.0);
/// Nothing of the person is nearer or farther than this.
const NEAREST: f32 = 70.0;
const FARTHEST: f32 = 135.0;
/// Smooth unions and folds make distances a little too large: steps are shortened by this.
const CAUTION: f32 = 0.8;
const STEPS: usize = 90;
/// This near, in cm, counts as touching.
const TOUCH: f32 = 0.02;

const WINDOW: Vec3 = vec3(1.45, 1.34, 1.2);
const SKY: Vec3 = vec3(0.66, 0.65, 0.66);
const FLOOR: Vec3 = vec3(0.50, 0.43, 0.38);
/// Blood under the skin: what light that comes out again beyond the edge of shade looks like.
const UNDER_SKIN: Vec3 = vec3(0.30, 0.07, 0.04);
/// Steepness of the window light's half shadow: lower is softer.
const SHADOW: f32 = 3.5;

fn towards_window() -> Vec3 {
    vec3(-0.52, 0.40, 0.76).unit()
}

/// The person's colour along a ray from the camera, in linear light; `None` where the room is seen.
pub fn trace(scene: &Scene, direction: Vec3) -> Option<Vec3> {
    let mut along = NEAREST;
    for _ in 0..STEPS {
        let p = CAMERA + direction * along;
        let distance = scene.distance(p);
        if distance < TOUCH {
            return Some(shade(scene, p, direction));
        }
        along += CAUTION * distance;
        if along > FARTHEST {
            return None;
        }
    }
    None
}

fn shade(scene: &Scene, p: Vec3, view: Vec3) -> Vec3 {
    let normal = normal(scene, p);
    let (surface, is_hair) = scene.surface(p);
    let window = towards_window();
    let lit = normal.dot(window);
    let shadow = if lit > -0.3 { shadow(scene, p + normal * 0.15, window) } else { 0.0 };
    let wrapped = ((lit + 0.25 * surface.soft) / (1.0 + 0.25 * surface.soft)).max(0.0) * shadow;
    // skin's creases are lit from within
    let crease = mix(crease(scene, p, normal), 1.0, 0.45 * surface.soft);
    let around = blend(FLOOR, SKY, 0.5 + 0.5 * normal.y) * crease;
    let mut light = surface.colour * (WINDOW * wrapped + around);
    // skin glows red along the edge of shade
    let edge = (-(lit * shadow - 0.12).powi(2) * 18.0).exp() * surface.soft * crease;
    light = light + UNDER_SKIN * (0.22 * edge);
    let half = (window - view).unit();
    let highlight = if is_hair {
        let strand = (vec3(0.0, 1.0, 0.0) - normal * normal.y).unit();
        let along = strand.dot(half);
        (1.0 - along * along).max(0.0).sqrt().powf(surface.sharpness * 2.0) * (0.3 + 0.7 * lit.max(0.0))
    } else {
        normal.dot(half).max(0.0).powf(surface.sharpness)
    };
    let rim = 0.06 * (1.0 + normal.dot(view)).clamp(0.0, 1.0).powi(3) * crease;
    let white = surface.gloss * highlight * (0.25 + 0.75 * shadow);
    let tint = if is_hair { surface.colour * 6.0 } else { vec3(1.0, 1.0, 1.0) };
    light + tint * (white + rim)
}

/// The distance field's gradient, from the four corners of a tetrahedron.
fn normal(scene: &Scene, p: Vec3) -> Vec3 {
    const REACH: f32 = 0.06;
    let corners = [vec3(1.0, -1.0, -1.0), vec3(-1.0, -1.0, 1.0), vec3(-1.0, 1.0, -1.0), vec3(1.0, 1.0, 1.0)];
    corners.iter().fold(Vec3::default(), |sum, &corner| sum + corner * scene.distance(p + corner * REACH)).unit()
}

/// 1 in full window light, 0 in full shade: how narrowly a ray passes what is in its way.
fn shadow(scene: &Scene, p: Vec3, towards: Vec3) -> f32 {
    let (mut open, mut along) = (1.0f32, 0.3);
    for _ in 0..22 {
        let distance = scene.distance(p + towards * along);
        open = open.min(0.5 + 0.5 * SHADOW * distance / along);
        if open < 0.0 || along > 28.0 {
            break;
        }
        along += distance.clamp(0.3, 3.5);
    }
    let open = open.max(0.0);
    open * open * (3.0 - 2.0 * open)
}

/// How much of the room's light reaches a point: less where the surface bends inwards.
fn crease(scene: &Scene, p: Vec3, normal: Vec3) -> f32 {
    let hidden: f32 = [(0.5, 0.35), (1.4, 0.2), (3.2, 0.11)]
        .iter()
        .map(|&(reach, weight)| weight * (reach - scene.distance(p + normal * reach)).max(0.0))
        .sum();
    (1.0 - hidden).clamp(0.15, 1.0)
}
