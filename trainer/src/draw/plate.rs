//! The place without the figure, and how it is drawn.

use rayon::prelude::*;

use super::background::made_background;
use super::ink::{boundary_ink, scene_ink};
use super::materials::chroma;
use super::pen::dots;
use crate::clip::Clip;
use crate::raster::clean::clean_labels;
use crate::raster::colour::{lightness, srgb, to_float, to_rgb};
use crate::raster::filter::{bilateral, gaussian};
use crate::raster::morphology::dilate;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Lab, Plane, Rgb};

/// The scene behind the figure.
pub struct Plate {
    /// Median over time where the figure is not, at working size; the rest filled from around. `None` when the camera moves:
    /// then every frame has its own.
    still: Option<Rgb>,
}

/// A pixel counts as background below this figure probability.
const BACKGROUND: f32 = 0.25;
/// Mean difference of a frame to the median (0..255, per channel) above which the camera moves.
const MOVING: f32 = 9.0;
/// The mask's own edge is not background: this share of the width around it.
const MARGIN: f32 = 0.006;

impl Plate {
    /// `alpha` is the figure in each frame.
    pub fn new(clip: &Clip, alpha: &[Plane]) -> Self {
        let free: Vec<Grid<bool>> = alpha.iter().map(background_of).collect();
        let (median, known) = median_over_time(clip, &free);
        let still = (difference(clip, &free, &median, &known) < MOVING).then(|| fill_unknown(&median, &known));
        Self { still }
    }

    pub fn is_still(&self) -> bool {
        self.still.is_some()
    }

    /// The place in one frame, at working size, without the figure.
    pub fn at(&self, frame: &Rgb, alpha: &Plane) -> Rgb {
        self.still.clone().unwrap_or_else(|| fill_unknown(frame, &background_of(alpha)))
    }
}

fn background_of(alpha: &Plane) -> Grid<bool> {
    dilate(&alpha.map(|&a| a >= BACKGROUND), MARGIN * alpha.width as f32).map(|figure| !figure)
}

/// Median of each pixel over the frames in which it is free, and where it ever was.
fn median_over_time(clip: &Clip, free: &[Grid<bool>]) -> (Rgb, Grid<bool>) {
    let (w, h) = (clip.width, clip.height);
    let pixel = |i: usize, values: &mut Vec<u8>| {
        let mut colour = [0u8; 3];
        for (k, c) in colour.iter_mut().enumerate() {
            values.clear();
            values.extend(clip.frames.iter().zip(free).filter(|(_, f)| f.data[i]).map(|(frame, _)| frame.data[i][k]));
            let middle = values.len() / 2;
            if !values.is_empty() {
                *c = *values.select_nth_unstable(middle).1;
            }
        }
        (colour, !values.is_empty())
    };
    let all: Vec<([u8; 3], bool)> = (0..w * h).into_par_iter().with_min_len(1024).map_init(Vec::new, |v, i| pixel(i, v)).collect();
    (Grid::from_data(w, h, all.iter().map(|p| p.0).collect()), Grid::from_data(w, h, all.iter().map(|p| p.1).collect()))
}

/// Mean difference per channel of the frames to their median, on background.
fn difference(clip: &Clip, free: &[Grid<bool>], median: &Rgb, known: &Grid<bool>) -> f32 {
    let (mut sum, mut count) = (0u64, 0u64);
    for (frame, free) in clip.frames.iter().zip(free).step_by(2) {
        for i in (0..frame.data.len()).step_by(7).filter(|&i| free.data[i] && known.data[i]) {
            sum += (0..3).map(|k| u64::from(frame.data[i][k].abs_diff(median.data[i][k]))).sum::<u64>();
            count += 3;
        }
    }
    sum as f32 / count.max(1) as f32
}

/// Push-pull (Grossman & Dally 1998): unknown pixels take the mean of the smallest surroundings that are known.
pub fn fill_unknown(picture: &Rgb, known: &Grid<bool>) -> Rgb {
    let float = to_float(picture);
    let weighted = float.data.iter().zip(&known.data).map(|(p, &k)| {
        let w = f32::from(u8::from(k));
        [p[0] * w, p[1] * w, p[2] * w, w]
    });
    let filled = pull(Grid::from_data(picture.width, picture.height, weighted.collect()));
    to_rgb(&filled.map(|p| std::array::from_fn(|k| p[k] / p[3].max(1e-6))))
}

