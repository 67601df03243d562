//! Which of the 468 face-mesh landmarks is what, and what can be read from them.
//!
//! Numbering of MediaPipe's face mesh (Kartynnik et al. 2019). "Right" and "left" are the person's own: right is at the
//! left of the picture when they face us.

use super::pen;
use super::point::{Point, centre, distance, grow};
use crate::raster::polygon::{Coverage, disc};
use crate::raster::{Lab, Plane};

/// Landmarks in a face.
pub const COUNT: usize = 468;

/// The outline, from the forehead clockwise as seen in the picture.
pub const OVAL: [usize; 36] = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];
/// From the right ear over the chin to the left ear.
pub const JAW: [usize; 17] = [132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361];
pub const LIPS_OUTER: [usize; 20] =
    [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185];
/// Borders of the lips, each from the right corner of the mouth to the left.
pub const UPPER_LIP_OUTER: [usize; 11] = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291];
pub const UPPER_LIP_INNER: [usize; 11] = [78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308];
pub const LOWER_LIP_INNER: [usize; 11] = [78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308];
pub const LOWER_LIP_OUTER: [usize; 11] = [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291];

pub const FOREHEAD: usize = 10;
pub const CHIN: usize = 152;
pub const NOSE_TIP: usize = 1;
/// On the cheeks, where skin is seldom covered.
const RIGHT_CHEEK: [usize; 3] = [50, 205, 36];
const LEFT_CHEEK: [usize; 3] = [280, 425, 266];
/// Beyond this yaw the far cheek is hidden, and its landmarks lie on what is behind it.
const ONE_CHEEK_YAW: f32 = 0.35;
/// Along the bridge of the nose, from between the brows to above the tip.
const BRIDGE: [usize; 6] = [168, 6, 197, 195, 5, 4];
/// Where the face ends beside the ears.
pub const RIGHT_TEMPLE: usize = 234;
pub const LEFT_TEMPLE: usize = 454;

/// The parts that a face has twice.
pub struct EyeSide {
    pub ring: [usize; 16],
    /// Lids, each from the outer corner to the inner.
    pub upper: [usize; 9],
    pub lower: [usize; 9],
    /// Borders of the brow, each from its outer end to the inner.
    pub brow_upper: [usize; 5],
    pub brow_lower: [usize; 5],
    /// Around the wing of the nose, from above to below the tip.
    pub nose_wing: [usize; 4],
    /// The nostril's outer and inner end.
    pub nostril: [usize; 2],
}

pub const RIGHT: EyeSide = EyeSide {
    ring: [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246],
    upper: [33, 246, 161, 160, 159, 158, 157, 173, 133],
    lower: [33, 7, 163, 144, 145, 153, 154, 155, 133],
    brow_upper: [70, 63, 105, 66, 107],
    brow_lower: [46, 53, 52, 65, 55],
    nose_wing: [64, 98, 97, 2],
    nostril: [98, 97],
};
pub const LEFT: EyeSide = EyeSide {
    ring: [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466],
    upper: [263, 466, 388, 387, 386, 385, 384, 398, 362],
    lower: [263, 249, 390, 373, 374, 380, 381, 382, 362],
    brow_upper: [300, 293, 334, 296, 336],
    brow_lower: [276, 283, 282, 295, 285],
    nose_wing: [294, 327, 326, 2],
    nostril: [327, 326],
};

/// Landmark `index` in the picture; the origin when there is no such landmark.
pub fn at(points: &[[f32; 3]], index: usize) -> Point {
    points.get(index).map_or([0.0, 0.0], |p| [p[0], p[1]])
}

pub fn pick(points: &[[f32; 3]], indices: &[usize]) -> Vec<Point> {
    indices.iter().map(|&i| at(points, i)).collect()
}

