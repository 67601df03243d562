//! Which colours are the object's and which the background's, over the whole video.

use crate::raster::Lab;
use crate::raster::Plane;

/// Cells of lightness, a, b; a and b run from minus to plus [`RANGE`].
const CELLS: [usize; 3] = [14, 22, 22];
const RANGE: f32 = 0.18;
/// Rounds of smoothing over neighbouring cells.
const ROUNDS: usize = 2;
/// What an unseen colour counts, as a share of all.
const UNSEEN: f32 = 2e-5;

/// Log odds of object against background for each colour cell.
pub(super) struct Appearance {
    odds: Vec<f32>,
}

impl Appearance {
    /// Counts each pixel as object with its probability, and as background with the rest; undecided ones hardly count.
    pub fn learn<'a>(frames: impl Iterator<Item = (&'a Lab, &'a Plane)>) -> Self {
        let cells = CELLS.iter().product();
        let (mut object, mut ground) = (vec![0.0f32; cells], vec![0.0f32; cells]);
        for (colours, probability) in frames {
            for (&colour, &p) in colours.data.iter().zip(&probability.data) {
                let cell = cell(colour);
                object[cell] += p * p;
                ground[cell] += (1.0 - p) * (1.0 - p);
            }
        }
        let share = |mut counts: Vec<f32>| {
            (0..ROUNDS).for_each(|_| counts = smoothed(&counts));
            let total = counts.iter().sum::<f32>().max(1.0);
            counts.iter().map(|count| count / total + UNSEEN).collect::<Vec<f32>>()
        };
        let (object, ground) = (share(object), share(ground));
        Self { odds: object.iter().zip(&ground).map(|(o, g)| (o / g).ln()).collect() }
    }

    pub fn odds(&self, colour: [f32; 3]) -> f32 {
        self.odds[cell(colour)]
    }
}

fn cell([lightness, a, b]: [f32; 3]) -> usize {
    let index = |value: f32, axis: usize| ((value * CELLS[axis] as f32) as usize).min(CELLS[axis] - 1);
    let signed = |value: f32, axis: usize| index((value + RANGE) / (2.0 * RANGE), axis);
    (index(lightness, 0) * CELLS[1] + signed(a, 1)) * CELLS[2] + signed(b, 2)
}

/// Each cell and its neighbours along every axis, weighted 1:2:1.
fn smoothed(counts: &[f32]) -> Vec<f32> {
    let mut values = counts.to_vec();
    let mut stride = 1;
    for axis in (0..3).rev() {
        let old = values.clone();
        for (i, value) in values.iter_mut().enumerate() {
            let place = i / stride % CELLS[axis];
            let before = if place > 0 { old[i - stride] } else { old[i] };
            let after = if place + 1 < CELLS[axis] { old[i + stride] } else { old[i] };
            *value = 0.25 * (before + 2.0 * old[i] + after);
        }
        stride *= CELLS[axis];
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raster::Grid;

    #[test]
    fn colours_that_only_the_object_has_speak_for_it() {
        let colours = Grid::from_data(60, 1, (0..60).map(|i| [0.1 + 0.3 * (i / 20) as f32, 0.0, 0.1]).collect());
        let object = Grid::from_data(60, 1, (0..60).map(|i| if i < 30 { 0.95 } else { 0.05 }).collect());
        let learned = Appearance::learn([(&colours, &object)].into_iter());
        assert!(learned.odds([0.1, 0.0, 0.1]) > 2.0, "only the object's");
        assert!(learned.odds([0.7, 0.0, 0.1]) < -2.0, "only the background's");
        assert!(learned.odds([0.4, 0.0, 0.1]).abs() < 0.5, "of both");
        assert!(learned.odds([0.9, 0.17, -0.17]).abs() < 0.1, "of neither");
    }
}
