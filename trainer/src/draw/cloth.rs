//! Tones of every material from its own blurred lightness: few, large, smooth shapes.

use std::collections::BTreeMap;

use super::materials::Material;
use crate::raster::clean::{clean_mask, smooth_mask};
use crate::raster::filter::gaussian;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Lab, Mask, Plane};

/// Blur of lightness before it is split, in units at half size.
const BLUR: f32 = 3.2;
/// Smallest patch of a tone, in squared units at half size.
const SMALLEST_PATCH: f32 = 420.0;

/// Colours a label map in the materials' tones, OKLab. `inner` are pixels away from the silhouette, whose lightness can be trusted.
pub fn colour(
    labels: &Grid<i16>,
    materials: &BTreeMap<i16, Material>,
    lightness: &Plane,
    inner: &Mask,
    unit: f32,
) -> Lab {
    let (w, h) = (labels.width, labels.height);
    let (w2, h2) = ((w / 2).max(1), (h / 2).max(1));
    let half = |plane: &Plane| resize(plane, w2, h2, Interpolation::Area);
    let small_lightness = half(lightness);
    let trust = half(&inner.map(|&i| f32::from(u8::from(i)) + 0.002));
    let mut toned = Grid::new(w, h, [0.0; 3]);
    for (label, material) in materials {
        let own = labels.map(|l| l == label);
        if !own.data.iter().any(|&o| o) {
            continue;
        }
        let cover = half(&own.map(|&o| f32::from(u8::from(o))));
        let steps = lighter_tones(material, &cover, &small_lightness, &trust, unit, (w, h));
        for i in (0..own.data.len()).filter(|&i| own.data[i]) {
            toned.data[i] = steps.iter().zip(&material.tones[1..]).fold(material.tones[0], |below, (step, tone)| {
                std::array::from_fn(|k| below[k] + step.data[i] * (tone[k] - below[k]))
            });
        }
    }
    toned
}

/// For each tone but the darkest: where it, or a lighter one, covers the material.
fn lighter_tones(
    material: &Material,
    cover: &Plane,
    lightness: &Plane,
    trust: &Plane,
    unit: f32,
    (w, h): (usize, usize),
) -> Vec<Plane> {
    if material.levels.len() < 2 {
        return Vec::new();
    }
    let weighted = |i: usize| {
        let weight = cover.data[i] * trust.data[i];
        [lightness.data[i] * weight, weight]
    };
    let sums = Grid::from_data(cover.width, cover.height, (0..cover.data.len()).map(weighted).collect());
    let unit = unit * material.calm;
    let mean = gaussian(&sums, BLUR * unit).map(|s| s[0] / (s[1] + 1e-5));
    let patch = SMALLEST_PATCH * unit * unit;
    let between = |pair: &[f32]| 0.5 * (pair[0] + pair[1]);
    material
        .levels
        .windows(2)
        .map(|pair| {
            let lighter = mean.data.iter().zip(&cover.data).map(|(m, c)| *m > between(pair) && *c > 0.0).collect();
            let clean = clean_mask(&Grid::from_data(cover.width, cover.height, lighter), patch, patch);
            // patches go on a little under the neighbours, so that smoothing does not pull them from the border
            let spread = gaussian(&clean.map(|&c| f32::from(u8::from(c))), 3.0 * unit);
            let own = clean.data.iter().zip(&cover.data).zip(&spread.data);
            let filled = own.map(|((&lit, &c), &near)| if c > 0.3 { lit } else { near > 0.25 }).collect();
            let smooth = smooth_mask(&Grid::from_data(cover.width, cover.height, filled), 2.6 * unit);
            resize(&smooth, w, h, Interpolation::Linear)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lit_half_gets_the_light_tone_and_a_small_glint_does_not() {
        let material = Material {
            levels: vec![0.3, 0.6],
            tones: vec![[0.2, 0.0, 0.0], [0.8, 0.0, 0.0]],
            mean: [0.5, 0.0, 0.0],
            calm: 1.0,
        };
        let mut lightness = Grid::from_data(120, 80, (0..9600).map(|i| if i % 120 < 60 { 0.3 } else { 0.6 }).collect());
        lightness[(20, 40)] = 0.9;
        let toned = colour(
            &Grid::new(120, 80, 4),
            &BTreeMap::from([(4, material)]),
            &lightness,
            &Grid::new(120, 80, true),
            1.0,
        );
        assert!((toned[(20, 40)][0] - 0.2).abs() < 0.01);
        assert!((toned[(100, 40)][0] - 0.8).abs() < 0.01);
    }

    #[test]
    fn labels_without_a_material_stay_unpainted() {
        let toned = colour(&Grid::new(2, 2, 9), &BTreeMap::new(), &Grid::new(2, 2, 0.5), &Grid::new(2, 2, true), 2.0);
        assert_eq!(toned.data, [[0.0; 3]; 4]);
    }
}
