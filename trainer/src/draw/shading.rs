//! One cloth in several lights. A palette has an entry for a shirt in the sun and another for it in the shade; where they
//! meet without a step in the picture, they are one cloth: no line divides them, and their borders are round.

use std::collections::{BTreeMap, BTreeSet};

use super::ink::border_strength;
use super::materials::Material;
use crate::raster::components::{Connectivity, Regions, regions};
use crate::raster::filter::gaussian;
use crate::raster::morphology::maximum;
use crate::raster::resize::{Interpolation, resize};
use crate::raster::{Grid, Plane};

/// Borders weaker than this have no step: where ink begins.
pub const STEP: f32 = 0.085;
/// The picture's edge may lie beside the labels', in page pixels.
const ASIDE: f32 = 1.5;
/// Share of a border between two regions that has no step when they are one cloth.
const SOFT: f32 = 0.6;
/// Blur of the shares of lights within a cloth, in page pixels: how round their borders get.
const ROUND: f32 = 7.0;

/// The cloths of a panel.
pub struct Cloths {
    /// How strong each border is: differences between labels, no more than the picture shows.
    pub strength: Plane,
    /// The cloth of each pixel; one label may be on several cloths.
    cloth: Grid<u32>,
    /// Cloths of more than one light.
    shaded: BTreeSet<u32>,
}

impl Cloths {
    /// `steps` are the picture's ([`super::ink::seen_steps`]). What is not among the materials keeps its borders, and so
    /// does what is among `whole`.
    pub fn read(
        labels: &Grid<i16>,
        materials: &BTreeMap<i16, Material>,
        whole: &[i16],
        steps: &Plane,
        unit: f32,
    ) -> Self {
        let flat = labels.map(|l| materials.get(l).map_or([0.0; 3], |material| material.mean));
        let mut strength = border_strength(labels, &flat);
        let steps = maximum(steps, (ASIDE * unit) as usize);
        let cloth = |l: i16| materials.contains_key(&l) && !whole.contains(&l);
        let mut borders = Vec::new();
        for (here, there) in pairs(labels).filter(|&(a, b)| cloth(labels.data[a]) && cloth(labels.data[b])) {
            strength.data[here] = strength.data[here].min(steps.data[here]);
            borders.push((here, there, strength.data[here] < STEP));
        }
        let found = regions(labels, Connectivity::Four);
        let soft = mostly_soft(&borders, |i| found.ids.data[i]);
        let (cloth, shaded) = join(&found, &soft);
        Self { strength, cloth, shaded }
    }

    /// The labels with round borders between the lights of a cloth.
    pub fn rounded(&self, labels: &Grid<i16>, unit: f32) -> Grid<i16> {
        let (w, h) = ((labels.width / 2).max(1), (labels.height / 2).max(1));
        let mut rounded = labels.clone();
        for &id in &self.shaded {
            let lights: BTreeSet<i16> = self.of(id).map(|i| labels.data[i]).collect();
            let shares: Vec<(i16, Plane)> = lights
                .into_iter()
                .map(|light| {
                    let own = (0..labels.data.len()).map(|i| self.cloth.data[i] == id && labels.data[i] == light);
                    let own =
                        Grid::from_data(labels.width, labels.height, own.map(|o| f32::from(u8::from(o))).collect());
                    let small = gaussian(&resize(&own, w, h, Interpolation::Area), 0.5 * ROUND * unit);
                    (light, resize(&small, labels.width, labels.height, Interpolation::Linear))
                })
                .collect();
            for i in self.of(id) {
                let most = shares.iter().max_by(|a, b| a.1.data[i].total_cmp(&b.1.data[i]));
                rounded.data[i] = most.map_or(labels.data[i], |(light, _)| *light);
            }
        }
        rounded
    }

    fn of(&self, id: u32) -> impl Iterator<Item = usize> + '_ {
        (0..self.cloth.data.len()).filter(move |&i| self.cloth.data[i] == id)
    }
}

/// Neighbouring pixels of different labels, by index.
fn pairs(labels: &Grid<i16>) -> impl Iterator<Item = (usize, usize)> + '_ {
    let (w, h) = (labels.width, labels.height);
    (0..w * h).flat_map(move |i| {
        let right = (i % w + 1 < w).then_some((i, i + 1));
        let below = (i / w + 1 < h).then_some((i, i + w));
        right.into_iter().chain(below).filter(|&(a, b)| labels.data[a] != labels.data[b])
    })
}

