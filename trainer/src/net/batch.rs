//! Frames and labels as the network reads them, and the windows that a step learns from.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::calm::calm;
use super::map::Map;
use super::model::Model;
use super::network::{GRANULE, INPUTS};
use super::shuffle::{self, Window};
use crate::clip::Clip;
use crate::raster::{Grid, Rgb};

/// Not known, in label maps.
pub const UNKNOWN: i8 = -1;

/// A clip in the network's colours. Sides are rounded up to multiples of [`GRANULE`] by repeating the border.
pub struct Footage {
    pub width: usize,
    pub height: usize,
    pub frames: Vec<Frame>,
}

pub struct Frame {
    pub colours: Vec<[f32; 3]>,
    /// 1 person, 0 background, [`UNKNOWN`].
    pub figure: Vec<i8>,
    /// 1 skin, 0 not skin, [`UNKNOWN`].
    pub skin: Vec<i8>,
    /// First and last column, first and last row of the person.
    extent: [f32; 4],
}

/// Windows of pairs of frames that follow each other: images `2i` and `2i + 1` show the same window.
pub struct Batch {
    pub images: usize,
    pub height: usize,
    pub width: usize,
    /// `[images][height][width]`, as are the labels.
    pub colours: Vec<[f32; 3]>,
    pub figure: Vec<i8>,
    pub skin: Vec<i8>,
    pub input: Map,
}

/// A teacher this sure of a person, or of the background, is believed.
const SURE: f32 = 0.9;

/// What frames of this size are padded to.
pub fn padded(size: usize) -> usize {
    size.max(1).next_multiple_of(GRANULE)
}

/// A picture in the network's colours, padded and without noise.
pub fn colours(model: &Model, picture: &Rgb) -> Vec<[f32; 3]> {
    let (width, height) = (padded(picture.width), padded(picture.height));
    let place = |i: usize| ((i % width).min(picture.width - 1), (i / width).min(picture.height - 1));
    let pixels = (0..width * height).into_par_iter().with_min_len(width);
    calm(&pixels.map(|i| model.colour(picture[place(i)])).collect::<Vec<_>>(), width)
}

impl Footage {
    pub fn new(clip: &Clip, model: &Model) -> Self {
        let frames =
            clip.frames.par_iter().enumerate().map(|(t, picture)| Frame::new(clip, model, t, picture)).collect();
        Self { width: padded(clip.width), height: padded(clip.height), frames }
    }

    /// Size of a window `[width, height]` that is asked for, upright for an upright clip.
    pub fn window(&self, long: usize, short: usize) -> [usize; 2] {
        let [width, height] = if self.width >= self.height { [long, short] } else { [short, long] };
        [padded(width).min(self.width), padded(height).min(self.height)]
    }

    /// Draws windows, and copies what they show.
    pub fn draw(&self, rng: &mut ChaCha8Rng, batch: &mut Batch) {
        for pair in 0..batch.images / 2 {
            let [t, x, y] = self.draw_window(rng, [batch.width, batch.height]);
            for i in 0..2 {
                batch.copy(self, (t + i).min(self.frames.len() - 1), x, y, 2 * pair + i);
            }
        }
    }

    /// Draws a window `[frame, column, row]` of `[width, height]` pixels: most are around the person, so that faces and
    /// hands get more pixels than their share of the frame.
    pub fn draw_window(&self, rng: &mut ChaCha8Rng, [width, height]: [usize; 2]) -> [usize; 3] {
        const AROUND_THE_PERSON: f32 = 0.85;
        let t = rng.random_range(0..self.frames.len().max(2) - 1);
        let everywhere = [0.0, self.width as f32, 0.0, self.height as f32];
        let person = rng.random::<f32>() < AROUND_THE_PERSON;
        let [left, right, top, bottom] = if person { self.frames[t].extent } else { everywhere };
        let mut centre = |from: f32, to: f32| from + rng.random::<f32>() * (to - from);
        let (x, y) = (centre(left, right), centre(top, bottom));
        let corner = |centre: f32, window: usize, frame: usize| {
            let corner = (centre - window as f32 / 2.0).clamp(0.0, (frame - window) as f32);
            corner as usize / GRANULE * GRANULE
        };
        [t, corner(x, width, self.width), corner(y, height, self.height)]
    }
}

impl Frame {
    fn new(clip: &Clip, model: &Model, t: usize, picture: &Rgb) -> Self {
        let pad = |value: &dyn Fn(usize, usize) -> i8| {
            let (width, height) = (padded(clip.width), padded(clip.height));
            let inside = |(x, y)| if x < clip.width && y < clip.height { value(x, y) } else { UNKNOWN };
            (0..width * height).map(|i| inside((i % width, i / width))).collect()
        };
        let person = clip.has_figure.then(|| clip.person.get(t)).flatten();
        let figure = pad(&|x, y| match person.map(|plane| plane[(x, y)]) {
            Some(p) if p > SURE => 1,
            Some(p) if p < 1.0 - SURE => 0,
            _ => UNKNOWN,
        });
        let skin = pad(&|x, y| clip.skin.get(t).map_or(UNKNOWN, |labels| labels[(x, y)]));
        let everywhere = [0.0, padded(clip.width) as f32, 0.0, padded(clip.height) as f32];
        let extent = person.and_then(extent).unwrap_or(everywhere);
        Self { colours: colours(model, picture), figure, skin, extent }
    }
}

/// Columns and rows where somebody is; `None` when that is next to nothing.
fn extent(person: &Grid<f32>) -> Option<[f32; 4]> {
    const LEAST_PIXELS: usize = 50;
    let there: Vec<usize> = (0..person.data.len()).filter(|&i| person.data[i] > 0.5).collect();
    let columns = || there.iter().map(|i| i % person.width);
    let rows = [there.first()? / person.width, there.last()? / person.width];
    (there.len() >= LEAST_PIXELS)
        .then(|| [columns().min().unwrap_or(0), columns().max().unwrap_or(0), rows[0], rows[1]].map(|v| v as f32))
}

impl Batch {
    /// `pairs` pairs of windows; `[width, height]` from [`Footage::window`].
    pub fn new(pairs: usize, [width, height]: [usize; 2]) -> Self {
        let images = 2 * pairs;
        let pixels = images * width * height;
        Self {
            images,
            height,
            width,
            colours: vec![[0.0; 3]; pixels],
            figure: vec![UNKNOWN; pixels],
            skin: vec![UNKNOWN; pixels],
            input: Map::zeros(images, height / 2, width / 2, INPUTS),
        }
    }

    fn copy(&mut self, footage: &Footage, t: usize, x: usize, y: usize, image: usize) {
        let frame = &footage.frames[t];
        for row in 0..self.height {
            let to = (image * self.height + row) * self.width..(image * self.height + row + 1) * self.width;
            let from = (y + row) * footage.width + x..(y + row) * footage.width + x + self.width;
            self.colours[to.clone()].copy_from_slice(&frame.colours[from.clone()]);
            self.figure[to.clone()].copy_from_slice(&frame.figure[from.clone()]);
            self.skin[to].copy_from_slice(&frame.skin[from]);
        }
        let pixels = self.width * self.height;
        let window = Window { x, y, frame_width: footage.width, frame_height: footage.height };
        shuffle::space_to_depth(&self.colours[image * pixels..][..pixels], window, &mut self.input, image);
    }
}
