use crate::servers::{dispatched, job, nats, new_event, requested};
use bus::{AppendError, Expect, ReadError};
use schemas::{Head, Recorded};

#[tokio::test]
async fn what_was_appended_is_loaded_in_order_and_its_chain_holds() {
    let nats = nats().await;
    let (log, id) = (nats.bus.log(), job());
    let first = log.append(id, Expect::New, vec![new_event(requested())]).await.unwrap();
    let second = log.append(id, Expect::After(first.head), vec![new_event(dispatched(1))]).await.unwrap();
    // Another's events stand between ours.
    log.append(job(), Expect::New, vec![new_event(requested())]).await.unwrap();
    let more = (2..=4).map(|attempt| new_event(dispatched(attempt))).collect();
    let last = log.append(id, Expect::After(second.head), more).await.unwrap();

    let loaded = log.load(id).await.unwrap();
    assert_eq!(loaded.head, Some(last.head));
    assert_eq!(loaded.events.len(), 5);
    let mut previous = None;
    for event in &loaded.events {
        assert_eq!(event.previous, previous, "at {}", event.sequence);
        previous = Some(event.hash);
    }
    let after = log.load_after(id, second.head.sequence).await.unwrap();
    assert_eq!(after, loaded.events[2..]);
    assert_eq!(log.head().await.unwrap(), last.head.sequence);
    assert_eq!(log.load(job()).await.unwrap().events, Vec::<Recorded>::new());
}

#[tokio::test]
async fn an_append_that_expects_something_else_is_a_conflict_and_stores_nothing() {
    let nats = nats().await;
    let (log, id) = (nats.bus.log(), job());
    let first = log.append(id, Expect::New, vec![new_event(requested())]).await.unwrap().head;
    let second = log.append(id, Expect::After(first), vec![new_event(dispatched(1))]).await.unwrap().head;
    let ahead = Head { sequence: second.sequence + 1, ..second };
    for expect in [Expect::New, Expect::After(first), Expect::After(ahead)] {
        let refused = log.append(id, expect, vec![new_event(dispatched(2))]).await;
        assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{expect:?}: {refused:?}");
    }
    let unborn = log.append(job(), Expect::After(second), vec![new_event(requested())]).await;
    assert!(matches!(unborn, Err(AppendError::Conflict { .. })), "{unborn:?}");
    assert_eq!(log.head().await.unwrap(), second.sequence);
}

#[tokio::test]
async fn the_same_append_again_succeeds_as_a_duplicate() {
    let nats = nats().await;
    let (log, id) = (nats.bus.log(), job());
    let one = vec![new_event(requested())];
    let first = log.append(id, Expect::New, one.clone()).await.unwrap();
    let batch: Vec<_> = (1..=3).map(|attempt| new_event(dispatched(attempt))).collect();
    let second = log.append(id, Expect::After(first.head), batch.clone()).await.unwrap();
    assert!(!first.duplicate && !second.duplicate);

    let again = log.append(id, Expect::New, one).await.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.head, first.head);
    let again = log.append(id, Expect::After(first.head), batch).await.unwrap();
    assert!(again.duplicate);
    assert_eq!(again.head, second.head);
    assert_eq!(log.load(id).await.unwrap().events.len(), 4);
}

#[tokio::test]
async fn a_batch_is_stored_as_a_whole_or_not_at_all() {
    let nats = nats().await;
    let (log, id) = (nats.bus.log(), job());
    let first = log.append(id, Expect::New, vec![new_event(requested())]).await.unwrap().head;
    let batch = |from: u32| (from..from + 20).map(|attempt| new_event(dispatched(attempt))).collect::<Vec<_>>();

    let refused = log.append(id, Expect::New, batch(1)).await;
    assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{refused:?}");
    assert_eq!(log.load(id).await.unwrap().events.len(), 1);

    // One event of it is in the log already: neither stored a second time, nor taken for a repetition of the whole.
    let mut half_known = batch(1);
    let known = log.append(id, Expect::After(first), vec![half_known[7].clone()]).await.unwrap().head;
    half_known.rotate_left(3);
    let refused = log.append(id, Expect::After(known), half_known).await;
    assert!(matches!(refused, Err(AppendError::Conflict { .. })), "{refused:?}");
    assert_eq!(log.load(id).await.unwrap().events.len(), 2);

    log.append(id, Expect::After(known), batch(100)).await.unwrap();
    assert_eq!(log.load(id).await.unwrap().events.len(), 22);
}

#[tokio::test]
async fn an_aggregate_longer_than_one_request_is_loaded_whole() {
    let nats = nats().await;
    let (log, id) = (nats.bus.log(), job());
    let mut head = log.append(id, Expect::New, vec![new_event(requested())]).await.unwrap().head;
    for _ in 0..4 {
        let batch = (0..200).map(|attempt| new_event(dispatched(attempt))).collect();
        head = log.append(id, Expect::After(head), batch).await.unwrap().head;
    }
    let loaded = log.load(id).await.unwrap();
    assert_eq!(loaded.events.len(), 801);
    assert_eq!(loaded.head, Some(head));
    assert!(loaded.events.windows(2).all(|pair| pair[1].previous == Some(pair[0].hash)));
}

#[tokio::test]
async fn events_that_do_not_belong_together_are_refused_before_they_are_sent() {
    let nats = nats().await;
    let log = nats.bus.log();
    let comic = schemas::ComicId::new().into();
    let too_long = schemas::event::JobRequested { title: "x".repeat(70_000).into(), ..requested() };
    let invalid = log.append(job(), Expect::New, vec![]).await;
    assert!(matches!(invalid, Err(AppendError::Invalid { .. })), "{invalid:?}");
    let invalid = log.append(comic, Expect::New, vec![new_event(requested())]).await;
    assert!(matches!(invalid, Err(AppendError::Invalid { .. })), "{invalid:?}");
    let too_large = log.append(job(), Expect::New, vec![new_event(requested()), new_event(too_long)]).await;
    assert!(matches!(too_large, Err(AppendError::TooLarge { .. })), "{too_large:?}");
    assert_eq!(log.head().await.unwrap(), 0);
}

#[tokio::test]
async fn a_server_that_is_gone_is_unavailable_and_not_a_hang() {
    let mut nats = nats().await;
    let (log, id) = (nats.bus.log(), job());
    let event = new_event(requested());
    nats.server.kill().await;
    let (append, load) = tokio::join!(log.append(id, Expect::New, vec![event.clone()]), log.load(id));
    assert!(matches!(append, Err(AppendError::Unavailable { .. })), "{append:?}");
    assert!(matches!(load, Err(ReadError::Unavailable { .. })), "{load:?}");

    nats.server.restart().await.unwrap();
    // The outcome was unknown: the first try may still have arrived. The same event again is right in either case.
    let appended = log.append(id, Expect::New, vec![event.clone()]).await.unwrap();
    let loaded = log.load(id).await.unwrap();
    assert_eq!((loaded.head, loaded.events.len()), (Some(appended.head), 1));
}
