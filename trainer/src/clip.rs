//! What is known about a video: before training ([`Clip`]) and after it ([`Character`]).
//!
//! All coordinates are pixels of the *working size*, the size at which the network sees frames.

mod blocks;

use crate::raster::{Grid, Plane, Rgb};

/// A face: 468 landmarks in the numbering of MediaPipe's face mesh.
#[derive(Clone, Debug)]
pub struct Face {
    /// x, y in working pixels; z in the same unit, growing away from the camera.
    pub points: Vec<[f32; 3]>,
    /// The mesh net's belief 0..1 that a face is there. It stays high behind a hand: no guard against occlusion.
    pub presence: f32,
    /// The detector's belief, 0..1.
    pub score: f32,
}

/// Landmarks of a hand.
pub const HAND_POINTS: usize = 21;

/// A hand: landmarks in the numbering of MediaPipe's hand model. The wrist, then four a finger from its base to its tip: thumb,
/// index, middle, ring and little finger.
#[derive(Clone, Debug, PartialEq)]
pub struct Hand {
    /// x, y in working pixels; z in the same unit, growing away from the camera, 0 at the wrist.
    pub points: [[f32; 3]; HAND_POINTS],
    /// The net's belief 0..1 that a hand is there.
    pub presence: f32,
}

/// Frames of one video with the labels that training learns from.
#[derive(Clone, Debug)]
pub struct Clip {
    pub width: usize,
    pub height: usize,
    /// Frames at working size, evenly spaced, upright.
    pub frames: Vec<Rgb>,
    /// The same frames as decoded (at most 1280 wide): what drawing reads fine detail from.
    pub source: Vec<Rgb>,
    /// When each frame stands in the video.
    pub times_ms: Vec<u64>,
    /// Probability that a pixel belongs to the figure: a person, or what moves by itself.
    pub person: Vec<Plane>,
    pub faces: Vec<Vec<Face>>,
    /// 1 skin, 0 not skin, -1 not known.
    pub skin: Vec<Grid<i8>>,
    /// Median OKLab of the skin seen on cheeks and forehead; `None` when no face was found.
    pub skin_median: Option<[f32; 3]>,
    /// False when neither teachers nor motion tell a figure: drawing makes colour panels of the whole frame.
    pub has_figure: bool,
}

/// The colours the network learned for this video: first the background's, then skin, then the rest of the person.
#[derive(Clone, Debug, PartialEq)]
pub struct Palette {
    /// OKLab.
    pub colours: Vec<[f32; 3]>,
    /// How many entries are background (`0..background`).
    pub background: usize,
    /// How many are skin (`background..background + skin`).
    pub skin: usize,
    /// Standard deviation that colours were divided by in training (unit of `[.5, 1.4, 1.4] ⊙ OKLab`).
    pub scale: f32,
}

impl Palette {
    /// First entry that is neither background nor skin.
    pub fn first_cloth(&self) -> usize {
        self.background + self.skin
    }
}

/// A clip with everything that the trained network says about it: what drawing starts from.
pub struct Character<'a> {
    pub clip: &'a Clip,
    pub palette: &'a Palette,
    /// The network's figure probability, a frame each.
    pub figure: Vec<Plane>,
    /// The most likely palette entry of each pixel, a frame each.
    pub labels: Vec<Grid<u8>>,
    /// Logits of one frame, a plane for each palette entry; computed when asked for, since all of them would fill hundreds of MB.
    pub logits: &'a (dyn Fn(usize) -> Vec<Plane> + Sync),
    /// The hands of one frame; looked for when asked for, since only frames that become panels need them.
    pub hands: &'a (dyn Fn(usize) -> Vec<Hand> + Sync),
}
