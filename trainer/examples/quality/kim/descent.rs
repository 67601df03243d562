//! Stochastic gradient descent with momentum.

const RATE: f32 = 0.1;
const MOMENTUM: f32 = 0.9;

/// Numbers that are learned.
pub struct Parameter {
    pub value: Vec<f32>,
    velocity: Vec<f32>,
}

impl Parameter {
    pub fn new(value: Vec<f32>) -> Self {
        Self { velocity: vec![0.0; value.len()], value }
    }

    pub fn descend(&mut self, gradient: &[f32]) {
        for ((value, velocity), gradient) in self.value.iter_mut().zip(&mut self.velocity).zip(gradient) {
            *velocity = MOMENTUM * *velocity + gradient;
            *value -= RATE * *velocity;
        }
    }

    /// What a first step would have gone down along, for tests.
    #[cfg(test)]
    pub fn velocity(&self) -> &[f32] {
        &self.velocity
    }
}
