//! A head's own coordinates, and where on it hair grows.

use super::landmarks::{CHIN, FOREHEAD, OVAL, at, face_size, pick};
use super::point::{Point, add, centre, dot, scale, shift, sub, turn, unit};

/// A head's own coordinates: the centre of the face and its axes.
pub struct Head {
    centre: Point,
    up: Point,
    /// Width of the face, at least a pixel.
    pub size: f32,
}

impl Head {
    pub fn new(face: &[[f32; 3]]) -> Self {
        let up = unit(sub(at(face, FOREHEAD), at(face, CHIN)));
        Self { centre: centre(&pick(face, &OVAL)), up, size: face_size(face).max(1.0) }
    }

    /// Sideways and up from the centre of the face, in face widths.
    pub fn place(&self, p: Point) -> Point {
        let from = sub(p, self.centre);
        [dot(from, turn(self.up)) / self.size, dot(from, self.up) / self.size]
    }

    /// The pixel at a place: the other way round.
    pub fn pixel(&self, place: Point) -> Point {
        shift(self.centre, self.direction(place), self.size)
    }

    /// A direction in the head's coordinates as one in the picture.
    pub fn direction(&self, [u, v]: Point) -> Point {
        add(scale(turn(self.up), u), scale(self.up, v))
    }
}

/// Above the forehead and beside the temples: where hair is learned.
pub fn is_crown([u, v]: Point) -> bool {
    v > 0.05 && ellipse(u, v, 0.54, 0.72) > 1.0 && ellipse(u, v, 0.72, 1.0) < 1.0
}

/// Around the skull, beside the cheeks, and the beard.
pub fn near_head([u, v]: Point) -> bool {
    if v > 0.2 { ellipse(u, v, 0.95, 1.85) < 1.0 } else { u.abs() < 0.82 && v > -0.62 }
}

/// The skull above the hairline.
pub fn on_crown([u, v]: Point) -> bool {
    v > 0.3 && ellipse(u, v, 0.54, 0.74) > 1.0 && ellipse(u, v, 0.75, 1.75) < 1.0
}

/// Forehead and cheeks: skin, whatever the beard.
pub fn on_bare_face([u, v]: Point) -> bool {
    v > -0.2 && !behind_glasses([u, v])
}

/// Where a beard grows whatever its cut.
pub fn on_chin([u, v]: Point) -> bool {
    u.abs() < 0.4 && v > -0.62 && v < -0.3
}

/// Below the jaw, as far as the collar.
pub fn about_neck([u, v]: Point) -> bool {
    u.abs() < 0.8 && v > -1.4 && v < -0.3
}

/// Where long hair falls.
pub fn beside_neck([u, v]: Point) -> bool {
    (0.42..0.8).contains(&u.abs()) && v > -0.9 && v < -0.35
}

/// Share of hair that a colour needs to be taken for hair: long hair falls beside the neck, seldom far from it.
pub fn certain([u, v]: Point) -> f32 {
    match (u.abs(), v) {
        (u, v) if u < 1.0 && v > -1.1 && v < 1.4 => 0.45,
        (u, v) if u < 1.5 && v > -2.2 && v < 1.6 => 0.55,
        _ => f32::INFINITY,
    }
}

/// Between brows and cheekbones dark things are glasses, not hair.
pub fn behind_glasses([u, v]: Point) -> bool {
    u.abs() < 0.40 && v > -0.12 && v < 0.30
}

fn ellipse(u: f32, v: f32, a: f32, b: f32) -> f32 {
    (u / a).powi(2) + (v / b).powi(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_turn_and_grow_with_the_head() {
        let mut face = vec![[50.0, 50.0, 0.0]; 468];
        // lying on its side: the forehead points to the right
        (face[FOREHEAD], face[CHIN]) = ([80.0, 50.0, 0.0], [20.0, 50.0, 0.0]);
        (face[234], face[454]) = ([50.0, 30.0, 0.0], [50.0, 70.0, 0.0]);
        for (i, &k) in OVAL.iter().enumerate() {
            let angle = i as f32 / 36.0 * std::f32::consts::TAU;
            face[k] = [50.0 + 30.0 * angle.cos(), 50.0 + 20.0 * angle.sin(), 0.0];
        }
        let head = Head::new(&face);
        let [u, v] = head.place([50.0 + head.size, 50.0]);
        assert!(u.abs() < 0.05 && (v - 1.0).abs() < 0.05, "{u} {v}");
        assert!(on_crown([0.0, 1.0]) && !on_crown([0.0, 0.0]) && near_head([0.6, 0.0]) && !near_head([0.0, -1.0]));
    }
}
