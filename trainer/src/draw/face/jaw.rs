//! The line of the jaw, where the neck's skin lies below it: elsewhere hair, collar or silhouette bring their own ink.

use super::Portrait;
use crate::draw::landmarks::JAW;
use crate::draw::point::{Point, add};
use crate::raster::Plane;

/// Shorter runs of landmarks above a neck are no line.
const SHORTEST_RUN: usize = 4;
/// Beyond this yaw the far half of the mesh's jaw lies across the chin.
const TURNED: f32 = 0.40;

pub fn draw(portrait: &mut Portrait, neck: &Plane) {
    let chin = JAW.len() / 2;
    let seen = match portrait.yaw {
        yaw if yaw > TURNED => &JAW[..=chin],
        yaw if yaw < -TURNED => &JAW[chin..],
        _ => &JAW[..],
    };
    let jaw = portrait.pick(seen);
    let below = portrait.step(0.0, -0.05);
    let over_neck = |&p: &Point| {
        let [x, y] = add(p, below);
        x >= 0.0 && y >= 0.0 && x < neck.width as f32 && y < neck.height as f32 && neck[(x as usize, y as usize)] > 0.5
    };
    for run in jaw.chunk_by(|a, b| over_neck(a) == over_neck(b)) {
        if run.len() >= SHORTEST_RUN && over_neck(&run[0]) {
            portrait.stroke(run, portrait.line(0.018, 1.3), (0.5, 0.5), 0.9);
        }
    }
}
