//! A character cut out: the figure with its outline and nothing behind it.

use super::figure::{Figure, draw_figure};
use super::finish::lay_ink;
use super::framing::{Framing, UNIT, View};
use super::scene::Scene;
use super::style::Style;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Rgba};

/// Height of a cut-out in pixels, or less where the video has not so many.
const HEIGHT: f32 = 720.0;
/// A cut-out is at most this much larger than the figure was filmed.
const MAX_ENLARGEMENT: f32 = 2.5;

/// The whole figure of a frame, straight alpha; cut to where the figure is.
pub fn cut_out(scene: &Scene, frame: usize) -> Rgba {
    let subject = scene.subject(frame);
    let [x0, y0, x1, y1] = subject.figure;
    let aspect = ((x1 - x0) / (y1 - y0).max(1.0)).clamp(0.2, 2.5);
    let window = subject.window(Framing::Full, 1.1 * aspect);
    let source = &scene.clip().source[frame];
    let filmed = window[3] * source.height as f32 / subject.height.max(1.0);
    let height = HEIGHT.min(MAX_ENLARGEMENT * filmed).max(16.0);
    let width = (height * window[2] / window[3].max(1.0)).max(1.0);
    let (width, height) = (width as usize, height as usize);
    let view = View::of_page(window, width, height, scene.clip().width);
    let drawn = draw_figure(scene, frame, &view);
    trim(&flatten(drawn, scene.style, width, height))
}

fn flatten(figure: Figure, style: &Style, width: usize, height: usize) -> Rgba {
    let ink = figure.all_ink();
    let mut colour = figure.layers.colour;
    style.finish.put_on_paper(&mut colour, style.sheet.paper, UNIT);
    lay_ink(&mut colour, &ink, style.pens.figure, &style.pens, UNIT);
    let data = (0..figure.cover.data.len()).map(|i| {
        let [r, g, b] = colour.data[i];
        let alpha = figure.cover.data[i].max(figure.outline.data[i]);
        [r * alpha, g * alpha, b * alpha, alpha]
    });
    let large = Grid::from_data(figure.cover.width, figure.cover.height, data.collect());
    resize(&large, width, height, Interpolation::Area).map(|p| {
        let byte = |v: f32| (v + 0.5).clamp(0.0, 255.0) as u8;
        let straight = |k: usize| byte(p[k] / p[3].max(1e-3));
        [straight(0), straight(1), straight(2), byte(255.0 * p[3])]
    })
}

/// Cuts empty rows and columns away.
fn trim(picture: &Rgba) -> Rgba {
    let seen = |x: usize, y: usize| picture[(x, y)][3] > 8;
    let columns: Vec<usize> = (0..picture.width).filter(|&x| (0..picture.height).any(|y| seen(x, y))).collect();
    let rows: Vec<usize> = (0..picture.height).filter(|&y| (0..picture.width).any(|x| seen(x, y))).collect();
    let (Some(&x0), Some(&x1), Some(&y0), Some(&y1)) = (columns.first(), columns.last(), rows.first(), rows.last())
    else {
        return Grid::new(1, 1, [0; 4]);
    };
    let data = (y0..=y1).flat_map(|y| picture.row(y)[x0..=x1].to_vec()).collect();
    Grid::from_data(x1 - x0 + 1, y1 - y0 + 1, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_borders_are_cut_away_and_an_empty_picture_is_one_clear_pixel() {
        let mut picture = Grid::new(9, 7, [0u8; 4]);
        picture[(3, 2)] = [1, 2, 3, 255];
        picture[(5, 4)] = [1, 2, 3, 255];
        let trimmed = trim(&picture);
        assert_eq!((trimmed.width, trimmed.height, trimmed[(0, 0)][3]), (3, 3, 255));
        assert_eq!(trim(&Grid::new(4, 4, [0; 4])).data, [[0; 4]]);
    }
}
