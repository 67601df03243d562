//! Sequences with exact truth, in DAVIS layout: people cut out of clips, and things drawn from parts, before places
//! taken from the same clips that a moving camera sees.

mod actor;
mod world;

use std::error::Error;
use std::ops::ControlFlow::Continue;
use std::path::Path;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use tokio_util::sync::CancellationToken;
use trainer::decode;
use trainer::raster::clean::smoothstep;
use trainer::raster::colour::{to_float, to_rgb};
use trainer::raster::distance::fill_from_nearest;
use trainer::raster::filter::gaussian;
use trainer::raster::morphology::dilate;
use trainer::raster::{Grid, Mask, Plane};
use trainer::teach::{self, Advice, Teachers};

use crate::{save, sequence};
use actor::{Actor, Kind};
use world::{Ride, World};

pub const WIDTH: usize = 854;
pub const HEIGHT: usize = 480;
const FRAMES: usize = 60;
/// What names of sequences with people begin with.
pub const PERSON: &str = "person-";

type Failure = Box<dyn Error + Send + Sync>;
/// sRGB 0..255.
type Picture = Grid<[f32; 3]>;

/// A clip with who is in it, frame by frame.
struct Person {
    name: String,
    frames: Vec<Picture>,
    alpha: Vec<Plane>,
}

pub fn make(clips: &Path, out: &Path, teachers: &Teachers) -> Result<(), Failure> {
    let paths =
        sequence::files(clips)?.into_iter().filter(|path| sequence::has_extension(path, &["mp4", "mkv", "mov"]));
    let people: Vec<Option<Person>> = paths.map(|path| cut_out(&path, teachers)).collect::<Result<_, _>>()?;
    let people: Vec<Person> = people.into_iter().flatten().collect();
    let places: Vec<Picture> = people.iter().map(empty_place).collect();
    if places.len() < 2 {
        return Err("composites need at least two clips with a person in each".into());
    }
    for (i, person) in people.iter().enumerate() {
        let world =
            World::new(places[(i + 1) % places.len()].clone(), places[(i + 2) % places.len()].clone(), i as u64);
        let ride = Ride::new(i, i as u64);
        let name = format!("{PERSON}{}", person.name);
        println!("{name}");
        write(out, &name, |t| composed(&world, &ride, person, t))?;
    }
    for (i, kind) in Kind::ALL.into_iter().cycle().take(12).enumerate() {
        let seed = 100 + i as u64;
        let world = World::new(places[i % places.len()].clone(), places[(i + 3) % places.len()].clone(), seed);
        let ride = Ride::new(i, seed);
        let actor = Actor::new(kind, &places[(i + 4) % places.len()], seed);
        let name = format!("thing-{i:02}-{}", kind.name());
        println!("{name}");
        write(out, &name, |t| {
            let mut picture = world.seen(&ride, t);
            let mask = actor.draw(&ride, t, &mut picture);
            world.pass_in_front(&ride, t, &mut picture, mask)
        })?;
    }
    Ok(())
}

/// Frames in a row, and the person in them as the teacher sees it; `None` where it does not.
fn cut_out(path: &Path, teachers: &Teachers) -> Result<Option<Person>, Failure> {
    let mut decoded = decode::decode(path, 240, &CancellationToken::new(), &mut |_| Continue(()))?;
    decoded.frames.truncate(FRAMES);
    decoded.times_ms.truncate(FRAMES);
    let prepared = teach::prepare(Some(teachers), decoded.frames, decoded.times_ms, &[], &mut |_| Continue(()))?;
    if prepared.advice.iter().any(|advice| *advice != Advice::NoFace) {
        return Ok(None);
    }
    let clip = prepared.clip;
    let alpha = clip.person.iter().map(|plane| plane.map(|&p| smoothstep(p, 0.3, 0.7))).collect();
    Ok(Some(Person { name: sequence::stem(path), frames: clip.frames.iter().map(to_float).collect(), alpha }))
}

/// The first frame with the person painted over by what is beside.
fn empty_place(person: &Person) -> Picture {
    let (frame, alpha) = (&person.frames[0], &person.alpha[0]);
    let reach = 0.04 * frame.width as f32;
    let free = dilate(&alpha.map(|&a| a > 0.1), reach).map(|&taken| !taken);
    let filled = if free.data.iter().any(|&f| f) { fill_from_nearest(frame, &free) } else { frame.clone() };
    let soft = gaussian(&filled, 6.0);
    let data = (0..frame.data.len()).map(|i| if free.data[i] { frame.data[i] } else { soft.data[i] }).collect();
    Grid::from_data(frame.width, frame.height, data)
}

/// A person moved over a place.
fn composed(world: &World, ride: &Ride, person: &Person, t: usize) -> (Picture, Mask) {
    let mut picture = world.seen(ride, t);
    let mut mask = Mask::new(WIDTH, HEIGHT, false);
    // there and back again, where the clip is short
    let count = person.frames.len();
    let turn = t % (2 * count).saturating_sub(2).max(1);
    let t_source = if turn < count { turn } else { 2 * count - 2 - turn };
    let (source, alpha) = (&person.frames[t_source], &person.alpha[t_source]);
    let scale = source.height as f32 / HEIGHT as f32 * 1.08;
    let [x0, y0] = ride.actor(t);
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let sx = (x as f32 - x0) * scale + source.width as f32 / 2.0;
            let sy = (y as f32 - HEIGHT as f32) * scale + source.height as f32 - 0.1 * y0.abs();
            if sx < 0.0 || sy < 0.0 || sx >= source.width as f32 || sy >= source.height as f32 {
                continue;
            }
            let at = (sx as usize, sy as usize);
            let (a, colour) = (alpha[at], world::bilinear(source, sx, sy));
            let pixel = &mut picture[(x, y)];
            (0..3).for_each(|c| pixel[c] += a * (colour[c] - pixel[c]));
            mask[(x, y)] = a > 0.5;
        }
    }
    (picture, mask)
}

/// Writes frames, with some noise, and annotations.
fn write(out: &Path, name: &str, frame: impl Fn(usize) -> (Picture, Mask) + Sync) -> Result<(), Failure> {
    let pictures = out.join("JPEGImages/480p").join(name);
    let annotations = out.join("Annotations/480p").join(name);
    std::fs::create_dir_all(&pictures)?;
    std::fs::create_dir_all(&annotations)?;
    (0..FRAMES).into_par_iter().try_for_each(|t| {
        let (mut picture, mask) = frame(t);
        picture = gaussian(&picture, 0.6);
        let mut rng = ChaCha8Rng::seed_from_u64(t as u64);
        for value in picture.data.as_flattened_mut() {
            *value = (*value + rng.random_range(-4.0..4.0)).clamp(0.0, 255.0);
        }
        save::write(&pictures.join(format!("{t:05}.jpg")), &to_rgb(&picture))?;
        save::write(&annotations.join(format!("{t:05}.png")), &mask.map(|&m| [if m { 255 } else { 0 }; 3]))?;
        Ok(())
    })
}
