//! Evenly spaced frames from a pipe, whatever the file says about its length.

use super::probe::{MAX_DURATION_MS, SAFE_INPUT, input};
use super::{Container, DecodeError, Facts, MAX_SIDE, program, sandbox};
use crate::raster::Rgb;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const DECODE_TIME: Duration = Duration::from_secs(180);
/// Frames asked for when the file does not say how long it is.
const UNKNOWN_LENGTH_RATE: f64 = 8.;
const MAX_RATE: f64 = 30.;
/// The pipe carries a few more frames than wanted, so that rounding never starves the sampler.
const SURPLUS: f64 = 1.3;
/// Pixels to decode, all frames together, above which only key frames are: a 10-minute 4K video would take minutes.
const MAX_PIXELS_DECODED: f64 = 2e10;
const MAX_FRAMES_READ: usize = 20_000;

pub struct Sampled {
    pub frames: Vec<Rgb>,
    pub times_ms: Vec<u64>,
    /// How much of the video was seen.
    pub seen_ms: u64,
}

pub fn sample(
    video: &Path,
    container: Container,
    facts: &Facts,
    wanted: usize,
    stop: &CancellationToken,
    report: &mut dyn FnMut(f32) -> ControlFlow<()>,
) -> Result<Sampled, DecodeError> {
    let (width, height) = fit(facts.width, facts.height);
    // A claim beyond the limit is often a lie, and then the frames are few.
    let claimed_ms = facts.duration_ms.filter(|ms| (1..=MAX_DURATION_MS).contains(ms));
    let rate = match claimed_ms {
        Some(ms) => (wanted as f64 * SURPLUS * 1000. / ms as f64).min(MAX_RATE),
        _ => UNKNOWN_LENGTH_RATE,
    };
    let mut command = sandbox::command(&program("ffmpeg"), video);
    command.args(["-nostdin", "-v", "error", "-threads", "2"]).args(SAFE_INPUT).args(["-max_pixels", "9000000"]);
    let pixels = f64::from(facts.width) * f64::from(facts.height) * f64::from(facts.frames_per_second);
    if pixels * claimed_ms.unwrap_or(0) as f64 / 1000. > MAX_PIXELS_DECODED {
        command.args(["-discard", "nokey"]);
    }
    command.args(["-xerror"]).args(container.arguments()).arg("-i").arg(input(video));
    command.args(["-map", &format!("0:{}", facts.stream), "-an", "-sn", "-dn", "-map_metadata", "-1"]);
    command.args(["-vf", &format!("fps={rate:.6},scale={width}:{height}:flags=area,setsar=1")]);
    command.args(["-t", &(MAX_DURATION_MS / 1000 + 30).to_string()]);
    command.args(["-frames:v", &MAX_FRAMES_READ.to_string(), "-pix_fmt", "rgb24", "-f", "rawvideo", "-"]);
    let mut child = command.spawn().map_err(DecodeError::Ffmpeg)?;
    let deadline = sandbox::Deadline::new(&child, DECODE_TIME, stop);
    let said = sandbox::overhear(&mut child);
    let mut sampler = Sampler::new(wanted, 1000. / rate);
    let expected = claimed_ms.map(|ms| ms as f64 * rate / 1000.);
    let outcome = match child.stdout.take() {
        Some(mut pipe) => read_frames(&mut pipe, (width, height), &mut sampler, expected, report),
        None => Ok(()),
    };
    if outcome.is_err() {
        let _ = child.kill();
    }
    let status = sandbox::reap(&mut child, deadline).map_err(DecodeError::Ffmpeg)?;
    let said = said.join().unwrap_or_default();
    outcome?;
    if stop.is_cancelled() {
        return Err(DecodeError::Stopped);
    }
    if status.signal().is_some() {
        return Err(DecodeError::TooSlow);
    }
    if !status.success() {
        tracing::info!(%status, said, "ffmpeg gave up");
        return Err(DecodeError::refused("corrupt-media", "the video is damaged: it stops before its end"));
    }
    sampler.finish()
}

