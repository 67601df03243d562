use crate::servers::{context, job, nats, requested};
use bus::{ExecuteError, Log};
use schemas::job::{Job, JobCommand, Stage};
use schemas::{Aggregate, AggregateId, Event, JobId, Refusal};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts to a goal; whoever reaches a number first has it. Stands in for any aggregate that writers fight over.
#[derive(Default)]
struct Race {
    taken: u32,
}

impl Aggregate for Race {
    type Id = AggregateId;
    /// The number a writer wants to be the one to take.
    type Command = u32;

    fn decide(&self, wanted: u32) -> Result<Vec<Event>, Refusal> {
        if wanted <= self.taken { Err(Refusal::Exists) } else { Ok(vec![crate::servers::dispatched(wanted)]) }
    }

    fn apply(&mut self, event: &Event) {
        if let Event::JobDispatched(event) = event {
            self.taken = event.attempt;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_racing_writers_exactly_one_wins_each_round() {
    let nats = nats().await;
    let id = job();
    for round in 1..=10 {
        let writers = (0..20).map(|_| {
            let log = nats.bus.log();
            tokio::spawn(async move { log.execute::<Race>(id, &context(), || round).await.map(|done| done.head) })
        });
        let mut winners = 0;
        for writer in writers.collect::<Vec<_>>() {
            match writer.await.unwrap() {
                Ok(_) => winners += 1,
                Err(ExecuteError::Refused(Refusal::Exists)) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(winners, 1, "in round {round}");
    }
    let taken: Vec<u32> = attempts(&nats.bus.log(), id).await;
    assert_eq!(taken, (1..=10).collect::<Vec<_>>());
}

async fn attempts(log: &Log, id: AggregateId) -> Vec<u32> {
    let events = log.load(id).await.unwrap().events;
    let attempt = |event: &Event| if let Event::JobDispatched(event) = event { event.attempt } else { 0 };
    events.iter().map(|recorded| attempt(recorded.event())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loser_decides_again_on_what_the_winner_wrote() {
    let nats = nats().await;
    let (log, id) = (nats.bus.log(), job());
    let decided = AtomicUsize::new(0);
    let other = nats.bus.log();
    // Between our loading and our append somebody else takes 1: our wish for 2 still holds then.
    let command = || {
        if decided.fetch_add(1, Ordering::SeqCst) == 0 {
            let other = other.clone();
            tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current()
                    .block_on(async { other.execute::<Race>(id, &context(), || 1).await.unwrap() })
            });
        }
        2
    };
    let done = log.execute::<Race>(id, &context(), command).await;
    assert_eq!(done.unwrap().state.taken, 2);
    assert_eq!(decided.load(Ordering::SeqCst), 2);
    assert_eq!(attempts(&log, id).await, [1, 2]);
}

#[tokio::test]
async fn a_repeated_command_is_done_once_also_when_its_rules_would_refuse_it_now() {
    let nats = nats().await;
    let (log, id, context, request) = (nats.bus.log().opened(), JobId::new(), context(), requested());
    let command = || JobCommand::Request(request.clone());
    let first = log.execute::<Job>(id, &context, command).await.unwrap();
    assert!(!first.duplicate);
    assert!(matches!(first.state.stage, Stage::Waiting { .. }));

    let again = log.execute::<Job>(id, &context, command).await.unwrap();
    assert!(again.duplicate);
    assert_eq!((again.head, again.events), (first.head, first.events));

    let other = log.execute::<Job>(id, &crate::servers::context(), command).await;
    assert!(matches!(other, Err(ExecuteError::Refused(Refusal::Exists))), "{other:?}");
    let missing = log.execute::<Job>(JobId::new(), &context, || JobCommand::RequestCancel).await;
    assert!(matches!(missing, Err(ExecuteError::Refused(Refusal::Missing))), "{missing:?}");
}

#[tokio::test]
async fn nothing_is_written_when_there_is_nothing_to_do() {
    let nats = nats().await;
    let (log, id, request) = (nats.bus.log(), JobId::new(), requested());
    log.execute::<Job>(id, &context(), || JobCommand::Request(request.clone())).await.unwrap();
    log.execute::<Job>(id, &context(), || JobCommand::RequestCancel).await.unwrap();
    let before = log.load(id.into()).await.unwrap();
    let nothing = log.execute::<Job>(id, &context(), || JobCommand::Cancel { lease: None }).await.unwrap();
    assert!(nothing.events.is_empty());
    assert_eq!(nothing.head, before.head);
    assert_eq!(before.events.len(), 3, "asked and done are one batch");
}