/// Pairs of what `key` says of pixels whose common border has mostly no step, in their order.
fn mostly_soft<K: Ord + Copy>(borders: &[(usize, usize, bool)], key: impl Fn(usize) -> K) -> Vec<(K, K)> {
    let mut counts: BTreeMap<(K, K), (f32, f32)> = BTreeMap::new();
    for &(a, b, soft) in borders {
        let (a, b) = (key(a), key(b));
        let count = counts.entry((a.min(b), a.max(b))).or_default();
        *count = (count.0 + 1.0, count.1 + f32::from(u8::from(soft)));
    }
    counts.into_iter().filter(|(_, (all, soft))| *soft > SOFT * all).map(|(pair, _)| pair).collect()
}

/// Joins regions by pairs: every pixel's cloth, named by its first region, and the cloths of more than one region.
fn join(found: &Regions<i16>, pairs: &[(u32, u32)]) -> (Grid<u32>, BTreeSet<u32>) {
    let mut cloth: Vec<u32> = (0..found.regions.len() as u32).collect();
    for &(a, b) in pairs {
        let (a, b) = (cloth[a as usize], cloth[b as usize]);
        cloth.iter_mut().filter(|c| **c == a.max(b)).for_each(|c| *c = a.min(b));
    }
    let shaded = pairs.iter().map(|&(a, _)| cloth[a as usize]).collect();
    (found.ids.map(|&id| cloth[id as usize]), shaded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::ink::seen_steps;
    use crate::raster::Lab;

    /// A shirt, dark at the left and light at the right, with a ramp of `wide` pixels in between; and a white print.
    fn shirt(wide: f32) -> (Grid<i16>, BTreeMap<i16, Material>, Lab) {
        let (w, h) = (200, 100);
        let print = |x: usize, y: usize| (150..180).contains(&x) && (30..70).contains(&y);
        let ramp = |x: usize| 0.25 + 0.3 * ((x as f32 - 100.0) / wide + 0.5).clamp(0.0, 1.0);
        let at = |i: usize| (i % w, i / w);
        let label = |i: usize| match at(i) {
            (x, y) if print(x, y) => 7,
            (x, y) if x + (y / 4 % 2) * 6 < 100 => 1,
            _ => 2,
        };
        let light = |i: usize| if print(at(i).0, at(i).1) { 0.95 } else { ramp(at(i).0) };
        let material = |l: f32| Material::flat([l, 0.0, 0.0]);
        let materials = BTreeMap::from([(1, material(0.25)), (2, material(0.55)), (7, material(0.95))]);
        let labels = Grid::from_data(w, h, (0..w * h).map(label).collect());
        (labels, materials, Lab::from_data(w, h, (0..w * h).map(|i| [light(i), 0.0, 0.0]).collect()))
    }

    fn read(wide: f32) -> (Cloths, Grid<i16>) {
        let (labels, materials, picture) = shirt(wide);
        (Cloths::read(&labels, &materials, &[], &seen_steps(&picture, 1.0, 1.0), 1.0), labels)
    }

    #[test]
    fn shade_on_a_shirt_is_no_border_and_a_print_is() {
        let (cloths, _) = read(60.0);
        assert!((0..100).all(|y| (80..120).all(|x| cloths.strength[(x, y)] < STEP)));
        assert!(cloths.strength[(149, 50)] > 0.3);
        let (cloths, _) = read(1.0);
        assert!((90..110).any(|x| cloths.strength[(x, 50)] > 0.2), "two shirts");
    }

    #[test]
    fn the_border_of_a_shade_is_round() {
        let (cloths, labels) = read(60.0);
        let rounded = cloths.rounded(&labels, 1.0);
        let jagged = |labels: &Grid<i16>| {
            let edge = |y: usize| (0..200).position(|x| labels[(x, y)] == 2).unwrap_or(0) as i32;
            (10..89).map(|y| (edge(y) - edge(y + 1)).abs()).sum::<i32>()
        };
        assert!(jagged(&rounded) * 4 < jagged(&labels), "{} {}", jagged(&rounded), jagged(&labels));
        assert_eq!(rounded[(160, 50)], 7);
    }
}
