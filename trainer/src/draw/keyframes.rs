//! Which frames become panels: far apart in pose, colour and expression, sharp, with a face that is seen.

use super::landmarks::{at, face_size, visible, yaw};
use super::scene::Scene;
use crate::raster::colour::{lightness, to_lab};
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Lab, Plane};

/// The chosen frames and what was judged of all.
pub struct KeyFrames {
    /// The best face first; then each farthest from those before it.
    pub chosen: Vec<usize>,
    /// How well a frame's face can be drawn, 0..1; 0 without a face.
    pub face: Vec<f32>,
    /// Rank in sharpness among the frames, 0..1.
    pub sharpness: Vec<f32>,
}

/// A figure smaller than this share of the frame makes no panel.
const SMALLEST_FIGURE: f32 = 0.015;
/// An eye opened less than this, in face widths, blinks.
const OPEN_EYE: f32 = 0.022;

impl KeyFrames {
    /// Chooses `count` frames, fewer when there are not so many.
    pub fn choose(scene: &Scene, count: usize) -> Self {
        let frames = scene.frames();
        let (mut features, mut edges, mut face) = (Vec::new(), Vec::new(), Vec::new());
        for t in 0..frames {
            let lab = to_lab(&scene.clip().frames[t]);
            features.push(descriptor(scene, t, &lab));
            edges.push(sharpness(&lightness(&lab), &scene.alpha[t]));
            face.push(scene.face(t).map_or(0.0, |points| face_quality(&lab, points)));
        }
        let sharpness = ranks(&edges);
        let many_faces = face.iter().filter(|&&f| f > 0.0).count() >= count;
        let base: Vec<f32> = (0..frames)
            .map(|t| {
                let mean = scene.alpha[t].data.iter().sum::<f32>() / scene.alpha[t].data.len().max(1) as f32;
                let faced = if many_faces { 0.05 + 0.95 * face[t] } else { 0.35 + 0.65 * face[t] };
                if mean > SMALLEST_FIGURE { (0.25 + 0.75 * sharpness[t]) * faced } else { 0.0 }
            })
            .collect();
        let mut chosen = Vec::new();
        if let Some(first) = best(frames, |t| face[t] * (0.4 + 0.6 * sharpness[t]) + 1e-3 * base[t]) {
            chosen.push(first);
        }
        while chosen.len() < count.min(frames) {
            let apart =
                |t: usize| chosen.iter().map(|&c| distance(&features[t], &features[c])).fold(f32::MAX, f32::min);
            let next = best(frames, |t| if chosen.contains(&t) { -1.0 } else { apart(t) * base[t] });
            chosen.extend(next);
        }
        Self { chosen, face, sharpness }
    }
}

fn best(frames: usize, score: impl Fn(usize) -> f32) -> Option<usize> {
    (0..frames).max_by(|&a, &b| score(a).total_cmp(&score(b)))
}

fn distance(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| (x - y).powi(2)).sum::<f32>().sqrt()
}

fn ranks(values: &[f32]) -> Vec<f32> {
    let last = values.len().saturating_sub(1).max(1) as f32;
    values.iter().map(|v| values.iter().filter(|o| *o < v).count() as f32 / last).collect()
}

/// Pose (a small mask), colours of the figure, expression.
fn descriptor(scene: &Scene, frame: usize, lab: &Lab) -> Vec<f32> {
    let alpha = &scene.alpha[frame];
    let pose = resize(alpha, 16, 12, Interpolation::Area);
    let coloured = lab.data.iter().zip(&alpha.data).map(|(c, a)| c.map(|v| v * a)).collect();
    let colours = resize(&Grid::from_data(lab.width, lab.height, coloured), 12, 9, Interpolation::Area);
    let mut all = pose.data;
    all.extend(colours.data.iter().flatten().map(|v| 2.0 * v));
    all.extend(scene.face(frame).map_or([0.0; 4], expression).map(|v| 1.2 * v));
    all
}

/// Mouth opening and width, brow height, eye opening; about equally large.
fn expression(points: &[[f32; 3]]) -> [f32; 4] {
    let apart = |a: usize, b: usize| apart(points, a, b);
    [
        6.0 * apart(13, 14),
        3.0 * apart(61, 291),
        3.0 * (apart(105, 159) + apart(334, 386)),
        2.5 * (apart(159, 145) + apart(386, 374)),
    ]
}

/// Distance of two landmarks in face widths.
fn apart(points: &[[f32; 3]], a: usize, b: usize) -> f32 {
    let (a, b) = (at(points, a), at(points, b));
    (a[0] - b[0]).hypot(a[1] - b[1]) / face_size(points).max(1e-3)
}

fn face_quality(lab: &Lab, points: &[[f32; 3]]) -> f32 {
    let seen = visible(lab, points);
    let one = |b: bool| f32::from(u8::from(b));
    let open = if apart(points, 159, 145) > OPEN_EYE { 1.0 } else { 0.7 };
    (0.4 + 0.6 * one(seen.mouth))
        * (0.3 + 0.35 * (one(seen.right) + one(seen.left)))
        * (1.0 - 0.8 * yaw(points).abs())
        * open
}

/// Mean strength of fine edges on the figure.
fn sharpness(lightness: &Plane, alpha: &Plane) -> f32 {
    let (w, h) = (lightness.width, lightness.height);
    let (mut sum, mut area) = (0.0, 1.0);
    for y in 1..h.saturating_sub(1) {
        let (above, here, below) = (lightness.row(y - 1), lightness.row(y), lightness.row(y + 1));
        for x in 1..w.saturating_sub(1) {
            let a = alpha[(x, y)];
            sum += a * (above[x] + below[x] + here[x - 1] + here[x + 1] - 4.0 * here[x]).abs();
            area += a;
        }
    }
    sum / area
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_run_from_zero_to_one() {
        assert_eq!(ranks(&[0.3, 0.9, 0.1]), [0.5, 1.0, 0.0]);
        assert_eq!(ranks(&[0.3]), [0.0]);
    }

    #[test]
    fn a_checkerboard_is_sharper_than_a_slope() {
        let board = Grid::from_data(16, 16, (0..256).map(|i| ((i % 16 + i / 16) % 2) as f32).collect());
        let slope = Grid::from_data(16, 16, (0..256).map(|i| (i % 16) as f32 / 16.0).collect());
        let all = Grid::new(16, 16, 1.0);
        assert!(sharpness(&board, &all) > 10.0 * sharpness(&slope, &all).max(1e-6));
    }
}
