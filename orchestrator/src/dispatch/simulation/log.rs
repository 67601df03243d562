//! The log in memory: a command is decided against what is there, and appended only if nothing came between.

use super::Rules;
use crate::dispatch::board::unix_ms;
use bus::Context;
use schemas::job::{Job, JobCommand};
use schemas::{Aggregate, Event, JobId, NewEvent, Recorded, Refusal};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

#[derive(Default)]
pub struct Log {
    pub events: Vec<Recorded>,
    jobs: HashMap<JobId, Entry>,
    rules: Rules,
}

#[derive(Default)]
struct Entry {
    job: Job,
    head: u64,
    last_ms: u64,
    ids: HashSet<Uuid>,
}

/// Events that are on their way.
pub struct Draft {
    expected: u64,
    events: Vec<Event>,
}

pub enum Decided {
    /// Nothing to append; the job's last sequence.
    Done(u64),
    Refused(Refusal),
    Draft(Draft),
}

impl Log {
    pub fn new(rules: Rules) -> Self {
        Self { rules, ..Self::default() }
    }

    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id).map(|entry| &entry.job)
    }

    /// When something last happened to a job.
    pub fn last_ms(&self, id: JobId) -> u64 {
        self.jobs.get(&id).map_or(0, |entry| entry.last_ms)
    }

    pub fn decide(&self, id: JobId, context: &Context, command: JobCommand) -> Decided {
        let missing = Entry::default();
        let entry = self.jobs.get(&id).unwrap_or(&missing);
        if entry.ids.contains(&NewEvent::id_of(context.command, 0)) {
            return Decided::Done(entry.head);
        }
        let forced = if self.rules.fencing { None } else { result_of(&command) };
        match (entry.job.decide(command), forced) {
            (Ok(events), _) if events.is_empty() => Decided::Done(entry.head),
            (Ok(events), _) => Decided::Draft(Draft { expected: entry.head, events }),
            (Err(_), Some(event)) => Decided::Draft(Draft { expected: entry.head, events: vec![event] }),
            (Err(refusal), None) => Decided::Refused(refusal),
        }
    }

    /// Returns where the last event stands, and how many are new; `None`: somebody else was faster.
    pub fn append(&mut self, id: JobId, context: &Context, draft: Draft) -> Option<(u64, usize)> {
        let entry = self.jobs.entry(id).or_default();
        if entry.ids.contains(&NewEvent::id_of(context.command, 0)) {
            return Some((entry.head, 0));
        }
        if self.rules.expectation && entry.head != draft.expected {
            return None;
        }
        let count = draft.events.len();
        for (ordinal, event) in draft.events.into_iter().enumerate() {
            let new = NewEvent {
                id: NewEvent::id_of(context.command, ordinal),
                time: context.time,
                actor: context.actor.clone(),
                causation: context.causation,
                correlation: context.correlation,
                event,
            };
            let sequence = self.events.len() as u64 + 1;
            entry.job.apply(&new.event);
            entry.head = sequence;
            entry.last_ms = unix_ms(new.time);
            entry.ids.insert(new.id);
            self.events.push(Recorded::of(sequence, id.into(), None, new));
        }
        Some((entry.head, count))
    }
}

/// What a worker without a fence would write whatever the rules say.
fn result_of(command: &JobCommand) -> Option<Event> {
    match command {
        JobCommand::CompleteTraining(done) => Some((**done).clone().into()),
        JobCommand::CompleteInference(done) => Some((**done).clone().into()),
        _ => None,
    }
}
