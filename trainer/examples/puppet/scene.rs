//! The whole person at one moment: what is nearest, and what it is made of.

use super::body::{self, Arm};
use super::head;
use super::makeup::{self, SKIN, Surface};
use super::pose::Pose;
use super::shape::{join, sphere};
use super::vector::{Vec3, blend, ramp, vec3};

/// The body bends around this point.
const HIP: Vec3 = vec3(0.0, -60.0, -4.0);
/// The head turns around the top of the neck: where that is in the body's and in the head's coordinates.
const NECK_OF_BODY: Vec3 = vec3(0.0, -11.2, -3.0);
const NECK_OF_HEAD: Vec3 = vec3(0.0, -9.0, -3.0);

/// Farther from a part's bounding sphere than this, the sphere stands for the part.
const NEAR: f32 = 2.0;
const HEAD_BOUND: (Vec3, f32) = (vec3(0.0, -0.5, -1.5), 14.5);
const HAND_BOUND: (Vec3, f32) = (vec3(0.0, 6.0, 0.0), 10.5);

const HAIR: Vec3 = vec3(0.026, 0.014, 0.016);
const CLOTH: Vec3 = vec3(0.025, 0.21, 0.25);
const RIB: Vec3 = vec3(0.02, 0.16, 0.195);

#[derive(Clone, Copy, PartialEq)]
enum Part {
    Head,
    Hair,
    Neck,
    Hand,
    Cloth,
    Rib,
}

pub struct Scene {
    pose: Pose,
    arm: Arm,
}

impl Scene {
    pub fn new(pose: Pose) -> Self {
        Self { pose, arm: Arm::of(&pose) }
    }

    pub fn distance(&self, p: Vec3) -> f32 {
        self.nearest(p).0
    }

    /// What a point on the surface is made of; hair also has a direction that its strands run in.
    pub fn surface(&self, p: Vec3) -> (Surface, bool) {
        let (body, head) = self.locate(p);
        let part = self.nearest(p).1;
        let cloth = |colour| Surface { colour, gloss: 0.03, sharpness: 6.0, soft: 0.0 };
        let surface = match part {
            Part::Head => makeup::skin(head, &self.pose),
            Part::Neck | Part::Hand => Surface { colour: SKIN, gloss: 0.1, sharpness: 12.0, soft: 1.0 },
            Part::Hair => Surface { colour: strands(head), gloss: 0.35, sharpness: 22.0, soft: 0.0 },
            Part::Cloth => cloth(CLOTH * (0.97 + 0.03 * (3.6 * body.y).sin())),
            Part::Rib => cloth(RIB * (0.9 + 0.2 * ramp(-0.4, 0.4, (24.0 * body.x.atan2(body.z + 4.0)).sin()))),
        };
        (surface, part == Part::Hair)
    }

    /// A point in the body's and in the head's own coordinates.
    fn locate(&self, p: Vec3) -> (Vec3, Vec3) {
        let body = (p - HIP).turned_back([0.0, self.pose.forward, self.pose.lean]) + HIP;
        let head = (body - NECK_OF_BODY).turned_back(self.pose.head) + NECK_OF_HEAD;
        (body, head)
    }

    fn nearest(&self, p: Vec3) -> (f32, Part) {
        let (body, head) = self.locate(p);
        let mut nearest = (body::pullover(body, &self.arm), Part::Cloth);
        let mut offer = |distance: f32, part: Part| {
            if distance < nearest.0 {
                nearest = (distance, part);
            }
        };
        offer(body::collar(body), Part::Rib);
        offer(body::cuff(body, &self.arm), Part::Rib);
        let local = self.arm.local(body);
        let bound = sphere(local, HAND_BOUND.0, HAND_BOUND.1);
        offer(if bound > NEAR { bound } else { body::hand(local) }, Part::Hand);
        let bound = sphere(head, HEAD_BOUND.0, HEAD_BOUND.1);
        let neck = body::neck(body);
        if bound > NEAR {
            offer(bound.min(neck), Part::Neck);
        } else {
            let skin = head::skin(head, &self.pose);
            let part = if skin < neck { Part::Head } else { Part::Neck };
            offer(join(skin, neck, 1.0), part);
            offer(head::hair(head), Part::Hair);
        }
        nearest
    }
}

/// Lighter and darker locks.
fn strands(p: Vec3) -> Vec3 {
    let around = (p.x - 0.4).atan2(p.z + 1.5);
    let lock = 0.5 + 0.25 * (19.0 * around + 0.3 * p.y).sin() + 0.25 * (47.0 * around - 0.2 * p.y).sin();
    blend(HAIR * 0.7, HAIR * 1.5, lock)
}
