//! The web side of Kart: uploads, pages, the JSON API and live progress; the dispatcher, which hands work to trainers;
//! and the eraser, which forgets who asks for it.
//!
//! A request becomes an event ([`upload`]), workers turn events into events, the projector turns events into rows, and a
//! page reads rows ([`pages`], [`jobs`]). What is absent: nothing here writes a view, and no handler waits for a worker.

mod app;
mod assets;
mod audit;
mod config;
mod csrf;
pub mod dispatch;
mod erase;
mod events;
mod headers;
mod health;
mod hub;
mod job_view;
mod jobs;
mod me;
mod media;
mod metrics;
mod pages;
mod problem;
mod redraw;
mod serve;
mod session;
mod strokes;
mod upload;

pub use config::{Web, WebConfig};
pub use dispatch::{Slots, dispatch};
pub use erase::erase;
pub use serve::{ServeError, serve};
