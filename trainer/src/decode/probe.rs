//! What ffprobe says of a video, and which videos are refused because of it.

use super::{Container, DecodeError, program, sandbox};
use serde::Deserialize;
use std::io::Read;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Codecs that phones, cameras and browsers record. A container can hold any; few decoders are this well fuzzed.
const CODECS: [&str; 11] =
    ["h264", "hevc", "vp8", "vp9", "av1", "mpeg4", "mjpeg", "h263", "prores", "mpeg2video", "msmpeg4v3"];
const MAX_STREAMS: usize = 8;
/// Width × height: 8K UHD is refused, 4K DCI and a little more is fine.
const MAX_PIXELS: u64 = 9_000_000;
const MIN_SIDE: u32 = 64;
pub const MAX_DURATION_MS: u64 = 10 * 60 * 1000;
/// A video's tags may be long; its streams are not.
const MAX_PROBE_BYTES: u64 = 1 << 20;
const PROBE_TIME: Duration = Duration::from_secs(20);
/// Nothing that the uploader wrote: no tags.
const SHOWN: &str = "format=duration:stream=index,codec_type,codec_name,codec_tag_string,width,height,\
     sample_aspect_ratio,avg_frame_rate,r_frame_rate,duration:stream_side_data=rotation:\
     stream_disposition=attached_pic,default";
/// Before whitelists and after `-v error`: read little, open nothing else.
pub const SAFE_INPUT: [&str; 8] = [
    "-protocol_whitelist",
    "file",
    "-format_whitelist",
    "mov,matroska,webm,avi",
    "-probesize",
    "8M",
    "-analyzeduration",
    "2M",
];

/// A usable video stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts {
    /// Index of the stream in its file.
    pub stream: usize,
    pub codec: String,
    /// Upright and with square pixels.
    pub width: u32,
    pub height: u32,
    /// What the file claims; `None` when it claims nothing.
    pub duration_ms: Option<u64>,
    pub frames_per_second: f32,
}

impl Facts {
    /// Compares the claimed duration with what was decoded, which is at most a little more than [`MAX_DURATION_MS`].
    pub fn check_against(&self, seen_ms: u64) -> Result<(), DecodeError> {
        match self.duration_ms {
            _ if seen_ms > MAX_DURATION_MS => {
                Err(DecodeError::refused("duration-exceeded", "the video is longer than 10 minutes"))
            }
            Some(claimed) if claimed > 4 * seen_ms + 5_000 => Err(DecodeError::refused(
                "duration-mismatch",
                format!("the file says that it is {} s long, but holds {} s", claimed / 1000, seen_ms / 1000),
            )),
            _ => Ok(()),
        }
    }
}

#[derive(Deserialize)]
struct Output {
    #[serde(default)]
    streams: Vec<Stream>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    duration: Option<String>,
}

#[derive(Deserialize)]
struct Stream {
    index: usize,
    codec_type: Option<String>,
    codec_name: Option<String>,
    #[serde(default)]
    codec_tag_string: String,
    #[serde(default)]
    width: u32,
    #[serde(default)]
    height: u32,
    sample_aspect_ratio: Option<String>,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    side_data_list: Vec<SideData>,
    #[serde(default)]
    disposition: Disposition,
}

#[derive(Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
    #[serde(default)]
    default: u8,
}

#[derive(Deserialize)]
struct SideData {
    rotation: Option<f64>,
}

