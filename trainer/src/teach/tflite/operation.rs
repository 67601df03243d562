//! One step of a model: which operator it is, with its geometry worked out and checked.

use super::ModelError;
use super::convolution::{Convolution, Doubling};
use super::depthwise::Depthwise;
use super::elementwise::{Activation, Change, repeats_over};
use super::flatbuffer::Table;
use super::pooling::{Pad, Pool, Pooling};
use super::resize::{Resize, Sampling};
use super::window::{Framing, Picture};

#[derive(Debug)]
pub(super) enum Operation {
    /// Works in place on its first operand.
    Change(Change),
    Convolution(Convolution),
    Depthwise(Depthwise),
    Doubling(Doubling),
    Pool(Pool),
    Pad(Pad),
    Resize(Resize),
    /// So many operands, one after the other.
    Join(usize),
}

/// `BuiltinOperator` of the schema.
mod code {
    pub const ADD: i32 = 0;
    pub const AVERAGE_POOL_2D: i32 = 1;
    pub const CONCATENATION: i32 = 2;
    pub const CONV_2D: i32 = 3;
    pub const DEPTHWISE_CONV_2D: i32 = 4;
    pub const FULLY_CONNECTED: i32 = 9;
    pub const LOGISTIC: i32 = 14;
    pub const MAX_POOL_2D: i32 = 17;
    pub const MUL: i32 = 18;
    pub const RELU: i32 = 19;
    pub const RESHAPE: i32 = 22;
    pub const RESIZE_BILINEAR: i32 = 23;
    pub const CUSTOM: i32 = 32;
    pub const PAD: i32 = 34;
    pub const MEAN: i32 = 40;
    pub const PRELU: i32 = 54;
    pub const HARD_SWISH: i32 = 117;
}

/// The options of MediaPipe's custom operator: same padding, stride 2 × 2; three little-endian integers.
const DOUBLING_OPTIONS: [u8; 12] = [1, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0];

/// An operator as the file states it.
pub(super) struct Statement<'a> {
    pub code: i32,
    pub custom_name: &'a [u8],
    pub custom_options: &'a [u8],
    pub options: Option<Table<'a>>,
    pub inputs: Vec<&'a [usize]>,
    pub output: &'a [usize],
    /// The second operand's values where it is a constant list of integers.
    pub amounts: &'a [i32],
}

