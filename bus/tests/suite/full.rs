//! A stream at its limit refuses clearly, keeps what it has, and works again when it has room.

use crate::servers::{Nats, dispatched, job, nats, nats_with, new_event, raw_client, requested};
use async_nats::jetstream;
use bus::{AppendError, Bus, Expect, NatsConfig, Work, WorkError};
use schemas::event::Phase;
use schemas::event::Priority;
use schemas::{JobId, UserId};

/// A few events.
const SMALL: u64 = 10_000;

async fn fill(nats: &Nats) -> AppendError {
    loop {
        if let Err(error) = nats.bus.log().append(job(), Expect::New, vec![new_event(requested())]).await {
            return error;
        }
    }
}

#[tokio::test]
async fn a_full_log_refuses_what_is_new_and_goes_on_when_it_has_room() {
    let nats = nats_with(|config| config.log_max_bytes = Some(SMALL)).await;
    let error = fill(&nats).await;
    assert!(matches!(error, AppendError::Full { .. }), "{error}");
    let head = nats.bus.log().head().await.unwrap();
    assert!(head > 1, "there was room for some");

    // Several at once as well, and nothing of them stays.
    let aggregate = job();
    let events = vec![new_event(requested()), new_event(dispatched(1))];
    let error = nats.bus.log().append(aggregate, Expect::New, events.clone()).await.unwrap_err();
    assert!(matches!(error, AppendError::Full { .. }), "{error}");
    assert_eq!(nats.bus.log().head().await.unwrap(), head);
    assert!(nats.bus.log().load(aggregate).await.unwrap().events.is_empty());

    let larger = NatsConfig { log_max_bytes: Some(10 * SMALL), ..nats.server.config() };
    Bus::connect(&larger).await.unwrap().set_up().await.unwrap();
    let appended = nats.bus.log().append(aggregate, Expect::New, events).await.unwrap();
    assert_eq!(appended.head.sequence, head + 2);
}

#[tokio::test]
async fn a_full_work_queue_refuses_work() {
    let nats = nats().await;
    let jetstream = jetstream::new(raw_client(&nats).await);
    let mut config = jetstream.get_stream("KART_WORK").await.unwrap().cached_info().config.clone();
    config.max_messages = 2;
    jetstream.update_stream(&config).await.unwrap();
    let work = || Work {
        phase: Phase::Training,
        job: JobId::new(),
        user: UserId::new(),
        attempt: 1,
        priority: Priority::Normal,
    };
    let queue = nats.bus.work();
    for _ in 0..2 {
        queue.offer(&work()).await.unwrap();
    }
    let third = work();
    let error = queue.offer(&third).await.unwrap_err();
    assert!(matches!(error, WorkError::Full { .. }), "{error}");
    queue.take(Phase::Training).await.unwrap().expect("the first").done().await.unwrap();
    queue.offer(&third).await.unwrap();
}
