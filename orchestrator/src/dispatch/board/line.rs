//! Who is served next. Normal jobs before low ones; among them the user's with the fewest jobs in hand (in the queue or
//! at a worker), then the user's served longest ago, then the oldest job.
//!
//! So whoever has nothing in hand is passed over at most once by each other user, however many jobs those have.

use schemas::event::{Phase, Priority};
use schemas::{JobId, UserId};
use std::collections::{BTreeSet, HashMap};
use std::ops::Bound::{Excluded, Unbounded};

const PRIORITIES: [Priority; 2] = [Priority::Normal, Priority::Low];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Not in line: it waits for a time, or for nobody.
    Away,
    InLine {
        phase: Phase,
        priority: Priority,
    },
    /// In the work queue.
    Queued {
        phase: Phase,
    },
    /// A worker has it.
    Running,
}

#[derive(Debug, Default)]
pub struct Line {
    /// Those who have a job in line or in hand.
    users: HashMap<UserId, User>,
    /// Where in the log a user was last served. Kept also of those who have no job now: else whoever comes back after
    /// every job would always be first.
    served: HashMap<UserId, u64>,
    /// The next job of each user, in the order in which they are served; by phase and priority.
    turns: [[BTreeSet<Turn>; 2]; 2],
    /// Jobs of normal priority in line, by phase.
    normal: [usize; 2],
    queued: [usize; 2],
}

#[derive(Debug, Default)]
struct User {
    in_hand: usize,
    /// Jobs in line, by phase and priority, the oldest first.
    waiting: [[BTreeSet<JobId>; 2]; 2],
}

/// A job's rank. `level`: how many jobs its user has in hand when it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Turn {
    level: usize,
    served: u64,
    job: JobId,
    user: UserId,
}

impl User {
    fn level(&self, phase: Phase, priority: Priority) -> usize {
        match priority {
            Priority::Normal => self.in_hand,
            Priority::Low => self.in_hand + self.waiting[phase as usize][Priority::Normal as usize].len(),
        }
    }

    fn has_nothing(&self) -> bool {
        self.in_hand == 0 && self.waiting.iter().flatten().all(BTreeSet::is_empty)
    }

    fn count(&mut self, job: JobId, standing: Standing, enters: bool) {
        match standing {
            Standing::InLine { phase, priority } => {
                let waiting = &mut self.waiting[phase as usize][priority as usize];
                if enters {
                    waiting.insert(job)
                } else {
                    waiting.remove(&job)
                };
            }
            Standing::Queued { .. } | Standing::Running if enters => self.in_hand += 1,
            Standing::Queued { .. } | Standing::Running => self.in_hand -= 1,
            Standing::Away => {}
        }
    }
}

impl Line {
    pub fn change(&mut self, user: UserId, job: JobId, from: Standing, to: Standing) {
        if from == to {
            return;
        }
        self.leave(user);
        let entry = self.users.entry(user).or_default();
        entry.count(job, from, false);
        entry.count(job, to, true);
        if entry.has_nothing() {
            self.users.remove(&user);
        }
        self.count(from, -1);
        self.count(to, 1);
        self.enter(user);
    }

    pub fn served(&mut self, user: UserId, sequence: u64) {
        self.leave(user);
        self.served.insert(user, sequence);
        self.enter(user);
    }

    pub fn queued(&self, phase: Phase) -> usize {
        self.queued[phase as usize]
    }

    /// At most `room` jobs, as if each were in hand when the next is chosen.
    pub fn next(&self, phase: Phase, room: usize) -> Vec<JobId> {
        let mut chosen = vec![];
        for priority in PRIORITIES {
            let mut first = self.turns[phase as usize][priority as usize].iter().copied().peekable();
            // Jobs after a user's first.
            let mut further: BTreeSet<Turn> = BTreeSet::new();
            while chosen.len() < room {
                let turn = match (first.peek(), further.first()) {
                    (Some(turn), Some(other)) if other < turn => further.pop_first(),
                    (Some(_), _) => first.next(),
                    (None, _) => further.pop_first(),
                };
                let Some(turn) = turn else { break };
                chosen.push(turn.job);
                let rest = self.users[&turn.user].waiting[phase as usize][priority as usize]
                    .range((Excluded(turn.job), Unbounded));
                further.extend(rest.take(1).map(|&job| Turn { level: turn.level + 1, job, ..turn }));
            }
        }
        chosen
    }

    /// How many in line come before a job: its index in an unbounded `next`, without making that list.
    pub fn position(&self, user: UserId, job: JobId, standing: Standing) -> Option<usize> {
        let Standing::InLine { phase, priority } = standing else { return None };
        let me = self.users.get(&user)?;
        let own = me.waiting[phase as usize][priority as usize].range(..job).count();
        let (level, served) = (me.level(phase, priority) + own, self.last_served(user));
        let mut before = own;
        if priority == Priority::Low {
            before += self.normal[phase as usize];
        }
        for turn in self.turns[phase as usize][priority as usize].iter().take_while(|turn| turn.level <= level) {
            if turn.user == user {
                continue;
            }
            let waiting = &self.users[&turn.user].waiting[phase as usize][priority as usize];
            let lower = level - turn.level;
            before += waiting.len().min(lower);
            // Their job on the same level.
            let rival = waiting.iter().nth(lower);
            before += usize::from(rival.is_some_and(|&rival| (turn.served, rival) < (served, job)));
        }
        Some(before)
    }

    pub fn last_served(&self, user: UserId) -> u64 {
        self.served.get(&user).copied().unwrap_or(0)
    }

    fn count(&mut self, standing: Standing, by: isize) {
        let counter = match standing {
            Standing::InLine { phase, priority: Priority::Normal } => &mut self.normal[phase as usize],
            Standing::Queued { phase } => &mut self.queued[phase as usize],
            _ => return,
        };
        *counter = counter.saturating_add_signed(by);
    }

    fn leave(&mut self, user: UserId) {
        self.turns_of(user).into_iter().for_each(|(phase, priority, turn)| {
            self.turns[phase][priority].remove(&turn);
        });
    }

    fn enter(&mut self, user: UserId) {
        self.turns_of(user).into_iter().for_each(|(phase, priority, turn)| {
            self.turns[phase][priority].insert(turn);
        });
    }

    fn turns_of(&self, id: UserId) -> Vec<(usize, usize, Turn)> {
        let Some(user) = self.users.get(&id) else { return vec![] };
        let served = self.last_served(id);
        let mut turns = vec![];
        for phase in [Phase::Training, Phase::Inference] {
            for priority in PRIORITIES {
                let first = user.waiting[phase as usize][priority as usize].first();
                turns.extend(first.map(|&job| {
                    let turn = Turn { level: user.level(phase, priority), served, job, user: id };
                    (phase as usize, priority as usize, turn)
                }));
            }
        }
        turns
    }
}
