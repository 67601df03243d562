//! Runs TensorFlow Lite files as they are published: reads the flatbuffer, checks every shape once, then executes.
//!
//! Exactly the operators that the teachers use are known; anything else is refused when the file is read. After
//! [`Model::parse`] has accepted a file, running it cannot fail but for an input of the wrong size.
//!
//! Layout: pictures are height × width × channels with one picture a batch, weights as the file stores them. Format:
//! `tensorflow/lite/schema/schema.fbs`, field numbers in the order of that file.

mod convolution;
mod depthwise;
mod elementwise;
mod flatbuffer;
mod graph;
mod operation;
mod pooling;
mod reader;
mod resize;
#[cfg(test)]
mod tests;
mod window;

pub use graph::{Memory, Model};

/// Why a file cannot be run.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ModelError {
    #[error("the model file is damaged: {0}")]
    Damaged(&'static str),
    #[error("the model needs {0}, which this reader does not know")]
    Unsupported(String),
    #[error("the model's shapes do not fit together: {0}")]
    Shape(&'static str),
    #[error("the model wants {wanted} input values, not {given}")]
    Input { wanted: usize, given: usize },
}
