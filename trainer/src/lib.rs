//! Trains a small network on each video and draws with it.
//!
//! Pure computation, from the file to the page: [`decode`] → [`teach`] (labels) → [`net`] (training) → [`draw`].
//! Around it, the only part that talks to anybody: [`worker`].

pub mod clip;
pub mod decode;
pub mod device;
pub mod draw;
pub mod net;
pub mod raster;
pub mod teach;
pub mod worker;
