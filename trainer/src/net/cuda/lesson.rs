//! All that a device needs to know of a training, as the kernels read it.

use super::memory::Size;
use crate::net::batch::Footage;
use crate::net::model::Groups;
use crate::net::palette::Samples;

pub struct Lesson {
    pub size: Size,
    pub groups: Groups,
    /// Steps done before.
    pub step: u32,
    /// Frames, their height and width.
    pub frames: [usize; 3],
    /// `[frame][y][x]`: 16 bytes each, three channels of f32, then figure and skin labels.
    pub pixels: Vec<u8>,
    /// Frame, column and row of each pair's window, `[step][pair]`.
    pub windows: Vec<[i32; 3]>,
    /// Of each step: the rate over the mean's bias, and the square root of the square's bias.
    pub rates: Vec<[f32; 2]>,
    /// Pixels that the palette may learn from (colour and weight), where each group's start, and where they end.
    pub samples: Vec<[f32; 4]>,
    pub sample_starts: [usize; 4],
    /// What chance says for each entry that dies, `[step][entry]`, in 0..1.
    pub draws: Vec<f64>,
    /// Parameters, their means, their squares, the usage of the entries.
    pub state: Vec<f32>,
}

/// The pixels of all frames, as [`Lesson::pixels`] wants them.
pub fn pixels(footage: &Footage) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(footage.frames.len() * footage.width * footage.height * 16);
    for frame in &footage.frames {
        for ((colour, figure), skin) in frame.colours.iter().zip(&frame.figure).zip(&frame.skin) {
            bytes.extend_from_slice(bytemuck::bytes_of(colour));
            bytes.extend_from_slice(&[figure.to_ne_bytes()[0], skin.to_ne_bytes()[0], 0, 0]);
        }
    }
    bytes
}

/// The samples of the three groups one after the other, and where each starts.
pub fn samples(samples: &Samples) -> (Vec<[f32; 4]>, [usize; 4]) {
    let mut all = Vec::new();
    let mut starts = [0; 4];
    for group in 0..3 {
        all.extend(samples.of(group).map(|([l, a, b], weight)| [l, a, b, weight]));
        starts[group + 1] = all.len();
    }
    if all.is_empty() {
        // Nothing is as long as something on a device.
        all.push([0.0; 4]);
    }
    (all, starts)
}
