//! Group commit, races and repeated commands: one suite, for one server and for three.

use crate::place::Place;
use crate::servers::{context, dispatched, job, new_event, requested};
use async_nats::HeaderMap;
use bus::{AppendError, Context, ExecuteError, Expect, Log};
use futures::future::join_all;
use schemas::event::JobRequested;
use schemas::job::{Job, JobCommand};
use schemas::{Aggregate, AggregateId, Event, Head, JobId, NewEvent, Recorded, Refusal, UserId};
use std::collections::HashSet;
use uuid::Uuid;

/// Each on its own server, so that one failure shows by name.
macro_rules! conformance {
    ($($name:ident),+ $(,)?) => {
        mod on_one_server {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                super::$name(&crate::place::Place::one().await).await;
            })+
        }

        /// One cluster for all: it takes seconds to start.
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn on_three_servers_with_three_copies_it_all_holds_as_well() {
            let place = Place::three().await;
            $(println!("{}", stringify!($name));
            $name(&place).await;)+
        }
    };
}

conformance!(
    the_server_accepts_both_of_two_that_expect_the_same_in_one_batch,
    of_two_that_expect_the_same_among_many_one_is_refused,
    two_hundred_at_once_land_once_and_each_learns_its_own_place,
    of_a_refused_batch_only_the_guilty_fails,
    dropped_callers_lose_and_double_nothing_of_others,
    several_events_stay_whole_and_in_order_among_many,
    fifty_racers_count_as_if_one_at_a_time,
    of_fifty_racers_one_wins_each_round,
    a_command_sent_twice_at_once_is_done_once,
    without_an_expectation_both_racers_get_in,
    without_a_steady_id_a_repeated_command_is_done_twice,
);

/// A crowd to travel with, large enough for a batch.
const CROWD: usize = 60;

/// All of one user, whose key is there: the making of keys would spread them out.
fn first() -> Vec<NewEvent> {
    vec![new_event(JobRequested { owner: UserId(Uuid::from_u128(1)), ..requested() })]
}

fn crowd(log: &Log) -> impl Future<Output = ()> + use<> {
    let all: Vec<_> = (0..CROWD).map(|_| append(log, job(), Expect::New, first())).collect();
    async {
        for appended in join_all(all).await {
            appended.unwrap();
        }
    }
}

async fn append_now(log: Log, id: AggregateId, expect: Expect, events: Vec<NewEvent>) -> Result<Head, AppendError> {
    log.append(id, expect, events).await.map(|appended| appended.head)
}

fn append(
    log: &Log,
    id: AggregateId,
    expect: Expect,
    events: Vec<NewEvent>,
) -> impl Future<Output = Result<Head, AppendError>> + use<> {
    append_now(log.clone(), id, expect, events)
}

async fn events(log: &Log, id: AggregateId) -> Vec<Recorded> {
    log.load(id).await.unwrap().events
}

/// Ids of the batches in which the messages from `from` on were stored.
async fn batches(place: &Place, from: u64) -> HashSet<String> {
    let stream = place.raw().await.get_stream("KART_EVENTS").await.unwrap();
    let mut found = HashSet::new();
    for sequence in from..=place.bus.log().head().await.unwrap() {
        let message = stream.get_raw_message(sequence).await.unwrap();
        found.extend(message.headers.get("Nats-Batch-Id").map(|id| id.as_str().to_owned()));
    }
    found
}

/// Why the committer keeps an aggregate's second append back: the server does not.
async fn the_server_accepts_both_of_two_that_expect_the_same_in_one_batch(place: &Place) {
    let (raw, id) = (place.raw().await, job());
    let message = |ordinal: u32, attempt| {
        let event = new_event(dispatched(attempt));
        let mut headers = HeaderMap::new();
        event.headers(id, None).into_iter().for_each(|(name, value)| headers.insert(name, value));
        headers.insert("Nats-Expected-Last-Subject-Sequence", "0");
        headers.insert("Nats-Expected-Last-Subject-Sequence-Subject", format!("kart.evt.job.{}.>", id.uuid()));
        headers.insert("Nats-Batch-Id", id.uuid().to_string());
        headers.insert("Nats-Batch-Sequence", ordinal.to_string());
        (format!("kart.evt.job.{}.dispatched", id.uuid()), headers, event.event.to_bytes().into())
    };
    let (subject, headers, body) = message(1, 1);
    raw.client().publish_with_headers(subject, headers, body).await.unwrap();
    let (subject, mut headers, body) = message(2, 2);
    headers.insert("Nats-Batch-Commit", "1");
    let reply = raw.client().request_with_headers(subject, headers, body).await.unwrap();
    assert!(!String::from_utf8_lossy(&reply.payload).contains("error"), "{reply:?}");
    assert_eq!(events(&place.bus.log(), id).await.len(), 2, "both expected to be the first");
}

