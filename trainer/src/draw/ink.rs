//! Ink lines: the silhouette, borders between materials, folds, and the lines of a background.

use super::flow::{edge_flow, line_response};
use crate::raster::clean::smoothstep;
use crate::raster::components::{Connectivity, regions};
use crate::raster::distance::{nearest, signed_distance};
use crate::raster::filter::{gaussian, sobel};
use crate::raster::morphology::dilate;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Lab, Plane};

/// How much more a difference in hue counts than one in lightness.
const CHROMA_WEIGHT: f32 = 1.6;
/// Ink counts as a stroke from here on.
const STROKE: f32 = 0.35;

/// Ink along borders: `width` (page pixels, thinnest and thickest) by their [`border_strength`] (`contrast`: where the
/// line starts, where it is thickest). Lines fade along their length as the strength does.
pub fn boundary_ink(strength: &Plane, unit: f32, width: (f32, f32), contrast: (f32, f32)) -> Plane {
    let on_border = strength.map(|&s| s > 0.5 * contrast.0);
    let Some(nearest) = nearest(&on_border) else {
        return Plane::new(strength.width, strength.height, 0.0);
    };
    let pairs = strength.map(|&s| if s > 0.5 * contrast.0 { [s, 1.0] } else { [0.0, 0.0] });
    let along = gaussian(&pairs, 4.0 * unit).map(|&[sum, count]| sum / count.max(1e-4));
    let distance = gaussian(&nearest.distance, 0.6 * unit);
    let mut ink = distance;
    for (pixel, &index) in ink.data.iter_mut().zip(&nearest.index.data) {
        let strength = along.data[index as usize];
        let thickness = width.0 + (width.1 - width.0) * smoothstep(strength, contrast.0, contrast.1);
        let wide = unit * thickness * smoothstep(strength, 0.6 * contrast.0, 1.1 * contrast.0);
        *pixel = if wide > 0.0 { (0.5 * wide - *pixel + 0.5).clamp(0.0, 1.0) } else { 0.0 };
    }
    ink
}

/// Colour difference to the right and lower neighbour where the label changes, else 0.
pub fn border_strength(labels: &Grid<i16>, colours: &Lab) -> Plane {
    let mut strength = Plane::new(labels.width, labels.height, 0.0);
    let difference = |a: [f32; 3], b: [f32; 3]| length([a[0] - b[0], a[1] - b[1], a[2] - b[2]]);
    for y in 0..labels.height {
        for x in 0..labels.width {
            for (nx, ny) in [(x + 1, y), (x, y + 1)] {
                if nx < labels.width && ny < labels.height && labels[(x, y)] != labels[(nx, ny)] {
                    let found = difference(colours[(x, y)], colours[(nx, ny)]);
                    strength[(x, y)] = strength[(x, y)].max(found);
                }
            }
        }
    }
    strength
}

/// How large a step in colour the picture has at each pixel, as [`border_strength`] counts it: all of an edge, little of a
/// slope. `upsampling` says how many of its pixels one pixel of the video became.
pub fn seen_steps(picture: &Lab, upsampling: f32, unit: f32) -> Plane {
    /// What an edge that the camera blurred already loses here is given back.
    const CAMERA_BLUR: f32 = 1.4;
    let sigma = (0.8 * upsampling).max(1.2 * unit);
    let soft = gaussian(picture, sigma);
    let slopes = [0, 1, 2].map(|k| sobel(&soft.map(|c| c[k])));
    // the steepest place of a blurred edge is as high as the edge over this
    let across = CAMERA_BLUR * sigma * std::f32::consts::TAU.sqrt();
    let steps = (0..picture.data.len()).map(|i| {
        let along = |of: fn(&(Plane, Plane)) -> &Plane| length([0, 1, 2].map(|k| of(&slopes[k]).data[i]));
        across * along(|s| &s.0).hypot(along(|s| &s.1))
    });
    Grid::from_data(picture.width, picture.height, steps.collect())
}

/// Of a difference between colours.
fn length([l, a, b]: [f32; 3]) -> f32 {
    (l * l + CHROMA_WEIGHT * CHROMA_WEIGHT * (a * a + b * b)).sqrt()
}

