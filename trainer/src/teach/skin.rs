//! Which pixels are skin: colours sampled on the faces, against the colours of the rest of the figure.
//!
//! One likelihood for the whole clip. It comes from histograms of three sets of pixels: bare places of the faces,
//! the figure away from the faces, and the hair around them.

use rayon::prelude::*;

use crate::clip::Face;
use crate::raster::colour::oklab;
use crate::raster::polygon::Coverage;
use crate::raster::{Grid, Mask, Plane, Rgb};

use super::histogram::{Density, Histogram};
use super::landmarks::{BARE, LEFT_BROW, LEFT_EYE, LIPS, MOUTH, OVAL, RIGHT_BROW, RIGHT_EYE, centre, width};

/// Faces less present than this teach no colours.
const LEAST_PRESENCE: f32 = 0.6;
/// Radius of a sample around a landmark, as a share of the face's width.
const SAMPLE_RADIUS: f32 = 0.05;
/// Spread that skin has at least (OKLab), and how many spreads from the median a sample may lie.
const LEAST_SPREAD: [f32; 3] = [0.03, 0.006, 0.006];
const MOST_SPREADS: f32 = 3.0;
/// Below this chroma the video is black and white: then only place and lightness tell.
const COLOURLESS: f32 = 0.012;
/// Surely figure; hardly figure.
const SURE_FIGURE: f32 = 0.9;
const NO_FIGURE: f32 = 0.5;
/// Hair is darker than skin by at least this lightness.
const HAIR_DARKER: f32 = 0.12;
/// Weight of the figure's and of the hair's colours against those of skin.
const OTHERS_WEIGHT: f32 = 0.7;
/// Likelihoods that decide.
const SKIN: f32 = 0.65;
const NOT_SKIN: f32 = 0.2;
/// Farther from the median than this no shadow brings skin: in lightness (downwards), in a or b.
const FAR_DARKER: f32 = 0.36;
const FAR_COLOUR: f32 = 0.06;
/// Black and white: darker than the median by less is skin, by more is not.
const GREY_SKIN_DARKER: f32 = 0.22;
const GREY_OTHER_DARKER: f32 = 0.34;
/// Parts of a face that have colours of their own, and how far around them nothing is said.
const LEFT_OPEN: [(&[usize], f32); 5] =
    [(&RIGHT_EYE, 1.5), (&LEFT_EYE, 1.5), (&RIGHT_BROW, 1.3), (&LEFT_BROW, 1.3), (&LIPS, 1.15)];

/// The labels of a clip.
pub(super) struct Skin {
    /// 1 skin, 0 not, -1 unknown, for each frame.
    pub labels: Vec<Grid<i8>>,
    /// OKLab.
    pub median: Option<[f32; 3]>,
}

/// Labels every frame. Without a face nothing is known.
pub(super) fn label(frames: &[Rgb], faces: &[Vec<Face>], person: &[Plane]) -> Skin {
    let samples: Vec<[f32; 3]> = frames
        .iter()
        .zip(faces)
        .flat_map(|(frame, faces)| present(faces).flat_map(|face| sample(frame, face)))
        .collect();
    let Some((samples, median)) = without_outliers(samples) else {
        return Skin { labels: frames.iter().map(|frame| frame.map(|_| -1)).collect(), median: None };
    };
    let clip: Vec<(&Rgb, &Vec<Face>, &Plane)> =
        frames.iter().zip(faces).zip(person).map(|((frame, faces), person)| (frame, faces, person)).collect();
    let (others, hair) = clip
        .par_iter()
        .map(|(frame, faces, person)| figure_colours(frame, faces, person, median))
        .reduce(Default::default, |(mut others, mut hair), (more_others, more_hair)| {
            others.add_all(&more_others);
            hair.add_all(&more_hair);
            (others, hair)
        });
    let mut skin = Histogram::default();
    samples.iter().for_each(|&colour| skin.add(colour));
    let likelihood = Likelihood {
        median,
        colourless: median[1].hypot(median[2]) < COLOURLESS,
        density: Density::ratio(
            &skin.density(),
            &[(&others.density(), OTHERS_WEIGHT), (&hair.density(), OTHERS_WEIGHT)],
        ),
    };
    let labels = clip.par_iter().map(|(frame, faces, person)| likelihood.label(frame, faces, person)).collect();
    Skin { labels, median: Some(median) }
}

fn present(faces: &[Face]) -> impl Iterator<Item = &Face> {
    faces.iter().filter(|face| face.presence >= LEAST_PRESENCE)
}

/// Colours of small discs on bare places of a face.
fn sample(frame: &Rgb, face: &Face) -> Vec<[f32; 3]> {
    let radius = ((SAMPLE_RADIUS * width(face)) as i64).max(1);
    let mut colours = Vec::new();
    for [x, y, _] in BARE.map(|landmark| face.points[landmark]) {
        let (cx, cy) = (x as i64, y as i64);
        for (dx, dy) in (-radius..=radius).flat_map(|dy| (-radius..=radius).map(move |dx| (dx, dy))) {
            let (Ok(x), Ok(y)) = (usize::try_from(cx + dx), usize::try_from(cy + dy)) else { continue };
            if dx * dx + dy * dy <= radius * radius && x < frame.width && y < frame.height {
                colours.push(oklab(frame[(x, y)]));
            }
        }
    }
    colours
}

