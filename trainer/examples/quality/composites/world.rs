//! A place with depth: a far picture, a ground that comes closer, and things that stand on it. The camera rides through.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use trainer::raster::{Grid, Mask};

use super::{HEIGHT, Picture, WIDTH};

/// Depth of the far picture, of the nearest ground, and where the horizon is from the top.
const FAR: f32 = 4.0;
const HORIZON: f32 = 0.42 * HEIGHT as f32;
/// Depth at which actors walk.
const ACTOR: f32 = 1.5;

/// Something that stands around.
struct Stander {
    x: f32,
    depth: f32,
    width: f32,
    height: f32,
    tint: [f32; 3],
    round: bool,
}

pub struct World {
    far: Picture,
    ground: Picture,
    standers: Vec<Stander>,
}

/// How the camera and the actor move.
pub struct Ride {
    /// Pixels a frame that the camera moves sideways, seen at depth one.
    speed: f32,
    /// Pixels a frame that the actor moves in the picture.
    drift: f32,
    zoom: f32,
    shake: f32,
    phase: f32,
}

impl Ride {
    /// One of six kinds: following fast, following slowly, a still camera, one that turns the other way, zoom, by hand.
    pub fn new(kind: usize, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let phase = rng.random_range(0.0..6.0);
        let sign = if rng.random() { 1.0 } else { -1.0 };
        let [speed, drift, zoom, shake] = [
            [14.0, 0.4, 0.0, 0.8],
            [5.0, 0.3, 0.0, 0.4],
            [0.0, 5.0, 0.0, 0.0],
            [-4.0, 3.5, 0.0, 0.3],
            [3.0, 0.5, 0.004, 0.5],
            [0.0, 2.0, 0.0, 3.5],
        ][kind % 6];
        Self { speed: sign * speed, drift: sign * drift, zoom, shake, phase }
    }

    /// Where the camera is.
    fn camera(&self, t: usize) -> [f32; 2] {
        let t = t as f32;
        let tremble = |fast: f32, slow: f32| self.shake * ((fast * t).sin() + 2.0 * (slow * t + self.phase).sin());
        [self.speed * t + tremble(1.9, 0.33), tremble(2.3, 0.27) * 0.7]
    }

    fn scale(&self, t: usize) -> f32 {
        1.0 + self.zoom * t as f32
    }

    /// Where the actor's middle is in the picture.
    pub fn actor(&self, t: usize) -> [f32; 2] {
        let t = t as f32;
        let x = 0.5 * WIDTH as f32 + self.drift * (t - 30.0) + 18.0 * (0.11 * t + self.phase).sin();
        [x, 0.58 * HEIGHT as f32 + 10.0 * (0.17 * t + self.phase).sin()]
    }

    /// How far the actor has come over the ground, for its steps.
    pub fn way(&self, t: usize) -> f32 {
        (self.speed.abs() + self.drift.abs()).max(3.0) * t as f32 / ACTOR
    }

    pub fn actor_scale(&self, t: usize) -> f32 {
        self.scale(t) * (1.0 + 0.08 * (0.09 * t as f32 + self.phase).sin())
    }
}

