//! What every panel of a character needs, worked out once.

use std::collections::BTreeMap;

use super::framing::Subject;
use super::gaps;
use super::hair::Hair;
use super::landmarks::{COUNT, NOSE_TIP, OVAL, at, face_mask, face_size, yaw};
use super::mask;
use super::materials::Materials;
use super::plate::Plate;
use super::skin::SkinTones;
use super::style::Style;
use crate::clip::{Character, Clip, Face, Hand};
use crate::raster::colour::to_lab;
use crate::raster::components::{Connectivity, regions};
use crate::raster::morphology::dilate;
use crate::raster::{Grid, Lab, Plane};
use rayon::prelude::*;

/// A mesh below this presence is no face.
const LEAST_PRESENCE: f32 = 0.6;
/// A head turned further is nearly a profile, for which the mesh invents a front.
const MOST_YAW: f32 = 0.62;

pub struct Scene<'a> {
    pub character: &'a Character<'a>,
    pub style: &'a Style,
    /// The figure, teacher and network together, a working plane for each frame.
    pub alpha: Vec<Plane>,
    pub materials: Materials,
    pub skin: SkinTones,
    /// `None` when no hair was seen above a face.
    pub hair: Option<Hair>,
    pub plate: Plate,
    /// By frame, those looked for.
    hands: BTreeMap<usize, Vec<Hand>>,
    /// Usual height of the brows above the eyes, in face widths; `None` with too few faces to tell.
    brows: Option<f32>,
}

impl<'a> Scene<'a> {
    pub fn new(character: &'a Character<'a>, style: &'a Style) -> Self {
        let clip = character.clip;
        let mut alpha = figure_of(character);
        let plate = Plate::new(clip, &alpha);
        if clip.has_figure {
            gaps::open_all(&mut alpha, clip, &plate);
        }
        let sampled: Vec<usize> = (0..clip.frames.len()).step_by(SAMPLED_FRAMES).collect();
        let pictures: BTreeMap<usize, Lab> = sampled.into_iter().map(|t| (t, to_lab(&clip.frames[t]))).collect();
        let skin = SkinTones::new(clip, &pictures);
        let materials =
            Materials::new(character.palette, &usage(character), skin.light, &shaded_skin(character, &alpha, &skin));
        let mut scene =
            Self { plate, hair: None, hands: BTreeMap::new(), brows: None, character, style, alpha, materials, skin };
        scene.hair = Hair::learn(&scene, &pictures);
        scene.brows = scene.usual_brows();
        scene
    }

    pub fn clip(&self) -> &'a Clip {
        self.character.clip
    }

    pub fn frames(&self) -> usize {
        self.alpha.len()
    }

    /// The faces of a frame that can be drawn: certain, on the figure, not in profile.
    pub fn faces(&self, frame: usize) -> impl Iterator<Item = &'a [[f32; 3]]> + '_ {
        let found: &'a [Face] = self.clip().faces.get(frame).map_or(&[], |f| f.as_slice());
        found
            .iter()
            .filter(move |face| face.presence > LEAST_PRESENCE && self.on_figure(frame, &face.points))
            .map(|face| face.points.as_slice())
    }

    /// Looks for hands in some frames: only panels need them, and the look costs more than one for faces.
    pub fn find_hands(&mut self, frames: &[usize]) {
        let character = self.character;
        self.hands = frames.par_iter().map(|&frame| (frame, (character.hands)(frame))).collect();
    }

    /// The hands of a frame that was looked at for them, the surest first.
    pub fn hands(&self, frame: usize) -> &[Hand] {
        self.hands.get(&frame).map_or(&[], Vec::as_slice)
    }

    /// The face that matters most: large and turned to us.
    pub fn face(&self, frame: usize) -> Option<&'a [[f32; 3]]> {
        let weight = |points: &[[f32; 3]]| face_size(points) * (1.05 - yaw(points).abs());
        self.faces(frame)
            .filter(|points| sample(&self.alpha[frame], at(points, NOSE_TIP)) > 0.3)
            .max_by(|a, b| weight(a).total_cmp(&weight(b)))
    }

    fn on_figure(&self, frame: usize, points: &[[f32; 3]]) -> bool {
        if points.len() < COUNT || yaw(points).abs() > MOST_YAW {
            return false;
        }
        let rim: Vec<[f32; 2]> = OVAL.iter().map(|&i| at(points, i)).collect();
        let mean = |axis: usize| rim.iter().map(|p| p[axis]).sum::<f32>() / rim.len() as f32;
        let centre = [mean(0), mean(1)];
        let person = &self.clip().person[frame];
        let inside = |p: &&[f32; 2]| sample(person, [0.9 * p[0] + 0.1 * centre[0], 0.9 * p[1] + 0.1 * centre[1]]) > 0.4;
        rim.iter().filter(inside).count() as f32 > 0.7 * rim.len() as f32
    }

    /// Where the figure is: the part with the main face, else the largest.
    pub fn subject(&self, frame: usize) -> Subject<'a> {
        let alpha = &self.alpha[frame];
        let (width, height) = (alpha.width as f32, alpha.height as f32);
        let face = self.face(frame);
        let found = regions(&alpha.map(|&a| a > 0.5), Connectivity::Eight);
        let under_face = face.map(|points| {
            let [x, y] = inside(alpha, at(points, NOSE_TIP));
            found.ids[(x, y)] as usize
        });
        let largest =
            (0..found.regions.len()).filter(|&i| found.regions[i].value).max_by_key(|&i| found.regions[i].area);
        let part = under_face.filter(|&i| found.regions[i].value).or(largest);
        let figure = part.map_or([0.0, 0.0, width, height], |i| {
            let r = &found.regions[i];
            [r.x0 as f32, r.y0 as f32, r.x1 as f32, r.y1 as f32]
        });
        Subject { figure, face, width, height }
    }

    fn usual_brows(&self) -> Option<f32> {
        let mut heights: Vec<f32> = (0..self.frames()).filter_map(|t| self.face(t)).map(brow_height).collect();
        heights.sort_by(f32::total_cmp);
        (heights.len() > 5).then(|| heights[heights.len() / 2])
    }

    /// How much higher than usual the brows are, in face widths, within what a face can do.
    pub fn brow_delta(&self, points: &[[f32; 3]]) -> f32 {
        self.brows.map_or(0.0, |usual| (brow_height(points) - usual).clamp(-0.04, 0.05))
    }
}

