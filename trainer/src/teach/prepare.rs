//! From decoded frames to a [`Clip`]: the working size, person maps, faces and skin labels.

use std::fmt;
use std::ops::{ControlFlow, Range};

use rayon::prelude::*;
use schemas::Stroke;

use crate::clip::{Clip, Face};
use crate::raster::colour::{to_float, to_rgb};
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Plane, Rgb};

use super::landmarks::{centre, width as face_width};
use super::skin::{self, Skin};
use super::strokes;
use super::subject::{self, Sure};
use super::teachers::Teachers;
use super::tflite::{Memory, ModelError};

/// How much of the work is done after each part.
const FACES_DONE: f32 = 0.45;
const PERSON_DONE: f32 = 0.85;

const FEWEST_FRAMES: usize = 2;
/// A pixel whose brightest channel is below this counts as black, and a video is black with fewer others than a share.
const BLACK: u8 = 24;
const LEAST_LIGHT: f32 = 1e-3;

/// Faces should be this wide at the working size: enough for eyes and mouth.
const FACE_WIDTH: f32 = 36.0;
/// Widths of the working size for wide videos; upright ones have one.
const WIDTHS: Range<f32> = 640.0..1024.0;
const UPRIGHT_WIDTH: usize = 480;
/// The network halves a picture three times.
const MULTIPLE: usize = 8;
/// Expected face width, as a share of the frame, where none is found.
const USUAL_FACE: f32 = 0.1;

/// Faces that the mesh believes in less are none.
const LEAST_PRESENCE: f32 = 0.5;
/// Meshes closer than this share of their width lie on one face.
const SAME_FACE: f32 = 0.5;
/// A clip, and what the user should know about it.
#[derive(Clone, Debug)]
pub struct Prepared {
    pub clip: Clip,
    pub advice: Vec<Advice>,
}

/// Why a clip came out with less than it could have; displays as a sentence for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// The model files are not installed, and nothing moves by itself either.
    NoTeachers,
    /// The model files are not installed: the figure is what moves.
    MotionOnly,
    /// No person, or none that is sure: the figure is what moves.
    MovingThing,
    /// People who cannot be told everywhere from what is around them.
    Crowd,
    /// Too many pixels are neither surely person nor surely background.
    FigureUnsure,
    /// Hardly a pixel is a person.
    NoPerson,
    /// A person, but no face in any frame.
    NoFace,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::NoTeachers => {
                "The person could not be told from the background, because the teacher models are not installed: \
                 whole frames became panels. Whoever runs this server can run tools/fetch-teachers."
            }
            Self::MotionOnly => {
                "The teacher models are not installed, so the character is what moves here. Stepping out of the shot \
                 for two seconds makes it much better; so does running tools/fetch-teachers, for whoever runs this \
                 server."
            }
            Self::MovingThing => {
                "No person was clearly seen, so the character is what moves here. To be it yourself, come closer, in \
                 good light, or step out of the shot for two seconds."
            }
            Self::Crowd => {
                "It is not clear everywhere where people end here, so some of what is around them came along. One person \
                 before a calm background, in good light, works best."
            }
            Self::FigureUnsure => {
                "It is not clear who or what is in front here, so whole frames became panels. One person before a \
                 calm background, in good light, works best; stepping out of the shot for two seconds, with the \
                 camera still, shows what is background."
            }
            Self::NoPerson => {
                "No person was found and nothing moves by itself, so whole frames became panels. Come closer: head \
                 and shoulders should fill a good part of the picture."
            }
            Self::NoFace => {
                "No face was found, so the character has no drawn eyes and mouth. Look towards the camera, with light \
                 on your face."
            }
        })
    }
}

#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    #[error("the video has too few pictures ({0}); film yourself for at least two seconds")]
    TooFewFrames(usize),
    #[error("the video is black; is the camera covered, or the light off?")]
    Black,
    #[error("the frames differ in size, or not every frame has its time")]
    Uneven,
    #[error("it was stopped")]
    Stopped,
    #[error("a teacher failed: {0}")]
    Teacher(#[source] ModelError),
}

/// Labels the frames of a video. `source` are the frames as decoded, upright, evenly spaced and of one size, `times_ms`
/// when each stands in the video. `strokes` count more than what the teachers see. `report` hears how much is done (0..1) and may stop the work.
///
/// # Errors
/// [`PrepareError`] where no comic can come of the frames, and when `report` breaks.
pub fn prepare(
    teachers: Option<&Teachers>,
    source: Vec<Rgb>,
    times_ms: Vec<u64>,
    strokes: &[Stroke],
    report: &mut dyn FnMut(f32) -> ControlFlow<()>,
) -> Result<Prepared, PrepareError> {
    check(&source, &times_ms)?;
    let faces = match teachers {
        Some(teachers) => {
            each_frame(&source, 0.0..FACES_DONE, report, |frame, memory| find_faces(teachers, frame, memory))?
        }
        None => vec![Vec::new(); source.len()],
    };
    let (width, height) = working_size(source[0].width, source[0].height, &faces);
    let looked = each_frame(&source, FACES_DONE..PERSON_DONE, report, |frame, memory| {
        let float = to_float(frame);
        let person = match teachers {
            Some(teachers) => teachers.person.find(&float, width, height, memory)?,
            None => Plane::new(width, height, 0.0),
        };
        Ok((to_rgb(&resize(&float, width, height, Interpolation::Area)), person))
    })?;
    let (frames, mut person): (Vec<Rgb>, Vec<Plane>) = looked.into_iter().unzip();
    let mut faces = scaled(faces, width as f32 / source[0].width as f32, height as f32 / source[0].height as f32);
    strokes::heed(strokes, &frames, &times_ms, &mut person);
    let sure = match (strokes.iter().any(|stroke| stroke.figure), teachers) {
        (true, _) => Sure::Told,
        (false, Some(_)) => Sure::Taught,
        (false, None) => Sure::Not,
    };
    let subject = subject::choose(&frames, &times_ms, person, sure, &mut faces);
    let (mut person, has_figure) = (subject.person, subject.has_figure);
    if has_figure {
        // also of what was left out since it seemed to be somebody else's
        strokes::heed(strokes, &frames, &times_ms, &mut person);
    }
    tell(report, PERSON_DONE)?;
    let Skin { labels, median } = skin::label(&frames, &faces, &person);
    let no_face = (subject.advice.is_none() && median.is_none()).then_some(Advice::NoFace);
    tell(report, 1.0)?;
    let clip =
        Clip { width, height, frames, source, times_ms, person, faces, skin: labels, skin_median: median, has_figure };
    Ok(Prepared { clip, advice: subject.advice.into_iter().chain(no_face).collect() })
}

