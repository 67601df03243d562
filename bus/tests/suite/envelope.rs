use crate::servers::{job, nats, new_event, requested};
use bus::Expect;
use proptest::prelude::*;
use schemas::event::JobRequested;
use schemas::{Actor, Hash, NewEvent, UserId};
use time::OffsetDateTime;
use uuid::Uuid;

fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        any::<u128>().prop_map(|id| Actor::User(UserId(Uuid::from_u128(id)))),
        "[a-z][a-z-]{0,20}".prop_map(Actor::Role),
    ]
}

fn event() -> impl Strategy<Value = NewEvent> {
    // Years 2001 to 2100, in milliseconds: what `envelope::now` can yield.
    let time = (978_307_200_000_i128..4_102_444_800_000)
        .prop_map(|ms| OffsetDateTime::from_unix_timestamp_nanos(ms * 1_000_000).expect("within the range of times"));
    (any::<u128>(), time, actor(), any::<Option<u128>>(), any::<u128>(), any::<String>()).prop_map(
        |(id, time, actor, causation, correlation, title)| NewEvent {
            id: Uuid::from_u128(id),
            time,
            actor,
            causation: causation.map(Uuid::from_u128),
            correlation: Uuid::from_u128(correlation),
            ..new_event(JobRequested { title: title.into(), ..requested() })
        },
    )
}

/// Whatever an event holds, it comes back from the server as it went.
#[test]
fn every_envelope_survives_the_way_through_the_server() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let nats = runtime.block_on(nats());
    let log = nats.bus.log().opened();
    proptest!(ProptestConfig::with_cases(64), |(events in proptest::collection::vec(event(), 1..4))| {
        let id = job();
        let appended = runtime.block_on(log.append(id, Expect::New, events.clone())).unwrap();
        let loaded = runtime.block_on(log.load(id)).unwrap();
        prop_assert_eq!(loaded.head, Some(appended.head));
        let mut previous: Option<Hash> = None;
        for (recorded, event) in loaded.events.iter().zip(&events) {
            prop_assert_eq!(&recorded.new, event);
            prop_assert_eq!(recorded.previous, previous);
            prop_assert_eq!(recorded.hash, recorded.written.chain_hash(previous, id, event));
            previous = Some(recorded.hash);
        }
        prop_assert_eq!(loaded.events.len(), events.len());
    });
}
