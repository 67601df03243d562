//! Names for parts of the face mesh, in its numbering; outlines go round once. Right and left are the person's own.

use crate::clip::Face;

pub(super) const RIGHT_EYE_CORNERS: [usize; 2] = [33, 133];
pub(super) const LEFT_EYE_CORNERS: [usize; 2] = [362, 263];

/// Where the face ends: forehead, temple, jaw, chin and back.
pub(super) const OVAL: [usize; 36] = [
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150,
    136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
];
pub(super) const RIGHT_EYE: [usize; 16] = [33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246];
pub(super) const LEFT_EYE: [usize; 16] =
    [263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466];
pub(super) const RIGHT_BROW: [usize; 10] = [70, 63, 105, 66, 107, 55, 65, 52, 53, 46];
pub(super) const LEFT_BROW: [usize; 10] = [300, 293, 334, 296, 336, 285, 295, 282, 283, 276];
/// The outer border of the lips.
pub(super) const LIPS: [usize; 20] =
    [61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185];
/// The inner border of the upper lip, in the middle.
pub(super) const MOUTH: usize = 13;
/// The widest points of the face, at the ears.
const EARS: [usize; 2] = [234, 454];
/// Cheeks, bridge of the nose and forehead: skin where neither beard nor hair grows.
pub(super) const BARE: [usize; 16] = [117, 118, 50, 101, 205, 346, 347, 280, 330, 425, 151, 9, 108, 337, 6, 195];

/// Distance between the ears in pixels.
pub(super) fn width(face: &Face) -> f32 {
    let [a, b] = EARS.map(|ear| face.points[ear]);
    (a[0] - b[0]).hypot(a[1] - b[1])
}

/// Mean of the landmarks of an outline, or of all of them.
pub(super) fn centre(face: &Face, landmarks: impl ExactSizeIterator<Item = usize>) -> [f32; 2] {
    let count = landmarks.len().max(1) as f32;
    let sum = landmarks.map(|landmark| face.points[landmark]).fold([0.0; 2], |sum, [x, y, _]| [sum[0] + x, sum[1] + y]);
    sum.map(|value| value / count)
}
