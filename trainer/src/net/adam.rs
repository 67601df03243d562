/// Kingma and Ba (2015), with the rates of this training. One for each group of parameters.
#[derive(Clone)]
pub struct Adam {
    pub mean: Vec<f32>,
    pub square: Vec<f32>,
    pub step: i32,
}

const BETA_MEAN: f32 = 0.9;
const BETA_SQUARE: f32 = 0.99;
const EPSILON: f32 = 1e-8;

impl Adam {
    pub fn new(parameters: usize) -> Self {
        Self { mean: vec![0.0; parameters], square: vec![0.0; parameters], step: 0 }
    }

    pub fn update(&mut self, parameters: &mut [f32], gradient: &[f32], rate: f32) {
        self.step += 1;
        let [rate, square_bias] = biased(rate, self.step);
        let moments = self.mean.iter_mut().zip(&mut self.square);
        for ((value, &g), (mean, square)) in parameters.iter_mut().zip(gradient).zip(moments) {
            *mean += (1.0 - BETA_MEAN) * (g - *mean);
            *square += (1.0 - BETA_SQUARE) * (g * g - *square);
            *value -= rate * *mean / (square.sqrt() / square_bias + EPSILON);
        }
    }

    /// Forgets the past of some parameters, after they were set anew.
    pub fn forget(&mut self, parameters: std::ops::Range<usize>) {
        self.mean[parameters.clone()].fill(0.0);
        self.square[parameters].fill(0.0);
    }
}

/// What step `step` (1 is the first) has of the rate: the rate over the mean's bias, and the square root of the
/// square's bias.
pub fn biased(rate: f32, step: i32) -> [f32; 2] {
    [rate / (1.0 - BETA_MEAN.powi(step)), (1.0 - BETA_SQUARE.powi(step)).sqrt()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bowl_is_descended_to_its_bottom() {
        let mut x = [4.0, -3.0];
        let mut adam = Adam::new(2);
        for step in 0..400 {
            let gradient = [2.0 * (x[0] - 1.0), 20.0 * (x[1] - 2.0)];
            adam.update(&mut x, &gradient, 0.1 * (1.0 - step as f32 / 400.0));
        }
        assert!((x[0] - 1.0).abs() < 1e-3 && (x[1] - 2.0).abs() < 1e-3, "{x:?}");
    }

    /// The algorithm as the paper prints it, in f64.
    #[test]
    fn updates_are_those_of_the_paper() {
        let mut adam = Adam::new(1);
        let mut value = [0.5];
        let (mut m, mut v, mut expected) = (0.0f64, 0.0f64, 0.5f64);
        for t in 1..50 {
            let gradient = (t as f32 * 0.7).sin() * 1e-3;
            adam.update(&mut value, &[gradient], 3e-3);
            let g = f64::from(gradient);
            m = 0.9 * m + 0.1 * g;
            v = 0.99 * v + 0.01 * g * g;
            let (mean, square) = (m / (1.0 - 0.9f64.powi(t)), v / (1.0 - 0.99f64.powi(t)));
            expected -= 3e-3 * mean / (square.sqrt() + 1e-8);
            assert!((f64::from(value[0]) - expected).abs() < 1e-6, "step {t}: {}, not {expected}", value[0]);
        }
    }
}