async fn of_two_that_expect_the_same_among_many_one_is_refused(place: &Place) {
    let log = place.bus.log();
    for _ in 0..5 {
        let id = job();
        let racers = [append(&log, id, Expect::New, first()), append(&log, id, Expect::New, first())];
        let ((), results, ()) = tokio::join!(crowd(&log), join_all(racers), crowd(&log));
        let refused = results.iter().filter(|result| matches!(result, Err(AppendError::Conflict { .. }))).count();
        assert_eq!((refused, events(&log, id).await.len()), (1, 1), "{results:?}");
    }
}

async fn two_hundred_at_once_land_once_and_each_learns_its_own_place(place: &Place) {
    let (log, other) = (place.bus.log(), place.other_bus().await.log());
    let before = log.head().await.unwrap();
    let ids: Vec<_> = (0..200).map(|_| job()).collect();
    let ours = join_all(ids.iter().map(|id| append(&log, *id, Expect::New, first())));
    // Another process writes between our batches, and must not come between their messages.
    let theirs = async {
        for _ in 0..20 {
            append(&other, job(), Expect::New, first()).await.unwrap();
        }
    };
    let (heads, ()) = tokio::join!(ours, theirs);
    for (id, head) in ids.iter().zip(heads) {
        let events = events(&log, *id).await;
        assert_eq!(events.iter().map(Recorded::head).collect::<Vec<_>>(), [head.unwrap()]);
    }
    assert_eq!(log.head().await.unwrap(), before + 220);
    assert!(!batches(place, before + 1).await.is_empty(), "they did not travel together");
}

async fn of_a_refused_batch_only_the_guilty_fails(place: &Place) {
    let log = place.bus.log();
    let (stale, known) = (job(), job());
    let head = append(&log, stale, Expect::New, first()).await.unwrap();
    append(&log, stale, Expect::After(head), vec![new_event(dispatched(1))]).await.unwrap();
    let repeated = first();
    let known_head = append(&log, known, Expect::New, repeated.clone()).await.unwrap();

    let before = log.head().await.unwrap();
    let guilty = append(&log, stale, Expect::After(head), vec![new_event(dispatched(2))]);
    // A repetition is no fault, but the server refuses a batch that holds one.
    let repetition = log.append(known, Expect::New, repeated);
    let ((), guilty, repetition, ()) = tokio::join!(crowd(&log), guilty, repetition, crowd(&log));
    assert!(matches!(guilty, Err(AppendError::Conflict { aggregate }) if aggregate == stale), "{guilty:?}");
    let repetition = repetition.unwrap();
    assert_eq!((repetition.head, repetition.duplicate), (known_head, true));
    assert_eq!(log.head().await.unwrap(), before + 2 * CROWD as u64);
}

async fn dropped_callers_lose_and_double_nothing_of_others(place: &Place) {
    let log = place.bus.log();
    let ids: Vec<_> = (0..300).map(|_| job()).collect();
    let tasks: Vec<_> = ids.iter().map(|id| tokio::spawn(append(&log, *id, Expect::New, first()))).collect();
    // Some before they are sent, some on their way, some when they are through.
    for task in tasks.iter().step_by(3) {
        task.abort();
        tokio::task::yield_now().await;
    }
    for (index, (task, id)) in tasks.into_iter().zip(&ids).enumerate() {
        match task.await {
            Ok(head) => {
                let stored: Vec<_> = events(&log, *id).await.iter().map(Recorded::head).collect();
                assert_eq!(stored, [head.unwrap()]);
            }
            Err(_) => {
                assert_eq!(index % 3, 0);
                assert!(events(&log, *id).await.len() <= 1);
            }
        }
    }
}

async fn several_events_stay_whole_and_in_order_among_many(place: &Place) {
    let log = place.bus.log();
    let writer = |log: Log| async move {
        let id = job();
        let mut head = append(&log, id, Expect::New, first()).await.unwrap();
        for round in 0..5 {
            let events = (1..=round % 3 + 1).map(|attempt| new_event(dispatched(attempt))).collect();
            head = append(&log, id, Expect::After(head), events).await.unwrap();
        }
        (id, head)
    };
    for (id, head) in join_all((0..40).map(|_| writer(log.clone()))).await {
        let events = events(&log, id).await;
        assert_eq!(events.iter().map(attempt).collect::<Vec<_>>(), [0, 1, 1, 2, 1, 2, 3, 1, 1, 2]);
        assert!(events.windows(2).all(|pair| pair[1].previous == Some(pair[0].hash)));
        assert_eq!(events.last().map(Recorded::head), Some(head));
    }
}

