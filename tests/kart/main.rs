//! Kart as its users meet it: the real binary, real servers, a real video.
// A test that cannot go on panics, also in what it is made of.
#![allow(clippy::unwrap_used)]

mod apart;
mod audit;
mod browser;
mod clip;
mod command_line;
mod compose;
mod debugging;
mod forget;
mod permissions;
mod process;
mod repetition;
mod secured;
mod survival;
mod tidy;
mod views;
mod whole_path;
