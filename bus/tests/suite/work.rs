use crate::servers::{Nats, nats_with, raw_client, until};
use bus::Work;
use schemas::event::{Phase, Priority};
use schemas::{JobId, UserId};
use std::time::{Duration, Instant};

const LEASE: Duration = Duration::from_secs(2);

async fn nats() -> Nats {
    nats_with(|config| config.lease = LEASE).await
}

fn work(phase: Phase) -> Work {
    Work { phase, job: JobId::new(), user: UserId::new(), attempt: 1, priority: Priority::Normal }
}

#[tokio::test]
async fn work_is_handed_to_one_worker_of_its_phase_and_is_gone_when_done() {
    let nats = nats().await;
    let queue = nats.bus.work();
    let offered = work(Phase::Training);
    queue.offer(&offered).await.unwrap();
    until("it waits", async || queue.depth(Phase::Training).await.unwrap() == 1).await;
    assert_eq!(queue.depth(Phase::Inference).await.unwrap(), 0);

    let task = queue.take(Phase::Training).await.unwrap().expect("the work");
    assert_eq!((task.work.clone(), task.delivery), (offered, 1));
    let (same, other) = tokio::join!(queue.take(Phase::Training), queue.take(Phase::Inference));
    // The lease may have run out meanwhile on a busy machine: then it came a second time.
    assert!(same.unwrap().is_none_or(|again| again.delivery > 1));
    assert!(other.unwrap().is_none());
    task.done().await.unwrap();
    until("it is gone", async || queue.depth(Phase::Training).await.unwrap() == 0).await;
}

#[tokio::test]
async fn the_same_work_offered_twice_is_stored_once_and_another_attempt_is_other_work() {
    let nats = nats().await;
    let queue = nats.bus.work();
    let offered = work(Phase::Inference);
    for _ in 0..3 {
        queue.offer(&offered).await.unwrap();
    }
    queue.offer(&Work { attempt: 2, ..offered }).await.unwrap();
    // The consumer counts a little after the acknowledgement.
    until("both wait", async || queue.depth(Phase::Inference).await.unwrap() == 2).await;
    for attempt in 1..=2 {
        let task = queue.take(Phase::Inference).await.unwrap().expect("the work");
        assert_eq!(task.work.attempt, attempt);
        task.done().await.unwrap();
    }
    assert!(queue.take(Phase::Inference).await.unwrap().is_none(), "it was stored twice");
}

#[tokio::test]
async fn work_of_a_silent_holder_goes_to_another_after_the_lease() {
    let nats = nats().await;
    let queue = nats.bus.work();
    let offered = work(Phase::Training);
    queue.offer(&offered).await.unwrap();
    let taken = Instant::now();
    let silent = queue.take(Phase::Training).await.unwrap().expect("the work");
    let mut second = None;
    until("the work comes again", async || {
        second = queue.take(Phase::Training).await.unwrap();
        second.is_some()
    })
    .await;
    let second = second.expect("the work, again");
    assert_eq!((second.delivery, second.work.clone()), (2, offered));
    assert!(taken.elapsed() >= LEASE, "only after {:?}", taken.elapsed());
    second.done().await.unwrap();
    drop(silent);
    until("it is gone", async || queue.depth(Phase::Training).await.unwrap() == 0).await;
}

#[tokio::test]
async fn work_is_kept_while_its_lease_is_renewed_and_no_longer() {
    let nats = nats().await;
    let queue = nats.bus.work();
    queue.offer(&work(Phase::Training)).await.unwrap();
    let task = queue.take(Phase::Training).await.unwrap().expect("the work");
    let keep = task.keep_alive();
    let held = Instant::now();
    while held.elapsed() < LEASE * 3 {
        assert!(queue.take(Phase::Training).await.unwrap().is_none(), "taken away after {:?}", held.elapsed());
    }
    drop(keep);
    until("the work comes again", async || queue.take(Phase::Training).await.unwrap().is_some()).await;
}

