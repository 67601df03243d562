use crate::servers::{DEADLINE, dispatched, job, nats, new_event, raw_client, requested};
use bus::{AppendError, Delivered, Expect, Filter, Log, ReadError};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};
use schemas::{AggregateId, Kind};
use std::time::{Duration, Instant};

type Deliveries = BoxStream<'static, Result<Delivered, ReadError>>;

async fn next(stream: &mut Deliveries) -> Delivered {
    let item = tokio::time::timeout(DEADLINE, stream.next()).await;
    item.expect("in time").expect("no end").unwrap()
}

/// Sequences of the next `count` events; what else comes is passed over.
async fn sequences(stream: &mut Deliveries, count: usize) -> Vec<u64> {
    let mut seen = Vec::new();
    while seen.len() < count {
        if let Delivered::Event(recorded) = next(stream).await {
            seen.push(recorded.sequence);
        }
    }
    seen
}

/// Sequences of everything that a replay yields.
async fn replayed(log: &Log, filter: Filter) -> Vec<u64> {
    let all: Vec<Delivered> = log.replay(filter).try_collect().await.unwrap();
    assert!(matches!(all.last(), Some(Delivered::CaughtUp { .. })), "a replay says that it is through");
    let sequence = |item: &Delivered| if let Delivered::Event(event) = item { Some(event.sequence) } else { None };
    all.iter().filter_map(sequence).collect()
}

async fn append(log: &Log, id: AggregateId, count: u32) {
    let mut head = log.append(id, Expect::New, vec![new_event(requested())]).await.unwrap().head;
    for attempt in 1..count {
        head = log.append(id, Expect::After(head), vec![new_event(dispatched(attempt))]).await.unwrap().head;
    }
}