/// Sums in, sums with weight 1 out; where nothing at all is known the weight stays 0.
fn pull(level: Grid<[f32; 4]>) -> Grid<[f32; 4]> {
    if level.width.max(level.height) <= 1 || level.data.iter().all(|p| p[3] >= 1.0) {
        return level;
    }
    let (w, h) = (level.width.div_ceil(2), level.height.div_ceil(2));
    // a half-size pixel is known as soon as one of its four is
    let known = |p: &[f32; 4]| p.map(|v| v / p[3].max(0.25));
    let coarse = pull(resize(&level, w, h, Interpolation::Area).map(known));
    let smooth = resize(&coarse, level.width, level.height, Interpolation::Linear);
    let data = level.data.iter().zip(&smooth.data).map(|(fine, from)| {
        let missing = (1.0 - fine[3]).max(0.0);
        std::array::from_fn(|k| fine[k] + missing * from[k])
    });
    Grid::from_data(level.width, level.height, data.collect())
}

/// How a place is drawn.
pub struct PlateStyle<'a> {
    /// Colours as filmed and on the page, OKLab.
    pub filmed: &'a [[f32; 3]],
    pub page: &'a [[f32; 3]],
    /// Grey colours are tinted with this hue, degrees.
    pub hue_deg: f32,
    pub greyscale: bool,
    pub unit: f32,
    /// Pixels of the canvas per pixel of the video.
    pub upsampling: f32,
}

/// Blur of each colour's share: rounder borders than the figure's, in units.
const BORDER_BLUR: f32 = 5.5;
/// Smallest area of a colour, squared units.
const SMALLEST_AREA: f32 = 2500.0;
/// Spread of colour distances when shares are made, squared OKLab with half weight on lightness.
const SHARE_SPREAD: f32 = 0.0022;
/// Ink of the place: thinner in effect than the figure's, since it is blue and not black.
const SCENE_INK: [f32; 3] = [34.0, 30.0, 58.0];

/// Draws a place, sRGB 0..255: few flat colours, dots below and in the dark, lines where colours meet.
pub fn draw_plate(picture: &Lab, style: &PlateStyle) -> Grid<[f32; 3]> {
    let (w, h) = (picture.width, picture.height);
    if style.filmed.is_empty() {
        return made_background(w, h, super::background::Backdrop::Dots, style.hue_deg, style.greyscale, style.unit, (0.0, 0.0), 0);
    }
    let labels = nearest_colours(picture, style);
    let page = page_colours(style, &labels);
    let flat = labels.map(|&l| page[l as usize]);
    let mut canvas = crate::raster::colour::to_srgb(&flat);
    let warm = if style.greyscale { 0.0 } else { 0.015 };
    let tone = Grid::from_data(w, h, (0..w * h).map(|i| {
        let down = (i / w.max(1)) as f32 / h.max(1) as f32;
        (0.06 + 0.55 * down.powf(1.3) + 0.5 * (0.62 - flat.data[i][0])).clamp(0.03, 0.5)
    }).collect());
    let dotted = dots(w, h, 7.2 * style.unit, &tone);
    let dark: Vec<[f32; 3]> = page.iter().map(|c| srgb([0.86 * c[0], c[1], c[2] - warm])).collect();
    let borders = boundary_ink(&labels, &flat, style.unit, (1.0, 2.6), (0.05, 0.25));
    let lines = scene_ink(&lightness(picture), style.upsampling, style.unit);
    for i in 0..canvas.data.len() {
        let ink = borders.data[i].max(0.85 * lines.data[i]);
        let (dot, below) = (dotted.data[i], dark[labels.data[i] as usize]);
        let c = canvas.data[i];
        canvas.data[i] = std::array::from_fn(|k| {
            let dotted = c[k] + dot * (below[k] - c[k]);
            dotted + ink * (SCENE_INK[k] - dotted)
        });
    }
    canvas
}

