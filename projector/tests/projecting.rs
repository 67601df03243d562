//! The projector over a real nats-server: it catches up, goes on where it stopped, and does nothing twice.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "stores/histories.rs"]
#[allow(dead_code, reason = "shared with the stores' tests")]
mod histories;

#[path = "projecting/house.rs"]
mod house;
#[path = "projecting/rebuilds.rs"]
mod rebuilds;

use bus::{Context, Expect};
use histories::{Cast, assert_rows};
use house::{House, PATIENCE};
use projector::{Status, Views, status};
use schemas::{Actor, NewEvent};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

#[tokio::test]
async fn it_catches_up_and_goes_on_after_a_restart_without_doing_anything_twice() {
    let house = House::new().await;
    let (first, second) = (Cast::new(), Cast::new());
    let history = house.write(&first).await;
    let mut running = house.project();
    running.reach(16).await;
    assert_rows(house.store.as_ref(), &history).await;
    assert_eq!(running.stop().await.applied, 16);

    let more = house.write(&second).await;
    let mut running = house.project();
    running.reach(32).await;
    assert_rows(house.store.as_ref(), &[history, more].concat()).await;
    assert_eq!(running.stop().await.applied, 32, "nothing was counted twice");
    let views = Views::new(Arc::clone(&house.store));
    assert_eq!(views.job(second.job).await.unwrap().unwrap().status, Status::Succeeded);
    assert_eq!(views.position().await.unwrap(), 32);
}

#[tokio::test]
async fn a_page_sees_what_was_written_while_the_projector_runs() {
    let house = House::new().await;
    let running = house.project();
    let views = Views::new(Arc::clone(&house.store));
    let cast = Cast::new();
    let history = house.write(&cast).await;
    assert!(views.reach(history.last().unwrap().sequence, PATIENCE).await.unwrap());
    assert_eq!(views.timeline(cast.job, None, 100).await.unwrap().rows.len(), 12);
    running.stop().await;
}

#[tokio::test]
async fn it_goes_on_after_the_server_was_killed() {
    let mut house = House::new().await;
    let mut running = house.project();
    house.write(&Cast::new()).await;
    running.reach(16).await;
    house.server.kill().await;
    house.server.restart().await.unwrap();
    let history = house.write(&Cast::new()).await;
    running.reach(32).await;
    assert_rows(house.store.as_ref(), &history).await;
    assert_eq!(running.stop().await.applied, 32);
}

#[tokio::test]
async fn the_status_tells_how_far_behind_the_views_are() {
    let house = House::new().await;
    let views = Views::new(Arc::clone(&house.store));
    let new = views.freshness(&house.log).await.unwrap();
    assert_eq!((new.lag(), new.staleness), (0, Duration::ZERO), "there is nothing to show");
    house.write(&Cast::new()).await;
    let lagging = views.freshness(&house.log).await.unwrap();
    assert_eq!((lagging.sequence, lagging.lag()), (0, 16));
    assert!(lagging.staleness > Duration::ZERO);
    let older = views.freshness(&house.log).await.unwrap();
    assert!(older.staleness > lagging.staleness, "it grows while nothing happens");

    let mut running = house.project();
    running.reach(16).await;
    running.stop().await;
    let fresh = views.freshness(&house.log).await.unwrap();
    assert_eq!((fresh.lag(), fresh.staleness, fresh.counts.applied), (0, Duration::ZERO, 16));
    let (generation, all) = status(&house.store).await.unwrap();
    let rows = |name: &str| all.iter().find(|view| view.view == name).and_then(|view| view.rows);
    assert_eq!((generation, rows("jobs"), rows("timeline")), (projector::Generation::FIRST, Some(1), Some(16)));
}

#[tokio::test]
async fn an_event_that_breaks_its_chain_is_parked_where_people_look() {
    let house = House::new().await;
    let (sick, well) = (Cast::new(), Cast::new());
    house.write(&sick).await;
    let head = house.log.load(sick.job.into()).await.unwrap().head.unwrap();
    let forged = schemas::Head { hash: schemas::Hash::of(b"another past"), ..head };
    let (_, event) = histories::event(&sick, 14, 0);
    let new = NewEvent {
        id: Uuid::now_v7(),
        time: schemas::envelope::now(),
        actor: Actor::role("trainer"),
        causation: None,
        correlation: Uuid::now_v7(),
        event,
    };
    house.log.append(sick.job.into(), Expect::After(forged), vec![new]).await.unwrap();
    let history = house.write(&well).await;
    let mut running = house.project();
    running.reach(33).await;
    assert_rows(house.store.as_ref(), &history).await;
    let counts = running.stop().await;
    assert_eq!((counts.applied, counts.unreadable), (32, 1));
    assert_eq!(house.bus.parked().count().await.unwrap(), 1);
    let parked = Views::new(Arc::clone(&house.store)).parked(None, 10).await.unwrap().rows;
    assert_eq!((parked.len(), parked[0].sequence), (1, 17));
}

#[tokio::test]
async fn a_command_is_on_its_page_when_its_sequence_is_reached() {
    let house = House::new().await;
    let running = house.project();
    let (cast, command) = (Cast::new(), Uuid::now_v7());
    let (_, requested) = histories::event(&cast, 3, 0);
    let schemas::Event::JobRequested(request) = requested else { unreachable!() };
    let context = Context {
        command,
        actor: Actor::User(cast.owner),
        correlation: command,
        causation: None,
        time: schemas::envelope::now(),
    };
    let make = || schemas::job::JobCommand::Request(request.clone());
    let executed = house.log.execute::<schemas::job::Job>(cast.job, &context, make).await.unwrap();
    let views = Views::new(Arc::clone(&house.store));
    assert!(views.reach(executed.head.unwrap().sequence, PATIENCE).await.unwrap());
    let job = views.job(cast.job).await.unwrap().unwrap();
    assert_eq!((job.status, job.created), (Status::Starting, context.time));
    running.stop().await;
}
