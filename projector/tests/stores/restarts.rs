//! The projector is cut off at every step that it takes, and started again: the rows are those of the history.

use crate::faulty::{Fault, Faulty, Plan};
use crate::histories::{Cast, EVENTS, assert_rows, chained, event, record, story_of};
use bus::{Delivered, ReadError};
use futures::stream::{self, StreamExt};
use projector::views::{job_pictures, parked, videos};
use projector::{Counts, Progress, ProjectError, ViewStore, Views, project};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use schemas::{AggregateId, Hash, Recorded};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);
/// Events on their way at most.
const MOST_WAITING: u64 = 16_384;

/// A part of a log with all that can be wrong with it, and what it should lead to.
struct Part {
    /// From the sequence after the one it begins behind; some of it twice.
    deliveries: Vec<Delivered>,
    shown: Vec<Recorded>,
    parked: Vec<(AggregateId, u64)>,
    counts: Counts,
    last: u64,
}

/// What happens to whom: after the events there are a poisoned one, an unknown one, a broken chain, and one that
/// stands in the log already.
type Step = (usize, usize, u32);
const POISONED: usize = EVENTS;
const UNKNOWN: usize = EVENTS + 1;
const BROKEN: usize = EVENTS + 2;
const REPEATED: usize = EVENTS + 3;

/// The part that is being made, and what its aggregates have been through.
struct Author {
    part: Part,
    casts: [Cast; 3],
    /// `None`: the last event is unknown.
    heads: HashMap<AggregateId, Option<Hash>>,
    stopped: HashSet<AggregateId>,
}

impl Author {
    fn step(&mut self, (who, which, n): Step) {
        self.part.last += 1;
        let (sequence, job) = (self.part.last, self.casts[who].job);
        let unreadable = |type_name: &str| Delivered::Unreadable {
            sequence,
            subject: format!("some.job.{job}.event"),
            type_name: Some(type_name.to_owned()),
            reason: "spoilt".to_owned(),
        };
        match which {
            POISONED => self.refuse(job.into(), unreadable("kart.job.training-progressed.v1")),
            UNKNOWN => {
                self.heads.insert(job.into(), None);
                self.part.counts.unknown += 1;
                self.part.deliveries.push(unreadable("kart.job.praised.v1"));
            }
            REPEATED if !self.part.shown.is_empty() => {
                let shown = &self.part.shown[n as usize % self.part.shown.len()];
                let again = Recorded { sequence, ..shown.clone() };
                let held = self.stopped.contains(&again.aggregate);
                *(if held { &mut self.part.counts.held } else { &mut self.part.counts.repeated }) += 1;
                self.part.deliveries.push(Delivered::Event(Box::new(again)));
            }
            BROKEN | REPEATED => {
                let (aggregate, body) = event(&self.casts[who], 6, n);
                let forged = record(sequence, aggregate, Some(Hash::of(b"another past")), body);
                // After an unknown event nobody can tell whether the chain is broken.
                if self.heads.get(&aggregate) == Some(&None) {
                    self.show(forged);
                } else {
                    self.refuse(aggregate, Delivered::Event(Box::new(forged)));
                }
            }
            which => {
                let (aggregate, body) = event(&self.casts[who], which, n);
                let previous = self.heads.get(&aggregate).copied().flatten();
                self.show(record(sequence, aggregate, previous, body));
            }
        }
    }

    /// It is shown, unless its aggregate stands still.
    fn show(&mut self, event: Recorded) {
        self.part.deliveries.push(Delivered::Event(Box::new(event.clone())));
        if self.stopped.contains(&event.aggregate) {
            self.part.counts.held += 1;
            return;
        }
        self.heads.insert(event.aggregate, Some(event.hash));
        self.part.counts.applied += 1;
        self.part.shown.push(event);
    }

    /// Its aggregate stands still from here on, unless it does so already.
    fn refuse(&mut self, aggregate: AggregateId, delivery: Delivered) {
        self.part.deliveries.push(delivery);
        if self.stopped.insert(aggregate) {
            self.part.counts.unreadable += 1;
            self.part.parked.push((aggregate, self.part.last));
        } else {
            self.part.counts.held += 1;
        }
    }
}

