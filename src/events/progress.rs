//! How far a long command is, on a terminal, and how fast it was.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;
use std::time::Instant;

/// Steps between two looks at the clock.
const EVERY: u64 = 256;

/// A bar on stderr, if that is a terminal.
pub struct Progress {
    bar: ProgressBar,
    what: &'static str,
    done: u64,
    begun: Instant,
}

impl Progress {
    /// `what` is counted, `of` in all.
    pub fn of(of: u64, what: &'static str) -> Self {
        let shown = std::io::stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(of), target);
        let style = format!("{{bar:40}} {{human_pos}}/{{human_len}} {what}, {{per_sec}}, {{eta}} left");
        if let Ok(style) = ProgressStyle::with_template(&style) {
            bar.set_style(style);
        }
        Self { bar, what, done: 0, begun: Instant::now() }
    }

    pub fn step(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(EVERY) {
            self.bar.set_position(self.done);
        }
    }

    /// Takes the bar away. What was done, how long it took and how fast it was, in a line.
    pub fn finish(self) -> String {
        self.bar.finish_and_clear();
        let (done, seconds, what) = (self.done, self.begun.elapsed().as_secs_f64(), self.what);
        format!("{done} {what} in {seconds:.1} s, {:.0} {what}/s", done as f64 / seconds.max(1e-9))
    }
}
