//! Printing in three inks: each has its own lattice of dots and lies a little beside its place.

use crate::draw::pen::dots;
use crate::raster::{Grid, Plane};
use rayon::prelude::*;

/// One ink: which it is, how its lattice is turned, and by how many page pixels it misses its place.
#[derive(Debug)]
pub struct Separation {
    /// sRGB 0..255.
    pub colour: [f32; 3],
    pub angle_deg: f32,
    pub offset: [f32; 2],
}

#[derive(Debug)]
pub struct Halftone {
    /// Page pixels between dots.
    pub cell: f32,
    /// Shares of an ink that there are, from none to all.
    pub steps: f32,
    /// From this share on an ink is solid.
    pub solid: f32,
    /// Cyan, magenta, yellow.
    pub inks: [Separation; 3],
    /// How much of a dark colour is printed in black; it grows with the square of the darkness, so that light ones stay
    /// clean.
    pub black: f32,
}

const BLACK_ANGLE_DEG: f32 = 45.0;
const BLACK: [f32; 3] = [34.0, 31.0, 38.0];

impl Halftone {
    pub fn print(&self, colour: &mut Grid<[f32; 3]>, paper: [f32; 3], unit: f32) {
        let darkness = |p: &[f32; 3]| 1.0 - p.iter().fold(0.0f32, |most, v| most.max(*v)) / 255.0;
        let grey = |p: &[f32; 3]| (self.black * darkness(p).powi(2)).min(0.97);
        let mut printed = Grid::new(colour.width, colour.height, paper);
        for (k, ink) in self.inks.iter().enumerate() {
            let shares = displaced(colour, ink.offset.map(|v| v * unit), |p| self.inks_of(p, grey(&p))[k]);
            self.lay(&mut printed, &shares, ink.colour, ink.angle_deg, unit);
        }
        let shares = displaced(colour, [0.0, 0.0], |p| self.stepped(grey(&p)));
        self.lay(&mut printed, &shares, BLACK, BLACK_ANGLE_DEG, unit);
        *colour = printed;
    }

    /// Shares of cyan, magenta and yellow beside so much black. Those of a grey are alike: it would turn green where they
    /// fall on different steps.
    fn inks_of(&self, colour: [f32; 3], black: f32) -> [f32; 3] {
        let shares = colour.map(|v| ((1.0 - v / 255.0 - black) / (1.0 - black)).clamp(0.0, 1.0));
        let (least, most) = shares.into_iter().fold((1.0f32, 0.0f32), |(l, m), share| (l.min(share), m.max(share)));
        match most - least < 0.5 / self.steps {
            true => [self.stepped((least + most) / 2.0); 3],
            false => shares.map(|share| self.stepped(share)),
        }
    }

    fn stepped(&self, share: f32) -> f32 {
        (share * self.steps).round() / self.steps
    }

    /// An ink lets through what it does not take.
    fn lay(&self, printed: &mut Grid<[f32; 3]>, shares: &Plane, ink: [f32; 3], angle_deg: f32, unit: f32) {
        let dots = dots(shares.width, shares.height, self.cell * unit, angle_deg, shares);
        let pixels = printed.data.par_iter_mut().zip(&dots.data).zip(&shares.data).with_min_len(4096);
        pixels.for_each(|((pixel, &dot), &share)| {
            let cover = match share {
                s if s >= self.solid => 1.0,
                s if s <= 0.0 => 0.0,
                _ => dot,
            };
            *pixel = std::array::from_fn(|k| pixel[k] * (1.0 - cover * (1.0 - ink[k] / 255.0)));
        });
    }
}

/// `share` of the colours that are `offset` pixels away.
fn displaced(colour: &Grid<[f32; 3]>, offset: [f32; 2], share: impl Fn([f32; 3]) -> f32 + Sync) -> Plane {
    let (w, h) = (colour.width, colour.height);
    let [dx, dy] = offset.map(|v| v.round() as i64);
    let near = |v: usize, by: i64, length: usize| (v as i64 + by).clamp(0, length as i64 - 1) as usize;
    let value = |i: usize| share(colour[(near(i % w, dx, w), near(i / w, dy, h))]);
    Plane::from_data(w, h, (0..w * h).into_par_iter().with_min_len(4096).map(value).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_nearly_grey_gets_no_colour() {
        let newspaper = &crate::draw::style::Style::find("newspaper").unwrap().finish;
        let super::super::Finish::Halftone(halftone) = newspaper else { panic!("it is printed") };
        for level in 0..=25 {
            let level = 10.0 * level as f32;
            let [cyan, magenta, yellow] = halftone.inks_of([level, level + 5.0, level + 2.0], 0.3);
            assert!(cyan == magenta && magenta == yellow, "{level}: {cyan} {magenta} {yellow}");
        }
    }

    #[test]
    fn red_is_printed_in_magenta_and_yellow_alone() {
        let newspaper = &crate::draw::style::Style::find("newspaper").unwrap().finish;
        let super::super::Finish::Halftone(halftone) = newspaper else { panic!("it is printed") };
        let mut picture = Grid::new(60, 60, [255.0, 0.0, 0.0]);
        halftone.print(&mut picture, [255.0; 3], 2.0);
        let solid = halftone.inks[1].colour.map(|v| v / 255.0);
        let expected: [f32; 3] = std::array::from_fn(|k| solid[k] * halftone.inks[2].colour[k]);
        assert!(picture.data.iter().all(|p| (0..3).all(|k| (p[k] - expected[k]).abs() < 1.0)));
    }
}