fn part(before: u64, plan: &[Step]) -> Part {
    let part = Part { deliveries: vec![], shown: vec![], parked: vec![], counts: Counts::default(), last: before };
    let casts = [Cast::new(), Cast::new(), Cast::new()];
    let mut author = Author { part, casts, heads: HashMap::new(), stopped: HashSet::new() };
    for &step in plan {
        author.step(step);
        if step.2.is_multiple_of(5) {
            // A subscription that was made anew may begin too early.
            let deliveries = &mut author.part.deliveries;
            deliveries.extend_from_within(deliveries.len().saturating_sub(3)..);
        }
    }
    author.part
}

fn sequence_of(delivery: &Delivered) -> u64 {
    match delivery {
        Delivered::Event(event) => event.sequence,
        Delivered::Unreadable { sequence, .. } | Delivered::CaughtUp { sequence } => *sequence,
    }
}

/// Projects what follows the store's checkpoint, in pieces of some size.
async fn run(store: &Arc<dyn ViewStore>, deliveries: &[Delivered], from: u64) -> Result<(), ProjectError> {
    let rest: Vec<_> = deliveries.iter().filter(|delivery| sequence_of(delivery) > from).cloned().collect();
    let rest = stream::iter(rest).then(|delivery| async move {
        if sequence_of(&delivery).is_multiple_of(3) {
            tokio::task::yield_now().await;
        }
        Ok::<_, ReadError>(delivery)
    });
    project(rest, store, &Progress::default(), None).await
}

/// Runs until the fault of `plan` strikes, then again without one. `open(true)` is a store after a crash.
async fn cut_off(open: &mut impl FnMut(bool) -> Arc<dyn ViewStore>, part: &Part, before: u64, plan: &Arc<Plan>) {
    let inner = open(false);
    let store: Arc<dyn ViewStore> = Arc::new(Faulty { inner, plan: Arc::clone(plan) });
    let ended = tokio::select! {
        ended = run(&store, &part.deliveries, before) => Some(ended),
        () = plan.hangs.notified() => None,
    };
    assert_eq!(!matches!(ended, Some(Ok(()))), plan.struck(), "{:?}: {ended:?}", plan.fault);
    let crashed = open(plan.struck());
    drop(store);
    let from = crashed.checkpoint().await.unwrap().sequence;
    assert!((before..=part.last).contains(&from));
    run(&crashed, &part.deliveries, from).await.unwrap();
}

/// Random parts of a log, each projected with a fault at its first step, at its second, and so on.
pub async fn at_every_step(mut open: impl FnMut(bool) -> Arc<dyn ViewStore>, cases: u32) {
    let plans = prop::collection::vec((0..3usize, 0..=REPEATED, 0..40u32), 1..40);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mut before, mut counts, mut cuts) = (0, Counts::default(), 0);
    for case in 0..cases {
        let plan = plans.new_tree(&mut runner).unwrap().current();
        for steps in 1.. {
            let part = part(before, &plan);
            let fault = Plan::of(Fault::ALL[(steps + case as usize) % 4], steps as i64);
            cut_off(&mut open, &part, before, &fault).await;
            let store = open(false);
            assert_rows(store.as_ref(), &part.shown).await;
            for (aggregate, sequence) in part.parked {
                let [reader] = parked::partition();
                let key = [reader, aggregate.kind().as_str().into(), aggregate.uuid().into()];
                let row = store.row(&parked::TABLE, &key).await.unwrap().expect("it is parked");
                assert_eq!(row.count::<u64>("sequence").unwrap(), sequence);
            }
            counts = Counts {
                applied: counts.applied + part.counts.applied,
                repeated: counts.repeated + part.counts.repeated,
                unknown: counts.unknown + part.counts.unknown,
                unreadable: counts.unreadable + part.counts.unreadable,
                held: counts.held + part.counts.held,
            };
            let checkpoint = store.checkpoint().await.unwrap();
            assert_eq!((checkpoint.sequence, checkpoint.counts), (part.last, counts), "{plan:?} cut off at {steps}");
            before = part.last;
            if !fault.struck() {
                break;
            }
            cuts += 1;
        }
    }
    println!("cut off at {cuts} places of {cases} histories");
    assert!(cuts >= cases * 5, "only {cuts} steps");
}

