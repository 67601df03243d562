//! What auditing asks of the log: reading strictly, finding a moment, and writing an export back.

use crate::servers::{Nats, dispatched, job, nats, new_event, raw_client, requested};
use bus::{Delivered, Expect, Filter, Log, RestoreError};
use futures::StreamExt;
use schemas::{Recorded, envelope};

async fn all(log: &Log) -> Vec<Delivered> {
    let delivered: Vec<_> = log.replay(Filter::default()).map(Result::unwrap).collect().await;
    delivered.into_iter().filter(|delivered| !matches!(delivered, Delivered::CaughtUp { .. })).collect()
}

async fn events(log: &Log) -> Vec<Recorded> {
    let event = |delivered| match delivered {
        Delivered::Event(event) => *event,
        other => panic!("no event: {other:?}"),
    };
    all(log).await.into_iter().map(event).collect()
}

async fn a_few_events(nats: &Nats) {
    for _ in 0..3 {
        let batch = vec![new_event(requested()), new_event(dispatched(1))];
        nats.bus.log().append(job(), Expect::New, batch).await.unwrap();
    }
}

#[tokio::test]
async fn a_strict_reader_takes_nothing_but_what_kart_writes() {
    let nats = nats().await;
    a_few_events(&nats).await;
    assert_eq!(events(&nats.bus.log().strict()).await.len(), 6);

    // The hash covers none of these.
    let raw = raw_client(&nats).await;
    let event = new_event(requested());
    let id = job();
    let changes: [(&str, &str); 4] = [
        ("ce-source", "/kart/comic"),
        ("ce-specversion", "1.1"),
        ("kart-note", "added"),
        ("content-type", "text/plain"),
    ];
    for (name, value) in changes {
        let mut headers = async_nats::HeaderMap::new();
        for (name, value) in event.headers(id, None) {
            headers.insert(name, value);
        }
        headers.insert("Nats-Msg-Id", uuid::Uuid::now_v7().to_string());
        headers.insert(name, value);
        let subject = format!("kart.evt.job.{}.requested", id.uuid());
        raw.request_with_headers(subject, headers, event.event.to_bytes().into()).await.unwrap();
    }
    assert_eq!(events(&nats.bus.log()).await.len(), 10, "others read it");
    let unreadable = |delivered: &Delivered| matches!(delivered, Delivered::Unreadable { .. });
    let strict = all(&nats.bus.log().strict()).await;
    assert_eq!(strict.iter().map(unreadable).collect::<Vec<_>>(), [vec![false; 6], vec![true; 4]].concat());
}

#[tokio::test]
async fn an_export_is_written_back_message_by_message_into_an_empty_log_only() {
    let (from, to) = (nats().await, nats().await);
    a_few_events(&from).await;
    let written = events(&from.bus.log()).await;
    to.bus.log().must_be_empty().await.unwrap();
    to.bus.log().restore(&written[..1]).await.unwrap();
    to.bus.log().restore(&written[1..]).await.unwrap();
    assert_eq!(events(&to.bus.log().strict()).await, written);

    let full = to.bus.log().must_be_empty().await;
    assert!(matches!(full, Err(RestoreError::NotEmpty(6))), "{full:?}");
    let again = to.bus.log().restore(&written).await;
    assert!(matches!(again, Err(RestoreError::Refused { sequence: 1, .. })), "{again:?}");
    assert_eq!(to.bus.log().head().await.unwrap(), 6);
    // What comes after is appended as ever.
    let head = written[5].head();
    to.bus.log().append(written[5].aggregate, Expect::After(head), vec![new_event(dispatched(2))]).await.unwrap();
}

#[tokio::test]
async fn a_moment_is_found_by_the_server_s_clock() {
    let nats = nats().await;
    let log = nats.bus.log();
    assert_eq!(log.written_since(envelope::now()).await.unwrap(), None, "an empty log");
    a_few_events(&nats).await;
    let between = time::OffsetDateTime::now_utc();
    a_few_events(&nats).await;
    assert_eq!(log.written_since(time::OffsetDateTime::UNIX_EPOCH).await.unwrap(), Some(1));
    assert_eq!(log.written_since(between).await.unwrap(), Some(7));
    assert_eq!(log.written_since(time::OffsetDateTime::now_utc()).await.unwrap(), None);
    assert_eq!(log.first().await.unwrap(), 1);
}