/// Width of a face in pixels, or what its height makes of it when the head is turned.
pub fn face_size(points: &[[f32; 3]]) -> f32 {
    const WIDTH_OF_HEIGHT: f32 = 0.72;
    let width = distance(at(points, RIGHT_TEMPLE), at(points, LEFT_TEMPLE));
    width.max(WIDTH_OF_HEIGHT * distance(at(points, FOREHEAD), at(points, CHIN)))
}

/// How far the head is turned: -1 to the left of the picture, 0 towards us, 1 to the right.
pub fn yaw(points: &[[f32; 3]]) -> f32 {
    let tip = at(points, NOSE_TIP);
    let (right, left) = (distance(tip, at(points, RIGHT_TEMPLE)), distance(tip, at(points, LEFT_TEMPLE)));
    (right - left) / (right + left).max(1e-6)
}

/// The polygon through some landmarks, grown around its centre, as a mask.
pub fn face_mask(width: usize, height: usize, points: &[[f32; 3]], indices: &[usize], factor: f32) -> Plane {
    let mut mask = Plane::new(width, height, 0.0);
    add_to_mask(&mut mask, points, indices, factor);
    mask
}

fn add_to_mask(mask: &mut Plane, points: &[[f32; 3]], indices: &[usize], factor: f32) {
    let polygon = pick(points, indices);
    pen::fill(mask, &grow(&polygon, centre(&polygon), factor), 1.0);
}

/// Eyes, brows and lips: pixels that say nothing about the tone of the skin.
pub fn features(width: usize, height: usize, points: &[[f32; 3]]) -> Plane {
    let mut mask = face_mask(width, height, points, &LIPS_OUTER, 1.15);
    for side in [&RIGHT, &LEFT] {
        add_to_mask(&mut mask, points, &side.ring, 1.5);
        let brow: Vec<usize> = side.brow_upper.iter().chain(side.brow_lower.iter().rev()).copied().collect();
        add_to_mask(&mut mask, points, &brow, 1.3);
    }
    mask
}

/// Which features the picture shows: a hand or hair may cover them, and the mesh does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visible {
    pub mouth: bool,
    pub right: bool,
    pub left: bool,
}

/// Lips must be darker or redder than the cheeks, eyes darker, the bridge between the eyes as light as skin (else the
/// mesh sits on hair, or dark glasses hide the eyes). What is too small to judge counts as visible.
pub fn visible(lab: &Lab, points: &[[f32; 3]]) -> Visible {
    let Some(cheek) = cheek_colour(lab, points) else {
        return Visible { mouth: true, right: true, left: true };
    };
    // in profile the bridge is the face's border
    let skin_between =
        yaw(points).abs() > ONE_CHEEK_YAW || cheek[0] - quantile(&colours_around(lab, points, &BRIDGE), 0, 0.5) < 0.16;
    let eye = |side: &EyeSide| {
        let seen = colours_in_part(lab, points, &side.ring, 1.3);
        seen.len() < 4 || cheek[0] - quantile(&seen, 0, 0.25) > 0.03
    };
    let lips = colours_in_part(lab, points, &LIPS_OUTER, 1.0);
    let lips_differ =
        lips.len() < 4 || cheek[0] - quantile(&lips, 0, 0.35) > 0.02 || quantile(&lips, 1, 0.5) - cheek[1] > 0.006;
    Visible {
        mouth: lips_differ && !hand_before_mouth(lab, points, &lips),
        right: skin_between && eye(&RIGHT),
        left: skin_between && eye(&LEFT),
    }
}

/// A hand is as red as the lips that it hides, and brings light and shade where a chin is smooth.
fn hand_before_mouth(lab: &Lab, points: &[[f32; 3]], lips: &[[f32; 3]]) -> bool {
    /// Lips are at least this much redder (OKLab a) than the skin around them.
    const REDDER: f32 = 0.0015;
    /// Lightness range between the dark and the light tenth around a mouth, from which it is not smooth.
    const SMOOTH: f32 = 0.14;
    /// Below this chroma there is no red to compare.
    const COLOURLESS: f32 = 0.012;
    let lips_and_around = colours_in_part(lab, points, &LIPS_OUTER, 1.75);
    if lips.len() < 12 {
        return false;
    }
    let chroma = quantile(lips, 1, 0.5).hypot(quantile(lips, 2, 0.5));
    let redder = quantile(lips, 1, 0.5) - quantile(&lips_and_around, 1, 0.5);
    let range = quantile(&lips_and_around, 0, 0.9) - quantile(&lips_and_around, 0, 0.1);
    chroma > COLOURLESS && redder < REDDER && range > SMOOTH
}

