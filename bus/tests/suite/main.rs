//! The bus against real servers: nats-server as a child, S3 over a folder; both in a temporary folder on random ports.
#![allow(clippy::unwrap_used)]

mod append;
mod audit;
mod blobs;
mod broken_s3;
mod crashes;
mod drift;
mod envelope;
mod execute;
mod follow;
mod full;
mod health;
mod keys;
mod local;
mod nudges;
mod place;
mod servers;
mod set_up;
mod syncing;
mod work;
mod writing;
