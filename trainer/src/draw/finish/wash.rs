//! Watercolour: pigment gathers at the rim of a shape, pools inside it, and settles in the pores of the paper.
//!
//! The density of pigment changes a colour as in Bousseau, Kaplan, Thollot and Sillion, "Interactive watercolor
//! rendering with temporal coherence and abstraction" (2006): c' = c (1 - (1 - c) (d - 1)). White stays white.

use super::texture::{cloud, clouds};
use crate::raster::clean::smoothstep;
use crate::raster::filter::gaussian;
use crate::raster::{Grid, Plane};
use rayon::prelude::*;

/// Lengths in page pixels; the others say by how much of itself the density of pigment changes.
#[derive(Debug)]
pub struct Wash {
    /// How far borders stray.
    pub wobble: f32,
    /// At the rim of a shape.
    pub rim: f32,
    /// Towards the rim of a shape, from far inside.
    pub pool: f32,
    /// In large clouds.
    pub bloom: f32,
    /// In the pores of the paper.
    pub grain: f32,
}

/// Spread of a rim and of a pool.
const RIM: f32 = 1.3;
const POOL: f32 = 9.0;
/// Distance between clouds, between waves of a border, and between pores.
const CLOUD: f32 = 95.0;
const WAVE: f32 = 17.0;
const PORE: f32 = 2.4;
/// Mean difference of channels (0..255) that makes a full rim.
const FULL_RIM: f32 = 40.0;

impl Wash {
    pub fn paint(&self, colour: &mut Grid<[f32; 3]>, paper: [f32; 3], unit: f32) {
        let strayed = self.stray(colour, unit);
        let rim = gaussian(&strayed, RIM * unit);
        let pool = gaussian(&strayed, POOL * unit);
        let (width, height) = (colour.width, colour.height);
        let bloom = clouds(width, height, unit, CLOUD, 1);
        colour.data.par_iter_mut().enumerate().for_each(|(i, pixel)| {
            let (x, y) = ((i % width) as f32 / unit, (i / width) as f32 / unit);
            let own = strayed.data[i];
            // only where it is lighter outside: pigment stays within its shape
            let darker = |around: [f32; 3]| (0..3).map(|k| (around[k] - own[k]).max(0.0)).sum::<f32>() / 3.0 / FULL_RIM;
            let density = 1.0
                + self.rim * smoothstep(darker(rim.data[i]), 0.05, 1.0)
                + self.pool * darker(pool.data[i]).min(1.0)
                + self.bloom * (bloom.data[i] - 0.5)
                + self.grain * (cloud(x, y, PORE, 2) - 0.5);
            *pixel = std::array::from_fn(|k| {
                let c = own[k] / 255.0;
                (c * (1.0 - (1.0 - c) * (density - 1.0))).clamp(0.0, 1.0) * paper[k]
            });
        });
    }

    /// The same shapes with an unsteady hand.
    fn stray(&self, colour: &Grid<[f32; 3]>, unit: f32) -> Grid<[f32; 3]> {
        let (w, h) = (colour.width, colour.height);
        let [across, down] = [3, 4].map(|seed| clouds(w, h, unit, WAVE, seed));
        let pixel = |i: usize| {
            let aside = |noise: &Plane| 2.0 * self.wobble * unit * (noise.data[i] - 0.5);
            let near = |v: f32, length: usize| v.round().clamp(0.0, length as f32 - 1.0) as usize;
            colour[(near((i % w) as f32 + aside(&across), w), near((i / w) as f32 + aside(&down), h))]
        };
        Grid::from_data(w, h, (0..w * h).into_par_iter().map(pixel).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_painted_shape_is_darkest_at_its_rim_and_paper_stays_clean() {
        let shape = |i: usize| if (60..140).contains(&(i % 200)) { [120.0, 160.0, 220.0] } else { [255.0; 3] };
        let mut picture = Grid::from_data(200, 80, (0..16_000).map(shape).collect());
        let wash = Wash { wobble: 0.0, rim: 0.9, pool: 0.4, bloom: 0.0, grain: 0.0 };
        wash.paint(&mut picture, [250.0; 3], 2.0);
        assert!(picture[(61, 40)][0] < picture[(100, 40)][0] - 20.0);
        assert_eq!(picture[(20, 40)], [250.0; 3]);
    }
}
