//! Writing at once what belongs to different aggregates. Each shard has its aggregates, and writes them in the log's
//! order; a slow one does not hold up the others.

use crate::folding::{Folded, Outcome};
use crate::views::heads;
use crate::{Mutation, StoreError, ViewStore};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;

/// A shard takes so many events into one write, if as many wait.
const EVENTS_AT_ONCE: usize = 8192;

/// What a shard has written.
pub type Done = Vec<(u64, Outcome)>;

/// The tasks that write. They end when this is dropped; what they were writing may be written or not.
pub struct Shards {
    /// Bounded by whoever sends: see `projecting`.
    lanes: Vec<UnboundedSender<Vec<Folded>>>,
    pub done: UnboundedReceiver<Result<Done, StoreError>>,
    _tasks: JoinSet<()>,
}

impl Shards {
    pub fn start(store: &Arc<dyn ViewStore>) -> Self {
        let (report, done) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        let lanes = (0..store.writers().max(1)).map(|_| {
            let (lane, events) = mpsc::unbounded_channel();
            tasks.spawn(write(Arc::clone(store), events, report.clone()));
            lane
        });
        Self { lanes: lanes.collect(), done, _tasks: tasks }
    }

    /// Hands events to their shards.
    pub fn send(&self, events: Vec<Folded>) {
        if let [lane] = self.lanes.as_slice() {
            // A shard that ended has reported why.
            let _ = lane.send(events);
            return;
        }
        let mut parts: Vec<Vec<Folded>> = self.lanes.iter().map(|_| vec![]).collect();
        for event in events {
            let mut hasher = DefaultHasher::new();
            event.aggregate.hash(&mut hasher);
            let count = self.lanes.len() as u64;
            parts[(hasher.finish() % count) as usize].push(event);
        }
        for (lane, part) in self.lanes.iter().zip(parts).filter(|(_, part)| !part.is_empty()) {
            let _ = lane.send(part);
        }
    }
}

/// What some events lead to. The chain of an aggregate ends with its last one: the ends before are not written.
fn mutations(events: Vec<Folded>) -> Vec<Mutation> {
    let (mut mutations, mut ends) = (Vec::new(), HashMap::new());
    for event in events {
        if let Some((aggregate, last)) = event.aggregate.zip(event.last) {
            ends.insert(aggregate, last);
        }
        mutations.extend(event.mutations);
    }
    mutations.extend(ends.into_iter().map(|(aggregate, last)| heads::moved(aggregate, last)));
    mutations
}

async fn write(
    store: Arc<dyn ViewStore>,
    mut events: UnboundedReceiver<Vec<Folded>>,
    report: UnboundedSender<Result<Done, StoreError>>,
) {
    while let Some(mut batch) = events.recv().await {
        while batch.len() < EVENTS_AT_ONCE
            && let Ok(more) = events.try_recv()
        {
            batch.extend(more);
        }
        let done: Done = batch.iter().map(|event| (event.sequence, event.outcome)).collect();
        let mutations = mutations(batch);
        let written = if mutations.is_empty() { Ok(()) } else { store.write(mutations).await };
        let failed = written.is_err();
        if report.send(written.map(|()| done)).is_err() || failed {
            return;
        }
    }
}
