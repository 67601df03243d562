//! Who the comic is about: the largest figure, and others only if they are of its kind.
//!
//! The segmentation net also marks lamps, fans and people who pass by. They would become part of the character.

use crate::clip::Face;
use crate::raster::components::{Connectivity, regions};
use crate::raster::{Mask, Plane};

use super::landmarks::centre;

/// Parts are told apart where the probability falls below this.
const BETWEEN_PARTS: f32 = 0.1;
/// A part with a face stays when it has at least this share of the largest part's pixels.
const SECOND_PERSON: f32 = 0.35;
/// A part without a face stays when it lies this close to the largest, as a share of the frame's longer side: a hand
/// behind a strap, feet behind a rail.
const BESIDE: f32 = 0.03;
/// What remains of the probability elsewhere.
const DROPPED: f32 = 0.05;
/// Landmarks of a face that must lie on the figure.
const FACE_ON_FIGURE: f32 = 0.5;

/// Lowers the probability of every part that is neither the main figure, nor near it, nor somebody of similar size.
pub(super) fn keep_main(person: &mut Plane, faces: &[Face]) {
    let likely: Mask = person.map(|&p| p > BETWEEN_PARTS);
    let found = regions(&likely, Connectivity::Eight);
    // Soft borders say little about size: count what is more likely person than not.
    let mut sizes = vec![0usize; found.regions.len()];
    for (&id, &p) in found.ids.data.iter().zip(&person.data) {
        sizes[id as usize] += usize::from(p > 0.5);
    }
    let Some(main) = (0..sizes.len()).max_by_key(|&part| sizes[part]) else { return };
    let mut faced = vec![false; sizes.len()];
    for [x, y] in faces.iter().filter_map(|face| middle(face, person)) {
        faced[found.ids[(x, y)] as usize] = true;
    }
    let near = BESIDE * person.width.max(person.height) as f32;
    let gap = |part: usize| {
        let (a, b) = (&found.regions[part], &found.regions[main]);
        let apart = |a: (usize, usize), b: (usize, usize)| a.0.saturating_sub(b.1).max(b.0.saturating_sub(a.1)) as f32;
        apart((a.x0, a.x1), (b.x0, b.x1)).max(apart((a.y0, a.y1), (b.y0, b.y1)))
    };
    let stays: Vec<bool> = (0..sizes.len())
        .map(|part| {
            let similar = sizes[part] as f32 >= SECOND_PERSON * sizes[main] as f32;
            part == main || (faced[part] && similar) || (!similar && gap(part) <= near)
        })
        .collect();
    for (p, &id) in person.data.iter_mut().zip(&found.ids.data) {
        if !stays[id as usize] {
            *p = p.min(DROPPED);
        }
    }
}

/// Drops faces that are not on the figure: pictures on a wall, patterns, passers-by.
pub(super) fn keep_faces(faces: &mut Vec<Face>, person: &Plane) {
    faces.retain(|face| {
        let on = face.points.iter().filter(|point| pixel(point, person).is_some_and(|at| person[at] > 0.5)).count();
        on as f32 >= FACE_ON_FIGURE * face.points.len() as f32
    });
}

/// The pixel in the middle of a face, if the picture has it.
fn middle(face: &Face, picture: &Plane) -> Option<[usize; 2]> {
    let [x, y] = centre(face, 0..face.points.len());
    pixel(&[x, y, 0.0], picture).map(|(x, y)| [x, y])
}

fn pixel(point: &[f32; 3], picture: &Plane) -> Option<(usize, usize)> {
    let inside = |value: f32, size: usize| (value >= 0.0 && value < size as f32).then_some(value as usize);
    Some((inside(point[0], picture.width)?, inside(point[1], picture.height)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDTH: usize = 100;

    fn scene(blocks: &[[usize; 4]]) -> Plane {
        let mut person = Plane::new(WIDTH, 60, 0.0);
        for &[x0, y0, x1, y1] in blocks {
            (y0..y1).for_each(|y| person.data[y * WIDTH + x0..y * WIDTH + x1].fill(0.95));
        }
        person
    }

    fn face(x: f32, y: f32) -> Face {
        Face { points: vec![[x, y, 0.0]; 468], presence: 1.0, score: 1.0 }
    }

    #[test]
    fn a_lamp_goes_a_hand_stays_and_so_does_a_friend() {
        let (main, hand, lamp, friend) = ([10, 10, 40, 60], [42, 30, 45, 34], [90, 0, 98, 20], [60, 20, 80, 60]);
        let mut person = scene(&[main, hand, lamp, friend]);
        keep_main(&mut person, &[face(25.0, 15.0), face(70.0, 25.0)]);
        let at = |[x0, y0, ..]: [usize; 4]| person[(x0 + 1, y0 + 1)] > 0.9;
        assert_eq!([main, hand, lamp, friend].map(at), [true, true, false, true]);
        keep_main(&mut person, &[face(25.0, 15.0)]);
        assert!(person[(61, 21)] < 0.1, "without a face a large thing at some distance is furniture");
    }

    #[test]
    fn only_faces_on_the_figure_stay() {
        let person = scene(&[[10, 10, 40, 60]]);
        let mut faces = vec![face(25.0, 15.0), face(80.0, 15.0), face(-5.0, 15.0)];
        keep_faces(&mut faces, &person);
        assert_eq!(faces.len(), 1);
    }

    #[test]
    fn an_empty_scene_stays_empty() {
        let mut person = scene(&[]);
        keep_main(&mut person, &[]);
        assert!(person.data.iter().all(|&p| p == 0.0));
        keep_main(&mut Plane::new(0, 0, 0.0), &[]);
    }
}
