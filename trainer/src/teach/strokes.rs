//! Strokes that somebody drew over pictures, to say what is the figure there and what is not.
//!
//! A stroke speaks for what is around it as far as colours stay the same: geodesic distance, as in interactive
//! segmentation (Bai & Sapiro 2007). What it changed in its picture is looked for in the others, by colour and place.

use std::collections::BTreeMap;

use schemas::Stroke;
use schemas::stroke::WHOLE;

use super::histogram::{Density, Histogram};
use super::motion::geodesic::distance;
use crate::raster::colour::to_lab;
use crate::raster::filter::{bilateral, gaussian};
use crate::raster::morphology::dilate;
use crate::raster::{Grid, Lab, Mask, Plane, Rgb};

/// Cost of a way across the whole picture, and of a step in colour, of which what is less than noise is free.
const PLACE: f32 = 0.35;
const COLOUR: f32 = 2.0;
const NOISE: f32 = 0.012;
/// A stroke reaches about so far.
const REACH: f32 = 0.12;
/// Half the width of a stroke, and how far from its place in one picture the same thing may be in another; shares of the
/// picture's width.
const HALF_WIDTH: f32 = 0.006;
const WANDERS: f32 = 0.10;
/// In other pictures a colour is what the stroke spoke of when it is so much more usual there than elsewhere.
const LIKELY: f32 = 0.75;
/// Probabilities that a stroke leaves behind.
const SURE: f32 = 0.98;

/// Corrects `person`, the figure's probabilities in each of `frames`, by what was drawn.
pub(super) fn heed(strokes: &[Stroke], frames: &[Rgb], times_ms: &[u64], person: &mut [Plane]) {
    let mut drawn: BTreeMap<usize, Vec<&Stroke>> = BTreeMap::new();
    for stroke in strokes {
        let nearest = (0..frames.len().min(times_ms.len())).min_by_key(|&t| times_ms[t].abs_diff(stroke.at_ms));
        nearest.into_iter().for_each(|t| drawn.entry(t).or_default().push(stroke));
    }
    let changes: Vec<(usize, [Change; 2])> =
        drawn.iter().map(|(&t, strokes)| (t, correct(strokes, &frames[t], &mut person[t]))).collect();
    for t in (0..frames.len()).filter(|t| !drawn.contains_key(t)) {
        let Some((_, changes)) = changes.iter().min_by_key(|(from, _)| from.abs_diff(t)) else { return };
        let picture = to_lab(&frames[t]);
        for (change, figure) in changes.iter().zip([true, false]) {
            change.carry(&picture, figure, &mut person[t]);
        }
    }
}

/// What strokes of one kind changed in their picture.
struct Change {
    /// Where, and a little around it.
    near: Mask,
    /// Colours of that, and of all that is of the other kind.
    of: Density,
    others: Density,
}

/// Lets strokes speak in their own picture; what those for the figure changed, and those against.
fn correct(strokes: &[&Stroke], frame: &Rgb, person: &mut Plane) -> [Change; 2] {
    let picture = to_lab(&bilateral(frame, 2, 26.0, 2.0));
    let cost = cost(&picture);
    let far = [true, false].map(|figure| {
        let own = strokes.iter().filter(|stroke| stroke.figure == figure);
        let starts: Vec<usize> = own.flat_map(|stroke| pixels(stroke, frame.width, frame.height)).collect();
        (!starts.is_empty()).then(|| distance(&cost, starts.into_iter()))
    });
    let at = |kind: usize, i: usize| far[kind].as_ref().map_or(f32::INFINITY, |far| far.data[i]);
    let mut changed = [(); 2].map(|()| Grid::new(frame.width, frame.height, false));
    for (i, p) in person.data.iter_mut().enumerate() {
        let kind = usize::from(at(1, i) < at(0, i));
        let says = (-(at(kind, i) / REACH).powi(2)).exp();
        changed[kind].data[i] = says > 0.5;
        let wanted = if kind == 0 { SURE } else { 1.0 - SURE };
        *p += says * (wanted - *p);
    }
    let mut colours = [(); 2].map(|()| [Histogram::default(), Histogram::default()]);
    for (i, &colour) in picture.data.iter().enumerate() {
        let is_figure = person.data[i] > 0.5;
        for (kind, [of, others]) in colours.iter_mut().enumerate() {
            if changed[kind].data[i] {
                of.add(colour);
            } else if is_figure == (kind == 1) {
                others.add(colour);
            }
        }
    }
    let wanders = WANDERS * frame.width as f32;
    let mut changed = changed.into_iter();
    colours.map(|[of, others]| {
        let near = changed.next().map(|changed| dilate(&changed, wanders));
        let near = near.unwrap_or_else(|| Grid::new(frame.width, frame.height, false));
        Change { near, of: of.density(), others: others.density() }
    })
}