/// Refuses what nothing can be made of.
fn check(source: &[Rgb], times_ms: &[u64]) -> Result<(), PrepareError> {
    if source.len() < FEWEST_FRAMES {
        return Err(PrepareError::TooFewFrames(source.len()));
    }
    let size = |frame: &Rgb| (frame.width, frame.height);
    let first = size(&source[0]);
    if times_ms.len() != source.len() || first.0 * first.1 == 0 || source.iter().any(|frame| size(frame) != first) {
        return Err(PrepareError::Uneven);
    }
    let is_lit = |pixel: &&[u8; 3]| pixel.iter().any(|&channel| channel >= BLACK);
    let lit: usize = source.par_iter().map(|frame| frame.data.iter().filter(is_lit).count()).sum();
    if (lit as f32) < LEAST_LIGHT * (source.len() * first.0 * first.1) as f32 {
        return Err(PrepareError::Black);
    }
    Ok(())
}

/// Does the same for every frame, on all cores, and reports in between; `share` is its part of the whole work.
fn each_frame<T: Send>(
    frames: &[Rgb],
    share: Range<f32>,
    report: &mut dyn FnMut(f32) -> ControlFlow<()>,
    work: impl Fn(&Rgb, &mut Memory) -> Result<T, ModelError> + Sync,
) -> Result<Vec<T>, PrepareError> {
    let mut done = Vec::with_capacity(frames.len());
    for batch in frames.chunks(2 * rayon::current_num_threads()) {
        tell(report, share.start + (share.end - share.start) * done.len() as f32 / frames.len() as f32)?;
        let results = batch.par_iter().map_init(Memory::default, |memory, frame| work(frame, memory));
        done.append(&mut results.collect::<Result<Vec<T>, _>>().map_err(PrepareError::Teacher)?);
    }
    Ok(done)
}

fn tell(report: &mut dyn FnMut(f32) -> ControlFlow<()>, done: f32) -> Result<(), PrepareError> {
    if report(done).is_break() { Err(PrepareError::Stopped) } else { Ok(()) }
}

fn find_faces(teachers: &Teachers, frame: &Rgb, memory: &mut Memory) -> Result<Vec<Face>, ModelError> {
    let frame = to_float(frame);
    let mut faces: Vec<Face> = Vec::new();
    for detection in teachers.detector.find(&frame, memory)? {
        let face = teachers.mesh.trace(&frame, &detection, memory)?;
        if face.presence > LEAST_PRESENCE && !faces.iter().any(|other| is_same(&face, other)) {
            faces.push(face);
        }
    }
    Ok(faces)
}

/// Whether two detections turned out to be one face.
fn is_same(face: &Face, other: &Face) -> bool {
    let [a, b] = [face, other].map(|face| centre(face, 0..face.points.len()));
    (a[0] - b[0]).hypot(a[1] - b[1]) < SAME_FACE * face_width(face).max(face_width(other))
}

/// Width and height that the network works at: as small as faces allow, never larger than the source (but for the
/// rounding to multiples of 8).
fn working_size(width: usize, height: usize, faces: &[Vec<Face>]) -> (usize, usize) {
    let mut shares: Vec<f32> = faces.iter().flatten().map(|face| face_width(face) / width as f32).collect();
    let middle = shares.len() / 2;
    let share = if shares.is_empty() { USUAL_FACE } else { *shares.select_nth_unstable_by(middle, f32::total_cmp).1 };
    let wanted = if height > width {
        UPRIGHT_WIDTH
    } else {
        (32.0 * (FACE_WIDTH / share.max(f32::MIN_POSITIVE) / 32.0).round()).clamp(WIDTHS.start, WIDTHS.end) as usize
    };
    let rounded = |length: f32| ((length / MULTIPLE as f32).round() as usize).max(1) * MULTIPLE;
    let work = rounded(wanted.min(width) as f32);
    (work, rounded(height as f32 * work as f32 / width as f32))
}

/// Faces in other pixels.
fn scaled(mut faces: Vec<Vec<Face>>, across: f32, down: f32) -> Vec<Vec<Face>> {
    for [x, y, z] in faces.iter_mut().flatten().flat_map(|face| &mut face.points) {
        *x *= across;
        *y *= down;
        *z *= across;
    }
    faces
}
