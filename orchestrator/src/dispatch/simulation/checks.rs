//! What must hold whatever happens, kept apart from the code that it checks: books of its own, filled from the events.

use super::{DISPATCHERS, SLOTS};
use crate::dispatch::board::unix_ms;
use schemas::event::{Phase, Priority};
use schemas::job::MAX_ATTEMPTS;
use schemas::{AggregateId, Event, JobId, Recorded, UserId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use uuid::Uuid;

/// A user with nothing in hand and a job in line is passed over once by each other user, and beyond that only by what
/// dispatchers had decided before they knew of it: each a full round.
pub const BOUND: usize = DISPATCHERS * SLOTS;
/// From the request to the end of a cancelled job: the grace, and some time for dispatchers that lag or restart.
const CANCEL_WITHIN_MS: u64 = 30_000;
const LOW_WAITS_MS: u64 = 600_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Violation {
    SecondEnd,
    AfterTheEnd,
    TooManyAttempts,
    DispatchedTwice,
    StaleHolder,
    CompletedTwice,
    TwoHolders,
    NotCancelled,
    CancelledLate,
    PassedOver,
    NeverEnded,
    WorkLost,
    Leak,
}

#[derive(Default)]
pub struct Checks {
    pub jobs: HashMap<JobId, Seen>,
    users: HashMap<UserId, Share>,
    /// Every dispatch of a phase: when, whose, and whether it was of low priority then.
    dispatches: [Vec<(u64, UserId, bool)>; 2],
    pub found: BTreeMap<Violation, (usize, String)>,
    /// The most that somebody was passed over beyond once by each.
    pub most_passed: usize,
    /// How long a first attempt waited for its worker; of the greedy user, and of the others.
    pub waits_ms: [Vec<u64>; 2],
}

#[derive(Default)]
pub struct Seen {
    owner: Option<UserId>,
    low_until_ms: u64,
    requested_ms: u64,
    dispatched: BTreeSet<(u8, u32)>,
    completed: [u32; 2],
    holder: Option<Uuid>,
    /// Phase, and since when it may be served.
    in_line: Option<(Phase, u64)>,
    in_hand: bool,
    started: bool,
    cancel_ms: Option<u64>,
    pub end: Option<&'static str>,
}

#[derive(Default)]
struct Share {
    in_hand: usize,
    free_since_ms: u64,
    in_line: BTreeSet<JobId>,
}

impl Checks {
    pub fn report(&mut self, violation: Violation, what: impl FnOnce() -> String) {
        self.found.entry(violation).or_insert_with(|| (0, what())).0 += 1;
    }

    pub fn see(&mut self, recorded: &Recorded, greedy: UserId) {
        let AggregateId::JobId(id) = recorded.aggregate else { return };
        let (event, now_ms) = (recorded.event(), unix_ms(recorded.new.time));
        let mut seen = self.jobs.remove(&id).unwrap_or_default();
        if let Some(end) = seen.end {
            self.report(Violation::AfterTheEnd, || format!("{id}: {} after {end}", event.name()));
        }
        self.see_holder(id, &mut seen, event);
        self.see_line(id, &mut seen, event, now_ms, greedy);
        self.see_end(id, &mut seen, event, now_ms);
        self.jobs.insert(id, seen);
    }

    /// Who may write.
    fn see_holder(&mut self, id: JobId, seen: &mut Seen, event: &Event) {
        let by = match event {
            Event::TrainingProgressed(e) => Some(e.lease),
            Event::TrainingCompleted(e) => Some(e.lease),
            Event::PanelRendered(e) => Some(e.lease),
            Event::InferenceCompleted(e) => Some(e.lease),
            Event::JobInterrupted(e) => Some(e.lease),
            _ => None,
        };
        if by.is_some() && by != seen.holder {
            self.report(Violation::StaleHolder, || format!("{id}: {} by a worker that lost it", event.name()));
        }
        match event {
            Event::TrainingStarted(e) => seen.holder = Some(e.lease),
            Event::InferenceStarted(e) => seen.holder = Some(e.lease),
            Event::TrainingCompleted(_) | Event::InferenceCompleted(_) => {
                let phase = usize::from(matches!(event, Event::InferenceCompleted(_)));
                seen.holder = None;
                seen.completed[phase] += 1;
                if seen.completed[phase] > 1 {
                    self.report(Violation::CompletedTwice, || format!("{id}: {}", event.name()));
                }
            }
            Event::JobInterrupted(_) | Event::JobFailed(_) => seen.holder = None,
            _ => {}
        }
    }

    /// Who waits, who is served.
    fn see_line(&mut self, id: JobId, seen: &mut Seen, event: &Event, now_ms: u64, greedy: UserId) {
        if let Event::JobRequested(e) = event {
            (seen.owner, seen.requested_ms) = (Some(e.owner), now_ms);
            seen.low_until_ms = if e.priority == Priority::Low { now_ms + LOW_WAITS_MS } else { 0 };
        }
        let Some(owner) = seen.owner else { return };
        if let Event::JobDispatched(e) = event {
            if e.attempt > MAX_ATTEMPTS {
                self.report(Violation::TooManyAttempts, || format!("{id}: attempt {}", e.attempt));
            }
            if !seen.dispatched.insert((e.phase as u8, e.attempt)) {
                self.report(Violation::DispatchedTwice, || format!("{id}: {e:?}"));
            }
            self.served(owner, e.phase, seen, now_ms);
            self.dispatches[e.phase as usize].push((now_ms, owner, seen.low_until_ms > now_ms));
        }
        if let Event::TrainingStarted(e) = event
            && e.attempt == 1
            && !std::mem::replace(&mut seen.started, true)
        {
            self.waits_ms[usize::from(owner != greedy)].push(now_ms - seen.requested_ms);
        }
        let (in_line, in_hand) = match event {
            Event::JobRequested(e) if e.redraw.is_some() => (Some((Phase::Inference, now_ms)), false),
            Event::JobRequested(_) => (Some((Phase::Training, now_ms)), false),
            Event::TrainingCompleted(_) => (Some((Phase::Inference, now_ms)), false),
            Event::RetryScheduled(e) => (Some((e.phase, e.due_ms.max(now_ms))), false),
            Event::JobDispatched(_) => (None, true),
            Event::InferenceCompleted(_) | Event::JobFailed(_) | Event::JobCancelled(_) => (None, false),
            _ => return,
        };
        let share = self.users.entry(owner).or_default();
        share.in_hand = share.in_hand + usize::from(in_hand) - usize::from(seen.in_hand);
        if seen.in_hand && share.in_hand == 0 {
            share.free_since_ms = now_ms;
        }
        if in_line.is_some() {
            share.in_line.insert(id)
        } else {
            share.in_line.remove(&id)
        };
        (seen.in_line, seen.in_hand) = (in_line, in_hand);
    }

    /// Counts who was served since this user, with nothing in hand, came into line.
    fn served(&mut self, user: UserId, phase: Phase, own: &Seen, now_ms: u64) {
        let share = &self.users[&user];
        if share.in_hand > 0 {
            return;
        }
        let waiting = share.in_line.iter().filter_map(|job| self.jobs.get(job)).chain([own]);
        let since = waiting.filter_map(|seen| {
            let (_, from_ms) = seen.in_line.filter(|(waits_for, _)| *waits_for == phase)?;
            Some(from_ms.max(seen.low_until_ms))
        });
        let Some(since_ms) = since.min() else { return };
        let since_ms = since_ms.max(share.free_since_ms);
        if since_ms > now_ms {
            return;
        }
        let dispatches = &self.dispatches[phase as usize];
        let window = dispatches.iter().rev().take_while(|(at_ms, ..)| *at_ms > since_ms);
        let mut once: BTreeSet<UserId> = BTreeSet::new();
        let passed = window.filter(|(_, other, low)| *other != user && (*low || !once.insert(*other))).count();
        self.most_passed = self.most_passed.max(passed);
        if passed > BOUND {
            self.report(Violation::PassedOver, || format!("{user}: {passed} times since {since_ms}"));
        }
    }

    fn see_end(&mut self, id: JobId, seen: &mut Seen, event: &Event, now_ms: u64) {
        let end = match event {
            Event::CancelRequested(_) => {
                seen.cancel_ms = Some(now_ms);
                return;
            }
            Event::JobCompleted(_) => "completed",
            Event::JobCancelled(_) => "cancelled",
            Event::JobFailed(e) if !e.retryable => "failed",
            _ => return,
        };
        if seen.end.is_some() {
            self.report(Violation::SecondEnd, || format!("{id}: {end}"));
        }
        if let Some(asked_ms) = seen.cancel_ms {
            if end != "cancelled" {
                self.report(Violation::NotCancelled, || format!("{id}: {end}"));
            }
            if now_ms > asked_ms + CANCEL_WITHIN_MS {
                self.report(Violation::CancelledLate, || format!("{id}: after {} ms", now_ms - asked_ms));
            }
        }
        seen.end = Some(end);
    }
}
