//! Trains a small network on each video and draws with it.

pub mod clip;
pub mod raster;