pub async fn beside_a_shard_that_stands_still(inner: Arc<dyn ViewStore>) {
    let stuck = Cast::new();
    let (gate, open) = tokio::sync::watch::channel(false);
    let plan = Plan::gated(stuck.job.into(), open);
    let store: Arc<dyn ViewStore> = Arc::new(Faulty { inner: Arc::clone(&inner), plan });
    let stories: Vec<_> = (0..12).map(|n| if n == 2 { stuck } else { Cast::new() }).collect();
    let events = stories.iter().flat_map(|cast| story_of(cast, 0)).map(|event| (event.aggregate, event.new.event));
    let history = chained(0, events);
    let first_stuck = history.iter().find(|event| event.aggregate == stuck.job.into()).unwrap().sequence;
    let deliveries: Vec<_> = history.iter().map(|event| Delivered::Event(Box::new(event.clone()))).collect();
    let (feed, fed) = tokio::sync::mpsc::unbounded_channel();
    let writing = tokio::spawn(async move {
        let fed = stream::unfold(fed, |mut fed| async move { Some((fed.recv().await?, fed)) });
        project(fed.map(Ok::<_, ReadError>), &store, &Progress::default(), None).await
    });
    let views = Views::new(Arc::clone(&inner));
    let (before, after) = deliveries.split_at(first_stuck as usize - 1);
    before.iter().for_each(|delivery| feed.send(delivery.clone()).unwrap());
    assert!(views.reach(first_stuck - 1, PATIENCE).await.unwrap());
    after.iter().for_each(|delivery| feed.send(delivery.clone()).unwrap());
    // Others are shown, although their events come later. Some may share the shard: not all of them do.
    let others = async {
        loop {
            for cast in &stories[3..] {
                if inner.row(&videos::TABLE, &[cast.video.into()]).await.unwrap().is_some() {
                    return;
                }
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, others).await.expect("one shard holds up the others");
    assert!(!views.reach(first_stuck, Duration::from_millis(300)).await.unwrap(), "it passed what is not written");
    assert_eq!(views.position().await.unwrap(), first_stuck - 1);
    assert!(inner.rows(&job_pictures::TABLE, &[stuck.job.into()], None, 1).await.unwrap().is_empty());

    // A crash, and a start without the obstacle: what was written after the checkpoint is written again.
    writing.abort();
    assert!(writing.await.unwrap_err().is_cancelled());
    drop(gate);
    run(&inner, &deliveries, first_stuck - 1).await.unwrap();
    assert_eq!(views.position().await.unwrap(), history.len() as u64);
    assert_rows(inner.as_ref(), &history).await;
}

pub async fn memory_is_bounded_while_a_shard_stands_still(inner: Arc<dyn ViewStore>) {
    let (stuck, busy) = (Cast::new(), Cast::new());
    let (gate, open) = tokio::sync::watch::channel(false);
    let store: Arc<dyn ViewStore> = Arc::new(Faulty { inner, plan: Plan::gated(stuck.job.into(), open) });
    let (pulled, mut counted) = tokio::sync::watch::channel(0u64);
    let mut head = None;
    let endless = stream::iter(1u64..).map(move |sequence| {
        let (aggregate, event) = event(if sequence == 1 { &stuck } else { &busy }, 6, 1);
        let recorded = record(sequence, aggregate, head, event);
        head = (sequence > 1).then_some(recorded.hash);
        pulled.send_replace(sequence);
        Ok::<_, ReadError>(Delivered::Event(Box::new(recorded)))
    });
    let writing = tokio::spawn(async move { project(endless, &store, &Progress::default(), None).await });
    let full = counted.wait_for(|pulled| *pulled >= MOST_WAITING);
    tokio::time::timeout(PATIENCE, full).await.expect("it takes many").unwrap();
    // However long it is given, it takes no more.
    let more = counted.wait_for(|pulled| *pulled > MOST_WAITING + 1024);
    assert!(tokio::time::timeout(Duration::from_millis(300), more).await.is_err(), "it takes whatever comes");
    writing.abort();
    drop(gate);
}
