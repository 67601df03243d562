//! A worker with real servers: nats-server as a child, S3 over a folder; both in a temporary folder on random ports.
#![allow(clippy::unwrap_used)]

mod cancel;
mod place;
mod redraw;
mod slots;
