//! How often colours occur.

/// Counts of colours, smoothed: 16 steps of lightness, 40 × 40 of tint.
#[derive(Clone)]
pub struct Histogram(Vec<f32>);

const STEPS: [usize; 3] = [16, 40, 40];
const TINT_RANGE: f32 = 0.4;

impl Default for Histogram {
    fn default() -> Self {
        Self(vec![0.0; STEPS.iter().product()])
    }
}

impl Histogram {
    fn index(c: [f32; 3]) -> usize {
        let step = |v: f32, n: usize| ((v * n as f32) as usize).min(n - 1);
        let tint = |v: f32| (v / TINT_RANGE + 0.5).max(0.0);
        (step(c[0].max(0.0), STEPS[0]) * STEPS[1] + step(tint(c[1]), STEPS[1])) * STEPS[2] + step(tint(c[2]), STEPS[2])
    }

    pub fn add(&mut self, c: [f32; 3]) {
        self.0[Self::index(c)] += 1.0;
    }

    pub fn at(&self, c: [f32; 3]) -> f32 {
        self.0[Self::index(c)]
    }

    /// Shares of all pixels, blurred over a bin in every direction.
    pub fn smooth(&self) -> Self {
        let total = self.0.iter().sum::<f32>().max(1.0);
        let mut values: Vec<f32> = self.0.iter().map(|v| v / total).collect();
        for (stride, n) in [(STEPS[1] * STEPS[2], STEPS[0]), (STEPS[2], STEPS[1]), (1, STEPS[2])] {
            for _ in 0..2 {
                let before = values.clone();
                for (i, v) in values.iter_mut().enumerate() {
                    let at = i / stride % n;
                    let left = if at > 0 { before[i - stride] } else { before[i] };
                    let right = if at + 1 < n { before[i + stride] } else { before[i] };
                    *v = 0.5 * before[i] + 0.25 * (left + right);
                }
            }
        }
        Self(values)
    }

    pub fn share(of: &Self, against: &Self) -> Self {
        Self(of.0.iter().zip(&against.0).map(|(a, b)| a / (a + 0.7 * b + 1e-6)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colour_seen_on_one_side_only_belongs_to_it_and_so_do_its_neighbours() {
        let (mut here, mut there) = (Histogram::default(), Histogram::default());
        (0..50).for_each(|_| here.add([0.3, 0.05, 0.05]));
        (0..50).for_each(|_| there.add([0.8, 0.0, 0.0]));
        let share = Histogram::share(&here.smooth(), &there.smooth());
        assert!(share.at([0.3, 0.05, 0.05]) > 0.95 && share.at([0.36, 0.05, 0.05]) > 0.9);
        assert!(share.at([0.8, 0.0, 0.0]) < 0.05 && share.at([0.5, -0.1, -0.1]) < 0.05);
    }

    #[test]
    fn colours_beyond_every_range_are_counted_at_the_edge() {
        let mut all = Histogram::default();
        all.add([2.0, 9.0, -9.0]);
        assert_eq!(all.at([1.5, 5.0, -5.0]), 1.0);
    }
}