#[tokio::test]
async fn work_that_is_given_back_goes_to_the_next_at_once() {
    let nats = nats_with(|config| config.lease = Duration::from_secs(600)).await;
    let queue = nats.bus.work();
    queue.offer(&work(Phase::Inference)).await.unwrap();
    queue.take(Phase::Inference).await.unwrap().expect("the work").give_back().await.unwrap();
    let again = queue.take(Phase::Inference).await.unwrap().expect("the work, again");
    assert_eq!(again.delivery, 2);
}

#[tokio::test]
async fn work_survives_a_killed_server() {
    let mut nats = nats().await;
    let queue = nats.bus.work();
    let offered = work(Phase::Training);
    queue.offer(&offered).await.unwrap();
    nats.server.kill().await;
    nats.server.restart().await.unwrap();
    until("the work is handed out", async || match queue.take(Phase::Training).await {
        Ok(Some(task)) => task.work == offered,
        _ => false,
    })
    .await;
}

#[tokio::test]
async fn a_message_that_is_no_work_is_reported_and_taken_out() {
    let nats = nats().await;
    let queue = nats.bus.work();
    let client = raw_client(&nats).await;
    let jetstream = async_nats::jetstream::new(client);
    jetstream.publish("kart.work.train.normal.a.b", "nonsense".into()).await.unwrap().await.unwrap();
    let taken = queue.take(Phase::Training).await;
    assert!(matches!(taken, Err(bus::WorkError::Unreadable { .. })), "{taken:?}");
    until("it is gone", async || queue.depth(Phase::Training).await.unwrap() == 0).await;
}

/// The server forgets message ids; here after a tenth of a second instead of an hour.
async fn forgetful(nats: &Nats) -> async_nats::jetstream::Context {
    let jetstream = async_nats::jetstream::new(raw_client(nats).await);
    let mut stream = jetstream.get_stream("KART_WORK").await.unwrap();
    let mut config = stream.info().await.unwrap().config.clone();
    config.duplicate_window = Duration::from_millis(100);
    jetstream.update_stream(config).await.unwrap();
    jetstream
}

#[tokio::test]
async fn work_that_stands_is_stored_once_also_when_the_server_has_forgotten_the_offer() {
    let nats = nats_with(|config| config.lease = Duration::from_secs(600)).await;
    let (queue, jetstream) = (nats.bus.work(), forgetful(&nats).await);
    let (in_hand, waiting) = (work(Phase::Training), work(Phase::Training));
    queue.offer(&in_hand).await.unwrap();
    let task = queue.take(Phase::Training).await.unwrap().expect("the work");
    queue.offer(&waiting).await.unwrap();

    // Published after them and forgotten: so are they.
    let probe = async || {
        let probe = async_nats::jetstream::message::PublishMessage::build().message_id("probe");
        jetstream.send_publish("kart.work.probe", probe).await.unwrap().await.unwrap().duplicate
    };
    assert!(!probe().await);
    until("the server forgets", async || !probe().await).await;
    for work in [&in_hand, &waiting] {
        queue.offer(work).await.unwrap();
    }
    // The control: without the expectation it is there twice, and two workers would have it.
    let Work { user, job, .. } = waiting;
    let subject = format!("kart.work.train.normal.{user}.{job}.1");
    let body = serde_json::to_vec(&waiting).unwrap();
    jetstream.publish(subject, body.into()).await.unwrap().await.unwrap();
    let mut taken = vec![task.work.clone()];
    while let Some(task) = queue.take(Phase::Training).await.unwrap() {
        taken.push(task.work);
    }
    assert_eq!(taken, [in_hand, waiting.clone(), waiting]);
}

#[tokio::test]
async fn work_that_is_done_can_be_offered_again_when_the_server_has_forgotten_it() {
    let nats = nats().await;
    let (queue, _jetstream) = (nats.bus.work(), forgetful(&nats).await);
    let offered = work(Phase::Training);
    queue.offer(&offered).await.unwrap();
    queue.take(Phase::Training).await.unwrap().expect("the work").done().await.unwrap();
    until("it is there again", async || {
        queue.offer(&offered).await.unwrap();
        queue.depth(Phase::Training).await.unwrap() == 1
    })
    .await;
}
