//! What the web needs to run.

use bus::{Blobs, Bus};
use projector::Views;
use std::net::SocketAddr;
use std::time::Duration;

/// What the handlers work with.
#[derive(Clone)]
pub struct Web {
    pub bus: Bus,
    pub blobs: Blobs,
    pub views: Views,
    pub config: WebConfig,
}

#[derive(Clone, Debug)]
pub struct WebConfig {
    pub listen: SocketAddr,
    /// Largest video, in bytes.
    pub max_upload: u64,
    /// When given, requests for another `Host` are refused (421).
    pub host: Option<String>,
    /// Cookies travel over HTTPS only. Off for plain HTTP on the own machine.
    pub cookie_secure: bool,
    /// An upload that stays silent for so long is given up (408).
    pub stall: Duration,
    /// An upload slower than this many bytes a second, seen over twice the stall time, is given up (408).
    pub slowest: u64,
}

const GIB: u64 = 1 << 30;

impl Default for WebConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            max_upload: 4 * GIB,
            host: None,
            cookie_secure: false,
            stall: Duration::from_secs(30),
            slowest: 1024,
        }
    }
}
