//! How long phases take, from those that were completed lately.

use schemas::Event;
use schemas::event::Phase;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

/// How many of the latest durations count.
const RECENT: usize = 31;
/// Beyond so many jobs before it, a job's time is drawn out in proportion.
const COUNTED: usize = 1_000;

/// The latest durations of each phase, in milliseconds.
#[derive(Debug, Default)]
pub struct Pace {
    recent: [VecDeque<u64>; 2],
}

impl Pace {
    pub fn apply(&mut self, event: &Event) {
        let (phase, duration_ms) = match event {
            Event::TrainingCompleted(done) => (Phase::Training, done.duration_ms),
            Event::InferenceCompleted(done) => (Phase::Inference, done.duration_ms),
            _ => return,
        };
        let recent = &mut self.recent[phase as usize];
        recent.push_back(duration_ms);
        if recent.len() > RECENT {
            recent.pop_front();
        }
    }

    /// `None` before any was completed.
    fn median_ms(&self, phase: Phase) -> Option<u64> {
        let mut recent: Vec<u64> = self.recent[phase as usize].iter().copied().collect();
        recent.sort_unstable();
        recent.get(recent.len() / 2).copied()
    }

    /// When a worker is free for a job that stands behind `position` others: each takes the median, and a training is
    /// followed by its drawing. `running`: phase and beginning of those at work; they are all the workers we know of.
    pub fn eta_ms(
        &self,
        phase: Phase,
        position: usize,
        running: impl Iterator<Item = (Phase, u64)>,
        now_ms: u64,
    ) -> Option<u64> {
        let drawing_ms = self.median_ms(Phase::Inference);
        let whole_ms = |at: Phase| match (phase, at) {
            (Phase::Training, Phase::Training) => Some(self.median_ms(at)? + drawing_ms.unwrap_or(0)),
            _ => self.median_ms(at),
        };
        let left_ms = |(at, since_ms): (Phase, u64)| {
            let passed_ms = now_ms.saturating_sub(since_ms).min(self.median_ms(at)?);
            Some(Reverse(whole_ms(at)? - passed_ms))
        };
        let mut free: BinaryHeap<Reverse<u64>> = running.map(left_ms).collect::<Option<_>>()?;
        let each_ms = whole_ms(phase)?;
        for _ in 0..position.min(COUNTED) {
            let Reverse(at_ms) = free.pop()?;
            free.push(Reverse(at_ms + each_ms));
        }
        let Reverse(at_ms) = free.peek()?;
        let uncounted = position.saturating_sub(COUNTED) as u64;
        Some(at_ms + uncounted * each_ms / free.len() as u64)
    }
}
