//! One sequence through the product's own pipeline: labelled, trained, looked at, drawn as masks; then its figures.

use std::ops::ControlFlow::Continue;
use std::time::Instant;

use rayon::prelude::*;
use trainer::clip::Clip;
use trainer::device::Device;
use trainer::draw::labels::TRAINING_WEIGHTS;
use trainer::draw::plate::Plate;
use trainer::draw::{gaps, mask};
use trainer::net::{self, ENTRIES, Model, Segmented, Settings};
use trainer::raster::resize::{Interpolation, resize};
use trainer::raster::{Grid, Mask, Plane, Rgb};
use trainer::teach::{self, Teachers};

use crate::sequence::Sequence;
use crate::{baseline, kim, metrics};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Label maps are measured at this width.
const WIDTH: usize = 320;

/// How calm label maps are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calm {
    pub flicker: f32,
    pub fragments: f32,
    pub borders: f32,
}

#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub network: Option<Calm>,
    pub filter: Option<Calm>,
    pub kim: Option<Kim>,
    pub held_out: Option<f32>,
    /// J and F of the mask, where there is truth.
    pub mask: Option<[f32; 2]>,
    /// J of what training learned from, and of the network alone.
    pub parts: Option<[f32; 2]>,
    pub advice: Vec<String>,
    /// Seconds to label, to train, to infer.
    pub seconds: [f32; 3],
}

/// What the network of Kim et al. came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kim {
    pub calm: Calm,
    /// Labels that it uses, in all frames together.
    pub labels: f32,
    pub seconds: f32,
}

/// What measuring is done with.
pub struct How<'a> {
    pub teachers: Option<&'a Teachers>,
    /// Of training; `None` for as many as the product makes.
    pub steps: Option<u32>,
    /// Most steps of the network of Kim et al., where it is measured.
    pub kim: Option<u32>,
}

pub fn measure(sequence: Sequence, how: &How, save: Option<&std::path::Path>) -> Result<Figures, Failure> {
    let Sequence { frames, times_ms, truth, trained } = sequence;
    let mut clock = Instant::now();
    let mut lap = || std::mem::replace(&mut clock, Instant::now()).elapsed().as_secs_f32();
    let prepared = teach::prepare(how.teachers, frames, times_ms, &[], &mut |_| Continue(()))?;
    let clip = prepared.clip;
    let mut figures =
        Figures { advice: prepared.advice.iter().map(ToString::to_string).collect(), ..Figures::default() };
    figures.seconds[0] = lap();
    let device = Device::cpu();
    let mut settings = Settings::for_device(&device);
    settings.steps = how.steps.unwrap_or(settings.steps);
    let lesson = part(&clip, &trained);
    let model = match settings.steps {
        0 => None,
        _ => Some(net::train(&lesson, &settings, &device, None, &mut |_, _| Continue(()))?.model),
    };
    figures.seconds[1] = lap();
    let wanted = |t: &usize| truth[*t].is_some() || trained.contains(t) || figures.held_out.is_none();
    let mut seen = vec![None; clip.frames.len()];
    let (mut held_out, mut labels) = (vec![], vec![]);
    for t in (0..clip.frames.len()).filter(wanted) {
        let Some(model) = &model else { continue };
        let segmented = model.infer(&clip.frames[t]);
        if trained.contains(&t) {
            labels.push(small_labels(&segmented));
        } else {
            held_out.push(loss(&clip, t, model, &segmented));
        }
        seen[t] = Some(segmented.figure);
    }
    figures.seconds[2] = lap();
    if !labels.is_empty() {
        let small: Vec<Rgb> = lesson.frames.par_iter().map(|frame| small_frame(frame, &labels[0])).collect();
        figures.network = Some(calm(&labels, &small));
        figures.filter = Some(calm(&baseline::labels(&small), &small));
        lap();
        if let Some(steps) = how.kim {
            let labels = kim::labels(&small, steps);
            let seconds = lap();
            let count = kim::count_labels(&labels) as f32;
            figures.kim = Some(Kim { calm: calm(&labels, &small), labels: count, seconds });
        }
    }
    figures.held_out = (!held_out.is_empty()).then(|| mean(&held_out));
    score(&clip, &seen, &truth, &mut figures, save)?;
    Ok(figures)
}

/// J and F of the mask that drawing uses, and J of what it is made from.
fn score(
    clip: &Clip,
    seen: &[Option<Plane>],
    truth: &[Option<Mask>],
    figures: &mut Figures,
    save: Option<&std::path::Path>,
) -> Result<(), Failure> {
    let empty = Plane::new(clip.width, clip.height, 0.0);
    let maps = |t: usize| match clip.has_figure {
        true => (&clip.person[t], seen[t].as_ref().unwrap_or(&clip.person[t])),
        false => (&empty, &empty),
    };
    let merged = (0..truth.len()).into_par_iter().map(|t| mask::merged(maps(t).0, maps(t).1));
    let mut drawn: Vec<Plane> = merged.collect();
    if clip.has_figure {
        let plate = Plate::new(clip, &drawn);
        gaps::open_all(&mut drawn, clip, &plate);
    }
    let scores: Vec<[f32; 4]> = (0..truth.len())
        .into_par_iter()
        .filter_map(|t| {
            let (drawn, (person, network)) = (&drawn[t], maps(t));
            if let Some(folder) = save {
                let path = folder.join(format!("{t:05}.jpg"));
                crate::save::overlay(&path, &clip.source[t], drawn, truth[t].as_ref());
            }
            let truth = truth[t].as_ref()?;
            let masks = [drawn, person, network].map(|plane| enlarged(plane, truth));
            let [drawn, person, network] = &masks;
            Some([
                metrics::j(drawn, truth),
                metrics::f(drawn, truth),
                metrics::j(person, truth),
                metrics::j(network, truth),
            ])
        })
        .collect();
    if !scores.is_empty() {
        let [j, f, person, network] =
            [0, 1, 2, 3].map(|i| scores.iter().map(|s| s[i]).sum::<f32>() / scores.len() as f32);
        (figures.mask, figures.parts) = (Some([j, f]), Some([person, network]));
    }
    Ok(())
}

