//! Time that was spent computing, which other programs on the machine do not lengthen.

use std::time::{Duration, Instant};

pub enum Clock {
    Thread,
    Process,
}

impl Clock {
    pub fn seconds(&self) -> f64 {
        let clock = match self {
            Self::Thread => libc::CLOCK_THREAD_CPUTIME_ID,
            Self::Process => libc::CLOCK_PROCESS_CPUTIME_ID,
        };
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: the pointer is to a timespec of our own.
        assert_eq!(unsafe { libc::clock_gettime(clock, &raw mut time) }, 0, "every Linux has these clocks");
        time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
    }
}

/// On the wall and in the process, all its threads together.
#[derive(Clone, Copy, Debug)]
pub struct Spent {
    pub wall: f64,
    pub computing: f64,
}

pub struct Stopwatch(Instant, f64);

impl Stopwatch {
    pub fn start() -> Self {
        Self(Instant::now(), Clock::Process.seconds())
    }

    /// In seconds, since the start.
    pub fn read(&self) -> Spent {
        let wall: Duration = self.0.elapsed();
        Spent { wall: wall.as_secs_f64(), computing: Clock::Process.seconds() - self.1 }
    }
}

/// The middle of each.
pub fn median(times: &[Spent]) -> Spent {
    let middle = |part: fn(&Spent) -> f64| {
        let mut parts: Vec<f64> = times.iter().map(part).collect();
        parts.sort_by(f64::total_cmp);
        parts[parts.len() / 2]
    };
    Spent { wall: middle(|spent| spent.wall), computing: middle(|spent| spent.computing) }
}
