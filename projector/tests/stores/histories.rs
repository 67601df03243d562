//! Histories, what they lead to when nothing goes wrong, and the ways in which they can arrive.

use projector::{Mutation, Table, Value, ViewStore, views};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use schemas::event::*;
use schemas::{Actor, AggregateId, Blob, ComicId, Event, Hash, JobId, MediaId, NewEvent, Recorded, UserId, VideoId};
use std::collections::{BTreeMap, HashMap};
use time::{Duration, OffsetDateTime};
use uuid::Uuid;

/// A person, and what is theirs.
#[derive(Clone, Copy)]
pub struct Cast {
    pub owner: UserId,
    pub video: VideoId,
    pub job: JobId,
}

impl Cast {
    pub fn new() -> Self {
        Self { owner: UserId::new(), video: VideoId::new(), job: JobId::new() }
    }

    pub fn comic(&self) -> ComicId {
        ComicId::of(self.job)
    }
}

pub fn blob(key: &str) -> Blob {
    Blob { key: key.to_owned(), sha256: Hash::of(key.as_bytes()), bytes: 1_000 }
}

pub fn picture(cast: &Cast, name: &str) -> Picture {
    let blob = blob(name);
    let media = MediaId::of(cast.owner, &blob.sha256);
    Picture { media, blob, width: 640, height: 480, alt: format!("picture {name}"), at_ms: Some(1_500) }
}

pub fn record(sequence: u64, aggregate: AggregateId, previous: Option<Hash>, event: impl Into<Event>) -> Recorded {
    let event = event.into();
    let new = NewEvent {
        id: NewEvent::id_of(aggregate.uuid(), sequence as usize),
        time: OffsetDateTime::UNIX_EPOCH + Duration::milliseconds(unix_ms(sequence) as i64),
        actor: Actor::role("trainer"),
        causation: (sequence > 1).then(|| NewEvent::id_of(aggregate.uuid(), sequence as usize - 1)),
        correlation: aggregate.uuid(),
        event,
    };
    Recorded::of(sequence, aggregate, previous, new)
}

/// How many kinds of events [`event`] makes.
pub const EVENTS: usize = 22;

/// When the event at `sequence` was written.
pub fn unix_ms(sequence: u64) -> u64 {
    (20_000 * 24 * 60 * 60 * 1_000) + sequence * 1_001
}

/// Events one after the other, after `before` others: each continues the chain of its aggregate.
pub fn chained(before: u64, events: impl IntoIterator<Item = (AggregateId, Event)>) -> Vec<Recorded> {
    let mut heads = HashMap::new();
    let record = |(sequence, (aggregate, event))| {
        let recorded = record(sequence, aggregate, heads.get(&aggregate).copied(), event);
        heads.insert(aggregate, recorded.hash);
        recorded
    };
    (before + 1..).zip(events).map(record).collect()
}

/// The events that a person's aggregates can have; `n` makes them differ.
pub fn event(cast: &Cast, which: usize, n: u32) -> (AggregateId, Event) {
    let (attempt, lease) = (n % 3 + 1, Uuid::from_u128(n.into()));
    let phase = if n.is_multiple_of(2) { Phase::Training } else { Phase::Inference };
    let pictures =
        |kind: &str, count| (0..count).map(|i| picture(cast, &format!("{kind}/{n}/{i}"))).collect::<Vec<_>>();
    let owner = cast.owner;
    let page = || picture(cast, &format!("page/{n}"));
    let event: Event = match which {
        0 => VideoUploaded { owner, name: format!("me {n}.mp4").into(), container: "mp4".into(), blob: blob("video") }
            .into(),
        1 => VideoChecked {
            codec: "h264".into(),
            duration_ms: n.into(),
            width: 720,
            height: 1280,
            frames_per_second: n as f32 / 3.0,
            advice: vec!["hold the camera still".into(); n as usize % 3],
        }
        .into(),
        2 => VideoRefused { code: "no-video".into(), detail: format!("nothing to see {n}") }.into(),
        3 => JobRequested {
            owner,
            video: cast.video,
            title: format!("Me ✨ {n}").into(),
            blob: blob("video"),
            priority: Priority::Normal,
            style: None,
            redraw: None,
            strokes: vec![],
        }
        .into(),
        4 => JobDispatched { phase, attempt }.into(),
        5 => TrainingStarted { attempt, lease, device: format!("CPU {n}"), teachers: vec![] }.into(),
        6 => TrainingProgressed { attempt, lease, step: n, of: 100, loss: 1.0 / (n as f32 + 0.1), checkpoint: None }
            .into(),
        7 => TrainingCompleted {
            attempt,
            lease,
            model: blob(&format!("model/{n}")),
            steps: 100,
            curve: (0..n % 5).map(|i| i as f32 / 7.0).collect(),
            duration_ms: 1_234,
            advice: vec![],
            device: n.is_multiple_of(2).then(|| format!("CPU {n}")),
        }
        .into(),
        8 => InferenceStarted { attempt, lease, device: format!("GPU {n}") }.into(),
        9 => {
            PanelRendered { attempt, lease, index: n % 4, of: 4, picture: picture(cast, &format!("panel/{n}")) }.into()
        }
        10 => InferenceCompleted {
            attempt,
            lease,
            page: page(),
            panels: pictures("panel", n % 5),
            cutouts: pictures("cutout", n % 3),
            background: n.is_multiple_of(2).then(|| picture(cast, "background")),
            duration_ms: 99,
        }
        .into(),
        11 => JobCompleted { comic: cast.comic() }.into(),
        12 => JobFailed {
            phase,
            attempt,
            code: "internal".into(),
            detail: "again".into(),
            retryable: !n.is_multiple_of(3),
        }
        .into(),
        13 => RetryScheduled { phase, attempt, due_ms: 1_700_000_000_000 + u64::from(n) }.into(),
        14 => CancelRequested {}.into(),
        15 => JobCancelled {}.into(),
        16 => MediaAdded {
            owner,
            kind: MediaKind::Panel,
            content_type: "image/png".into(),
            picture: Picture { at_ms: None, ..picture(cast, "panel") },
            job: cast.job,
            model: blob("model"),
        }
        .into(),
        17 => ComicDrafted {
            owner,
            job: cast.job,
            title: format!("Comic {n}").into(),
            page: page(),
            panels: pictures("panel", n % 4),
        }
        .into(),
        18 => VideoErased { owner }.into(),
        19 => JobErased { owner }.into(),
        20 => MediaErased { owner }.into(),
        // One of the times at which a comic of some history is drafted.
        _ => ComicErased { owner, made_ms: Some(unix_ms(n.into())) }.into(),
    };
    let id = match &event {
        Event::MediaAdded(_) | Event::MediaErased(_) => picture(cast, "panel").media.into(),
        event => match event.kind() {
            schemas::Kind::Video => cast.video.into(),
            schemas::Kind::Comic => cast.comic().into(),
            _ => cast.job.into(),
        },
    };
    (id, event)
}