/// Without a figure everything counts as one, so that frames are judged and framed as a whole.
fn figure_of(character: &Character) -> Vec<Plane> {
    let clip = character.clip;
    if !clip.has_figure {
        return clip.frames.iter().map(|frame| Plane::new(frame.width, frame.height, 1.0)).collect();
    }
    clip.person.iter().zip(&character.figure).map(|(p, q)| mask::merged(p, q)).collect()
}

/// Every which frame is looked at for colours.
const SAMPLED_FRAMES: usize = 3;

/// Share of pixels that each palette entry has.
fn usage(character: &Character) -> Vec<f32> {
    let mut counts = vec![0.0f32; character.palette.colours.len()];
    for labels in character.labels.iter().step_by(SAMPLED_FRAMES) {
        labels.data.iter().for_each(|&l| counts.get_mut(usize::from(l)).into_iter().for_each(|c| *c += 1.0));
    }
    let total = counts.iter().sum::<f32>().max(1.0);
    counts.iter().map(|c| c / total).collect()
}

/// Cloth entries that are skin in shadow: of its hue, nearly always beside skin, and not in faces (those are beards).
fn shaded_skin(character: &Character, alpha: &[Plane], skin: &SkinTones) -> Vec<bool> {
    const BESIDE_SKIN: f32 = 0.55;
    const IN_FACE: f32 = 0.12;
    const REACH: f32 = 0.0065;
    let (clip, palette) = (character.clip, character.palette);
    let n = palette.colours.len();
    let (mut all, mut beside, mut in_face) = (vec![1.0f32; n], vec![0.0f32; n], vec![0.0f32; n]);
    for t in (0..alpha.len()).step_by(SAMPLED_FRAMES) {
        let labels = &character.labels[t];
        let figure = |i: usize| alpha[t].data[i] > 0.5;
        let entries = palette.background..palette.first_cloth();
        let known = (0..labels.data.len()).map(|i| figure(i) && entries.contains(&usize::from(labels.data[i])));
        let near = dilate(&Grid::from_data(labels.width, labels.height, known.collect()), REACH * clip.width as f32);
        let mut faces = Plane::new(labels.width, labels.height, 0.0);
        for face in &clip.faces[t] {
            let oval = face_mask(labels.width, labels.height, &face.points, &OVAL, 0.95);
            faces.data.iter_mut().zip(&oval.data).for_each(|(f, o)| *f = f.max(*o));
        }
        for i in (0..labels.data.len()).filter(|&i| figure(i)) {
            let entry = usize::from(labels.data[i]).min(n - 1);
            all[entry] += 1.0;
            beside[entry] += f32::from(u8::from(near.data[i]));
            in_face[entry] += faces.data[i];
        }
    }
    (0..n)
        .map(|i| {
            i >= palette.first_cloth()
                && skin.known
                && skin.like_shadow(palette.colours[i])
                && beside[i] > BESIDE_SKIN * all[i]
                && in_face[i] < IN_FACE * all[i]
        })
        .collect()
}

fn brow_height(points: &[[f32; 3]]) -> f32 {
    let apart = |a: usize, b: usize| {
        let (a, b) = (at(points, a), at(points, b));
        (a[0] - b[0]).hypot(a[1] - b[1])
    };
    0.5 * (apart(105, 159) + apart(334, 386)) / face_size(points).max(1e-3)
}

/// The pixel that a point falls on, moved into the picture.
pub fn inside<T>(picture: &Grid<T>, p: [f32; 2]) -> [usize; 2] {
    let clamp = |v: f32, length: usize| v.round().clamp(0.0, length.saturating_sub(1) as f32) as usize;
    [clamp(p[0], picture.width), clamp(p[1], picture.height)]
}

/// A plane's value at a point, or at the nearest pixel inside.
pub fn sample<T: Copy>(picture: &Grid<T>, p: [f32; 2]) -> T {
    let [x, y] = inside(picture, p);
    picture[(x, y)]
}
