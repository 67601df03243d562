//! Kart as its users meet it: the real binary, real servers, a real video.

mod apart;
mod browser;
mod clip;
mod command_line;
mod compose;
mod process;
mod survival;
mod tidy;
mod whole_path;
