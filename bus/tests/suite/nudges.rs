use crate::servers::{DEADLINE, nats, until};
use futures::StreamExt;
use schemas::event::Phase;
use schemas::progress::Tick;
use schemas::{Hash, JobId, UserId};

fn tick(job: JobId, phase: Phase, step: u32) -> Tick {
    let stage = "training".to_owned();
    Tick {
        job,
        phase,
        stage,
        step,
        of: 100,
        loss: Some(0.5),
        curve: vec![1.0, 0.5],
        eta_ms: None,
        preview: None,
        palette: vec![],
    }
}

#[tokio::test]
async fn followers_see_ticks_and_the_last_of_each_job_is_kept() {
    let nats = nats().await;
    let ticks = nats.bus.ticks();
    let (job, other) = (JobId::new(), JobId::new());
    let mut seen = ticks.follow().await.unwrap();
    for step in 1..=20 {
        ticks.publish(&tick(job, Phase::Training, step)).await.unwrap();
    }
    for step in 1..=20 {
        let next = tokio::time::timeout(DEADLINE, seen.next()).await.unwrap().unwrap();
        assert_eq!(next, tick(job, Phase::Training, step));
    }
    let last = async |step: u32, phase| ticks.last(job).await.unwrap() == Some(tick(job, phase, step));
    until("the last tick is kept", async || last(20, Phase::Training).await).await;
    ticks.publish(&tick(job, Phase::Inference, 1)).await.unwrap();
    until("the later phase counts", async || last(1, Phase::Inference).await).await;
    assert_eq!(ticks.last(other).await.unwrap(), None);
}

#[tokio::test]
async fn a_nudge_reaches_those_who_follow_that_job() {
    let nats = nats().await;
    let control = nats.bus.control();
    let (job, other) = (JobId::new(), JobId::new());
    let mut nudges = control.follow(job).await.unwrap();
    let mut others = control.follow(other).await.unwrap();
    control.cancel(job).await.unwrap();
    tokio::time::timeout(DEADLINE, nudges.next()).await.expect("in time").expect("a nudge");
    control.cancel(other).await.unwrap();
    tokio::time::timeout(DEADLINE, others.next()).await.expect("in time").expect("a nudge");
    let more = futures::FutureExt::now_or_never(others.next());
    assert!(more.is_none(), "the other's nudge came here");
}

#[tokio::test]
async fn a_session_is_found_by_its_token_until_it_is_deleted() {
    let nats = nats().await;
    let sessions = nats.bus.sessions();
    let (token, user) = (Hash::of(b"token"), UserId::new());
    assert_eq!(sessions.get(token).await.unwrap(), None);
    sessions.put(token, user).await.unwrap();
    assert_eq!(sessions.get(token).await.unwrap(), Some(user));
    assert_eq!(sessions.get(Hash::of(b"other")).await.unwrap(), None);
    sessions.delete(token).await.unwrap();
    assert_eq!(sessions.get(token).await.unwrap(), None);
}

#[tokio::test]
async fn all_sessions_of_one_person_end_and_nobody_elses() {
    let nats = nats().await;
    let sessions = nats.bus.sessions();
    let (user, other) = (UserId::new(), UserId::new());
    let token = |n: u8| Hash::of(&[n]);
    for n in 0..4 {
        sessions.put(token(n), if n == 2 { other } else { user }).await.unwrap();
    }
    sessions.delete(token(0)).await.unwrap();
    assert_eq!(sessions.delete_all_of(user).await.unwrap(), 2);
    assert_eq!(sessions.delete_all_of(user).await.unwrap(), 0);
    for n in 0..4 {
        assert_eq!(sessions.get(token(n)).await.unwrap(), (n == 2).then_some(other));
    }
}

#[tokio::test]
async fn the_same_event_is_parked_once_for_each_reader() {
    let nats = nats().await;
    let parked = nats.bus.parked();
    for reader in ["projector", "projector", "dispatcher"] {
        parked.park(reader, 17, "kart.evt.job.x.y", "cannot be read").await.unwrap();
    }
    assert_eq!(parked.count().await.unwrap(), 2);
}