impl Statement<'_> {
    pub fn read(&self) -> Result<Operation, ModelError> {
        match self.code {
            code::ADD => self.change(Change::Add(self.activation(0)?)),
            code::MUL => self.change(Change::Multiply(self.activation(0)?)),
            code::RELU => self.change(Change::Relu),
            code::HARD_SWISH => self.change(Change::HardSwish),
            code::LOGISTIC => self.change(Change::Sigmoid),
            code::PRELU => self.change(Change::Prelu),
            code::RESHAPE => self.change(Change::Reshape),
            code::CONV_2D => {
                let (framing, activation) = (self.framing(self.shape(1)?, [2, 1])?, self.activation(3)?);
                self.only_dense([4, 5])?;
                let (weights, bias) = (self.shape(1)?, self.shape(2)?);
                Convolution::new(self.input()?, self.output()?, weights, bias, framing, activation)
                    .map(Operation::Convolution)
            }
            code::DEPTHWISE_CONV_2D => {
                let (framing, activation) = (self.framing(self.shape(1)?, [2, 1])?, self.activation(4)?);
                self.only_dense([5, 6])?;
                let (weights, bias) = (self.shape(1)?, self.shape(2)?);
                Depthwise::new(self.input()?, self.output()?, weights, bias, framing, activation)
                    .map(Operation::Depthwise)
            }
            code::FULLY_CONNECTED => self.fully_connected(),
            code::MEAN => self.mean(),
            code::CONCATENATION => self.join(),
            code::AVERAGE_POOL_2D => self.pool(Pooling::Average),
            code::MAX_POOL_2D => self.pool(Pooling::Largest),
            code::PAD => Pad::new(self.input()?, self.output()?, self.amounts).map(Operation::Pad),
            code::RESIZE_BILINEAR => {
                let sampling = Sampling { align_corners: self.byte(2)? != 0, half_pixel: self.byte(3)? != 0 };
                Resize::new(sampling, self.input()?, self.output()?).map(Operation::Resize)
            }
            code::CUSTOM
                if self.custom_name == b"Convolution2DTransposeBias" && self.custom_options == DOUBLING_OPTIONS =>
            {
                Doubling::new(self.input()?, self.output()?, self.shape(1)?, self.shape(2)?).map(Operation::Doubling)
            }
            code::CUSTOM => {
                Err(ModelError::Unsupported(format!("operator {}", String::from_utf8_lossy(self.custom_name))))
            }
            other => Err(ModelError::Unsupported(format!("operator number {other}"))),
        }
    }

    fn change(&self, change: Change) -> Result<Operation, ModelError> {
        let first = self.shape(0)?;
        let keeps_shape = match change {
            Change::Reshape => first.iter().product::<usize>() == self.output.iter().product::<usize>(),
            _ => first == self.output,
        };
        if !keeps_shape || (change.operands() == 2 && !repeats_over(first, self.shape(1)?)) {
            return Err(ModelError::Shape("operands of a value by value change"));
        }
        Ok(Operation::Change(change))
    }

    fn pool(&self, pooling: Pooling) -> Result<Operation, ModelError> {
        if self.activation(5)? != Activation::None {
            return Err(ModelError::Unsupported("pooling with an activation".into()));
        }
        let size = [self.size(4)?, self.size(3)?];
        let framing = Framing { size, stride: [self.size(2)?, self.size(1)?], same: self.byte(0)? == 0 };
        Pool::new(pooling, self.input()?, self.output()?, framing).map(Operation::Pool)
    }

    /// A convolution of a picture that is one pixel large.
    fn fully_connected(&self) -> Result<Operation, ModelError> {
        let (&[1, inputs], &[1, outputs], &[rows, columns]) = (self.shape(0)?, self.output, self.shape(1)?) else {
            return Err(ModelError::Shape("a fully connected layer's operands"));
        };
        let (input, output) = (Picture::from_shape(&[1, 1, 1, inputs])?, Picture::from_shape(&[1, 1, 1, outputs])?);
        let framing = Framing { size: [1, 1], stride: [1, 1], same: false };
        Convolution::new(input, output, &[rows, 1, 1, columns], self.shape(2)?, framing, self.activation(0)?)
            .map(Operation::Convolution)
    }

    /// Over all pixels: a pool as large as its picture.
    fn mean(&self) -> Result<Operation, ModelError> {
        let input = self.input()?;
        if *self.amounts != [1, 2] || self.output.iter().product::<usize>() != input.channels {
            return Err(ModelError::Unsupported("a mean over something else than all pixels".into()));
        }
        let output = Picture { rows: 1, columns: 1, ..input };
        let framing = Framing { size: [input.rows, input.columns], stride: [1, 1], same: false };
        Pool::new(Pooling::Average, input, output, framing).map(Operation::Pool)
    }

    /// Along an axis with nothing but ones before it, tensors lie one behind the other in memory.
    fn join(&self) -> Result<Operation, ModelError> {
        let axis = usize::try_from(self.options.map_or(Ok(0), |options| options.int(0, 0))?)
            .map_err(|_| ModelError::Unsupported("joining along an axis counted from behind".into()))?;
        let (Some(before), Some(behind)) = (self.output.get(..axis), self.output.get(axis + 1..)) else {
            return Err(ModelError::Shape("no such axis to join along"));
        };
        if before.iter().any(|&length| length != 1) || self.activation(1)? != Activation::None {
            return Err(ModelError::Unsupported("joining with an activation, or in pieces".into()));
        }
        let fits = |shape: &&[usize]| {
            shape.len() == self.output.len() && shape[..axis] == *before && shape[axis + 1..] == *behind
        };
        let lengths: Option<Vec<usize>> = self.inputs.iter().map(|shape| fits(shape).then(|| shape[axis])).collect();
        let total = lengths.and_then(|lengths| lengths.iter().try_fold(0usize, |sum, &length| sum.checked_add(length)));
        if total != Some(self.output[axis]) {
            return Err(ModelError::Shape("what is joined does not lead to its output"));
        }
        Ok(Operation::Join(self.inputs.len()))
    }

    /// Window of a convolution; its size is that of the weights, its strides are in the fields `[rows, columns]`.
    fn framing(&self, weights: &[usize], strides: [usize; 2]) -> Result<Framing, ModelError> {
        let &[_, rows, columns, _] = weights else { return Err(ModelError::Shape("a convolution's weights")) };
        let stride = [self.size(strides[0])?, self.size(strides[1])?];
        Ok(Framing { size: [rows, columns], stride, same: self.byte(0)? == 0 })
    }

    fn only_dense(&self, dilations: [usize; 2]) -> Result<(), ModelError> {
        if self.size(dilations[0])? != 1 || self.size(dilations[1])? != 1 {
            return Err(ModelError::Unsupported("dilated convolution".into()));
        }
        Ok(())
    }

    fn shape(&self, operand: usize) -> Result<&[usize], ModelError> {
        self.inputs.get(operand).copied().ok_or(ModelError::Shape("an operand is missing"))
    }

    fn input(&self) -> Result<Picture, ModelError> {
        Picture::from_shape(self.shape(0)?)
    }

    fn output(&self) -> Result<Picture, ModelError> {
        Picture::from_shape(self.output)
    }

    /// A size or stride: never negative, 1 where the file is silent.
    fn size(&self, field: usize) -> Result<usize, ModelError> {
        let value = self.options.map_or(Ok(1), |options| options.int(field, 1))?;
        usize::try_from(value).map_err(|_| ModelError::Shape("a negative size"))
    }

    fn byte(&self, field: usize) -> Result<u8, ModelError> {
        self.options.map_or(Ok(0), |options| options.byte(field))
    }

    fn activation(&self, field: usize) -> Result<Activation, ModelError> {
        Activation::from_code(self.byte(field)?)
    }
}

