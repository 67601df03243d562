//! Screentone: sheets of black dots, one for each step of grey.

use crate::draw::pen::dots;
use crate::raster::colour::oklab_of;
use crate::raster::{Grid, Plane};
use rayon::prelude::*;

#[derive(Debug)]
pub struct Screen {
    /// Page pixels between dots.
    pub cell: f32,
    pub angle_deg: f32,
    /// From dark to light: up to this OKLab lightness, this share of the paper is black. Beyond, it is bare.
    pub steps: &'static [(f32, f32)],
}

const BLACK: f32 = 8.0;
const WHITE: f32 = 255.0;

impl Screen {
    pub fn stick(&self, colour: &mut Grid<[f32; 3]>, unit: f32) {
        let tone = |&p: &[f32; 3]| {
            let lightness = oklab_of(p)[0];
            self.steps.iter().find(|(up_to, _)| lightness <= *up_to).map_or(0.0, |(_, share)| *share)
        };
        let tones: Vec<f32> = colour.data.par_iter().with_min_len(4096).map(tone).collect();
        let tones = Plane::from_data(colour.width, colour.height, tones);
        let black = dots(colour.width, colour.height, self.cell * unit, self.angle_deg, &tones);
        for (pixel, (dot, tone)) in colour.data.iter_mut().zip(black.data.iter().zip(&tones.data)) {
            let amount = match tone {
                t if *t >= 1.0 => 1.0,
                t if *t <= 0.0 => 0.0,
                _ => *dot,
            };
            *pixel = [WHITE + amount * (BLACK - WHITE); 3];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_grey_becomes_dots_and_the_ends_become_solid() {
        let screen = Screen { cell: 5.0, angle_deg: 45.0, steps: &[(0.3, 1.0), (0.8, 0.25)] };
        let on_paper = |grey: f32| {
            let mut picture = Grid::new(100, 100, [grey; 3]);
            screen.stick(&mut picture, 2.0);
            picture.data.iter().filter(|p| p[0] < 128.0).count() as f32 / 10_000.0
        };
        assert_eq!((on_paper(10.0), on_paper(250.0)), (1.0, 0.0));
        assert!((on_paper(130.0) - 0.25).abs() < 0.05);
    }
}
