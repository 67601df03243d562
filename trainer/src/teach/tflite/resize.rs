//! Bilinear resizing with TensorFlow Lite's two conventions.

use super::ModelError;
use super::window::Picture;

/// Where an output pixel looks in the input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sampling {
    /// The corner pixels of both pictures meet.
    pub align_corners: bool,
    /// Pixels are areas, whose centres lie at one half.
    pub half_pixel: bool,
}

#[derive(Debug)]
pub(super) struct Resize {
    sampling: Sampling,
    input: Picture,
    output: Picture,
}

/// Two neighbours and the share of the second.
struct Between {
    first: usize,
    second: usize,
    share: f32,
}

impl Resize {
    pub fn new(sampling: Sampling, input: Picture, output: Picture) -> Result<Self, ModelError> {
        if input.channels != output.channels {
            return Err(ModelError::Shape("resizing changes no channels"));
        }
        Ok(Self { sampling, input, output })
    }

    pub fn run(&self, values: &[f32], output: &mut [f32]) {
        let channels = self.input.channels;
        let columns: Vec<Between> =
            (0..self.output.columns).map(|x| self.between(x, self.input.columns, self.output.columns)).collect();
        for (y, row) in output.chunks_exact_mut(self.output.columns * channels).enumerate() {
            let vertical = self.between(y, self.input.rows, self.output.rows);
            let pixel =
                |row: usize, column: usize| &values[(row * self.input.columns + column) * channels..][..channels];
            for (target, horizontal) in row.chunks_exact_mut(channels).zip(&columns) {
                let top = [pixel(vertical.first, horizontal.first), pixel(vertical.first, horizontal.second)];
                let bottom = [pixel(vertical.second, horizontal.first), pixel(vertical.second, horizontal.second)];
                for (channel, value) in target.iter_mut().enumerate() {
                    let above = mix(top[0][channel], top[1][channel], horizontal.share);
                    let below = mix(bottom[0][channel], bottom[1][channel], horizontal.share);
                    *value = mix(above, below, vertical.share);
                }
            }
        }
    }

    fn between(&self, index: usize, input: usize, output: usize) -> Between {
        let scale = if self.sampling.align_corners && output > 1 {
            (input - 1) as f32 / (output - 1) as f32
        } else {
            input as f32 / output as f32
        };
        let place =
            if self.sampling.half_pixel { (index as f32 + 0.5) * scale - 0.5 } else { index as f32 * scale }.max(0.0);
        let first = (place as usize).min(input - 1);
        Between { first, second: (first + 1).min(input - 1), share: place - place.floor() }
    }
}

fn mix(from: f32, to: f32, share: f32) -> f32 {
    from + (to - from) * share
}

#[cfg(test)]
mod tests {
    use super::*;

    fn doubled(sampling: Sampling) -> Vec<f32> {
        let input = Picture { rows: 1, columns: 2, channels: 1 };
        let output = Picture { columns: 4, ..input };
        let mut values = vec![0.0; 4];
        Resize::new(sampling, input, output).expect("fits").run(&[0.0, 12.0], &mut values);
        values
    }

    #[test]
    fn each_convention_samples_at_its_own_places() {
        assert_eq!(doubled(Sampling { align_corners: false, half_pixel: false }), [0.0, 6.0, 12.0, 12.0]);
        assert_eq!(doubled(Sampling { align_corners: false, half_pixel: true }), [0.0, 3.0, 9.0, 12.0]);
        assert_eq!(doubled(Sampling { align_corners: true, half_pixel: false }), [0.0, 4.0, 8.0, 12.0]);
    }
}