impl Operation {
    /// How many of its operands are tensors that it reads while running (a list of integers is used up in reading).
    pub fn operands(&self) -> usize {
        match self {
            Self::Change(change) => change.operands(),
            Self::Convolution(_) | Self::Depthwise(_) | Self::Doubling(_) => 3,
            Self::Pool(_) | Self::Pad(_) | Self::Resize(_) => 1,
            Self::Join(operands) => *operands,
        }
    }

    /// Values of working memory that running it needs.
    pub fn scratch(&self) -> usize {
        if let Self::Convolution(convolution) = self { convolution.patch_values() } else { 0 }
    }

    /// Computes `output` from the operands; a change finds its first operand in `output` already.
    pub fn run(&self, operands: &[&[f32]], output: &mut [f32], scratch: &mut [f32]) {
        match (self, operands) {
            (Self::Change(change), [_, second, ..]) => change.apply(output, second),
            (Self::Change(change), _) => change.apply(output, &[]),
            (Self::Convolution(operation), [values, weights, bias, ..]) => {
                operation.run(values, weights, bias, output, scratch);
            }
            (Self::Depthwise(operation), [values, weights, bias, ..]) => operation.run(values, weights, bias, output),
            (Self::Doubling(operation), [values, weights, bias, ..]) => operation.run(values, weights, bias, output),
            (Self::Pool(operation), [values, ..]) => operation.run(values, output),
            (Self::Pad(operation), [values, ..]) => operation.run(values, output),
            (Self::Resize(operation), [values, ..]) => operation.run(values, output),
            (Self::Join(_), _) => {
                let mut rest = output;
                for values in operands {
                    let (here, behind) = rest.split_at_mut(values.len());
                    here.copy_from_slice(values);
                    rest = behind;
                }
            }
            _ => unreachable!("the reader gives every operation its operands"),
        }
    }
}
