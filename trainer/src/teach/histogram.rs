//! How often each colour occurs: a smoothed histogram over OKLab.

/// Cells of lightness, a, b.
const CELLS: [usize; 3] = [16, 40, 40];
/// a and b run from minus to plus this; what lies beyond counts at the edge.
const COLOUR_RANGE: f32 = 0.2;
/// Standard deviations of the smoothing, in cells.
const SMOOTHING: [f32; 3] = [1.2, 1.0, 1.0];
/// A density below this is as good as never.
const NEVER: f32 = 1e-6;

/// Counted colours.
#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counts: Vec<u32>,
}

/// A value for each colour cell.
#[derive(Clone, Debug)]
pub(super) struct Density {
    values: Vec<f32>,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; CELLS.iter().product()] }
    }
}

impl Histogram {
    pub fn add(&mut self, colour: [f32; 3]) {
        self.counts[cell(colour)] += 1;
    }

    pub fn add_all(&mut self, other: &Self) {
        self.counts.iter_mut().zip(&other.counts).for_each(|(count, more)| *count += more);
    }

    /// Smoothed shares; they sum to one, or to zero when nothing was counted.
    pub fn density(&self) -> Density {
        let total = self.counts.iter().sum::<u32>().max(1) as f32;
        let mut values: Vec<f32> = self.counts.iter().map(|&count| count as f32 / total).collect();
        for (axis, sigma) in SMOOTHING.into_iter().enumerate() {
            values = blurred(&values, axis, sigma);
        }
        Density { values }
    }
}

impl Density {
    /// How likely a colour is `wanted` rather than one of `others`, each with its weight: 0..1.
    pub fn ratio(wanted: &Density, others: &[(&Density, f32)]) -> Density {
        let share = |(index, &value): (usize, &f32)| {
            let rest: f32 = others.iter().map(|(other, weight)| weight * other.values[index]).sum();
            value / (value + rest + NEVER)
        };
        Density { values: wanted.values.iter().enumerate().map(share).collect() }
    }

    pub fn at(&self, colour: [f32; 3]) -> f32 {
        self.values[cell(colour)]
    }
}

fn cell([lightness, a, b]: [f32; 3]) -> usize {
    let index = |value: f32, axis: usize| ((value * CELLS[axis] as f32) as usize).min(CELLS[axis] - 1);
    let signed = |value: f32, axis: usize| index((value + COLOUR_RANGE) / (2.0 * COLOUR_RANGE), axis);
    (index(lightness, 0) * CELLS[1] + signed(a, 1)) * CELLS[2] + signed(b, 2)
}

/// Gaussian along one axis; the border mirrors, so that nothing is lost.
fn blurred(values: &[f32], axis: usize, sigma: f32) -> Vec<f32> {
    let radius = (4.0 * sigma).round() as isize;
    let kernel: Vec<f32> = (-radius..=radius).map(|d| (-0.5 * (d as f32 / sigma).powi(2)).exp()).collect();
    let whole: f32 = kernel.iter().sum();
    let step: usize = CELLS[axis + 1..].iter().product();
    let length = CELLS[axis] as isize;
    (0..values.len())
        .map(|index| {
            let place = (index / step % CELLS[axis]) as isize;
            let line = index - place as usize * step;
            let tap = |(weight, offset): (&f32, isize)| {
                let mirrored = (place + offset).rem_euclid(2 * length);
                weight * values[line + mirrored.min(2 * length - 1 - mirrored) as usize * step]
            };
            kernel.iter().zip(-radius..).map(tap).sum::<f32>() / whole
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn smoothing_loses_nothing_even_in_the_corners() {
        let mut histogram = Histogram::default();
        for colour in [[0.0, -0.2, -0.2], [1.0, 0.2, 0.2], [0.5, 0.0, 0.9], [2.0, -9.0, 0.0]] {
            histogram.add(colour);
        }
        let sum: f32 = histogram.density().values.iter().sum();
        assert!((sum - 1.0).abs() < 1e-4, "{sum}");
    }

    #[test]
    fn a_colour_seen_only_among_the_wanted_is_likely_and_an_unseen_one_is_not() {
        let (mut skin, mut shirt) = (Histogram::default(), Histogram::default());
        (0..100).for_each(|_| skin.add([0.7, 0.05, 0.05]));
        (0..100).for_each(|_| shirt.add([0.3, -0.1, 0.0]));
        let likely = Density::ratio(&skin.density(), &[(&shirt.density(), 1.0)]);
        assert!(likely.at([0.7, 0.05, 0.05]) > 0.95);
        assert!(likely.at([0.3, -0.1, 0.0]) < 0.01);
        assert!(likely.at([0.1, 0.19, -0.19]) < 0.01);
    }
}
