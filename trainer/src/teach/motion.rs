//! What moves by itself in a video: the figure where there is no teacher, or of a kind that teachers do not know.

mod align;
mod appearance;
mod camera;
mod dense;
mod edges;
mod flow;
pub(super) mod geodesic;
mod plate;
mod still;
#[cfg(test)]
mod tests;
mod volume;

use rayon::prelude::*;

use crate::raster::colour::{oklab_of, to_float};
use crate::raster::filter::gaussian;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Lab, Plane, Rgb};

/// Longer side that motion is looked at with, in pixels: from frame to frame, and over frames far apart.
const CLOSE_SIDE: usize = 320;
const APART_SIDE: usize = 192;
/// Frames at most this far apart show motion from one to the next.
const CLOSE_MS: u64 = 130;
/// Fewer frames, or a shorter side in pixels, tell nothing; nor does a strip.
const FEWEST: usize = 2;
const SMALLEST: usize = 24;
const NOISE: f32 = 0.6;
/// What was found must fill a share of the picture within these, and must move by itself at least so surely.
const LEAST_FIGURE: f32 = 0.003;
const MOST_FIGURE: f32 = 0.8;
const LEAST_MOTION: f32 = 0.12;

/// The moving figure of evenly spaced frames: a probability of each pixel. `person` are a teacher's maps, if there is
/// one. `None` when nothing moves by itself, or everything does.
pub(super) fn find(frames: &[Rgb], times_ms: &[u64], person: Option<&[Plane]>) -> Option<Vec<Plane>> {
    let first = frames.first()?;
    if frames.len() < FEWEST || first.width.min(first.height) < SMALLEST {
        return None;
    }
    let apart = if is_close(times_ms) { None } else { still::find(&shrunk(frames, APART_SIDE)) };
    let found = match apart {
        Some(found) => found,
        // the camera moves as well: what goes another way than the background from each frame to the next
        None => {
            let small = shrunk(frames, CLOSE_SIDE);
            let fitting = |plane: &Plane| resize(plane, small[0].width, small[0].height, Interpolation::Area);
            let person: Option<Vec<Plane>> = person.map(|person| person.par_iter().map(fitting).collect());
            let (object, moving) = dense::find(&small, person.as_deref());
            is_object(&object, &moving).then_some(object)?
        }
    };
    let full = |plane: &Plane| resize(plane, first.width, first.height, Interpolation::Linear);
    Some(found.par_iter().map(full).collect())
}

/// Whether frames follow each other so closely that motion can be seen from one to the next.
pub(super) fn is_close(times_ms: &[u64]) -> bool {
    times_ms.windows(2).all(|pair| pair[1].saturating_sub(pair[0]) <= CLOSE_MS)
}

/// Whether what was found is there at all, leaves some background, and moves.
fn is_object(object: &[Plane], moving: &[Plane]) -> bool {
    let (mut inside, mut motion, mut all) = (0usize, 0.0f64, 0usize);
    for (object, moving) in object.iter().zip(moving) {
        for (_, m) in object.data.iter().zip(&moving.data).filter(|(o, _)| **o > 0.5) {
            inside += 1;
            motion += f64::from(*m);
        }
        all += object.data.len();
    }
    let share = inside as f32 / all.max(1) as f32;
    (LEAST_FIGURE..MOST_FIGURE).contains(&share) && motion as f32 / inside as f32 > LEAST_MOTION
}

/// Frames with a longer side of so many pixels, in OKLab.
fn shrunk(frames: &[Rgb], longer: usize) -> Vec<Lab> {
    let shrink = |frame: &Rgb| {
        let scale = (longer as f32 / frame.width.max(frame.height) as f32).min(1.0);
        let side = |length: usize| ((length as f32 * scale).round() as usize).max(1);
        let small = resize(&to_float(frame), side(frame.width), side(frame.height), Interpolation::Area);
        gaussian(&small.map(|&srgb| oklab_of(srgb)), NOISE)
    };
    frames.par_iter().map(shrink).collect()
}