/// One job from upload to comic, in order.
pub fn story() -> Vec<Recorded> {
    story_of(&Cast::new(), 0)
}

/// The same after `before` other events.
pub fn story_of(cast: &Cast, before: u64) -> Vec<Recorded> {
    // An even number dispatches the training, an odd one the drawing.
    let plan = [(0, 0), (3, 1), (1, 2), (4, 0), (5, 4), (6, 5), (6, 6), (7, 7)];
    let plan = plan.into_iter().chain([(4, 1), (8, 9), (9, 8), (9, 9), (10, 12), (16, 13), (17, 14), (11, 15)]);
    chained(before, plan.map(|(which, n)| event(cast, which, n)))
}

/// What some events lead to.
pub fn mutations(history: &[Recorded]) -> Vec<Mutation> {
    history.iter().flat_map(views::apply).collect()
}

pub type Rows = HashMap<&'static str, Vec<(Vec<Value>, Option<BTreeMap<String, Value>>)>>;

/// The rows that a history leads to when each event is applied once, in order, and the keys of those that it deleted.
pub fn fold(history: &[Recorded]) -> Rows {
    let mut rows = Rows::new();
    for mutation in history.iter().flat_map(views::apply) {
        let rows = rows.entry(mutation.table().name).or_default();
        match mutation {
            Mutation::Delete { key, .. } => {
                rows.iter_mut().filter(|(other, _)| other.starts_with(&key)).for_each(|(_, row)| *row = None);
            }
            Mutation::Upsert { table, key, columns, .. } => {
                let at = rows.iter().position(|(other, _)| *other == key).unwrap_or_else(|| {
                    rows.push((key.clone(), None));
                    rows.len() - 1
                });
                let row = rows[at].1.get_or_insert_default();
                let key = table.columns.iter().map(|(name, _)| *name).zip(key);
                for (name, value) in key.chain(columns) {
                    row.insert(name.to_owned(), value);
                }
            }
        }
    }
    for (_, row) in rows.values_mut().flatten() {
        row.iter_mut().for_each(|row| row.retain(|_, value| *value != Value::Null));
    }
    rows
}

/// # Panics
/// When a row of the store differs from the fold of `history`.
pub async fn assert_rows(store: &dyn ViewStore, history: &[Recorded]) {
    for (name, rows) in fold(history) {
        let table: &'static Table = views::TABLES.into_iter().find(|table| table.name == name).unwrap();
        for (key, expected) in rows {
            let found = store.row(table, &key).await.unwrap().map(|row| row.columns);
            assert_eq!(found, expected, "{name} {key:?}");
        }
    }
}

/// Runs `check` over random histories, each with a way to arrive: late, out of order, and some of it twice.
pub fn for_all(cases: u32, mut check: impl FnMut(Vec<Recorded>, Vec<Vec<Mutation>>)) {
    let history = prop::collection::vec((0..2usize, 0..EVENTS, 0..40u32), 1..40);
    let arrival = history.prop_flat_map(|plan| {
        let twice: Vec<_> = (0..plan.len()).chain(0..plan.len() / 2).collect();
        (Just(plan), Just(twice).prop_shuffle(), 1..9usize)
    });
    let config = Config { cases, failure_persistence: None, max_shrink_iters: 200, ..Config::default() };
    let check = std::cell::RefCell::new(&mut check);
    let outcome = TestRunner::new(config).run(&arrival, |(plan, order, size)| {
        let casts = [Cast::new(), Cast::new()];
        let events = plan.iter().map(|&(who, which, n)| event(&casts[who], which, n));
        let history = chained(0, events);
        let arrived: Vec<_> = order.iter().map(|&at| history[at].clone()).collect();
        let deliveries = arrived.chunks(size).map(mutations).collect();
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            (check.borrow_mut())(history, deliveries);
        }));
        checked.map_err(|_| TestCaseError::fail("the rows differ, see above"))
    });
    outcome.unwrap();
}
