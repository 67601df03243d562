//! Servers killed in the middle of writing. What was acknowledged is there once; nothing is there twice or in part.

use crate::place::Place;
use crate::servers::{DEADLINE, context, dispatched, job, new_event, requested, until};
use bus::{AppendError, Context, Expect, Log};
use futures::StreamExt;
use schemas::event::JobRequested;
use schemas::job::{Job, JobCommand};
use schemas::{AggregateId, Head, JobId, NewEvent, UserId};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Enough for batches.
const WRITERS: usize = 60;

/// Writers that go on until told to stop, and what they know of what they wrote.
struct Writing {
    stop: Arc<AtomicBool>,
    acknowledged: Arc<AtomicUsize>,
    writers: Vec<tokio::task::JoinHandle<Vec<Written>>>,
}

struct Written {
    aggregate: AggregateId,
    ids: Vec<Uuid>,
    head: Head,
}

impl Writing {
    fn start(log: &Log) -> Self {
        let (stop, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let writers = (0..WRITERS)
            .map(|writer| {
                let owner = UserId::new();
                let (log, stop, acknowledged) = (log.clone(), stop.clone(), acknowledged.clone());
                tokio::spawn(async move {
                    let mut written = vec![];
                    while !stop.load(Ordering::SeqCst) {
                        // Every third append is two events, which must stay together.
                        let mut events = vec![new_event(JobRequested { owner, ..requested() })];
                        events.extend((writer % 3 == 0).then(|| new_event(dispatched(1))));
                        written.push(until_appended(&log, job(), events).await);
                        acknowledged.fetch_add(1, Ordering::SeqCst);
                    }
                    written
                })
            })
            .collect();
        Self { stop, acknowledged, writers }
    }

    /// Waits for so many acknowledgements from now on. How long it took.
    async fn goes_on(&self, count: usize) -> Duration {
        let (started, before) = (Instant::now(), self.acknowledged.load(Ordering::SeqCst));
        until("appends are acknowledged", async || self.acknowledged.load(Ordering::SeqCst) >= before + count).await;
        started.elapsed()
    }

    /// Ends the writers, and compares what they know with what is in the log.
    async fn check(self, log: &Log, mut written: Vec<Written>) -> usize {
        self.stop.store(true, Ordering::SeqCst);
        for writer in self.writers {
            written.extend(tokio::time::timeout(DEADLINE, writer).await.expect("writers come to an end").unwrap());
        }
        let mut logged: HashMap<AggregateId, Vec<(Uuid, Head)>> = HashMap::new();
        let mut replay = log.replay(bus::Filter::default());
        let mut next = 1;
        while let Some(delivered) = replay.next().await {
            if let bus::Delivered::Event(event) = delivered.unwrap() {
                assert_eq!(event.sequence, next, "a gap in the log");
                next += 1;
                logged.entry(event.aggregate).or_default().push((event.new.id, event.head()));
            }
        }
        for Written { aggregate, ids, head } in &written {
            let found = logged.remove(aggregate).unwrap_or_default();
            assert_eq!(found.iter().map(|(id, _)| *id).collect::<Vec<_>>(), *ids, "{aggregate}");
            assert_eq!(found.last().map(|(_, head)| *head), Some(*head), "{aggregate}");
        }
        assert!(logged.is_empty(), "events that nobody wrote: {logged:?}");
        written.len()
    }
}

/// Whoever does not hear of the outcome appends the same again.
async fn until_appended(log: &Log, aggregate: AggregateId, events: Vec<NewEvent>) -> Written {
    loop {
        match log.append(aggregate, Expect::New, events.clone()).await {
            Ok(appended) => {
                let ids = events.iter().map(|event| event.id).collect();
                return Written { aggregate, ids, head: appended.head };
            }
            Err(AppendError::Unavailable { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_amid_batches_keeps_what_it_acknowledged_once() {
    let mut place = Place::one().await;
    let writing = Writing::start(&place.bus.log());
    for round in 1..=5 {
        writing.goes_on(200 + 37 * round).await;
        place.server().kill().await;
        let killed = Instant::now();
        place.server().restart().await.unwrap();
        writing.goes_on(1).await;
        println!("round {round}: the first acknowledgement after {:?}", killed.elapsed());
    }
    let appends = writing.check(&place.bus.log(), vec![]).await;
    println!("{appends} appends, each there once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_three_servers_killed_stops_nobody() {
    let mut place = Place::three().await;
    let log = place.bus.log();
    let writing = Writing::start(&log);
    for victim in ["leader", "follower"] {
        writing.goes_on(200).await;
        let name = leader_or_not(&place, victim == "leader").await;
        place.cluster().named(&name).expect("one of the three").kill().await;
        let killed = Instant::now();
        writing.goes_on(1).await;
        println!("{victim} killed: the first acknowledgement after {:?}", killed.elapsed());
        writing.goes_on(200).await;
        place.cluster().named(&name).expect("one of the three").restart().await.unwrap();
        place.until_writable().await;
        println!("{victim} killed: three full copies again after {:?}", killed.elapsed());
    }
    let appends = writing.check(&log, vec![]).await;
    println!("{appends} appends, each there once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_three_servers_killed_is_an_error_in_time_and_heals() {
    let mut place = Place::three().await;
    let log = place.bus.log();
    let writing = Writing::start(&log);
    writing.goes_on(200).await;
    for server in 0..2 {
        place.cluster().servers[server].kill().await;
    }
    let killed = Instant::now();
    // The one that is left cannot know whether it is the last.
    let (id, event) = (job(), vec![new_event(requested())]);
    let refused = tokio::time::timeout(DEADLINE, log.append(id, Expect::New, event.clone())).await;
    let refused = refused.expect("an answer in time");
    assert!(matches!(refused, Err(AppendError::Unavailable { .. })), "{refused:?}");
    println!("two killed: refused after {:?}", killed.elapsed());
    for server in 0..2 {
        place.cluster().servers[server].restart().await.unwrap();
    }
    let restarted = Instant::now();
    writing.goes_on(1).await;
    println!("two killed: the first acknowledgement {:?} after their restart", restarted.elapsed());
    writing.goes_on(200).await;
    place.until_writable().await;
    println!("two killed: three full copies again {:?} after their restart", restarted.elapsed());
    // The outcome was unknown; the same again settles it.
    let settled = until_appended(&log, id, event).await;
    let appends = writing.check(&log, vec![settled]).await;
    println!("{appends} appends, each there once");
}

/// The name of a server that leads the log's stream, or of one that does not.
async fn leader_or_not(place: &Place, leader: bool) -> String {
    let stream = place.raw().await.get_stream("KART_EVENTS").await.unwrap();
    let cluster = stream.cached_info().cluster.clone().expect("a cluster");
    if leader { cluster.leader.expect("a leader") } else { cluster.replicas[0].name.clone() }
}

#[tokio::test]
async fn a_command_is_done_once_also_when_the_server_has_forgotten_or_was_restarted() {
    let mut place = Place::one().await;
    let log = place.bus.log();
    let (id, context, request) = (JobId::new(), context(), requested());
    let first = log.execute::<Job>(id, &context, || JobCommand::Request(request.clone())).await.unwrap();
    assert!(!first.duplicate);
    tokio::time::sleep(Duration::from_secs(1)).await;
    done_before(&log, id, &context, first.head, "a second later").await;

    let events = log.load(id.into()).await.unwrap().events;
    let same: Vec<_> = events.iter().map(|recorded| recorded.new.clone()).collect();
    forget(&place).await;
    done_before(&log, id, &context, first.head, "when the server remembers no ids").await;
    // The command aside: an append whose ids the server does not know any more.
    let again = log.append(id.into(), Expect::New, same.clone()).await.unwrap();
    assert_eq!((again.duplicate, Some(again.head)), (true, first.head));

    place.server().restart().await.unwrap();
    done_before(&log, id, &context, first.head, "after a restart").await;
    let again = log.append(id.into(), Expect::New, same).await.unwrap();
    assert_eq!((again.duplicate, Some(again.head)), (true, first.head));
    assert_eq!(log.load(id.into()).await.unwrap().events.len(), events.len());
}

async fn done_before(log: &Log, id: JobId, context: &Context, head: Option<Head>, when: &str) {
    let again = log.execute::<Job>(id, context, || JobCommand::RequestCancel).await.unwrap();
    assert_eq!((again.duplicate, again.head), (true, head), "{when}");
}

/// Shortens the time for which the server remembers ids, until it takes one again that it has stored.
async fn forget(place: &Place) {
    let raw = place.raw().await;
    let mut stream = raw.get_stream("KART_EVENTS").await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    config.duplicate_window = Duration::from_millis(100);
    raw.update_stream(&config).await.unwrap();
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("Nats-Msg-Id", "remembered?");
    let subject = format!("kart.evt.job.{}.unknown", Uuid::now_v7());
    let publish = async || {
        raw.publish_with_headers(subject.clone(), headers.clone(), "".into()).await.unwrap().await.unwrap().duplicate
    };
    assert!(!publish().await);
    until("the server has forgotten an id", async || !publish().await).await;
}
