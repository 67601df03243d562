//! Signed distances to simple solids, in centimetres: negative inside. The way to draw with them is sphere tracing
//! (Hart 1996); smooth unions are what makes them look grown rather than built.

use super::vector::{Vec3, mix, vec3};

pub fn sphere(p: Vec3, centre: Vec3, radius: f32) -> f32 {
    (p - centre).length() - radius
}

/// Exact on the axes, close elsewhere.
pub fn ellipsoid(p: Vec3, centre: Vec3, radii: Vec3) -> f32 {
    let p = p - centre;
    let inverse = vec3(1.0 / radii.x, 1.0 / radii.y, 1.0 / radii.z);
    let outwards = (p * inverse).length();
    let slope = (p * inverse * inverse).length();
    outwards * (outwards - 1.0) / slope.max(1e-6)
}

/// A bone from `a` to `b` whose thickness changes from `thick_a` to `thick_b` (radii).
pub fn bone(p: Vec3, a: Vec3, b: Vec3, thick_a: f32, thick_b: f32) -> f32 {
    let (along, axis) = (p - a, b - a);
    let t = (along.dot(axis) / axis.dot(axis)).clamp(0.0, 1.0);
    (along - axis * t).length() - mix(thick_a, thick_b, t)
}

pub fn rounded_box(p: Vec3, centre: Vec3, half: Vec3, rounding: f32) -> f32 {
    let p = p - centre;
    let q = vec3(p.x.abs() - half.x, p.y.abs() - half.y, p.z.abs() - half.z);
    let outside = vec3(q.x.max(0.0), q.y.max(0.0), q.z.max(0.0)).length();
    outside + q.x.max(q.y).max(q.z).min(0.0) - rounding
}

/// A lying ring around the y axis, wider than deep when `flat` < 1.
pub fn ring(p: Vec3, centre: Vec3, radius: f32, flat: f32, thick: f32) -> f32 {
    let p = p - centre;
    (p.x.hypot(p.z / flat) - radius).hypot(p.y) - thick
}

/// Both solids, their seam rounded over about `k`.
pub fn join(a: f32, b: f32, k: f32) -> f32 {
    let h = (k - (a - b).abs()).max(0.0) / k;
    a.min(b) - h * h * k * 0.25
}

/// `a` without `b`, the edge rounded over about `k`.
pub fn carve(a: f32, b: f32, k: f32) -> f32 {
    -join(-a, b, k)
}