/// The samples near their median, and the median of those.
fn without_outliers(samples: Vec<[f32; 3]>) -> Option<(Vec<[f32; 3]>, [f32; 3])> {
    let centre = medians(&samples)?;
    let away = |colour: &[f32; 3]| std::array::from_fn(|channel| (colour[channel] - centre[channel]).abs());
    let deviations: Vec<[f32; 3]> = samples.iter().map(away).collect();
    let spread = medians(&deviations)?;
    // 1.5 median deviations are about one standard deviation of a Gaussian.
    let near = |colour: &[f32; 3]| {
        away(colour).iter().zip(spread).zip(LEAST_SPREAD).all(|((d, s), least)| *d < MOST_SPREADS * (1.5 * s + least))
    };
    let kept: Vec<[f32; 3]> = samples.into_iter().filter(near).collect();
    let median = medians(&kept)?;
    Some((kept, median))
}

/// Median of each channel; `None` of nothing.
fn medians(colours: &[[f32; 3]]) -> Option<[f32; 3]> {
    if colours.is_empty() {
        return None;
    }
    Some([0, 1, 2].map(|channel| {
        let mut values: Vec<f32> = colours.iter().map(|colour| colour[channel]).collect();
        let middle = values.len() / 2;
        *values.select_nth_unstable_by(middle, f32::total_cmp).1
    }))
}

/// Colours of the figure away from its faces, and of the hair around them.
fn figure_colours(frame: &Rgb, faces: &[Face], person: &Plane, median: [f32; 3]) -> (Histogram, Histogram) {
    let (near, hair) = (near_faces(faces, frame), hair_ring(faces, frame));
    let (mut others, mut hairs) = (Histogram::default(), Histogram::default());
    for (index, &pixel) in frame.data.iter().enumerate() {
        if person.data[index] <= SURE_FIGURE || (near.data[index] && !hair.data[index]) {
            continue;
        }
        let colour = oklab(pixel);
        if !near.data[index] {
            others.add(colour);
        }
        if hair.data[index] && colour[0] < median[0] - HAIR_DARKER {
            hairs.add(colour);
        }
    }
    (others, hairs)
}

/// What may be skin of a face: the oval, a little wider and lower.
fn near_faces<T>(faces: &[Face], frame: &Grid<T>) -> Mask {
    let mut near = Mask::new(frame.width, frame.height, false);
    for face in present(faces) {
        paint(&mut near, &grown(face, &OVAL, 1.15, 0.12), true);
    }
    near
}

/// A ring around the upper half of each face.
fn hair_ring<T>(faces: &[Face], frame: &Grid<T>) -> Mask {
    let mut hair = Mask::new(frame.width, frame.height, false);
    for face in present(faces) {
        let inner = Coverage::polygon(&grown(face, &OVAL, 1.1, 0.0), frame.width, frame.height);
        let outer = Coverage::polygon(&grown(face, &OVAL, 1.5, -0.1), frame.width, frame.height);
        let mouth = face.points[MOUTH][1];
        outer.for_each(|x, y, cover| {
            if cover > 0.5 && inner.at(x, y) <= 0.5 && (y as f32) < mouth.floor() {
                hair[(x, y)] = true;
            }
        });
    }
    hair
}

/// What is known about the colour of this clip's skin.
struct Likelihood {
    median: [f32; 3],
    colourless: bool,
    density: Density,
}

impl Likelihood {
    fn label(&self, frame: &Rgb, faces: &[Face], person: &Plane) -> Grid<i8> {
        let near = near_faces(faces, frame);
        let mut labels = Grid::new(frame.width, frame.height, 0i8);
        for (index, label) in labels.data.iter_mut().enumerate() {
            if person.data[index] >= NO_FIGURE {
                *label = self.of(oklab(frame.data[index]), near.data[index]);
            }
        }
        for face in faces {
            for (part, growth) in LEFT_OPEN {
                paint(&mut labels, &grown(face, part, growth, 0.0), -1);
            }
        }
        labels
    }

    fn of(&self, colour: [f32; 3], near_face: bool) -> i8 {
        let [darker, a, b] = [0, 1, 2].map(|channel| self.median[channel] - colour[channel]);
        if self.colourless {
            return match near_face {
                false => 0,
                true if darker < GREY_SKIN_DARKER => 1,
                true if darker > GREY_OTHER_DARKER => 0,
                true => self.by_colour(colour, darker, a, b),
            };
        }
        self.by_colour(colour, darker, a, b)
    }

    fn by_colour(&self, colour: [f32; 3], darker: f32, a: f32, b: f32) -> i8 {
        let likelihood = self.density.at(colour);
        if a.abs().max(b.abs()) > FAR_COLOUR || likelihood < NOT_SKIN || darker > FAR_DARKER {
            0
        } else if likelihood > SKIN {
            1
        } else {
            -1
        }
    }
}

/// An outline, `growth` times as large around its centre and `lower` face widths further down.
fn grown(face: &Face, outline: &[usize], growth: f32, lower: f32) -> Vec<[f32; 2]> {
    let centre = centre(face, outline.iter().copied());
    let down = lower * width(face);
    let place = |&landmark: &usize| {
        let [x, y, _] = face.points[landmark];
        [centre[0] + (x - centre[0]) * growth, centre[1] + (y - centre[1]) * growth + down]
    };
    outline.iter().map(place).collect()
}

/// Gives every pixel that a polygon covers mostly a value.
fn paint<T: Clone>(picture: &mut Grid<T>, polygon: &[[f32; 2]], value: T) {
    let shape = Coverage::polygon(polygon, picture.width, picture.height);
    shape.for_each(|x, y, cover| {
        if cover > 0.5 {
            picture[(x, y)] = value.clone();
        }
    });
}
