//! Moves a line of the mesh onto the dark ridge that the picture shows near it. The mesh knows what a face usually looks
//! like; how low a brow hangs or which way a mouth bends is in the pixels.

use super::Portrait;
use crate::draw::pen::spline;
use crate::draw::point::{Point, add};

/// Places along the line that vote, and how finely they look, in face widths.
const COLUMNS: usize = 15;
const STEP: f32 = 0.005;
/// The ends of a line are the least certain: this share on each side has no vote.
const ENDS: usize = 1;
/// What leaving the mesh's shape costs, as lightness, when it goes as far as it usually may.
const PRIOR_COST: f32 = 0.003;

/// What is looked for; lengths in face widths.
pub struct Ridge {
    /// How far from the mesh's line.
    pub reach: f32,
    /// Width of the dark line.
    pub width: f32,
    /// Usual shift, tilt and bend (the latter two as the shift of the line's ends).
    pub usual: [f32; 3],
}

/// How a line moves along the face's own up; in face widths.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fit {
    pub shift: f32,
    /// Shift of the line's last point against its middle; its first point moves the other way.
    pub tilt: f32,
    /// Shift of both ends against the middle.
    pub bend: f32,
    /// How much darker the line is than what is above and below it (lightness).
    pub contrast: f32,
}

impl Fit {
    /// `place` runs along the line from -1 to 1.
    pub fn at(&self, place: f32) -> f32 {
        self.shift + self.tilt * place + self.bend * (place * place - 1.0 / 3.0)
    }

    pub fn apply(&self, portrait: &Portrait, line: &mut [Point]) {
        let last = (line.len().max(2) - 1) as f32;
        for (i, point) in line.iter_mut().enumerate() {
            *point = add(*point, portrait.step(0.0, self.at(2.0 * i as f32 / last - 1.0)));
        }
    }
}

impl Ridge {
    /// The movement that puts the line where it is darkest against its surroundings, not too far from the mesh.
    pub fn fit(&self, portrait: &Portrait, line: &[Point]) -> Fit {
        let line = spline(line, COLUMNS);
        let rows = (self.reach / STEP).round() as i32;
        let votes: Vec<Vec<f32>> =
            line[ENDS..COLUMNS - ENDS].iter().map(|&point| self.darkness(portrait, point, rows)).collect();
        let tries =
            |usual: f32, count: i32| (-count..=count).map(move |i| 1.5 * usual * i as f32 / count.max(1) as f32);
        let mut best = (f32::MIN, Fit::default());
        for shift in tries(self.usual[0], 8) {
            for tilt in tries(self.usual[1], 4) {
                for bend in tries(self.usual[2], 3) {
                    let mut fit = Fit { shift, tilt, bend, contrast: 0.0 };
                    fit.contrast = mean_vote(&votes, &fit, rows);
                    let ratios = [shift, tilt, bend].into_iter().zip(self.usual).map(|(v, usual)| v / usual);
                    let score = fit.contrast - PRIOR_COST * ratios.map(|ratio| ratio * ratio).sum::<f32>();
                    if score > best.0 {
                        best = (score, fit);
                    }
                }
            }
        }
        best.1
    }

    /// For shifts of `-rows..=rows` steps: how much darker a band is than the bands above and below it.
    fn darkness(&self, portrait: &Portrait, point: Point, rows: i32) -> Vec<f32> {
        let band = ((self.width / STEP).round() as i32).max(1);
        let first = -rows - 2 * band;
        let at = |row: i32| portrait.lightness(add(point, portrait.step(0.0, row as f32 * STEP)));
        let mut sums = vec![0.0];
        for row in first..=-first {
            sums.push(sums[sums.len() - 1] + at(row));
        }
        let mean = |middle: i32| {
            let start = (middle - band / 2 - first) as usize;
            (sums[start + band as usize] - sums[start]) / band as f32
        };
        (-rows..=rows).map(|row| 0.5 * (mean(row - band) + mean(row + band)) - mean(row)).collect()
    }
}

fn mean_vote(votes: &[Vec<f32>], fit: &Fit, rows: i32) -> f32 {
    let last = (votes.len() + 2 * ENDS - 1) as f32;
    let vote = |(i, column): (usize, &Vec<f32>)| {
        let place = 2.0 * (i + ENDS) as f32 / last - 1.0;
        let row = (fit.at(place) / STEP).round() as i32;
        column[(row + rows).clamp(0, 2 * rows) as usize]
    };
    votes.iter().enumerate().map(vote).sum::<f32>() / votes.len().max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::super::tests::with_portrait;
    use super::*;
    use crate::draw::pen::stroke_outline;

    const LINE: [Point; 3] = [[60.0, 120.0], [120.0, 120.0], [180.0, 120.0]];
    const RIDGE: Ridge = Ridge { reach: 0.06, width: 0.04, usual: [0.03, 0.02, 0.015] };

    fn fit(dark: &[Vec<Point>]) -> Fit {
        with_portrait(dark, |portrait| RIDGE.fit(portrait, &LINE))
    }

    #[test]
    fn a_line_moves_onto_the_dark_stroke_beside_it() {
        // 4 of 140 pixels up on the left, none in the middle, 4 down on the right
        let stroke = stroke_outline(&[[60.0, 112.0], [120.0, 116.0], [180.0, 120.0]], 5.0, 0.01, 0.01);
        let found = fit(&[stroke]);
        assert!((found.shift - 4.0 / 140.0).abs() < 0.012, "{found:?}");
        assert!((found.tilt + 4.0 / 140.0).abs() < 0.012, "{found:?}");
        assert!(found.contrast > 0.2);
    }

    #[test]
    fn on_bare_skin_a_line_stays_where_it_is() {
        let found = fit(&[]);
        assert_eq!((found.shift, found.tilt, found.bend), (0.0, 0.0, 0.0));
    }
}
