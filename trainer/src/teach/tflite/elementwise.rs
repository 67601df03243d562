//! Operators that change each value by itself, in place: activations, sums, products.

use super::ModelError;

/// What may follow a convolution, sum or product in the same operator.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Activation {
    None,
    Relu,
    Relu6,
}

impl Activation {
    /// `ActivationFunctionType` of the schema.
    pub fn from_code(code: u8) -> Result<Self, ModelError> {
        match code {
            0 => Ok(Self::None),
            1 => Ok(Self::Relu),
            3 => Ok(Self::Relu6),
            _ => Err(ModelError::Unsupported(format!("activation {code}"))),
        }
    }

    pub fn apply(self, values: &mut [f32]) {
        match self {
            Self::None => {}
            Self::Relu => values.iter_mut().for_each(|value| *value = value.max(0.0)),
            Self::Relu6 => values.iter_mut().for_each(|value| *value = value.clamp(0.0, 6.0)),
        }
    }
}

/// A change to every value of the first operand. The second operand, if any, is repeated over the first: it has the
/// same shape, or one value a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    Add(Activation),
    Multiply(Activation),
    Relu,
    HardSwish,
    Sigmoid,
    /// Negative values times a slope from the second operand.
    Prelu,
    /// A new shape for the same values.
    Reshape,
}

impl Change {
    pub fn operands(self) -> usize {
        match self {
            Self::Add(_) | Self::Multiply(_) | Self::Prelu => 2,
            Self::Relu | Self::HardSwish | Self::Sigmoid | Self::Reshape => 1,
        }
    }

    pub fn apply(self, values: &mut [f32], second: &[f32]) {
        match self {
            Self::Add(activation) => {
                combine(values, second, |a, b| a + b);
                activation.apply(values);
            }
            Self::Multiply(activation) => {
                combine(values, second, |a, b| a * b);
                activation.apply(values);
            }
            Self::Prelu => combine(values, second, |value, slope| if value < 0.0 { value * slope } else { value }),
            Self::Relu => Activation::Relu.apply(values),
            Self::HardSwish => {
                values.iter_mut().for_each(|value| *value *= (*value + 3.0).clamp(0.0, 6.0) / 6.0);
            }
            Self::Sigmoid => values.iter_mut().for_each(|value| *value = 1.0 / (1.0 + (-*value).exp())),
            Self::Reshape => {}
        }
    }
}

fn combine(values: &mut [f32], second: &[f32], change: impl Fn(f32, f32) -> f32) {
    for chunk in values.chunks_exact_mut(second.len()) {
        for (value, &other) in chunk.iter_mut().zip(second) {
            *value = change(*value, other);
        }
    }
}

/// Whether `second` can be repeated over `first`: without its leading ones, it is how `first` ends.
pub(super) fn repeats_over(first: &[usize], second: &[usize]) -> bool {
    let leading = second.iter().take_while(|&&length| length == 1).count();
    first.ends_with(&second[leading..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_follow_their_definitions() {
        let check = |change: Change, second: &[f32], want: [f32; 4]| {
            let mut values = [-4.0, -1.0, 0.5, 8.0];
            change.apply(&mut values, second);
            assert_eq!(values, want, "{change:?}");
        };
        check(Change::Relu, &[], [0.0, 0.0, 0.5, 8.0]);
        check(Change::HardSwish, &[], [-0.0, -1.0 / 3.0, 0.5 * 3.5 / 6.0, 8.0]);
        check(Change::Prelu, &[0.5, 0.25], [-2.0, -0.25, 0.5, 8.0]);
        check(Change::Add(Activation::Relu6), &[1.0], [0.0, 0.0, 1.5, 6.0]);
        check(Change::Multiply(Activation::None), &[2.0, -1.0], [-8.0, 1.0, 1.0, -8.0]);
    }

    #[test]
    fn a_value_for_each_channel_repeats_over_a_picture() {
        assert!(repeats_over(&[1, 8, 8, 3], &[1, 1, 1, 3]));
        assert!(repeats_over(&[1, 8, 8, 3], &[1, 8, 8, 3]));
        assert!(repeats_over(&[1, 8, 8, 3], &[1]));
        assert!(!repeats_over(&[1, 8, 8, 3], &[1, 8, 1, 1]));
        assert!(!repeats_over(&[3], &[2, 3]));
    }
}
