//! Polygons as anti-aliased coverage, and the convex hull.

use super::Plane;

/// Scan lines a pixel row is sampled with; along each of them coverage is exact.
const SCAN_LINES: usize = 8;

/// How much of each pixel a shape covers, 0..1, kept for the shape's bounding box only.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Where the plane's pixel `(0, 0)` lies in the picture.
    pub left: usize,
    pub top: usize,
    pub plane: Plane,
}

impl Coverage {
    /// Fills a closed polygon (non-zero winding) in a `width × height` picture; what lies outside is cut off.
    pub fn polygon(points: &[[f32; 2]], width: usize, height: usize) -> Self {
        let Some([left, top, right, bottom]) = pixel_box(points, width, height) else {
            return Self { left: 0, top: 0, plane: Plane::new(0, 0, 0.0) };
        };
        let mut plane = Plane::new(right - left, bottom - top, 0.0);
        let mut crossings = Vec::new();
        for y in 0..plane.height {
            let row = &mut plane.data[y * plane.width..(y + 1) * plane.width];
            for line in 0..SCAN_LINES {
                let at = (top + y) as f32 - 0.5 + (line as f32 + 0.5) / SCAN_LINES as f32;
                find_crossings(points, at, &mut crossings);
                fill_spans(&crossings, left as f32 - 0.5, row);
            }
            row.iter_mut().for_each(|value| *value = value.min(1.0));
        }
        Self { left, top, plane }
    }

    pub fn disc(centre: [f32; 2], radius: f32, width: usize, height: usize) -> Self {
        Self::polygon(&disc(centre, radius), width, height)
    }

    /// Coverage of pixel `(x, y)` of the picture.
    pub fn at(&self, x: usize, y: usize) -> f32 {
        let (dx, dy) = (x.wrapping_sub(self.left), y.wrapping_sub(self.top));
        if dx < self.plane.width && dy < self.plane.height { self.plane[(dx, dy)] } else { 0.0 }
    }

    /// The part of this shape that lies inside `other`.
    pub fn inside(&self, other: &Coverage) -> Self {
        self.combine(|x, y, value| value.min(other.at(x, y)))
    }

    /// The part of this shape that lies outside `other`.
    pub fn outside(&self, other: &Coverage) -> Self {
        self.combine(|x, y, value| (value - other.at(x, y)).max(0.0))
    }

    /// Calls `visit(x, y, coverage)` for every pixel that the shape touches.
    pub fn for_each(&self, mut visit: impl FnMut(usize, usize, f32)) {
        for y in 0..self.plane.height {
            for (x, &value) in self.plane.row(y).iter().enumerate() {
                if value > 0.0 {
                    visit(self.left + x, self.top + y, value);
                }
            }
        }
    }

    fn combine(&self, pick: impl Fn(usize, usize, f32) -> f32) -> Self {
        let mut result = self.clone();
        for y in 0..self.plane.height {
            for x in 0..self.plane.width {
                result.plane[(x, y)] = pick(self.left + x, self.top + y, self.plane[(x, y)]);
            }
        }
        result
    }
}

/// A circle as a polygon, fine enough that its corners do not show.
pub fn disc(centre: [f32; 2], radius: f32) -> Vec<[f32; 2]> {
    let corners = (12.0 + 4.0 * radius.max(0.0).sqrt()) as usize;
    let turn = |i: usize| i as f32 / corners as f32 * std::f32::consts::TAU;
    (0..corners).map(|i| [centre[0] + radius * turn(i).cos(), centre[1] + radius * turn(i).sin()]).collect()
}

/// The corners of the smallest convex polygon around `points` (Andrew's monotone chain, 1979).
pub fn convex_hull(points: &[[f32; 2]]) -> Vec<[f32; 2]> {
    let mut sorted: Vec<[f32; 2]> = points.iter().copied().filter(|p| p[0].is_finite() && p[1].is_finite()).collect();
    sorted.sort_by(|a, b| a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1])));
    sorted.dedup();
    if sorted.len() < 3 {
        return sorted;
    }
    let mut hull = half_hull(sorted.iter());
    hull.extend(half_hull(sorted.iter().rev()));
    hull
}

/// One side of the hull, without its last point (the other side starts there).
fn half_hull<'a>(points: impl Iterator<Item = &'a [f32; 2]>) -> Vec<[f32; 2]> {
    let mut chain: Vec<[f32; 2]> = Vec::new();
    for &c in points {
        while let [.., a, b] = chain[..]
            && (b[0] - a[0]) * (c[1] - a[1]) <= (b[1] - a[1]) * (c[0] - a[0])
        {
            chain.pop();
        }
        chain.push(c);
    }
    chain.pop();
    chain
}