/// The figure's outline, thicker below and on the side away from the light (`light` -1: from the left, 1: from the
/// right). `width`: the mean and how much it varies, page pixels. Also the signed distance to it in pixels, positive
/// inside, smoothed a little.
pub fn silhouette_ink(alpha: &Plane, light: f32, unit: f32, width: (f32, f32)) -> (Plane, Plane) {
    /// Share of the width by which the line lies inside its border.
    const INWARD: f32 = 0.25;
    let distance = gaussian(&signed_distance(&alpha.map(|&a| a > 0.5)), 0.8 * unit);
    let (gx, gy) = sobel(&gaussian(alpha, 7.0 * unit));
    let mut ink = distance.clone();
    for (i, pixel) in ink.data.iter_mut().enumerate() {
        // the outward normal is against the gradient; the light comes from above
        let (x, y) = (-gx.data[i], -gy.data[i]);
        let away = 0.7 * (y - light * x) / (x.hypot(y) + 1e-6);
        let width = unit * (width.0 + width.1 * away.clamp(-1.0, 1.0));
        *pixel = (0.5 * width - (*pixel + INWARD * width).abs() + 0.5).clamp(0.0, 1.0);
    }
    (ink, distance)
}

/// Folds and details of clothes. `lightness` is the enlarged picture; `upsampling` says how many of its pixels one
/// pixel of the video became.
pub fn fold_ink(lightness: &Plane, upsampling: f32, unit: f32) -> Plane {
    /// Local contrast (standard deviation of lightness) at which thresholds hold; flat parts need less, busy ones more.
    const USUAL_CONTRAST: f32 = 0.085;
    let (small, scale) = shrink(lightness, upsampling, unit);
    let flow = edge_flow(&gaussian(&small, 0.8), 2.4 * scale);
    let moments = gaussian(&small.map(|&l| [l, l * l]), 10.0 * scale);
    let contrast =
        moments.map(|&[mean, square]| ((square - mean * mean).max(0.0).sqrt() / USUAL_CONTRAST).clamp(0.40, 1.1));
    let mut ink = Plane::new(lightness.width, lightness.height, 0.0);
    for (across, along, threshold) in [
        ((1.05 * scale).max(1.0), (3.0 * scale).max(3.2), (0.009, 0.019)),
        ((1.8 * scale).max(1.7), (3.5 * scale).max(4.0), (0.016, 0.030)),
    ] {
        let mut response = line_response(&small, &flow, across, along);
        response.data.iter_mut().zip(&contrast.data).for_each(|(value, contrast)| *value /= contrast);
        let response = resize(&response, lightness.width, lightness.height, Interpolation::Cubic);
        for (pixel, &value) in ink.data.iter_mut().zip(&response.data) {
            *pixel = pixel.max(smoothstep(-value, threshold.0, threshold.1));
        }
    }
    ink
}

/// Long clear lines of a room or landscape; see [`fold_ink`] for the arguments.
pub fn scene_ink(lightness: &Plane, upsampling: f32, unit: f32) -> Plane {
    /// Page pixels that a line must reach across.
    const LEAST_EXTENT: f32 = 46.0;
    let (small, scale) = shrink(lightness, upsampling, unit);
    let flow = edge_flow(&gaussian(&small, 0.8), 2.6 * scale);
    let response = line_response(&small, &flow, 1.2 * scale, 4.0 * scale);
    let response = resize(&response, lightness.width, lightness.height, Interpolation::Cubic);
    drop_short(&response.map(|&value| smoothstep(-value, 0.016, 0.026)), LEAST_EXTENT * unit, 0.75)
}

/// A copy at page size, or smaller where the video has no more detail; and how many of its pixels a video pixel fills
/// (1 to 2).
fn shrink(lightness: &Plane, upsampling: f32, unit: f32) -> (Plane, f32) {
    let factor = unit.max(0.5 * upsampling).max(1.0);
    let side = |length: usize| ((length as f32 / factor).round() as usize).clamp(1, length.max(1));
    let small = resize(lightness, side(lightness.width), side(lightness.height), Interpolation::Area);
    (small, (upsampling / factor).max(1.0))
}

