//! What the person does: everything that moves, as a function of time.

use super::vector::ramp;

/// One moment. Angles in radians, the rest 0..1 where not said otherwise.
#[derive(Clone, Copy, Debug)]
pub struct Pose {
    /// Body bent to its left (the picture's right), and towards the camera.
    pub lean: f32,
    pub forward: f32,
    /// Head: turned to the picture's right, nodded down, tilted to the picture's right.
    pub head: [f32; 3],
    /// 0 open, 1 shut; and where the eyes look, -1..1 to the picture's right.
    pub blink: f32,
    pub gaze: f32,
    pub brows: f32,
    pub smile: f32,
    pub mouth: f32,
    /// Forearm: 0 hanging, 1 up; and its swing while it waves.
    pub arm: f32,
    pub swing: f32,
}

impl Pose {
    /// `t` in seconds, 0..5: looks, blinks, turns with raised brows, waves and smiles, leans in and says "oh".
    pub fn at(t: f32) -> Self {
        let during = |from: f32, to: f32| ramp(from, from + 0.35, t) * ramp(to, to - 0.35, t);
        let wink = |at: f32| ramp(at - 0.12, at - 0.02, t) * ramp(at + 0.14, at + 0.04, t);
        let sway = (1.9 * t).sin();
        let rock = (2.9 * (t - 1.45)).sin();
        let (look, wave, lean_in) = (during(0.55, 1.6), during(1.5, 3.5), during(3.45, 4.5));
        let talk = during(1.75, 3.3) * (0.45 + 0.3 * (7.5 * t).sin());
        Self {
            lean: 0.02 * sway - 0.05 * wave + 0.03 * look,
            forward: 0.02 * (1.3 * t).cos() + 0.1 * lean_in,
            head: [
                0.05 * sway - 0.34 * look - 0.16 * wave * rock + 0.1 * lean_in,
                0.03 * (2.3 * t).cos() - 0.06 * wave + 0.05 * lean_in,
                0.03 * sway - 0.13 * wave * rock + 0.08 * lean_in,
            ],
            blink: wink(0.45).max(wink(1.65)).max(wink(3.4)).max(wink(4.6)),
            gaze: -0.5 * look,
            brows: 0.7 * look + 0.35 * wave + lean_in,
            smile: 0.35 + 0.65 * wave - 0.75 * lean_in - 0.2 * look,
            mouth: talk + 0.8 * lean_in,
            arm: ramp(1.4, 1.95, t) * ramp(3.6, 3.1, t),
            swing: wave * 0.22 * (8.5 * t).sin(),
        }
    }
}
