//! Neck, pullover, arms and the hand that waves, as solids in the head's coordinates at rest.

use super::pose::Pose;
use super::shape::{bone, ellipsoid, join, ring, rounded_box};
use super::vector::{Vec3, mix, vec3};

const SHOULDER: Vec3 = vec3(13.0, -23.5, -4.5);
/// Elbows: the resting right arm's, and the waving left one's when it hangs and when it is up.
const ELBOW_REST: Vec3 = vec3(-18.5, -46.0, -3.0);
const ELBOW_DOWN: Vec3 = vec3(18.5, -46.0, -3.0);
const ELBOW_UP: Vec3 = vec3(22.5, -37.0, 3.0);
const FOREARM: f32 = 21.0;

/// The waving forearm: where it is, and the directions along it, across the hand and out of the palm.
#[derive(Clone, Copy)]
pub struct Arm {
    elbow: Vec3,
    wrist: Vec3,
    along: Vec3,
    across: Vec3,
    palm: Vec3,
}

impl Arm {
    pub fn of(pose: &Pose) -> Self {
        let elbow = ELBOW_DOWN + (ELBOW_UP - ELBOW_DOWN) * pose.arm;
        // on its way up the forearm passes the direction towards the camera
        let (rise, reach) = mix(-1.35, 1.3, pose.arm).sin_cos();
        let (side, up) = pose.swing.sin_cos();
        let along = vec3(0.02 + rise.max(0.0) * side, rise * up, reach).unit();
        let across = (vec3(1.0, 0.0, 0.0) - along * along.x).unit();
        let palm = vec3(
            across.y * along.z - across.z * along.y,
            across.z * along.x - across.x * along.z,
            across.x * along.y - across.y * along.x,
        );
        Self { elbow, wrist: elbow + along * FOREARM, along, across, palm }
    }

    /// The point as seen from the wrist: across (the thumb is at negative x), along the fingers, out of the palm.
    pub fn local(&self, p: Vec3) -> Vec3 {
        let p = p - self.wrist;
        vec3(p.dot(self.across), p.dot(self.along), p.dot(self.palm))
    }
}

pub fn neck(p: Vec3) -> f32 {
    let column = bone(p, vec3(0.0, -6.0, -2.2), vec3(0.0, -21.0, -4.5), 4.7, 5.4);
    let muscle = bone(p.mirrored(), vec3(4.0, -7.0, -1.5), vec3(1.2, -18.0, 0.6), 0.7, 0.8);
    join(column, muscle, 1.5)
}

/// Pullover and sleeves, with folds.
pub fn pullover(p: Vec3, arm: &Arm) -> f32 {
    let m = p.mirrored();
    let chest = ellipsoid(p, vec3(0.0, -38.0, -4.5), vec3(14.8, 20.0, 9.0));
    let hips = bone(p, vec3(0.0, -44.0, -5.0), vec3(0.0, -70.0, -5.0), 12.5, 13.0);
    let yoke = bone(m, vec3(3.0, -18.0, -5.0), SHOULDER, 3.4, 4.3);
    let front = bone(p, vec3(0.0, -20.6, -3.6), vec3(0.0, -27.0, -3.0), 6.6, 7.0);
    let torso = join(join(join(chest, hips, 6.0), yoke, 4.0), front, 2.0);
    let resting = sleeve(p, vec3(-SHOULDER.x, SHOULDER.y, SHOULDER.z), ELBOW_REST, vec3(-12.0, -62.0, 9.0));
    let waving = sleeve(p, SHOULDER, arm.elbow, arm.wrist - arm.along * 1.2);
    let cloth = join(torso, resting.min(waving), 1.8);
    cloth - folds(p, m)
}

fn sleeve(p: Vec3, shoulder: Vec3, elbow: Vec3, wrist: Vec3) -> f32 {
    let upper = bone(p, shoulder, elbow, 4.4, 4.1);
    let lower = bone(p, elbow, wrist, 4.3, 3.3);
    join(upper, lower, 1.5)
}

/// How far the cloth stands out: pulls from the shoulders to the middle, and creases at the elbows.
fn folds(p: Vec3, m: Vec3) -> f32 {
    let pulls = (0.42 * m.x + 0.55 * p.y + 0.6 * (0.23 * p.x).sin()).sin();
    let drape = (0.55 * p.x + 1.3 * (0.11 * p.y).sin()).sin() * ((-24.0 - p.y) / 20.0).clamp(0.0, 1.0);
    let near_elbow = (-(m - ELBOW_UP).dot(m - ELBOW_UP) / 130.0).exp();
    let creases = (1.5 * p.y - 0.6 * p.x).sin() * near_elbow;
    0.16 * pulls + 0.3 * drape + 0.32 * creases
}

/// The ribbed rim around the neck, lower in front.
pub fn collar(p: Vec3) -> f32 {
    let tilted = vec3(p.x, p.y + 0.3 * (p.z + 3.0) - 0.012 * p.x * p.x, p.z);
    ring(tilted, vec3(0.0, -17.3, -3.6), 6.3, 0.95, 1.05)
}

pub fn cuff(p: Vec3, arm: &Arm) -> f32 {
    bone(p, arm.wrist - arm.along * 3.0, arm.wrist - arm.along * 0.6, 3.75, 3.5)
}

/// Palm, four fingers and a thumb; `q` as [`Arm::local`] gives it.
pub fn hand(q: Vec3) -> f32 {
    let wrist = bone(q, vec3(0.0, -4.0, 0.0), vec3(0.0, 1.5, 0.0), 2.2, 2.0);
    let palm = rounded_box(q, vec3(0.1, 4.6, 0.0), vec3(2.6, 3.0, 0.3), 1.15);
    let ball = ellipsoid(q, vec3(-2.2, 3.0, 0.7), vec3(1.7, 2.6, 1.3));
    let thumb = bone(q, vec3(-2.6, 3.2, 0.4), vec3(-5.6, 6.8, 1.0), 1.25, 0.9);
    let mut shape = join(join(join(wrist, palm, 2.5), ball, 1.0), thumb, 1.0);
    for (base, tip) in [
        (vec3(-2.7, 8.2, 0.0), vec3(-3.9, 14.2, 0.6)),
        (vec3(-0.9, 8.7, 0.0), vec3(-1.2, 15.4, 0.6)),
        (vec3(0.9, 8.6, 0.0), vec3(1.5, 14.8, 0.6)),
        (vec3(2.6, 7.9, 0.0), vec3(3.9, 12.6, 0.5)),
    ] {
        shape = join(shape, bone(q, base, tip, 1.0, 0.78), 0.35);
    }
    shape
}