/// Median OKLab of the cheeks that face us; `None` when they are outside the picture or too small.
pub fn cheek_colour(lab: &Lab, points: &[[f32; 3]]) -> Option<[f32; 3]> {
    let seen = match yaw(points) {
        yaw if yaw > ONE_CHEEK_YAW => colours_around(lab, points, &RIGHT_CHEEK),
        yaw if yaw < -ONE_CHEEK_YAW => colours_around(lab, points, &LEFT_CHEEK),
        _ => [colours_around(lab, points, &RIGHT_CHEEK), colours_around(lab, points, &LEFT_CHEEK)].concat(),
    };
    (seen.len() >= 3).then(|| std::array::from_fn(|channel| quantile(&seen, channel, 0.5)))
}

/// Colours of small discs around landmarks.
fn colours_around(lab: &Lab, points: &[[f32; 3]], indices: &[usize]) -> Vec<[f32; 3]> {
    let radius = (0.05 * face_size(points)).max(0.7);
    indices.iter().flat_map(|&i| colours_in(lab, &disc(at(points, i), radius))).collect()
}

/// Colours inside the polygon through landmarks, grown around its centre.
fn colours_in_part(lab: &Lab, points: &[[f32; 3]], indices: &[usize], factor: f32) -> Vec<[f32; 3]> {
    let corners = pick(points, indices);
    colours_in(lab, &grow(&corners, centre(&corners), factor))
}

/// Colours of the pixels that a polygon covers by more than half.
pub fn colours_in(lab: &Lab, polygon: &[Point]) -> Vec<[f32; 3]> {
    let mut seen = Vec::new();
    Coverage::polygon(polygon, lab.width, lab.height).for_each(|x, y, cover| {
        if cover > 0.5 {
            seen.push(lab[(x, y)]);
        }
    });
    seen
}

/// A channel's value that the share `q` of the colours stays below; 0 for no colours.
pub fn quantile(colours: &[[f32; 3]], channel: usize, q: f32) -> f32 {
    let mut values: Vec<f32> = colours.iter().map(|colour| colour[channel]).collect();
    if values.is_empty() {
        return 0.0;
    }
    let place = (q * (values.len() - 1) as f32).round() as usize;
    *values.select_nth_unstable_by(place, f32::total_cmp).1
}

#[cfg(test)]
pub mod tests {
    use super::*;

    pub const SKIN: [f32; 3] = [0.7, 0.03, 0.04];
    pub const DARK: [f32; 3] = [0.25, 0.0, 0.0];

