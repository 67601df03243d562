//! Which pixels are the figure: the teacher's map, corrected by the network, with an edge that follows the colours.

use super::framing::View;
use crate::raster::clean::{clean_mask, smooth_mask, smoothstep};
use crate::raster::filter::gaussian;
use crate::raster::morphology::{dilate, erode};
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Lab, Plane};

/// The network's say beside the teacher's edges: when they differ much, and when they agree on nearly everything else.
/// The teacher's map is coarse and blocky, but never wildly wrong.
const NETWORK_SAY: (f32, f32) = (0.3, 0.75);
/// Overlap (intersection by union) from which the network is trusted more, and fully.
const AGREEMENT: (f32, f32) = (0.75, 0.92);
/// How far beside its edges the teacher is unsure, as a share of the width.
const UNSURE: f32 = 0.012;
/// Parts of a mask smaller than this share of the figure are not the figure.
const SMALLEST_PART: f32 = 0.03;
/// Holes smaller than this share of the frame are mistakes.
const SMALLEST_HOLE: f32 = 0.0006;

/// Teacher and network together, at working size; specks and holes closed.
pub fn merged(person: &Plane, figure: &Plane) -> Plane {
    let near_edge = gaussian(person, UNSURE * person.width as f32);
    let trust = smoothstep(overlap(person, figure), AGREEMENT.0, AGREEMENT.1);
    let most = NETWORK_SAY.0 + (NETWORK_SAY.1 - NETWORK_SAY.0) * trust;
    let both = person.data.iter().zip(&figure.data).zip(&near_edge.data).map(|((&p, &q), &n)| {
        let say = most * (5.2 * n * (1.0 - n)).clamp(0.0, 1.0);
        p * (1.0 - say) + q * say
    });
    let mut alpha = Grid::from_data(person.width, person.height, both.collect());
    let mask = alpha.map(|&a| a > 0.5);
    let area = mask.data.iter().filter(|&&m| m).count().max(1) as f32;
    let clean = clean_mask(&mask, SMALLEST_PART * area, SMALLEST_HOLE * alpha.data.len() as f32);
    for (a, &kept) in alpha.data.iter_mut().zip(&clean.data) {
        if (*a > 0.5) != kept {
            *a = if kept { 0.95 } else { 0.05 };
        }
    }
    alpha
}

/// Intersection by union of two maps' certain halves.
fn overlap(a: &Plane, b: &Plane) -> f32 {
    let pairs = || a.data.iter().zip(&b.data).map(|(&a, &b)| (a > 0.5, b > 0.5));
    let both = pairs().filter(|&(a, b)| a && b).count();
    let either = pairs().filter(|&(a, b)| a || b).count();
    both as f32 / either.max(1) as f32
}

/// Half-width of the band in which colours decide, in pixels of a 640 wide frame.
const BAND: f32 = 4.2;
/// Lightness counts less than hue: a shadow across the edge is no edge.
const EDGE_WEIGHTS: [f32; 3] = [0.7, 1.4, 1.4];
/// Squared colour distance between figure and background at which colours are half trusted.
const HALF_TRUST: f32 = 0.0025;