fn enlarged(plane: &Plane, truth: &Mask) -> Mask {
    resize(plane, truth.width, truth.height, Interpolation::Linear).map(|&p| p > 0.5)
}

/// A clip of some of the frames.
fn part(clip: &Clip, frames: &[usize]) -> Clip {
    fn pick<T: Clone>(all: &[T], frames: &[usize]) -> Vec<T> {
        frames.iter().map(|&t| all[t].clone()).collect()
    }
    Clip {
        frames: pick(&clip.frames, frames),
        source: vec![],
        times_ms: pick(&clip.times_ms, frames),
        person: pick(&clip.person, frames),
        faces: pick(&clip.faces, frames),
        skin: pick(&clip.skin, frames),
        ..*clip
    }
}

fn calm(labels: &[Grid<u8>], frames: &[Rgb]) -> Calm {
    Calm {
        flicker: metrics::flicker(labels, frames),
        fragments: metrics::fragments(labels),
        borders: metrics::border_agreement(labels, frames),
    }
}

/// The likeliest entry of each pixel at the measured width, from probabilities averaged over what it covers.
fn small_labels(segmented: &Segmented) -> Grid<u8> {
    let (width, height) = small_size(segmented.figure.width, segmented.figure.height);
    let count = segmented.figure.data.len();
    let mut shares: Vec<Vec<f32>> = segmented.logits.iter().map(|plane| plane.data.clone()).collect();
    for i in 0..count {
        let most = shares.iter().map(|plane| plane[i]).fold(f32::MIN, f32::max);
        shares.iter_mut().for_each(|plane| plane[i] = (plane[i] - most).exp());
        let sum: f32 = shares.iter().map(|plane| plane[i]).sum();
        shares.iter_mut().for_each(|plane| plane[i] /= sum);
    }
    let small: Vec<Plane> = shares
        .into_par_iter()
        .map(|data| {
            let plane = Plane::from_data(segmented.figure.width, segmented.figure.height, data);
            resize(&plane, width, height, Interpolation::Area)
        })
        .collect();
    let best = |i: usize| (0..ENTRIES).max_by(|&a, &b| small[a].data[i].total_cmp(&small[b].data[i])).unwrap_or(0);
    Grid::from_data(width, height, (0..width * height).map(|i| best(i) as u8).collect())
}

fn small_size(width: usize, height: usize) -> (usize, usize) {
    let small = width.min(WIDTH);
    (small, (height * small / width.max(1)).max(1))
}

fn small_frame(frame: &Rgb, like: &Grid<u8>) -> Rgb {
    use trainer::raster::colour::{to_float, to_rgb};
    to_rgb(&resize(&to_float(frame), like.width, like.height, Interpolation::Area))
}

/// The data terms of the training loss on a frame: how far its colours are from the palette entries it is given, and
/// how wrong the figure is where the labels are sure (classes balanced).
fn loss(clip: &Clip, t: usize, model: &Model, segmented: &Segmented) -> f32 {
    let palette = model.palette();
    let centre = |k: usize| std::array::from_fn::<f32, 3, _>(|c| palette.colours[k][c] * TRAINING_WEIGHTS[c]);
    let centres: Vec<[f32; 3]> = (0..palette.colours.len()).map(centre).collect();
    let labels = segmented.labels();
    let squared = |(pixel, &k): (&[u8; 3], &u8)| {
        let (colour, centre) = (metrics::stretched(*pixel), centres[usize::from(k)]);
        (0..3).map(|c| ((colour[c] - centre[c]) / palette.scale).powi(2)).sum::<f32>()
    };
    let frame = &clip.frames[t];
    let colours = frame.data.iter().zip(&labels.data).map(squared).sum::<f32>() / frame.data.len().max(1) as f32;
    if !clip.has_figure {
        return colours;
    }
    let side = |sure: &dyn Fn(f32) -> bool, right: &dyn Fn(f32) -> f32| {
        let known = clip.person[t].data.iter().zip(&segmented.figure.data).filter(|(p, _)| sure(**p));
        let (sum, count) = known.fold((0.0, 0u32), |(sum, n), (_, &q)| (sum - right(q).max(1e-4).ln(), n + 1));
        sum / count.max(1) as f32
    };
    colours + 0.5 * (side(&|p| p > 0.9, &|q| q) + side(&|p| p < 0.1, &|q| 1.0 - q))
}

fn mean(values: &[f32]) -> f32 {
    values.iter().sum::<f32>() / values.len().max(1) as f32
}
