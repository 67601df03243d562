//! What is measured: folders in DAVIS layout, or of clips.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow::Continue;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use tokio_util::sync::CancellationToken;
use trainer::decode::{self, MAX_SIDE};
use trainer::raster::colour::{to_float, to_rgb};
use trainer::raster::resize::{Interpolation, resize};
use trainer::raster::{Mask, Rgb};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// DAVIS comes with this many frames a second.
const RATE: u64 = 24;
/// Frames of a clip that are looked at; every second one is trained on.
const CLIP_FRAMES: usize = 47;
/// Frames of a sequence beyond which only every so many are looked at.
const MOST_FRAMES: usize = 120;
const CLIPS: [&str; 8] = ["mp4", "mkv", "mov", "webm", "avi", "m4v", "ts", "flv"];

/// Where a sequence comes from.
pub enum Source {
    /// The frames, and the annotation of each that has one.
    Frames(Vec<(PathBuf, Option<PathBuf>)>),
    Clip(PathBuf),
}

pub struct Sequence {
    pub frames: Vec<Rgb>,
    pub times_ms: Vec<u64>,
    /// The true mask, where there is one, at its own size.
    pub truth: Vec<Option<Mask>>,
    /// Which frames are trained on.
    pub trained: Vec<usize>,
}

/// Names and sources of all sequences in a folder, sorted by name.
pub fn find(folder: &Path) -> io::Result<Vec<(String, Source)>> {
    let pictures = folder.join("JPEGImages");
    if !pictures.is_dir() {
        let clips = files(folder)?.into_iter().filter(|path| has_extension(path, &CLIPS));
        return Ok(clips.map(|path| (stem(&path), Source::Clip(path))).collect());
    }
    let inner = |folder: &Path| {
        let size = folder.join("480p");
        if size.is_dir() { size } else { folder.to_owned() }
    };
    let (pictures, annotations) = (inner(&pictures), inner(&folder.join("Annotations")));
    let mut found = vec![];
    for sequence in files(&pictures)?.into_iter().filter(|path| path.is_dir()) {
        let name = sequence.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let truths = files(&annotations.join(&name)).unwrap_or_default();
        let mut truths: BTreeMap<String, PathBuf> =
            truths.into_iter().filter(|path| has_extension(path, &["png"])).map(|path| (stem(&path), path)).collect();
        let frames = files(&sequence)?.into_iter().filter(|path| has_extension(path, &["jpg", "jpeg", "png"]));
        let frames: Vec<_> = frames.map(|path| (path.clone(), truths.remove(&stem(&path)))).collect();
        if !frames.is_empty() {
            found.push((name, Source::Frames(frames)));
        }
    }
    Ok(found)
}

/// What a folder holds, in order.
pub fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

pub fn has_extension(path: &Path, wanted: &[&str]) -> bool {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase());
    extension.is_some_and(|e| wanted.contains(&e.as_str()))
}

pub fn stem(path: &Path) -> String {
    path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default()
}

impl Source {
    /// Whether there is any mask to compare with.
    pub fn has_truth(&self) -> bool {
        matches!(self, Self::Frames(frames) if frames.iter().any(|(_, truth)| truth.is_some()))
    }

    /// Reads everything; `trained` frames are those the network is to learn from.
    pub fn read(&self, trained: usize) -> Result<Sequence, Failure> {
        match self {
            Self::Clip(path) => {
                let decoded = decode::decode(path, CLIP_FRAMES, &CancellationToken::new(), &mut |_| Continue(()))?;
                let count = decoded.frames.len();
                let trained = if count > trained { (0..count).step_by(2).collect() } else { (0..count).collect() };
                Ok(Sequence { truth: vec![None; count], frames: decoded.frames, times_ms: decoded.times_ms, trained })
            }
            Self::Frames(paths) => read_frames(paths, trained),
        }
    }
}

fn read_frames(paths: &[(PathBuf, Option<PathBuf>)], trained: usize) -> Result<Sequence, Failure> {
    let stride = paths.len().div_ceil(MOST_FRAMES).max(1);
    let paths: Vec<_> = paths.iter().step_by(stride).collect();
    let read = paths.par_iter().map(|(frame, truth)| {
        let truth = truth.as_deref().map(read_mask).transpose()?;
        Ok((read_picture(frame)?, truth))
    });
    let read: Vec<(Rgb, Option<Mask>)> = read.collect::<Result<_, Failure>>()?;
    let (mut frames, truth): (Vec<Rgb>, Vec<Option<Mask>>) = read.into_iter().unzip();
    let (width, height) = (frames[0].width, frames[0].height);
    let scale = (MAX_SIDE as f32 / width.max(height) as f32).min(1.0);
    let side = |length: usize| ((length as f32 * scale).round() as usize).max(1);
    let (width, height) = (side(width), side(height));
    frames.par_iter_mut().filter(|frame| (frame.width, frame.height) != (width, height)).for_each(|frame| {
        *frame = to_rgb(&resize(&to_float(frame), width, height, Interpolation::Area));
    });
    let (count, last) = (frames.len(), frames.len() - 1);
    let wanted = trained.min(count);
    let trained = (0..wanted).map(|i| (i * last + (wanted - 1) / 2) / (wanted - 1).max(1)).collect();
    let times_ms = (0..count as u64).map(|i| i * stride as u64 * 1000 / RATE).collect();
    Ok(Sequence { frames, times_ms, truth, trained })
}

fn read_picture(path: &Path) -> Result<Rgb, Failure> {
    let picture = image::open(path).map_err(|error| format!("{}: {error}", path.display()))?.into_rgb8();
    let (width, height) = picture.dimensions();
    Ok(Rgb::from_data(width as usize, height as usize, picture.pixels().map(|pixel| pixel.0).collect()))
}

/// Whatever is not black is the object, however dark.
fn read_mask(path: &Path) -> Result<Mask, Failure> {
    let picture = image::open(path).map_err(|error| format!("{}: {error}", path.display()))?.into_rgb16();
    let (width, height) = picture.dimensions();
    let marked = picture.pixels().map(|pixel| pixel.0.iter().any(|&channel| channel > 0));
    Ok(Mask::from_data(width as usize, height as usize, marked.collect()))
}