#[tokio::test]
async fn a_reader_gets_the_past_is_told_when_it_is_through_and_then_gets_the_present() {
    let nats = nats().await;
    let log = nats.bus.log();
    let mut empty = log.follow(0);
    assert_eq!(next(&mut empty).await, Delivered::CaughtUp { sequence: 0 });
    append(&log, job(), 5).await;

    let mut all = log.follow(1);
    assert_eq!(sequences(&mut all, 5).await, [1, 2, 3, 4, 5]);
    assert_eq!(next(&mut all).await, Delivered::CaughtUp { sequence: 5 });
    let mut late = log.follow(4);
    assert_eq!(sequences(&mut late, 2).await, [4, 5]);
    let mut ahead = log.follow(6);
    assert_eq!(next(&mut ahead).await, Delivered::CaughtUp { sequence: 5 });

    append(&log, job(), 2).await;
    for reader in [&mut all, &mut late, &mut ahead] {
        assert_eq!(sequences(reader, 2).await, [6, 7]);
    }
    assert_eq!(sequences(&mut empty, 7).await, [1, 2, 3, 4, 5, 6, 7]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_leaves_no_gap_and_no_repetition_and_readers_are_back_within_ten_seconds() {
    let mut nats = nats().await;
    let log = nats.bus.log();
    append(&log, job(), 50).await;
    let mut idle = log.follow(1);
    assert_eq!(sequences(&mut idle, 50).await, (1..=50).collect::<Vec<_>>());
    // Another one has been asked once and is not looked at while the server dies.
    let mut unread = log.follow(1);
    assert_eq!(sequences(&mut unread, 1).await, [1]);
    let mut next_sequence = 51;
    for _ in 0..3 {
        nats.server.kill().await;
        nats.server.restart().await.unwrap();
        let back = Instant::now();
        append(&log, job(), 10).await;
        let expected: Vec<u64> = (next_sequence..next_sequence + 10).collect();
        assert_eq!(sequences(&mut idle, 10).await, expected);
        assert!(back.elapsed() < Duration::from_secs(10), "it took {:?}", back.elapsed());
        next_sequence += 10;
    }
    let rest = sequences(&mut unread, next_sequence as usize - 2).await;
    assert_eq!(rest, (2..next_sequence).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_written_while_the_server_is_killed_again_and_again_is_read_once_and_in_order() {
    let mut nats = nats().await;
    let log = nats.bus.log();
    let writer = tokio::spawn({
        let log = log.clone();
        async move {
            let id = job();
            let mut head = log.append(id, Expect::New, vec![new_event(requested())]).await.unwrap().head;
            let mut attempt = 1;
            while attempt < 300 {
                // The same event until it is acknowledged, as a command would.
                let event = new_event(dispatched(attempt));
                head = loop {
                    match log.append(id, Expect::After(head), vec![event.clone()]).await {
                        Ok(appended) => break appended.head,
                        Err(AppendError::Unavailable { .. }) => {}
                        Err(error) => panic!("{error}"),
                    }
                };
                attempt += 1;
            }
            head.sequence
        }
    });
    let mut reader = log.follow(1);
    let mut seen = sequences(&mut reader, 20).await;
    for _ in 0..3 {
        nats.server.kill().await;
        nats.server.restart().await.unwrap();
        seen.extend(sequences(&mut reader, 20).await);
    }
    let last = tokio::time::timeout(DEADLINE, writer).await.expect("the writer ends").unwrap();
    seen.extend(sequences(&mut reader, last as usize - seen.len()).await);
    assert_eq!(seen, (1..=last).collect::<Vec<_>>());
    assert_eq!(last, 300, "no event was stored twice");
}

#[tokio::test]
async fn a_replay_keeps_to_its_filter_and_ends() {
    let nats = nats().await;
    let log = nats.bus.log();
    let (one, two) = (job(), job());
    append(&log, one, 3).await;
    append(&log, two, 3).await;
    let user = schemas::UserId::new().into();
    let registered = new_event(schemas::event::UserRegistered { guest: true });
    log.append(user, Expect::New, vec![registered]).await.unwrap();
    let event = |name: &str| Some(name.to_owned());
    for (filter, expected) in [
        (Filter::default(), vec![1, 2, 3, 4, 5, 6, 7]),
        (Filter { from: 3, to_sequence: Some(5), ..Filter::default() }, vec![3, 4, 5]),
        (Filter { to_sequence: Some(99), ..Filter::default() }, vec![1, 2, 3, 4, 5, 6, 7]),
        (Filter { aggregate: Some(two), ..Filter::default() }, vec![4, 5, 6]),
        (Filter { aggregate: Some(one), to_sequence: Some(2), ..Filter::default() }, vec![1, 2]),
        (Filter { aggregate: Some(one), from: 4, ..Filter::default() }, vec![]),
        (Filter { kind: Some(Kind::User), ..Filter::default() }, vec![7]),
        (Filter { event: event("requested"), ..Filter::default() }, vec![1, 4]),
        (Filter { kind: Some(Kind::Job), event: event("dispatched"), from: 3, ..Filter::default() }, vec![3, 5, 6]),
        (Filter { aggregate: Some(two), event: event("requested"), ..Filter::default() }, vec![4]),
        (Filter { kind: Some(Kind::Comic), ..Filter::default() }, vec![]),
        (Filter { from: 8, ..Filter::default() }, vec![]),
    ] {
        let text = format!("{filter:?}");
        let seen = tokio::time::timeout(DEADLINE, replayed(&log, filter)).await.expect("a replay ends");
        assert_eq!(seen, expected, "{text}");
    }
}

#[tokio::test]
async fn a_message_that_is_no_event_is_shown_as_such_and_the_reader_goes_on() {
    let nats = nats().await;
    let (log, id) = (nats.bus.log(), job());
    append(&log, id, 1).await;
    // Written past the bus, as a newer version of Kart would.
    let client = raw_client(&nats).await;
    let jetstream = async_nats::jetstream::new(client);
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("ce-type", "kart.job.teleported.v1");
    let subject = format!("kart.evt.job.{}.teleported", id.uuid());
    jetstream.publish_with_headers(subject.clone(), headers, "{}".into()).await.unwrap().await.unwrap();
    append(&log, job(), 1).await;

    let mut reader = log.follow(1);
    assert_eq!(sequences(&mut reader, 1).await, [1]);
    let unreadable = next(&mut reader).await;
    assert!(
        matches!(&unreadable, Delivered::Unreadable { sequence: 2, subject: s, type_name: Some(t), .. }
            if *s == subject && t == "kart.job.teleported.v1"),
        "{unreadable:?}"
    );
    assert_eq!(sequences(&mut reader, 1).await, [3]);
    let load = log.load(id).await;
    assert!(matches!(load, Err(ReadError::Unreadable { sequence: 2, .. })), "{load:?}");
}

#[tokio::test]
async fn a_log_that_ends_before_the_readers_place_is_reported_as_lost() {
    let nats = nats().await;
    let log = nats.bus.log();
    append(&log, job(), 3).await;
    let mut reader = log.follow(9);
    let first = tokio::time::timeout(DEADLINE, reader.next()).await.expect("in time");
    assert!(matches!(first, Some(Err(ReadError::Lost { expected: 9, .. }))), "{first:?}");
    // And goes on once the log is there.
    append(&log, job(), 7).await;
    assert_eq!(sequences(&mut reader, 2).await, [9, 10]);
}