/// Cover 0..1 of the figure in a panel. `picture` is the panel's view in OKLab, `unit` one page pixel in panel pixels.
pub fn sharpened(alpha: &Plane, view: &View, picture: &Lab, unit: f32) -> Plane {
    let half = view.half();
    let scale = half.scale();
    let prior = half.crop_probability(&gaussian(alpha, 0.6), Interpolation::Cubic);
    let radius = (BAND * scale * view.working_width as f32 / 640.0).max(2.5);
    let inside = erode(&prior.map(|&a| a > 0.85), radius);
    let outside = dilate(&prior.map(|&a| a > 0.15), radius).map(|&near| !near);
    let colours = resize(picture, half.width, half.height, Interpolation::Area)
        .map(|p| [p[0] * EDGE_WEIGHTS[0], p[1] * EDGE_WEIGHTS[1], p[2] * EDGE_WEIGHTS[2], 1.0]);
    // local mean colour of either side; the fourth channel holds the weight
    let mean_over = |side: &Grid<bool>| {
        let data = colours.data.iter().zip(&side.data).map(|(c, &s)| if s { *c } else { [0.0; 4] }).collect();
        gaussian(&Grid::from_data(half.width, half.height, data), 1.8 * radius)
    };
    let (figure, ground) = (mean_over(&inside), mean_over(&outside));
    let mut edge = prior.clone();
    for (i, a) in edge.data.iter_mut().enumerate() {
        *a = match (inside.data[i], outside.data[i]) {
            (true, _) => 1.0,
            (_, true) => 0.0,
            _ => by_colour(*a, colours.data[i], figure.data[i], ground.data[i]),
        };
    }
    let soft = gaussian(&edge, (0.65 * unit).max(0.5 * scale));
    let mask = resize(&soft, view.width, view.height, Interpolation::Cubic).map(|&a| a > 0.5);
    let area = unit * unit;
    // rounder where a working pixel becomes many: its steps must not show
    let round = (1.1 * view.scale()).clamp(1.7 * unit, 3.0 * unit);
    smooth_mask(&clean_mask(&mask, 225.0 * area, 125.0 * area), round)
}

/// The prior in log odds plus what the colours say, as far as both sides are known and differ.
fn by_colour(prior: f32, colour: [f32; 4], figure: [f32; 4], ground: [f32; 4]) -> f32 {
    let odds = |p: f32| {
        let p = p.clamp(0.03, 0.97);
        (p / (1.0 - p)).ln()
    };
    let mean = |side: [f32; 4]| std::array::from_fn::<f32, 3, _>(|k| side[k] / (side[3] + 1e-6));
    let squared = |a: [f32; 3], b: [f32; 3]| (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f32>();
    let (f, g, c) = (mean(figure), mean(ground), [colour[0], colour[1], colour[2]]);
    let (to_figure, to_ground, apart) = (squared(c, f), squared(c, g), squared(f, g));
    let known = figure[3] > 1e-3 && ground[3] > 1e-3;
    let trust = if known { 0.8 * apart / (apart + HALF_TRUST) } else { 0.0 };
    let likeness = (to_ground / (to_figure + to_ground + 1e-6)).clamp(0.05, 0.95);
    let sum = 0.8 * odds(prior) + 1.9 * trust * odds(likeness);
    1.0 / (1.0 + (-sum).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specks_leave_the_figure_and_holes_close() {
        let mut person = Grid::new(80, 80, 0.02f32);
        (10..30).for_each(|y| (10..30).for_each(|x| person[(x, y)] = 0.98));
        person[(2, 2)] = 0.9;
        person[(20, 20)] = 0.1;
        let alpha = merged(&person, &Grid::new(80, 80, 0.5));
        assert!(alpha[(2, 2)] < 0.5 && alpha[(20, 20)] > 0.5);
    }

    #[test]
    fn an_uncertain_edge_moves_to_where_the_colour_changes() {
        let picture = Grid::from_data(
            120,
            80,
            (0..9600).map(|i| if i % 120 < 64 { [0.3, 0.1, 0.1] } else { [0.8, 0.0, -0.1] }).collect(),
        );
        // the prior's edge is soft and six pixels off
        let alpha = Grid::from_data(
            120,
            80,
            (0..9600).map(|i| (0.5 - ((i % 120) as f32 - 58.0) / 16.0).clamp(0.0, 1.0)).collect(),
        );
        let view = View { window: [0.0, 0.0, 120.0, 80.0], width: 120, height: 80, working_width: 120 };
        let mask = sharpened(&alpha, &view, &picture, 1.0);
        let edge = (0..120).find(|&x| mask[(x, 40)] < 0.5).unwrap();
        assert!((61..=67).contains(&edge), "edge at {edge}");
    }

    #[test]
    fn a_window_of_two_pixels_is_no_problem() {
        let view = View { window: [0.0, 0.0, 2.0, 2.0], width: 2, height: 2, working_width: 2 };
        assert_eq!(sharpened(&Grid::new(2, 2, 1.0), &view, &Grid::new(2, 2, [0.5, 0.0, 0.0]), 2.0).data.len(), 4);
    }
}