    /// A plain face looking at us, `size` pixels wide around `middle`: eyes open, mouth closed.
    pub fn plain_face(middle: Point, size: f32) -> Vec<[f32; 3]> {
        let mut face = vec![[0.0, 0.0, 0.0]; COUNT];
        for (i, &index) in OVAL.iter().enumerate() {
            let angle = (10.0 * i as f32 - 90.0).to_radians();
            face[index] = [0.5 * angle.cos(), 0.68 * angle.sin(), 0.0];
        }
        let mut line = |indices: &[usize], from: Point, to: Point, sag: f32| {
            for (i, &index) in indices.iter().enumerate() {
                let t = i as f32 / (indices.len() - 1) as f32;
                let [x, y] = crate::draw::point::mix(from, to, t);
                face[index] = [x, y + sag * 4.0 * t * (1.0 - t), 0.0];
            }
        };
        for (side, cheek, sign) in [(&RIGHT, &RIGHT_CHEEK, -1.0), (&LEFT, &LEFT_CHEEK, 1.0)] {
            line(&side.upper, [0.34 * sign, -0.15], [0.10 * sign, -0.15], -0.035);
            line(&side.lower, [0.34 * sign, -0.15], [0.10 * sign, -0.15], 0.035);
            line(&side.brow_upper, [0.38 * sign, -0.30], [0.08 * sign, -0.30], -0.04);
            line(&side.brow_lower, [0.38 * sign, -0.26], [0.08 * sign, -0.26], -0.04);
            line(&side.nose_wing, [0.10 * sign, 0.05], [0.0, 0.14], 0.0);
            line(cheek, [0.30 * sign, 0.10], [0.20 * sign, 0.20], 0.0);
        }
        line(&BRIDGE, [0.0, -0.18], [0.0, 0.02], 0.0);
        line(&UPPER_LIP_OUTER, [-0.18, 0.34], [0.18, 0.34], -0.05);
        line(&LOWER_LIP_OUTER, [-0.18, 0.34], [0.18, 0.34], 0.06);
        line(&UPPER_LIP_INNER, [-0.16, 0.34], [0.16, 0.34], -0.002);
        line(&LOWER_LIP_INNER, [-0.16, 0.34], [0.16, 0.34], 0.002);
        face[NOSE_TIP] = [0.0, 0.08, 0.0];
        face.iter().map(|p| [middle[0] + size * p[0], middle[1] + size * p[1], 0.0]).collect()
    }

    /// A picture of bare skin with `dark` polygons on it.
    pub fn skin_with(width: usize, height: usize, dark: &[Vec<Point>]) -> Lab {
        let mut lab = Lab::new(width, height, SKIN);
        for polygon in dark {
            pen::paint(&mut lab, &Coverage::polygon(polygon, width, height), DARK, 1.0);
        }
        lab
    }

    #[test]
    fn a_face_is_as_wide_as_it_is_and_looks_ahead() {
        let face = plain_face([100.0, 120.0], 80.0);
        assert!((face_size(&face) - 80.0).abs() < 2.0);
        assert!(yaw(&face).abs() < 1e-3);
        let mut turned = face;
        turned[NOSE_TIP][0] = 130.0;
        assert!(yaw(&turned) > 0.5, "a nose at the right looks to the right");
    }

    #[test]
    fn eyes_and_mouth_that_look_like_bare_skin_are_hidden() {
        let face = plain_face([100.0, 120.0], 100.0);
        let bare = visible(&skin_with(200, 240, &[]), &face);
        assert_eq!(bare, Visible { mouth: false, right: false, left: false });
        let drawn = [pick(&face, &RIGHT.ring), pick(&face, &LIPS_OUTER)];
        let seen = visible(&skin_with(200, 240, &drawn), &face);
        assert_eq!(seen, Visible { mouth: true, right: true, left: false });
    }

    #[test]
    fn dark_glasses_hide_both_eyes() {
        let face = plain_face([100.0, 120.0], 100.0);
        let glasses = vec![[60.0, 92.0], [140.0, 92.0], [140.0, 128.0], [60.0, 128.0]];
        let seen = visible(&skin_with(200, 240, &[glasses]), &face);
        assert!(!seen.right && !seen.left);
    }

    #[test]
    fn features_cover_eyes_and_lips_but_not_cheeks() {
        let face = plain_face([100.0, 120.0], 100.0);
        let mask = features(200, 240, &face);
        assert_eq!((mask[(78, 105)], mask[(100, 155)], mask[(72, 132)]), (1.0, 1.0, 0.0));
    }

    #[test]
    fn too_few_points_or_pixels_do_not_panic() {
        let lab = Lab::new(2, 2, SKIN);
        for points in [vec![], vec![[1.0; 3]; 5], plain_face([1.0, 1.0], 2.0), plain_face([-900.0, 1.0], 50.0)] {
            visible(&lab, &points);
            assert_eq!(features(2, 2, &points).data.len(), 4);
        }
    }
}