/// The largest even size within [`MAX_SIDE`] that keeps the aspect.
fn fit(width: u32, height: u32) -> (usize, usize) {
    let scale = (f64::from(MAX_SIDE) / f64::from(width.max(height))).min(1.);
    let even = |side: u32| ((f64::from(side) * scale / 2.).round() as usize * 2).max(2);
    (even(width), even(height))
}

fn read_frames(
    pipe: &mut impl Read,
    (width, height): (usize, usize),
    sampler: &mut Sampler,
    expected: Option<f64>,
    report: &mut dyn FnMut(f32) -> ControlFlow<()>,
) -> Result<(), DecodeError> {
    let mut buffer = vec![[0u8; 3]; width * height];
    loop {
        match pipe.read_exact(bytemuck::cast_slice_mut(&mut buffer)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(error) => return Err(DecodeError::Ffmpeg(error)),
        }
        sampler.offer(&buffer, width, height);
        let done = expected.map_or(0., |n| (sampler.seen as f64 / n).min(1.));
        if report(done as f32).is_break() {
            return Err(DecodeError::Stopped);
        }
    }
}

/// Keeps every `stride`-th frame; when twice the wanted number is kept, drops every second and doubles the stride.
struct Sampler {
    wanted: usize,
    frame_ms: f64,
    stride: usize,
    seen: usize,
    kept: Vec<(usize, Rgb)>,
}

impl Sampler {
    fn new(wanted: usize, frame_ms: f64) -> Self {
        Self { wanted: wanted.max(2), frame_ms, stride: 1, seen: 0, kept: vec![] }
    }

    fn offer(&mut self, pixels: &[[u8; 3]], width: usize, height: usize) {
        if self.seen.is_multiple_of(self.stride) {
            self.kept.push((self.seen, Rgb::from_data(width, height, pixels.to_vec())));
        }
        self.seen += 1;
        if self.kept.len() >= 2 * self.wanted {
            self.stride *= 2;
            self.kept.retain(|(index, _)| index.is_multiple_of(self.stride));
        }
    }

    /// Exactly the wanted number where there are as many, evenly spaced.
    fn finish(self) -> Result<Sampled, DecodeError> {
        if self.kept.is_empty() {
            return Err(DecodeError::refused("corrupt-media", "the video holds no frame that can be decoded"));
        }
        let seen_ms = (self.seen as f64 * self.frame_ms) as u64;
        let (n, last) = (self.wanted.min(self.kept.len()), self.kept.len() - 1);
        let mut chosen = (0..n).map(|i| (i * last + (n - 1) / 2) / (n - 1).max(1)).peekable();
        let (mut frames, mut times_ms) = (vec![], vec![]);
        for (position, (index, frame)) in self.kept.into_iter().enumerate() {
            if chosen.next_if_eq(&position).is_some() {
                times_ms.push((index as f64 * self.frame_ms) as u64);
                frames.push(frame);
            }
        }
        Ok(Sampled { frames, times_ms, seen_ms })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_frames_gives_the_wanted_number_evenly_spaced() {
        for count in [1usize, 2, 23, 24, 25, 47, 48, 49, 100, 1000] {
            let mut sampler = Sampler::new(24, 100.);
            (0..count).for_each(|i| sampler.offer(&[[i as u8, 0, 0]], 1, 1));
            let sampled = sampler.finish().unwrap();
            assert_eq!(sampled.frames.len(), count.min(24), "{count}");
            assert_eq!(sampled.times_ms[0], 0);
            let gaps: Vec<_> = sampled.times_ms.windows(2).map(|t| t[1] - t[0]).collect();
            if let (Some(min), Some(max)) = (gaps.iter().min(), gaps.iter().max()) {
                assert!(*min > 0 && *max <= 2 * min, "{count}: {gaps:?}");
                assert!(sampled.times_ms[sampled.times_ms.len() - 1] as f64 > 0.9 * 100. * (count as f64 - 2.));
            }
        }
    }

    #[test]
    fn frames_keep_their_aspect_and_fit() {
        assert_eq!(fit(640, 480), (640, 480));
        assert_eq!(fit(3840, 2160), (1280, 720));
        assert_eq!(fit(1080, 1920), (720, 1280));
    }
}
