//! Who or what the comic is about: the person that the teacher sees, what moves by itself, or both together.

use std::ops::Range;

use rayon::prelude::*;

use super::landmarks::width as face_width;
use super::prepare::Advice;
use super::{figure, motion};
use crate::clip::Face;
use crate::raster::components::{Connectivity, regions};
use crate::raster::morphology::dilate;
use crate::raster::{Plane, Rgb};

/// Person probabilities between these are unsure, and maps with a larger share of such pixels are of no use.
const UNSURE: Range<f32> = 0.1..0.9;
const MOST_UNSURE: f32 = 0.1;
/// A figure smaller than this share of all pixels is none.
const LEAST_FIGURE: f32 = 0.004;
/// Somebody speaks to the camera when a face this wide, as a share of the frame, is seen in this share of the frames.
const FACE_WIDTH: f32 = 0.04;
const FACES: f32 = 0.5;

/// Motion bleeds so far beyond edges, as a share of the width.
const HALO: f32 = 0.025;
/// More than this beyond a person, in persons, is something that belongs to the figure.
const MUCH_MORE: f32 = 0.35;
/// People of whom less than this share moves are somebody else, and what remains of their probability.
const MOVING: f32 = 0.3;
const STANDING: f32 = 0.05;

pub(super) struct Subject {
    /// Probability of each pixel to be the figure.
    pub person: Vec<Plane>,
    /// Without one all of `person` is zero.
    pub has_figure: bool,
    /// What the user should know.
    pub advice: Option<Advice>,
}

/// Where the maps of the figure come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sure {
    /// From nowhere: they are all zero.
    Not,
    /// From the teacher.
    Taught,
    /// From somebody who drew over the figure, and from the teacher where there is one.
    Told,
}

/// `person` are the maps that there are of the figure. Drops faces that are not the figure's.
pub(super) fn choose(
    frames: &[Rgb],
    times_ms: &[u64],
    mut person: Vec<Plane>,
    sure: Sure,
    faces: &mut [Vec<Face>],
) -> Subject {
    let (told, taught) = (sure == Sure::Told, sure != Sure::Not);
    let doubt = match sure {
        Sure::Not => Some(Advice::NoTeachers),
        Sure::Taught => doubt(&person),
        Sure::Told => None,
    };
    if doubt.is_none() {
        person.par_iter_mut().zip(&*faces).for_each(|(person, faces)| figure::keep_main(person, faces));
    }
    // Far apart, frames tell less than a teacher that is sure; close together, they tell what a person rides on.
    let sure = told || doubt.is_none() && (speaks_to_us(frames, faces) || !motion::is_close(times_ms));
    let hint = (taught && doubt != Some(Advice::FigureUnsure)).then_some(person.as_slice());
    // Where faces are seen, the teacher knows more than motion: what moves is a piece of a person, or of several.
    let crowd = doubt == Some(Advice::FigureUnsure) && with_face(faces, 0.0) >= FACES * frames.len() as f32;
    let moved = if sure || crowd { None } else { motion::find(frames, times_ms, hint) };
    let (advice, has_figure) = match (moved, doubt) {
        (Some(moved), doubt) => {
            person = if doubt.is_none() { together(person, moved) } else { moved };
            (doubt.map(|_| if taught { Advice::MovingThing } else { Advice::MotionOnly }), true)
        }
        (None, _) if crowd => (Some(Advice::Crowd), true),
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

/// The teacher's maps where what moves is hardly more than the people they show: their edges are better. What moves
/// where there is more to it: a bicycle, a horse, legs that the teacher did not see.
fn together(mut person: Vec<Plane>, moved: Vec<Plane>) -> Vec<Plane> {
    let more = |(person, moved): (&Plane, &Plane)| {
        let likely = person.map(|&p| p > 0.5);
        let near = dilate(&likely, HALO * person.width as f32);
        let beyond = moved.data.iter().zip(&near.data).filter(|(m, near)| **m > 0.5 && !**near).count();
        let known = likely.data.iter().filter(|&&p| p).count();
        beyond as f32 / (known as f32).max(1.0)
    };
    let mut shares: Vec<f32> = person.par_iter().zip(&moved).map(more).collect();
    let half = shares.len() / 2;
    if shares.is_empty() || *shares.select_nth_unstable_by(half, f32::total_cmp).1 > MUCH_MORE {
        return moved;
    }
    person.par_iter_mut().zip(&moved).for_each(|(person, moved)| keep_moving(person, moved));
    person
}

/// Lowers the probability of people who stand while others move.
fn keep_moving(person: &mut Plane, moved: &Plane) {
    let found = regions(&person.map(|&p| p > UNSURE.start), Connectivity::Eight);
    let mut overlap = vec![[0.0f32; 2]; found.regions.len()];
    for ((&id, &p), &m) in found.ids.data.iter().zip(&person.data).zip(&moved.data) {
        let sure = f32::from(u8::from(p > 0.5));
        overlap[id as usize][0] += sure * f32::from(u8::from(m > 0.5));
        overlap[id as usize][1] += sure;
    }
    for (p, &id) in person.data.iter_mut().zip(&found.ids.data) {
        let [moving, all] = overlap[id as usize];
        if moving < MOVING * all {
            *p = p.min(STANDING);
        }
    }
}

fn speaks_to_us(frames: &[Rgb], faces: &[Vec<Face>]) -> bool {
    let wide = FACE_WIDTH * frames.first().map_or(0, |frame| frame.width) as f32;
    with_face(faces, wide) >= FACES * frames.len() as f32
}

/// In how many frames there is a face at least so wide.
fn with_face(faces: &[Vec<Face>], wide: f32) -> f32 {
    faces.iter().filter(|faces| faces.iter().any(|face| face_width(face) >= wide)).count() as f32
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

#[cfg(test)]
mod tests {
    use super::*;

    fn block(x0: usize, x1: usize) -> Plane {
        let mut plane = Plane::new(100, 40, 0.02);
        (5..35).for_each(|y| (x0..x1).for_each(|x| plane[(x, y)] = 0.95));
        plane
    }

    #[test]
    fn a_person_with_a_halo_of_motion_stays_as_the_teacher_sees_it() {
        let chosen = together(vec![block(20, 40); 5], vec![block(18, 42); 5]);
        assert_eq!(chosen[0], block(20, 40));
    }

    #[test]
    fn what_a_person_rides_on_belongs_to_the_figure() {
        let chosen = together(vec![block(20, 40); 5], vec![block(20, 70); 5]);
        assert_eq!(chosen[0], block(20, 70));
    }

    #[test]
    fn bystanders_go_when_somebody_else_moves() {
        let mut both = block(20, 40);
        (5..35).for_each(|y| (70..90).for_each(|x| both[(x, y)] = 0.95));
        let chosen = together(vec![both; 5], vec![block(19, 41); 5]);
        assert!(chosen[0][(30, 20)] > 0.9 && chosen[0][(80, 20)] <= STANDING);
    }
}