impl Change {
    /// Changes another picture in the same way.
    fn carry(&self, picture: &Lab, figure: bool, person: &mut Plane) {
        let likely = picture.data.iter().zip(&self.near.data).map(|(&colour, &near)| {
            let (of, others) = (self.of.at(colour), self.others.at(colour));
            f32::from(u8::from(near && of > LIKELY * (of + others)))
        });
        // single pixels of that colour are chance
        let likely = gaussian(&Grid::from_data(picture.width, picture.height, likely.collect()), 1.5);
        let wanted = if figure { SURE } else { 1.0 - SURE };
        for (p, likely) in person.data.iter_mut().zip(&likely.data).filter(|(_, likely)| **likely > 0.5) {
            *p += likely * (wanted - *p);
        }
    }
}

/// What it costs to pass each pixel.
fn cost(picture: &Lab) -> Plane {
    let (w, h) = (picture.width, picture.height);
    let apart = |a: [f32; 3], b: [f32; 3]| (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f32>().sqrt();
    let step = |i: usize| {
        let (x, y) = (i % w, i / w);
        let right = picture[((x + 1).min(w - 1), y)];
        let below = picture[(x, (y + 1).min(h - 1))];
        let step = apart(picture.data[i], right).max(apart(picture.data[i], below));
        PLACE / w as f32 + COLOUR * (step - NOISE).max(0.0)
    };
    Grid::from_data(w, h, (0..w * h).map(step).collect())
}

/// The pixels that a stroke covers.
fn pixels(stroke: &Stroke, width: usize, height: usize) -> Vec<usize> {
    let place = |p: [u16; 2]| {
        let [x, y] = p.map(|v| f32::from(v.min(WHOLE)) / f32::from(WHOLE));
        [x * (width - 1) as f32, y * (height - 1) as f32]
    };
    let points: Vec<[f32; 2]> = stroke.points.iter().map(|&p| place(p)).collect();
    let mut covered = Grid::new(width, height, false);
    for (from, to) in points.iter().zip(points.iter().skip(1).chain(points.last())) {
        let steps = (to[0] - from[0]).abs().max((to[1] - from[1]).abs()).ceil().max(1.0);
        for k in 0..=steps as usize {
            let at = |axis: usize| (from[axis] + (to[axis] - from[axis]) * k as f32 / steps).round() as usize;
            covered[(at(0), at(1))] = true;
        }
    }
    let wide = dilate(&covered, HALF_WIDTH * width as f32);
    (0..wide.data.len()).filter(|&i| wide.data[i]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A grey room, a red body that the teacher sees, a green arm beside it that it does not, and a blue chair that it
    /// takes for the figure; all `moved` pixels to the right.
    fn scene(moved: usize) -> (Rgb, Plane) {
        let of = |x: usize, y: usize| match x.saturating_sub(moved) {
            40..80 if y > 20 => ([200, 40, 40], 0.95),
            80..110 if (40..60).contains(&y) => ([40, 160, 60], 0.05),
            10..40 if y > 50 => ([30, 50, 200], 0.9),
            _ => ([128, 128, 128], 0.02),
        };
        let picture = Rgb::from_data(160, 90, (0..160 * 90).map(|i| of(i % 160, i / 160).0).collect());
        (picture, Plane::from_data(160, 90, (0..160 * 90).map(|i| of(i % 160, i / 160).1).collect()))
    }

    fn stroke(figure: bool, points: &[[usize; 2]]) -> Stroke {
        let points = points.iter().map(|&[x, y]| [(x * 1_000 / 159) as u16, (y * 1_000 / 89) as u16]);
        Stroke { at_ms: 0, figure, points: points.collect() }
    }

    #[test]
    fn strokes_win_the_arm_and_lose_the_chair_in_every_picture() {
        let strokes = [stroke(true, &[[85, 50], [105, 50]]), stroke(false, &[[20, 60], [30, 80]])];
        let (frames, mut person): (Vec<_>, Vec<_>) = [scene(0), scene(6)].into_iter().unzip();
        heed(&strokes, &frames, &[0, 400], &mut person);
        for (moved, person) in [0, 6].into_iter().zip(&person) {
            assert!(person[(95 + moved, 45)] > 0.9, "the arm, moved by {moved}");
            assert!(person[(25 + moved, 70)] < 0.1, "the chair, moved by {moved}");
            assert!(person[(60 + moved, 60)] > 0.9, "the body");
            assert!(person[(130 + moved, 50)] < 0.1 && person[(95 + moved, 30)] < 0.1, "the room");
        }
    }

    #[test]
    fn without_strokes_nothing_changes_and_odd_ones_do_no_harm() {
        let (frame, person) = scene(0);
        let after = |strokes: &[Stroke]| {
            let mut changed = vec![person.clone()];
            heed(strokes, std::slice::from_ref(&frame), &[0], &mut changed);
            changed.remove(0)
        };
        assert_eq!(after(&[]), person);
        let empty = Stroke { at_ms: u64::MAX, figure: true, points: vec![] };
        assert_eq!(after(&[empty]), person);
        let outside = Stroke { at_ms: 9_000, figure: true, points: vec![[u16::MAX, u16::MAX]] };
        assert!(after(&[outside])[(159, 89)] > 0.9);
    }
}
