//! The place without the figure.

use crate::clip::Clip;
use crate::raster::colour::{to_float, to_rgb};
use crate::raster::morphology::dilate;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Plane, Rgb};
use rayon::prelude::*;

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
    let all: Vec<([u8; 3], bool)> =
        (0..w * h).into_par_iter().with_min_len(1024).map_init(Vec::new, |v, i| pixel(i, v)).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn clip(shift: usize) -> (Clip, Vec<Plane>) {
        let (w, h) = (48, 32);
        let frames: Vec<Rgb> = (0..6)
            .map(|t| {
                Grid::from_data(
                    w,
                    h,
                    (0..w * h)
                        .map(|i| if (((i % w) + shift * t) / 6).is_multiple_of(2) { [40; 3] } else { [210; 3] })
                        .collect(),
                )
            })
            .collect();
        let alpha: Vec<Plane> = (0..6)
            .map(|t| {
                Grid::from_data(
                    w,
                    h,
                    (0..w * h).map(|i| f32::from(u8::from((t * 6..t * 6 + 12).contains(&(i % w))))).collect(),
                )
            })
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
