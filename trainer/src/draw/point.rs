//! Arithmetic on points and directions in a picture.

pub type Point = [f32; 2];

pub fn add(a: Point, b: Point) -> Point {
    [a[0] + b[0], a[1] + b[1]]
}

pub fn sub(a: Point, b: Point) -> Point {
    [a[0] - b[0], a[1] - b[1]]
}

pub fn scale(a: Point, factor: f32) -> Point {
    [a[0] * factor, a[1] * factor]
}

/// `a` moved by `distance` along `direction`.
pub fn shift(a: Point, direction: Point, distance: f32) -> Point {
    add(a, scale(direction, distance))
}

/// From `a` (t = 0) to `b` (t = 1).
pub fn mix(a: Point, b: Point, t: f32) -> Point {
    shift(a, sub(b, a), t)
}

pub fn dot(a: Point, b: Point) -> f32 {
    a[0] * b[0] + a[1] * b[1]
}

pub fn distance(a: Point, b: Point) -> f32 {
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// The direction of `a`, of length 1 (or 0 where `a` has none).
pub fn unit(a: Point) -> Point {
    scale(a, 1.0 / a[0].hypot(a[1]).max(1e-6))
}

/// A quarter turn clockwise as seen in the picture.
pub fn turn(a: Point) -> Point {
    [-a[1], a[0]]
}

pub fn centre(points: &[Point]) -> Point {
    let sum = points.iter().fold([0.0, 0.0], |sum, &p| add(sum, p));
    scale(sum, 1.0 / points.len().max(1) as f32)
}

/// `points` made larger around `origin`.
pub fn grow(points: &[Point], origin: Point, factor: f32) -> Vec<Point> {
    points.iter().map(|&p| mix(origin, p, factor)).collect()
}