impl World {
    pub fn new(far: Picture, ground: Picture, seed: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ 0x5eed);
        let stander = |rng: &mut ChaCha8Rng| Stander {
            x: rng.random_range(-2500.0..2500.0),
            depth: rng.random_range(1.8..3.6),
            width: rng.random_range(30.0..140.0),
            height: rng.random_range(80.0..420.0),
            tint: std::array::from_fn(|_| rng.random_range(0.4..1.1)),
            round: rng.random(),
        };
        let mut standers: Vec<Stander> = (0..28).map(|_| stander(&mut rng)).collect();
        // one that passes between the camera and the actor
        standers.push(Stander { x: 160.0, depth: 1.1, width: 26.0, height: 700.0, tint: [0.5; 3], round: false });
        standers.sort_by(|a, b| b.depth.total_cmp(&a.depth));
        Self { far, ground, standers }
    }

    /// What the camera sees without the actor.
    pub fn seen(&self, ride: &Ride, t: usize) -> Picture {
        let ([cx, cy], scale) = (ride.camera(t), ride.scale(t));
        let mut out = Grid::new(WIDTH, HEIGHT, [0.0; 3]);
        out.data.par_chunks_mut(WIDTH).enumerate().for_each(|(y, row)| {
            for (x, pixel) in row.iter_mut().enumerate() {
                let sx = (x as f32 - WIDTH as f32 / 2.0) / scale;
                let sy = (y as f32 - HEIGHT as f32 / 2.0) / scale + HEIGHT as f32 / 2.0 - cy;
                *pixel = self.ray(sx, sy, cx);
            }
        });
        out
    }

    /// The colour seen at a place of the picture, `x` from its middle.
    fn ray(&self, x: f32, y: f32, camera: f32) -> [f32; 3] {
        let stander = self.standers.iter().rev().filter(|s| s.depth > ACTOR).find(|s| s.covers(x, y, camera));
        if let Some(s) = stander {
            let (u, v) = ((x * s.depth + camera - s.x) * 0.9 + s.width * 3.0, y * s.depth * 0.6 + s.height);
            let colour = mirrored(&self.ground, u, v);
            return std::array::from_fn(|c| colour[c] * s.tint[c]);
        }
        let below = y - HORIZON;
        let depth = if below > 0.0 { 240.0 / below } else { f32::INFINITY };
        if depth < FAR {
            return mirrored(&self.ground, x * depth + camera, 260.0 * depth);
        }
        mirrored(&self.far, x + camera / FAR + 400.0, y + 40.0)
    }

    /// Draws what stands nearer than the actor, and takes it out of the mask.
    pub fn pass_in_front(&self, ride: &Ride, t: usize, picture: &mut Picture, mut mask: Mask) -> (Picture, Mask) {
        let ([cx, cy], scale) = (ride.camera(t), ride.scale(t));
        for s in self.standers.iter().filter(|s| s.depth < ACTOR) {
            for i in 0..picture.data.len() {
                let x = ((i % WIDTH) as f32 - WIDTH as f32 / 2.0) / scale;
                let y = ((i / WIDTH) as f32 - HEIGHT as f32 / 2.0) / scale + HEIGHT as f32 / 2.0 - cy;
                if s.covers(x, y, cx) {
                    let colour = mirrored(&self.far, x * s.depth + cx, y);
                    picture.data[i] = std::array::from_fn(|c| colour[c] * s.tint[c]);
                    mask.data[i] = false;
                }
            }
        }
        (std::mem::replace(picture, Grid::new(0, 0, [0.0; 3])), mask)
    }
}

impl Stander {
    fn covers(&self, x: f32, y: f32, camera: f32) -> bool {
        let across = (x * self.depth + camera - self.x) / (0.5 * self.width);
        let foot = HORIZON + 240.0 / self.depth;
        let up = (foot - y) * self.depth / self.height;
        let inside = (0.0..1.0).contains(&up) && across.abs() < 1.0;
        inside && (!self.round || across * across + (2.0 * up - 1.0).powi(2) < 1.0)
    }
}

/// A picture that goes on as in mirrors.
pub fn mirrored(picture: &Picture, x: f32, y: f32) -> [f32; 3] {
    let fold = |v: f32, length: usize| {
        let last = (length - 1) as f32;
        let turn = v.rem_euclid(2.0 * last);
        if turn > last { 2.0 * last - turn } else { turn }
    };
    bilinear(picture, fold(x, picture.width), fold(y, picture.height))
}

pub fn bilinear(picture: &Picture, x: f32, y: f32) -> [f32; 3] {
    let (x, y) = (x.clamp(0.0, (picture.width - 1) as f32), y.clamp(0.0, (picture.height - 1) as f32));
    let (x0, y0) = (x as usize, y as usize);
    let (x1, y1) = ((x0 + 1).min(picture.width - 1), (y0 + 1).min(picture.height - 1));
    let (fx, fy) = (x - x0 as f32, y - y0 as f32);
    let [a, b, c, d] = [(x0, y0), (x1, y0), (x0, y1), (x1, y1)].map(|at| picture[at]);
    std::array::from_fn(|k| (1.0 - fy) * (a[k] + fx * (b[k] - a[k])) + fy * (c[k] + fx * (d[k] - c[k])))
}