/// `[left, top, right, bottom]` of the pixels that a polygon may touch, ends exclusive; `None` when there are none.
fn pixel_box(points: &[[f32; 2]], width: usize, height: usize) -> Option<[usize; 4]> {
    if points.len() < 3 || points.iter().flatten().any(|v| !v.is_finite()) {
        return None;
    }
    let range = |axis: usize, size: usize| {
        let low = points.iter().map(|p| p[axis]).fold(f32::MAX, f32::min);
        let high = points.iter().map(|p| p[axis]).fold(f32::MIN, f32::max);
        let first = (low + 0.5).floor().clamp(0.0, size as f32) as usize;
        let last = (high + 0.5).ceil().clamp(0.0, size as f32) as usize;
        (first < last).then_some((first, last))
    };
    let (left, right) = range(0, width)?;
    let (top, bottom) = range(1, height)?;
    Some([left, top, right, bottom])
}

/// Where a horizontal line meets the polygon's edges, from left to right, and in which direction the edge goes.
fn find_crossings(points: &[[f32; 2]], y: f32, crossings: &mut Vec<(f32, i32)>) {
    crossings.clear();
    for (i, a) in points.iter().enumerate() {
        let b = &points[(i + 1) % points.len()];
        if (a[1] <= y) != (b[1] <= y) {
            let x = a[0] + (y - a[1]) / (b[1] - a[1]) * (b[0] - a[0]);
            crossings.push((x, if a[1] <= y { 1 } else { -1 }));
        }
    }
    crossings.sort_by(|a, b| a.0.total_cmp(&b.0));
}

/// Adds one scan line to a pixel row whose left border is at `left`.
fn fill_spans(crossings: &[(f32, i32)], left: f32, row: &mut [f32]) {
    const SHARE: f32 = 1.0 / SCAN_LINES as f32;
    let mut winding = 0;
    for pair in crossings.windows(2) {
        winding += pair[0].1;
        if winding == 0 {
            continue;
        }
        let limit = row.len() as f32;
        let (start, end) = ((pair[0].0 - left).clamp(0.0, limit), (pair[1].0 - left).clamp(0.0, limit));
        for (x, value) in row.iter_mut().enumerate().take(end.ceil() as usize).skip(start as usize) {
            *value += SHARE * (end.min(x as f32 + 1.0) - start.max(x as f32)).max(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(shape: &Coverage) -> f32 {
        shape.plane.data.iter().sum()
    }

    #[test]
    fn a_filled_polygon_covers_its_own_area() {
        for (polygon, expected) in [
            (vec![[3.25, 4.5], [13.75, 4.5], [13.75, 9.5], [3.25, 9.5]], 52.5),
            (vec![[2.0, 2.0], [17.0, 5.0], [6.0, 16.0]], 99.0),
            (disc([10.3, 9.6], 7.0), std::f32::consts::PI * 49.0),
        ] {
            let found = area(&Coverage::polygon(&polygon, 20, 20));
            assert!((found - expected).abs() < 0.02 * expected, "{found} instead of {expected}");
        }
    }

    #[test]
    fn a_pixel_that_is_half_covered_is_half_filled() {
        let shape = Coverage::polygon(&[[1.5, 1.5], [4.0, 1.5], [4.0, 3.5], [1.5, 3.5]], 8, 8);
        assert_eq!((shape.at(3, 2), shape.at(4, 2), shape.at(5, 2), shape.at(1, 2)), (1.0, 0.5, 0.0, 0.0));
    }

    #[test]
    fn a_polygon_that_overlaps_itself_has_no_hole() {
        let twice_round: Vec<[f32; 2]> = disc([8.0, 8.0], 5.0).into_iter().cycle().take(60).collect();
        assert_eq!(Coverage::polygon(&twice_round, 16, 16).at(8, 8), 1.0);
    }

    #[test]
    fn shapes_outside_the_picture_or_without_area_cover_nothing() {
        for polygon in [vec![], vec![[1.0, 1.0]], disc([-50.0, 2.0], 3.0), vec![[f32::NAN, 0.0]; 3]] {
            assert_eq!(area(&Coverage::polygon(&polygon, 4, 4)), 0.0);
        }
        assert!(area(&Coverage::disc([0.0, 0.0], 100.0, 2, 2)) > 3.99);
    }

    #[test]
    fn the_hull_of_a_square_with_points_inside_is_its_corners() {
        let corners = [[0.0, 0.0], [4.0, 0.0], [4.0, 4.0], [0.0, 4.0]];
        let mut points = vec![[1.0, 2.0], [2.0, 2.0], [3.0, 1.0], [2.0, 0.0]];
        points.extend(corners);
        let hull = convex_hull(&points);
        assert_eq!(hull.len(), 4);
        assert!(corners.iter().all(|corner| hull.contains(corner)));
    }
}