/// Runs ffprobe over `video` and picks its video stream.
pub fn probe(video: &Path, container: Container, stop: &CancellationToken) -> Result<Facts, DecodeError> {
    let mut command = sandbox::command(&program("ffprobe"), video);
    command.args(["-v", "error"]).args(SAFE_INPUT).args(container.arguments());
    command.args(["-show_entries", SHOWN, "-of", "json"]).arg(input(video));
    let mut child = command.spawn().map_err(DecodeError::Ffmpeg)?;
    let deadline = sandbox::Deadline::new(&child, PROBE_TIME, stop);
    let said = sandbox::overhear(&mut child);
    let mut json = String::new();
    let read = child.stdout.take().map(|out| out.take(MAX_PROBE_BYTES).read_to_string(&mut json));
    if json.len() as u64 >= MAX_PROBE_BYTES {
        let _ = child.kill();
    }
    let status = sandbox::reap(&mut child, deadline).map_err(DecodeError::Ffmpeg)?;
    let said = said.join().unwrap_or_default();
    if stop.is_cancelled() {
        return Err(DecodeError::Stopped);
    }
    let output: Result<Output, _> = serde_json::from_str(&json);
    match (read, output) {
        (Some(Ok(_)), Ok(output)) if !output.streams.is_empty() => facts(&output),
        (Some(Ok(_)), Ok(_)) if status.success() => Err(no_video()),
        _ if said.contains("encryption") => Err(DecodeError::refused("codec-forbidden", "the video is encrypted")),
        _ => Err(DecodeError::refused("corrupt-media", "the file is damaged: it cannot be opened as a video")),
    }
}

/// `file:` keeps ffmpeg from reading a protocol into the name.
pub fn input(video: &Path) -> std::ffi::OsString {
    let mut name = std::ffi::OsString::from("file:");
    name.push(video);
    name
}

fn no_video() -> DecodeError {
    DecodeError::refused("no-video", "the file has no pictures in it, only sound or other data")
}

fn facts(output: &Output) -> Result<Facts, DecodeError> {
    if output.streams.len() > MAX_STREAMS {
        return Err(DecodeError::refused("streams-exceeded", format!("the file has more than {MAX_STREAMS} tracks")));
    }
    let videos = || {
        output.streams.iter().filter(|s| s.codec_type.as_deref() == Some("video") && s.disposition.attached_pic == 0)
    };
    let stream = videos().find(|s| s.disposition.default == 1).or_else(|| videos().next()).ok_or_else(no_video)?;
    let codec = stream.codec_name.clone().unwrap_or_default();
    if !CODECS.contains(&codec.as_str()) || stream.codec_tag_string.starts_with("enc") {
        return Err(DecodeError::refused("codec-forbidden", format!("videos encoded as {codec:?} are not supported")));
    }
    let (width, height) = upright(stream)?;
    if width < MIN_SIDE || height < MIN_SIDE {
        return Err(DecodeError::refused("too-small", format!("{width} × {height} pixels are too few to draw from")));
    }
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(DecodeError::refused(
            "pixels-exceeded",
            format!("{width} × {height} is too large: record in 4K or less"),
        ));
    }
    let duration = stream.duration.as_ref().or(output.format.as_ref().and_then(|f| f.duration.as_ref()));
    let duration_ms = duration.and_then(|text| text.parse::<f64>().ok()).map(|s| (s.max(0.) * 1000.) as u64);
    let rate = |text: &Option<String>| text.as_deref().and_then(ratio).filter(|r| r.is_finite() && *r > 0.);
    let frames_per_second = rate(&stream.avg_frame_rate).or_else(|| rate(&stream.r_frame_rate)).ok_or_else(|| {
        DecodeError::refused("invalid-media", "the file does not say how fast its frames follow each other")
    })? as f32;
    Ok(Facts { stream: stream.index, codec, width, height, duration_ms, frames_per_second })
}

/// Size after the display matrix and with square pixels.
fn upright(stream: &Stream) -> Result<(u32, u32), DecodeError> {
    let aspect = stream.sample_aspect_ratio.as_deref().and_then(ratio).filter(|r| (0.1..10.).contains(r)).unwrap_or(1.);
    let width = (f64::from(stream.width) * aspect).round() as u32;
    let rotation = stream.side_data_list.iter().find_map(|data| data.rotation).unwrap_or(0.);
    let quarters = rotation / 90.;
    if !quarters.is_finite() || (quarters - quarters.round()).abs() > 0.02 {
        return Err(DecodeError::refused("invalid-media", format!("the video is turned by {rotation}°")));
    }
    Ok(if quarters.round() as i64 % 2 == 0 { (width, stream.height) } else { (stream.height, width) })
}

/// `30000/1001` or `4:3` as a number.
fn ratio(text: &str) -> Option<f64> {
    let (a, b) = text.split_once(['/', ':'])?;
    let (a, b): (f64, f64) = (a.parse().ok()?, b.parse().ok()?);
    (b != 0.).then(|| a / b)
}
