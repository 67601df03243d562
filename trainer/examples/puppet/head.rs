//! The head: skull, face and ears as solids, in centimetres around the point between the ears at the eyes' height
//! (x to the picture's right, y up, z to the camera). What colours them is in `makeup`.

use super::pose::Pose;
use super::shape::{bone, carve, ellipsoid, join, sphere};
use super::vector::{Vec3, mix, vec3};

/// Where the eyes sit (the right one; the left one is its mirror image), and where the closed mouth's middle is.
pub const EYE: Vec3 = vec3(3.2, 0.0, 6.3);
pub const MOUTH: Vec3 = vec3(0.0, -6.6, 8.6);
/// How far the chin drops when the mouth is wide open.
const JAW_DROP: f32 = 1.5;
/// How much the corners of a full smile rise, per cm² from the middle.
const SMILE_BEND: f32 = 0.085;

/// A mouth's shape, shared by the solid and its paint.
#[derive(Clone, Copy)]
pub struct Mouth {
    pub half_width: f32,
    /// Half the distance between the lips.
    pub gap: f32,
    /// The lower lip follows the jaw.
    pub centre_y: f32,
    bend: f32,
}

impl Mouth {
    pub fn of(pose: &Pose) -> Self {
        let round = (pose.mouth * (1.0 - pose.smile)).clamp(0.0, 1.0);
        Self {
            half_width: 2.35 + 0.65 * pose.smile - 0.75 * round,
            gap: 1.05 * pose.mouth.max(0.0),
            centre_y: MOUTH.y - 0.55 * pose.mouth,
            bend: SMILE_BEND * (pose.smile + 0.1),
        }
    }

    /// The point as if the mouth were straight and centred: `x` -1..1 from corner to corner, `y` in cm.
    pub fn straight(&self, p: Vec3) -> (f32, f32) {
        (p.x / self.half_width, p.y - self.centre_y - self.bend * p.x * p.x)
    }
}

/// Everything that is skin, but for the neck.
pub fn skin(p: Vec3, pose: &Pose) -> f32 {
    let m = p.mirrored();
    let drop = JAW_DROP * pose.mouth;
    let skull = ellipsoid(p, vec3(0.0, 3.0, -1.0), vec3(7.3, 8.6, 9.0));
    let jaw = ellipsoid(p, vec3(0.0, -4.2 - 0.3 * drop, 1.3), vec3(5.7, 7.0 + 0.3 * drop, 6.9));
    let chin = sphere(p, vec3(0.0, -9.6 - drop, 5.9), 1.5);
    let cheek_lift = 0.5 * pose.smile;
    let cheek = ellipsoid(m, vec3(3.9, -3.0 + cheek_lift, 4.9), vec3(2.5, 2.3, 2.5));
    let socket = ellipsoid(m, EYE + vec3(-0.1, 0.35, 3.3), vec3(2.3, 1.25, 2.2));
    let ball = ellipsoid(m, EYE + vec3(0.0, 0.0, -0.35), vec3(1.95, 1.4, 1.5));
    let ridge = bone(m, vec3(1.5, 2.1, 7.3), vec3(4.4, 2.3, 5.5), 0.7, 0.6);
    let face = join(join(join(skull, jaw, 3.0), chin, 2.6), cheek, 2.2);
    let face = join(carve(join(face, ridge, 1.0), socket, 1.3), ball, 0.5);
    let face = join(face, nose(p, m), 0.9);
    let face = join(face, lips(p, pose), 0.8);
    join(face, ear(m), 0.6)
}

fn nose(p: Vec3, m: Vec3) -> f32 {
    let bridge = bone(p, vec3(0.0, 1.2, 7.3), vec3(0.0, -3.0, 9.3), 0.5, 0.68);
    let tip = sphere(p, vec3(0.0, -3.5, 9.4), 0.98);
    let wing = ellipsoid(m, vec3(1.0, -3.9, 8.5), vec3(0.66, 0.66, 0.9));
    join(join(bridge, tip, 0.7), wing, 0.6)
}

fn lips(p: Vec3, pose: &Pose) -> f32 {
    let mouth = Mouth::of(pose);
    let (x, y) = mouth.straight(p);
    let flat = vec3(x * 2.4, y, p.z + 0.11 * p.x * p.x);
    let upper = ellipsoid(flat, vec3(0.0, mouth.gap + 0.42, 7.75), vec3(2.4, 0.6, 0.85));
    let lower = ellipsoid(flat, vec3(0.0, -mouth.gap - 0.5, 7.65), vec3(2.0, 0.7, 0.95));
    join(upper, lower, 0.35)
}

fn ear(m: Vec3) -> f32 {
    let shell = ellipsoid(m, vec3(7.4, -1.2, -0.6), vec3(0.9, 2.9, 1.9));
    let hollow = ellipsoid(m, vec3(8.5, -0.8, 0.6), vec3(0.7, 1.7, 1.1));
    join(carve(shell, hollow, 0.4), sphere(m, vec3(7.2, -3.5, 0.1), 0.75), 0.6)
}

/// Where the parting starts on the forehead.
const PARTING: f32 = 2.6;

/// A bob with a parting, tucked behind the ears: a cap of hair, a fringe swept to one side and two curtains.
pub fn hair(p: Vec3) -> f32 {
    let around = (p.x - 0.4).atan2(p.z + 1.5);
    let low = ((-3.0 - p.y) / 8.0).clamp(0.0, 1.0);
    let clumps = (11.0 * around + 0.25 * p.y).sin() * mix(0.12, 0.5, low) + (37.0 * around - 0.4 * p.y).sin() * 0.07;
    let cap = ellipsoid(p, vec3(0.0, 3.7, -1.6), vec3(8.3, 9.2, 9.8));
    let opening = ellipsoid(p, vec3(0.3, -3.6, 11.0), vec3(7.0, 10.2, 11.4));
    let cap = carve_below(carve(cap, opening, 1.2), 1.0 - p.y + 0.25 * (p.z + 2.0));
    let fringe = lock(p, vec3(PARTING - 0.6, 9.6, 5.6), vec3(-4.6, 6.9, 6.0), vec3(-7.3, 2.4, 3.4));
    let short = lock(p, vec3(PARTING + 0.6, 9.6, 5.6), vec3(5.6, 7.0, 4.6), vec3(7.4, 2.6, 2.4));
    let m = p.mirrored();
    let curtain = ellipsoid(m, vec3(6.3, -3.5, -3.6), vec3(2.6, 9.8, 4.2));
    let back = ellipsoid(p, vec3(0.0, -2.5, -5.0), vec3(7.8, 10.2, 5.0));
    let ends = -10.6 - p.y + 0.7 * (9.0 * around).sin() - 0.25 * (m.x - 5.0);
    let flared = 0.35 * low * low;
    let long = carve_below(join(curtain, back, 1.5) - flared, ends);
    let top = join(join(cap, fringe, 1.3), short, 1.3);
    let parting = bone(p, vec3(PARTING, 10.9, 6.6), vec3(PARTING - 0.6, 13.2, 0.0), 0.25, 0.2);
    carve(join(top, long, 1.2), parting, 0.9) - clumps
}

/// A lock that falls from the parting over the temple.
fn lock(p: Vec3, root: Vec3, temple: Vec3, end: Vec3) -> f32 {
    join(bone(p, root, temple, 1.35, 1.45), bone(p, temple, end, 1.45, 0.8), 0.8)
}

/// Cuts off where `below` is positive.
fn carve_below(solid: f32, below: f32) -> f32 {
    carve(solid, -below, 0.8)
}
