//! The small network that is trained from nothing on one video, and everything that training it takes.
//!
//! It learns the video's own palette and which entry each pixel has (flat, and stable in time), which pixels are the
//! person, and which of those are skin. All of it runs on the CPU in f32; every operation has its backward beside its
//! forward, and no result depends on how many threads ran or in which order they finished.

mod adam;
mod batch;
mod calm;
mod conv;
mod cuda;
mod file;
mod infer;
mod loss;
mod map;
mod model;
mod network;
mod palette;
mod shuffle;
mod simd;
mod train;
mod upsample;

pub use batch::Batch;
pub use cuda::GpuError;
pub use file::FileError;
pub use infer::Segmented;
pub use loss::Parts;
pub use model::{ENTRIES, Groups, Model};
pub use train::{
    Agreement, Checkpoint, Progress, Settings, TrainError, Trained, Training, check, gpu_memory_bytes, train,
};