/// Removes strokes whose bounding box has a diagonal under `extent` pixels, or that nowhere reach `peak`.
pub fn drop_short(ink: &Plane, extent: f32, peak: f32) -> Plane {
    let strokes = ink.map(|&v| v > STROKE);
    let found = regions(&strokes, Connectivity::Eight);
    let mut darkest = vec![0.0f32; found.regions.len()];
    for (&id, &value) in found.ids.data.iter().zip(&ink.data) {
        darkest[id as usize] = darkest[id as usize].max(value);
    }
    let dropped: Vec<bool> = found
        .regions
        .iter()
        .zip(darkest)
        .map(|(r, darkest)| {
            let diagonal = ((r.x1 - r.x0) as f32).hypot((r.y1 - r.y0) as f32);
            r.value && (diagonal < extent || darkest < peak)
        })
        .collect();
    let bad = found.ids.map(|&id| dropped[id as usize]);
    // the soft rim of a dropped stroke goes with it
    let rim = dilate(&bad, 2.5);
    let mut kept = ink.clone();
    for (i, pixel) in kept.data.iter_mut().enumerate() {
        if rim.data[i] && (bad.data[i] || !strokes.data[i]) {
            *pixel = 0.0;
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three stripes: red, a red that is hardly different, and white.
    fn stripes() -> (Grid<i16>, Lab) {
        let label = |x: usize| (x / 30) as i16;
        let labels = Grid::from_data(90, 40, (0..90 * 40).map(|i| label(i % 90)).collect());
        let colours = labels.map(|&l| [[0.5, 0.15, 0.05], [0.51, 0.15, 0.05], [0.95, 0.0, 0.0]][l as usize]);
        (labels, colours)
    }

    #[test]
    fn ink_lies_on_clear_borders_only() {
        let (labels, colours) = stripes();
        let ink = boundary_ink(&border_strength(&labels, &colours), 1.0, (1.0, 3.0), (0.1, 0.3));
        assert!(ink[(59, 20)] > 0.9);
        for x in (0..55).chain(65..90) {
            assert!(ink[(x, 20)] < 0.05, "ink at {x}");
        }
    }

    #[test]
    fn one_label_has_no_border() {
        let strength = border_strength(&Grid::new(8, 8, 3), &Lab::new(8, 8, [0.5; 3]));
        let ink = boundary_ink(&strength, 1.0, (1.0, 3.0), (0.1, 0.3));
        assert!(ink.data.iter().all(|&v| v == 0.0));
    }

    #[test]
    fn an_edge_is_seen_whole_and_a_slope_hardly() {
        let ramp = |x: usize, wide: f32| 0.3 + 0.4 * ((x as f32 - 60.0) / wide + 0.5).clamp(0.0, 1.0);
        let step = |wide: f32| {
            let picture = Lab::from_data(120, 20, (0..2400).map(|i| [ramp(i % 120, wide), 0.0, 0.0]).collect());
            seen_steps(&picture, 2.0, 1.0)[(60, 10)]
        };
        assert!(step(3.0) > 0.35 && step(30.0) < 0.1, "{} {}", step(3.0), step(30.0));
    }

    #[test]
    fn the_silhouette_is_thicker_away_from_the_light() {
        let mut alpha = Plane::new(200, 200, 0.0);
        crate::draw::pen::fill(&mut alpha, &crate::raster::polygon::disc([100.0, 100.0], 60.0), 1.0);
        let (ink, distance) = silhouette_ink(&alpha, 1.0, 2.0, (3.3, 1.7));
        let row: Vec<f32> = ink.row(100).to_vec();
        let (left, right) = (row[..100].iter().sum::<f32>(), row[100..].iter().sum::<f32>());
        assert!(left > right + 1.0 && right > 2.0, "left {left}, right {right}");
        assert!(distance[(100, 100)] > 50.0 && distance[(2, 2)] < -50.0);
        assert!(ink[(100, 100)] == 0.0 && ink[(2, 2)] == 0.0);
    }

    #[test]
    fn a_fold_gets_ink_and_a_slope_does_not() {
        let fold = |x: usize| if (x as f32 - 60.0).abs() < 2.5 { 0.3 } else { 0.5 + 0.001 * x as f32 };
        let picture = Plane::from_data(120, 100, (0..12_000).map(|i| fold(i % 120)).collect());
        let ink = fold_ink(&picture, 2.0, 2.0);
        assert!(ink[(60, 50)] > 0.9);
        assert!(ink[(30, 50)] < 0.01 && ink[(100, 50)] < 0.01);
    }

    #[test]
    fn short_and_pale_strokes_go_and_long_dark_ones_stay() {
        let mut ink = Plane::new(60, 30, 0.0);
        for (x, y, length, value) in [(5, 5, 40, 1.0), (5, 15, 6, 1.0), (5, 25, 40, 0.5)] {
            (x..x + length).for_each(|x| ink[(x, y)] = value);
        }
        let kept = drop_short(&ink, 20.0, 0.75);
        assert_eq!((kept[(20, 5)], kept[(8, 15)], kept[(20, 25)]), (1.0, 0.0, 0.0));
    }

    #[test]
    fn tiny_pictures_do_not_panic() {
        for size in [0, 1, 2] {
            let plane = Plane::new(size, size, 0.5);
            assert_eq!(fold_ink(&plane, 3.0, 2.0).data.len(), size * size);
            assert_eq!(scene_ink(&plane, 3.0, 2.0).data.len(), size * size);
            assert_eq!(silhouette_ink(&plane, 1.0, 2.0, (3.3, 1.7)).0.data.len(), size * size);
        }
    }
}
