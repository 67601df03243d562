//! Where hair ends over cloth.

use super::HAIR;
use crate::draw::landmarks::face_size;
use crate::draw::materials::Material;
use crate::raster::Grid;
use crate::raster::components::{Connectivity, regions};
use std::collections::BTreeMap;

/// Area of a strip in squared face widths, at most.
const STRIP: f32 = 0.25;
/// Share of its border that hair has, at least.
const BESIDE_HAIR: f32 = 0.3;
/// Chroma, at most.
const PALE: f32 = 0.06;
/// How much lighter than hair it may be.
const LIGHTER: f32 = 0.03;

/// Shade and loose strands become dark strips of "cloth": what is small, as dark as hair, without much colour, and beside
/// hair for a good part of its border is hair.
pub fn take_ends(
    labels: &mut Grid<i16>,
    materials: &BTreeMap<i16, Material>,
    hair: &Material,
    faces: &[Vec<[f32; 3]>],
) {
    let face = faces.iter().map(|face| face_size(face)).fold(0.0, f32::max);
    let found = regions(labels, Connectivity::Four);
    let beside = found.border_share(|label| label == HAIR);
    let ends = found.regions.iter().zip(beside).map(|(region, beside)| {
        let dark = materials.get(&region.value).is_some_and(|material| {
            let [l, a, b] = material.mean;
            l < hair.tones[0][0] + LIGHTER && a.hypot(b) < PALE
        });
        // what goes on beyond the picture may be large
        let whole = region.x0 > 0 && region.y0 > 0 && region.x1 < labels.width && region.y1 < labels.height;
        region.value != HAIR && dark && whole && beside > BESIDE_HAIR && (region.area as f32) < STRIP * face * face
    });
    let ends: Vec<bool> = ends.collect();
    labels.data.iter_mut().zip(&found.ids.data).filter(|(_, id)| ends[**id as usize]).for_each(|(l, _)| *l = HAIR);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::landmarks::tests::plain_face;

    #[test]
    fn dark_strips_below_hair_are_its_ends_and_cloth_stays() {
        const CLOTH: [i16; 4] = [3, 4, 5, 6];
        let label = |x: usize, y: usize| match (x, y) {
            (40..70, 0..120) => HAIR,
            (40..70, 120..126) => 3,
            (40..70, 126..132) => 4,
            (100..110, 60..70) => 5,
            (180.., 0..9) => HAIR,
            (190.., 9..15) => 3,
            _ => 6,
        };
        let face = plain_face([100.0, 80.0], 40.0);
        let hair = Material::flat([0.25, 0.02, 0.03]);
        let mut labels = Grid::from_data(200, 200, (0..40_000).map(|i| label(i % 200, i / 200)).collect());
        let dark = Material::flat([0.2, 0.01, 0.01]);
        let red = Material::flat([0.25, 0.15, 0.05]);
        let materials = CLOTH.into_iter().zip([dark.clone(), red, dark.clone(), dark]).collect();
        take_ends(&mut labels, &materials, &hair, &[face]);
        assert_eq!(labels[(50, 122)], HAIR, "a dark strip below hair");
        assert_eq!(labels[(50, 130)], 4, "a red one");
        assert_eq!(labels[(105, 65)], 5, "dark, but not beside hair");
        assert_eq!(labels[(195, 12)], 3, "it may go on beyond the picture");
        assert_eq!(labels[(150, 150)], 6, "large");
    }
}