fn nearest_colours(picture: &Lab, style: &PlateStyle) -> Grid<i16> {
    let (w, h) = (picture.width, picture.height);
    let (w2, h2) = ((w / 2).max(1), (h / 2).max(1));
    let small = resize(picture, w2, h2, Interpolation::Area);
    let n = style.filmed.len();
    let mut shares: Vec<Plane> = vec![Grid::new(w2, h2, 0.0); n];
    let mut row = vec![0.0f32; n];
    for (i, c) in small.data.iter().enumerate() {
        for (r, f) in row.iter_mut().zip(style.filmed) {
            let d = 0.25 * (c[0] - f[0]).powi(2) + 2.0 * ((c[1] - f[1]).powi(2) + (c[2] - f[2]).powi(2));
            *r = -d / SHARE_SPREAD;
        }
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let sum: f32 = row.iter().map(|r| (r - most).exp()).sum();
        shares.iter_mut().zip(&row).for_each(|(s, r)| s.data[i] = (r - most).exp() / sum);
    }
    let blurred: Vec<Plane> = shares.iter().map(|s| gaussian(s, BORDER_BLUR * style.unit / 2.0)).collect();
    let full: Vec<Plane> = blurred.iter().map(|s| resize(s, w, h, Interpolation::Linear)).collect();
    let best = |i: usize| (0..n).max_by(|&a, &b| full[a].data[i].total_cmp(&full[b].data[i])).unwrap_or(0) as i16;
    let labels = Grid::from_data(w, h, (0..w * h).into_par_iter().with_min_len(4096).map(best).collect());
    clean_labels(&labels, SMALLEST_AREA * style.unit * style.unit)
}

/// Page colours for a place: greys take the tint, bright ones come together, a dark place is lifted.
fn page_colours(style: &PlateStyle, labels: &Grid<i16>) -> Vec<[f32; 3]> {
    let strength = if style.greyscale { 0.25 } else { 1.0 };
    let (sin, cos) = style.hue_deg.to_radians().sin_cos();
    let mut page = style.page.to_vec();
    for c in &mut page {
        let tint = (1.0 - chroma(*c) / 0.06).clamp(0.0, 1.0) * 0.075 * strength * ((c[0] - 0.2) / 0.3).clamp(0.35, 1.0);
        let lightness = if c[0] > 0.6 { 0.55 * c[0] + 0.36 } else { c[0] };
        *c = [lightness, c[1] + tint * cos, c[2] + tint * sin];
    }
    let mut counts = vec![1e-4f32; page.len()];
    labels.data.iter().for_each(|&l| counts[l as usize] += 1.0);
    let mean = page.iter().zip(&counts).map(|(c, n)| c[0] * n).sum::<f32>() / counts.iter().sum::<f32>();
    let lift = (0.60 - mean).clamp(0.0, 0.16);
    page.iter_mut().for_each(|c| c[0] += lift * ((0.9 - c[0]) / 0.4).clamp(0.0, 1.0));
    page
}

/// A calm copy of a picture: noise and texture gone, edges kept.
pub fn calmed(picture: &Rgb) -> Rgb {
    bilateral(&bilateral(picture, 2, 26.0, 2.0), 3, 26.0, 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(shift: usize) -> (Clip, Vec<Plane>) {
        let (w, h) = (48, 32);
        let frames: Vec<Rgb> = (0..6)
            .map(|t| Grid::from_data(w, h, (0..w * h).map(|i| if ((i % w) + shift * t) / 6 % 2 == 0 { [40; 3] } else { [210; 3] }).collect()))
            .collect();
        let alpha: Vec<Plane> = (0..6)
            .map(|t| Grid::from_data(w, h, (0..w * h).map(|i| f32::from(u8::from((t * 6..t * 6 + 12).contains(&(i % w))))).collect()))
            .collect();
        let clip = Clip {
            width: w,
            height: h,
            source: frames.clone(),
            times_ms: (0..6).collect(),
            person: alpha.clone(),
            faces: vec![Vec::new(); 6],
            skin: vec![Grid::new(w, h, 0); 6],
            skin_median: None,
            has_figure: true,
            frames,
        };
        (clip, alpha)
    }

    #[test]
    fn a_still_camera_shows_what_the_figure_hid() {
        let (clip, alpha) = clip(0);
        let plate = Plate::new(&clip, &alpha);
        assert!(plate.is_still());
        assert_eq!(plate.at(&clip.frames[2], &alpha[2]), clip.frames[0]);
    }

    #[test]
    fn a_moving_camera_is_noticed() {
        let (clip, alpha) = clip(3);
        assert!(!Plate::new(&clip, &alpha).is_still());
    }

    #[test]
    fn what_was_never_seen_is_filled_from_around() {
        let picture = Grid::new(33, 21, [120, 60, 30]);
        let mut known = Grid::new(33, 21, true);
        (5..15).for_each(|y| (8..28).for_each(|x| known[(x, y)] = false));
        let mut holed = picture.clone();
        (5..15).for_each(|y| (8..28).for_each(|x| holed[(x, y)] = [0; 3]));
        let filled = fill_unknown(&holed, &known);
        assert!(filled.data.iter().all(|p| p[0].abs_diff(120) < 2 && p[2].abs_diff(30) < 2));
        fill_unknown(&holed, &Grid::new(33, 21, false));
    }
}
