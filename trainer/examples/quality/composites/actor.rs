//! Things that move: made from ellipses and boxes that swing, with colours taken from a place.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use trainer::raster::Mask;

use super::world::{Ride, mirrored};
use super::{HEIGHT, Picture, WIDTH};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Four legs, a neck, a tail.
    Animal,
    /// A body on wheels.
    Car,
    /// Somebody on two wheels.
    Rider,
    /// Wings and a body, no ground.
    Bird,
}

/// Factors of red, green and blue.
type Tint = [f32; 3];

/// One part, in pixels from the actor's middle before scaling.
struct Part {
    at: [f32; 2],
    half: [f32; 2],
    /// Where it hangs, how far it swings (radians), how fast and when; wheels turn.
    pivot: [f32; 2],
    swing: f32,
    pace: f32,
    phase: f32,
    turns: bool,
    square: bool,
    tint: Tint,
}

pub struct Actor {
    parts: Vec<Part>,
    texture: Picture,
    flip: bool,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Animal, Self::Car, Self::Rider, Self::Bird];

    pub fn name(self) -> &'static str {
        match self {
            Self::Animal => "animal",
            Self::Car => "car",
            Self::Rider => "rider",
            Self::Bird => "bird",
        }
    }
}

impl Part {
    fn new(at: [f32; 2], half: [f32; 2], tint: Tint) -> Self {
        Self { at, half, pivot: at, swing: 0.0, pace: 0.0, phase: 0.0, turns: false, square: false, tint }
    }

    fn slab(at: [f32; 2], half: [f32; 2], tint: Tint) -> Self {
        Self { square: true, ..Self::new(at, half, tint) }
    }

    fn wheel(x: f32, radius: f32, tint: Tint) -> Self {
        Self { turns: true, ..Self::new([x, 62.0], [radius, radius], tint) }
    }

    fn leg(x: f32, phase: f32, tint: Tint) -> Self {
        Self { phase, ..Self::new([x, 62.0], [11.0, 48.0], tint).swinging([x, 20.0], 0.5, 0.045) }
    }

    fn swinging(self, pivot: [f32; 2], swing: f32, pace: f32) -> Self {
        Self { pivot, swing, pace, ..self }
    }
}

impl Kind {
    /// What it is made of, from back to front.
    fn parts(self, base: Tint, other: Tint) -> Vec<Part> {
        match self {
            Self::Animal => vec![
                Part::leg(-70.0, 0.0, base),
                Part::leg(62.0, 1.6, base),
                Part::leg(-52.0, 3.1, base),
                Part::leg(78.0, 4.7, base),
                Part::new([-128.0, -18.0], [38.0, 9.0], other).swinging([-95.0, -10.0], 0.6, 0.03),
                Part::new([0.0, 0.0], [104.0, 42.0], base),
                Part::new([112.0, -45.0], [24.0, 44.0], base).swinging([90.0, -15.0], 0.15, 0.03),
                Part::new([134.0, -82.0], [40.0, 22.0], other).swinging([90.0, -15.0], 0.15, 0.03),
            ],
            Self::Car => vec![
                Part::slab([0.0, 20.0], [150.0, 36.0], base),
                Part::slab([-10.0, -34.0], [84.0, 30.0], other),
                Part::wheel(-88.0, 30.0, other),
                Part::wheel(88.0, 30.0, other),
            ],
            Self::Rider => vec![
                Part::wheel(-75.0, 42.0, other),
                Part::wheel(75.0, 42.0, other),
                Part::slab([0.0, 30.0], [72.0, 7.0], other),
                Part::leg(-8.0, 0.0, base),
                Part::leg(4.0, 3.1, base),
                Part::new([2.0, -38.0], [27.0, 62.0], base),
                Part::new([34.0, -52.0], [40.0, 11.0], base).swinging([5.0, -75.0], 0.3, 0.02),
                Part::new([14.0, -118.0], [23.0, 27.0], other),
            ],
            Self::Bird => vec![
                Part::new([-70.0, -20.0], [70.0, 20.0], base).swinging([-8.0, -10.0], 0.7, 0.04),
                Part::new([0.0, 0.0], [76.0, 27.0], base),
                Part { phase: 1.2, ..Part::new([20.0, -62.0], [24.0, 62.0], other) }.swinging([8.0, -10.0], 0.7, 0.04),
                Part::new([82.0, -22.0], [25.0, 21.0], other),
            ],
        }
    }
}

impl Actor {
    pub fn new(kind: Kind, texture: &Picture, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let base = std::array::from_fn(|_| rng.random_range(0.45..1.25));
        let other = std::array::from_fn(|_| rng.random_range(0.3..1.3));
        Self { parts: kind.parts(base, other), texture: texture.clone(), flip: rng.random() }
    }

    /// Paints the actor as it is at a time; the mask of where it is.
    pub fn draw(&self, ride: &Ride, t: usize, picture: &mut Picture) -> Mask {
        let mut mask = Mask::new(WIDTH, HEIGHT, false);
        let ([cx, cy], scale, way) = (ride.actor(t), ride.actor_scale(t), ride.way(t));
        for part in &self.parts {
            let angle = if part.turns { way / part.half[0] } else { part.swing * (part.pace * way + part.phase).sin() };
            let (sin, cos) = angle.sin_cos();
            for i in 0..mask.data.len() {
                let mut x = ((i % WIDTH) as f32 - cx) / scale;
                let y = ((i / WIDTH) as f32 - cy) / scale;
                if self.flip {
                    x = -x;
                }
                let (px, py) = (x - part.pivot[0], y - part.pivot[1]);
                let (rx, ry) = (cos * px + sin * py + part.pivot[0], cos * py - sin * px + part.pivot[1]);
                let (u, v) = ((rx - part.at[0]) / part.half[0], (ry - part.at[1]) / part.half[1]);
                let inside = if part.square { u.abs().max(v.abs()) < 1.0 } else { u * u + v * v < 1.0 };
                if !inside {
                    continue;
                }
                let colour = mirrored(&self.texture, 1.3 * rx + 300.0, 1.3 * ry + 200.0);
                let light = if part.turns && (v.atan2(u) * 2.5).sin().abs() < 0.3 { 0.5 } else { 1.0 - 0.25 * v };
                picture.data[i] = std::array::from_fn(|c| (colour[c] * part.tint[c] * light).min(255.0));
                mask.data[i] = true;
            }
        }
        mask
    }
}
