//! Writes a long log quickly: in atomic batches (JetStream ADR-50), each with one sync to disk.

use crate::{Outcome, story};
use async_nats::jetstream::Context;
use async_nats::{Client, ConnectOptions, HeaderMap};
use bus::Bus;
use schemas::{Actor, AggregateId, Event, Hash, NewEvent, Recorded, UserId};
use std::collections::{HashMap, VecDeque};
use uuid::Uuid;

/// ADR-50's limit.
const BATCH: u64 = 1_000;
/// Jobs that go on side by side.
const AT_ONCE: usize = 64;
const PEOPLE: usize = 500;

/// With the user and password that stand in `url`.
pub async fn connect(url: &str) -> Outcome<Client> {
    let (user, host) = url.trim_start_matches("nats://").split_once('@').ok_or("no user in the address")?;
    let (name, password) = user.split_once(':').ok_or("no password in the address")?;
    Ok(ConnectOptions::with_user_and_password(name.to_owned(), password.to_owned()).connect(host).await?)
}

pub async fn write(bus: &Bus, jetstream: &Context, events: u64) -> Outcome<()> {
    let people: Vec<_> = (0..PEOPLE).map(|_| UserId::new()).collect();
    let mut keys = HashMap::new();
    for person in &people {
        keys.insert(*person, bus.keys().get_or_make(*person).await?);
    }
    let mut next_person = people.iter().cycle().copied();
    let mut jobs: VecDeque<VecDeque<(AggregateId, Event)>> = VecDeque::new();
    let mut heads: HashMap<AggregateId, Hash> = HashMap::new();
    let mut batch = Uuid::now_v7();
    for sequence in 1..=events {
        while jobs.len() < AT_ONCE {
            jobs.extend(next_person.next().map(|person| story::of(person).into()));
        }
        let mut job = jobs.pop_front().ok_or("no job")?;
        let (aggregate, event) = job.pop_front().ok_or("a job without events")?;
        if !job.is_empty() {
            jobs.push_back(job);
        }
        let mut new = NewEvent {
            id: Uuid::now_v7(),
            time: schemas::envelope::now(),
            actor: Actor::role("trainer"),
            causation: Some(Uuid::now_v7()),
            correlation: aggregate.uuid(),
            event,
        };
        if let Some(owner) = new.event.personal().map(|(owner, _)| owner) {
            new.event.seal(new.id, &keys[&owner]);
        }
        let recorded = Recorded::of(sequence, aggregate, heads.get(&aggregate).copied(), new);
        heads.insert(aggregate, recorded.hash);
        let place = (sequence - 1) % BATCH + 1;
        send(jetstream, &recorded, batch, place, place == BATCH || sequence == events).await?;
        if place == BATCH {
            batch = Uuid::now_v7();
        }
    }
    Ok(())
}

async fn send(jetstream: &Context, recorded: &Recorded, batch: Uuid, place: u64, commit: bool) -> Outcome<()> {
    let Recorded { aggregate, new, written, .. } = recorded;
    let subject = format!("kart.evt.{}.{}.{}", aggregate.kind().as_str(), aggregate.uuid(), new.event.name());
    let mut headers = HeaderMap::new();
    for (name, value) in new.headers(*aggregate, recorded.previous) {
        headers.insert(name, value);
    }
    headers.insert("Nats-Batch-Id", batch.to_string());
    headers.insert("Nats-Batch-Sequence", place.to_string());
    let client = jetstream.client();
    if !commit {
        client.publish_with_headers(subject, headers, written.body.clone()).await?;
        return Ok(());
    }
    headers.insert("Nats-Batch-Commit", "1");
    let answer = client.request_with_headers(subject, headers, written.body.clone()).await?;
    let text = String::from_utf8_lossy(&answer.payload);
    if text.contains("\"error\"") { Err(text.into_owned().into()) } else { Ok(()) }
}
