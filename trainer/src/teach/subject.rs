//! Who or what the comic is about: the person that the teacher sees, what moves by itself, or both together.

use std::ops::Range;

use rayon::prelude::*;

use super::landmarks::width as face_width;
use super::prepare::Advice;
use super::{figure, motion};
use crate::clip::Face;
use crate::raster::{Plane, Rgb};

/// Person probabilities between these are unsure, and maps with a larger share of such pixels are of no use.
const UNSURE: Range<f32> = 0.1..0.9;
const MOST_UNSURE: f32 = 0.1;
/// A figure smaller than this share of all pixels is none.
const LEAST_FIGURE: f32 = 0.004;
/// Somebody speaks to the camera when a face this wide, as a share of the frame, is seen in this share of the frames.
const FACE_WIDTH: f32 = 0.04;
const FACES: f32 = 0.5;

pub(super) struct Subject {
    /// Probability of each pixel to be the figure.
    pub person: Vec<Plane>,
    /// Without one all of `person` is zero.
    pub has_figure: bool,
    /// What the user should know.
    pub advice: Option<Advice>,
}

/// `person` are the teacher's maps, all zero where there is none. Drops faces that are not the figure's.
pub(super) fn choose(
    frames: &[Rgb],
    times_ms: &[u64],
    mut person: Vec<Plane>,
    taught: bool,
    faces: &mut [Vec<Face>],
) -> Subject {
    let doubt = if taught { doubt(&person) } else { Some(Advice::NoTeachers) };
    if doubt.is_none() {
        person.par_iter_mut().zip(&*faces).for_each(|(person, faces)| figure::keep_main(person, faces));
    }
    // Far apart, frames tell less than a teacher that is sure; close together, they tell what a person rides on.
    let sure = doubt.is_none() && (speaks_to_us(frames, faces) || !motion::is_close(times_ms));
    let hint = (taught && doubt != Some(Advice::FigureUnsure)).then_some(person.as_slice());
    let moved = if sure { None } else { motion::find(frames, times_ms, hint) };
    let (advice, has_figure) = match (moved, doubt) {
        (Some(moved), doubt) => {
            person = moved;
            (doubt.map(|_| if taught { Advice::MovingThing } else { Advice::MotionOnly }), true)
        }
        (None, doubt) => (doubt, doubt.is_none()),
    };
    if !has_figure {
        person.iter_mut().for_each(|plane| plane.data.fill(0.0));
        faces.iter_mut().for_each(Vec::clear);
    } else {
        person.par_iter().zip(faces).for_each(|(person, faces)| figure::keep_faces(faces, person));
    }
    Subject { person, has_figure, advice }
}

fn speaks_to_us(frames: &[Rgb], faces: &[Vec<Face>]) -> bool {
    let large = |faces: &&Vec<Face>| {
        faces.iter().any(|face| face_width(face) >= FACE_WIDTH * frames.first().map_or(0, |frame| frame.width) as f32)
    };
    faces.iter().filter(large).count() as f32 >= FACES * frames.len() as f32
}

/// What speaks against using the teacher's maps at all.
fn doubt(person: &[Plane]) -> Option<Advice> {
    let share = |of: &(dyn Fn(f32) -> bool + Sync)| {
        let (hits, all) = person.iter().fold((0, 0), |(hits, all), plane| {
            (hits + plane.data.iter().filter(|&&p| of(p)).count(), all + plane.data.len())
        });
        hits as f32 / all.max(1) as f32
    };
    if share(&|p| p > 0.5) < LEAST_FIGURE {
        Some(Advice::NoPerson)
    } else if share(&|p| UNSURE.contains(&p)) > MOST_UNSURE {
        Some(Advice::FigureUnsure)
    } else {
        None
    }
}
