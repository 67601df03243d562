//! From an untrusted video file to upright frames, in a sandboxed ffmpeg process.
//!
//! The container is chosen from the first bytes, never by ffmpeg: playlists and scripts that hide behind `.mp4` make it
//! open other files. What ffprobe says is checked before anything is decoded; what was decoded is checked after.

mod container;
mod frames;
mod probe;
mod sandbox;

use crate::raster::Rgb;
use std::ops::ControlFlow;
use std::path::Path;
use tokio_util::sync::CancellationToken;

pub use container::Container;
pub use probe::Facts;

/// Longest side of a decoded frame, in pixels.
pub const MAX_SIDE: u32 = 1280;

/// Frames of a video, evenly spaced, upright, at most [`MAX_SIDE`] on their longer side.
pub struct Decoded {
    pub facts: Facts,
    pub frames: Vec<Rgb>,
    pub times_ms: Vec<u64>,
}

/// Why a video cannot be used. `code` is stable; `detail` is for the person who uploaded it.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    #[error("{detail}")]
    Refused { code: &'static str, detail: String },
    #[error("ffmpeg could not be run: {0}. Install ffmpeg, or set KART_FFMPEG to its folder.")]
    Ffmpeg(std::io::Error),
    /// It was killed: time or memory ran out, for the video or for this machine.
    #[error("decoding took too long; a shorter or smaller video may work")]
    TooSlow,
    #[error("the scratch file cannot be read: {0}")]
    Scratch(std::io::Error),
    #[error("stopped")]
    Stopped,
}

impl DecodeError {
    fn refused(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Refused { code, detail: detail.into() }
    }
}

/// Decodes about `wanted` frames, evenly spaced over the whole of `video`. `report` hears the share done, 0..1. `stop`
/// ends the programs at once, also one that hangs.
///
/// # Errors
/// [`DecodeError::Refused`] when the file is not a usable video, `Ffmpeg` when the program is missing.
pub fn decode(
    video: &Path,
    wanted: usize,
    stop: &CancellationToken,
    report: &mut dyn FnMut(f32) -> ControlFlow<()>,
) -> Result<Decoded, DecodeError> {
    let container = container::sniff(video)?;
    let facts = probe::probe(video, container, stop)?;
    let sampled = frames::sample(video, container, &facts, wanted, stop, report)?;
    facts.check_against(sampled.seen_ms)?;
    Ok(Decoded { facts, frames: sampled.frames, times_ms: sampled.times_ms })
}

/// Path of `ffmpeg` or `ffprobe`: in `KART_FFMPEG`, else on PATH.
pub fn program(name: &str) -> std::path::PathBuf {
    match std::env::var_os("KART_FFMPEG") {
        Some(folder) => Path::new(&folder).join(name),
        None => name.into(),
    }
}
