//! The same training on an NVIDIA GPU: kernels of our own (`trainer/kernels`), a whole step as one CUDA graph.
//!
//! What a step launches is data ([`plan`]); a GPU runs it ([`gpu`]), or in tests an emulation of one, so that all
//! indexing is tried before a GPU sees it. Nothing here has run on a GPU yet.

mod gpu;
mod launch;
mod layers;
mod lesson;
mod memory;
mod plan;
mod source;

#[cfg(test)]
mod compiled;
#[cfg(test)]
pub mod emulator;
#[cfg(test)]
pub mod tests;

pub use gpu::{Gpu, GpuError};
pub use lesson::{Lesson, pixels, samples};
pub use memory::Size;
pub use plan::Plan;
pub use source::Precision;