/// Counts; whoever adds one must have seen all before.
#[derive(Default)]
struct Counter {
    count: u32,
}

impl Aggregate for Counter {
    type Id = AggregateId;
    /// The number to be the one to write; `None` is the next, whichever it is.
    type Command = Option<u32>;

    fn decide(&self, wanted: Option<u32>) -> Result<Vec<Event>, Refusal> {
        match wanted {
            Some(wanted) if wanted <= self.count => Err(Refusal::Exists),
            _ => Ok(vec![dispatched(self.count + 1)]),
        }
    }

    fn apply(&mut self, event: &Event) {
        if let Event::JobDispatched(event) = event {
            self.count = event.attempt;
        }
    }
}

fn attempt(recorded: &Recorded) -> u32 {
    if let Event::JobDispatched(event) = recorded.event() { event.attempt } else { 0 }
}

/// Fifty writers of five processes.
async fn racers(place: &Place) -> Vec<Log> {
    let processes = join_all((0..5).map(|_| place.other_bus())).await;
    (0..50).map(|writer: usize| processes[writer % 5].log()).collect()
}

async fn fifty_racers_count_as_if_one_at_a_time(place: &Place) {
    let id = job();
    let writers = racers(place).await.into_iter().map(|log| {
        tokio::spawn(async move {
            for _ in 0..3 {
                log.execute::<Counter>(id, &context(), || None).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let events = events(&place.bus.log(), id).await;
    assert_eq!(events.iter().map(attempt).collect::<Vec<_>>(), (1..=150).collect::<Vec<_>>());
}

async fn of_fifty_racers_one_wins_each_round(place: &Place) {
    let (id, racers) = (job(), racers(place).await);
    for round in 1..=5 {
        let writers = racers.iter().map(|log| {
            let log = log.clone();
            tokio::spawn(async move { log.execute::<Counter>(id, &context(), || Some(round)).await.map(drop) })
        });
        let mut winners = 0;
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.unwrap() {
                Ok(()) => winners += 1,
                Err(ExecuteError::Refused(Refusal::Exists)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(winners, 1, "in round {round}");
    }
    let events = events(&place.bus.log(), id).await;
    assert_eq!(events.iter().map(attempt).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

async fn a_command_sent_twice_at_once_is_done_once(place: &Place) {
    let (here, there) = (place.bus.log().opened(), place.other_bus().await.log().opened());
    for _ in 0..5 {
        let (id, context, request) = (JobId::new(), context(), requested());
        let command = || JobCommand::Request(request.clone());
        let same = [here.clone(), here.clone(), there.clone()];
        let same = join_all(same.iter().map(|log| log.execute::<Job>(id, &context, command))).await;
        let same: Vec<_> = same.into_iter().map(Result::unwrap).collect();
        assert!(same.iter().all(|one| (one.head, &one.events) == (same[0].head, &same[0].events)));
        assert_eq!(same.iter().filter(|one| !one.duplicate).count(), 1);
        assert_eq!(events(&here, id.into()).await.len(), 1);
    }
}

/// What the expectation is for.
async fn without_an_expectation_both_racers_get_in(place: &Place) {
    let (raw, id) = (place.raw().await, job());
    let publish = |event: NewEvent| {
        let mut headers = HeaderMap::new();
        event.headers(id, None).into_iter().for_each(|(name, value)| headers.insert(name, value));
        let subject = format!("kart.evt.job.{}.requested", id.uuid());
        let body = event.event.to_bytes().into();
        async { raw.publish_with_headers(subject, headers, body).await.unwrap().await.unwrap() }
    };
    tokio::join!(publish(new_event(requested())), publish(new_event(requested())));
    assert_eq!(events(&place.bus.log(), id).await.len(), 2, "a job was requested twice");
}

/// What ids made from the command are for: rules that allow a thing again cannot tell a repetition.
async fn without_a_steady_id_a_repeated_command_is_done_twice(place: &Place) {
    let log = place.bus.log();
    for (steady, count) in [(true, 1), (false, 2)] {
        let (id, first) = (job(), context());
        let again = if steady { first.clone() } else { Context { command: context().command, ..first.clone() } };
        log.execute::<Counter>(id, &first, || None).await.unwrap();
        log.execute::<Counter>(id, &again, || None).await.unwrap();
        assert_eq!(events(&log, id).await.len(), count);
    }
}
