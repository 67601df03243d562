//! Draws a short clip of a person who does not exist, for tests and pictures that must show nobody real:
//! `cargo run --release -p trainer --example puppet -- OUT.mp4` (needs ffmpeg), or `... -- OUT.png SECONDS` for one
//! frame. The person is a set of solids under a soft light; what it does is in `pose`.

mod body;
mod head;
mod light;
mod makeup;
mod pose;
mod room;
mod scene;
mod shape;
mod vector;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use trainer::raster::filter::gaussian;
use trainer::raster::{Grid, Rgb};

use pose::Pose;
use room::{HEIGHT, Room, WIDTH};
use scene::Scene;
use vector::{ramp, vec3};

const SECONDS: f32 = 5.0;
const FRAMES_PER_SECOND: usize = 20;
/// Pixels per unit at distance 1: how narrow the view is.
const FOCUS: f32 = 1060.0;
/// A webcam is a little unsharp, and grainy (standard deviation in 8-bit steps).
const UNSHARP: f32 = 0.62;
const GRAIN: f32 = 1.3;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args_os().skip(1);
    let Some(out) = arguments.next().map(PathBuf::from) else {
        return Err("usage: puppet OUT.mp4 | puppet OUT.png SECONDS".into());
    };
    let room = Room::painted();
    if let Some(seconds) = arguments.next() {
        let seconds: f32 = seconds.to_str().unwrap_or_default().parse()?;
        save(&out, &film(&room, (seconds * FRAMES_PER_SECOND as f32) as usize))?;
        return Ok(());
    }
    let mut encoder = encoder(&out).spawn()?;
    let mut pipe = encoder.stdin.take().ok_or("ffmpeg takes no input")?;
    for frame in 0..(SECONDS * FRAMES_PER_SECOND as f32) as usize {
        pipe.write_all(film(&room, frame).data.as_flattened())?;
    }
    drop(pipe);
    if !encoder.wait()?.success() {
        return Err("ffmpeg failed".into());
    }
    Ok(())
}

fn encoder(out: &Path) -> Command {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]);
    command.args(["-s", &format!("{WIDTH}x{HEIGHT}"), "-r", &FRAMES_PER_SECOND.to_string(), "-i", "-"]);
    command.args(["-c:v", "libx264", "-preset", "slow", "-crf", "23", "-pix_fmt", "yuv420p"]);
    command.args(["-movflags", "+faststart", "-map_metadata", "-1", "-fflags", "+bitexact"]).arg(out);
    command.stdin(Stdio::piped());
    command
}

/// One frame as a webcam would give it.
fn film(room: &Grid<[f32; 3]>, frame: usize) -> Rgb {
    let scene = Scene::new(Pose::at(frame as f32 / FRAMES_PER_SECOND as f32));
    let mut canvas = room.clone();
    canvas.data.par_chunks_mut(WIDTH).enumerate().for_each(|(y, row)| {
        for (x, pixel) in row.iter_mut().enumerate() {
            let right = x as f32 - 0.5 * WIDTH as f32 + 0.5;
            let up = 0.5 * HEIGHT as f32 - 0.5 - y as f32;
            if let Some(colour) = light::trace(&scene, vec3(right / FOCUS, up / FOCUS, -1.0).unit()) {
                *pixel = [colour.x, colour.y, colour.z];
            }
            let corner = (right * right + up * up) / (WIDTH * WIDTH) as f32;
            *pixel = pixel.map(|v| develop(v * (1.0 - 0.35 * corner)));
        }
    });
    let mut random = ChaCha8Rng::seed_from_u64(frame as u64);
    gaussian(&canvas, UNSHARP).map(|pixel| {
        // the sum of three even draws is close to a bell curve
        let grain = GRAIN * 2.0 * ((0..3).map(|_| random.random::<f32>()).sum::<f32>() - 1.5);
        pixel.map(|v| (255.0 * v + grain + 0.5).clamp(0.0, 255.0) as u8)
    })
}

/// Linear light to a display value 0..1: highlights rolled off, shadows a little deeper than the eye would have them.
fn develop(light: f32) -> f32 {
    let rolled = (light / (1.0 + 0.22 * light * light)).max(0.0);
    rolled.powf(1.0 / 2.2) * (0.94 + 0.06 * ramp(0.0, 0.4, rolled))
}

fn save(path: &Path, picture: &Rgb) -> image::ImageResult<()> {
    let pixel = |x, y| image::Rgb(picture[(x as usize, y as usize)]);
    image::RgbImage::from_fn(picture.width as u32, picture.height as u32, pixel).save(path)
}
