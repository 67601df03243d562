//! Writes a long log quickly: in atomic batches (JetStream ADR-50), each with one sync to disk.

use crate::{Outcome, story};
use async_nats::jetstream::Context;
use async_nats::{Client, ConnectOptions, HeaderMap};
use bus::Bus;
use schemas::{Actor, AggregateId, Event, Hash, NewEvent, Recorded, UserId};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;
use uuid::Uuid;

/// ADR-50's limit.
const BATCH: usize = 1_000;
/// Jobs that go on side by side.
const AT_ONCE: usize = 64;
const PEOPLE: usize = 500;
const PATIENCE: Duration = Duration::from_secs(15);
const TRIES: usize = 5;

/// With the user and password that stand in `url`.
pub async fn connect(url: &str) -> Outcome<Client> {
    let (user, host) = url.trim_start_matches("nats://").split_once('@').ok_or("no user in the address")?;
    let (name, password) = user.split_once(':').ok_or("no password in the address")?;
    let options = ConnectOptions::with_user_and_password(name.to_owned(), password.to_owned());
    // A sync to a busy disk takes its time.
    Ok(options.request_timeout(Some(PATIENCE)).connect(host).await?)
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
    let mut batch = Vec::with_capacity(BATCH);
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
        batch.push(recorded);
        if batch.len() == BATCH || sequence == events {
            store(jetstream, &batch, sequence).await?;
            batch.clear();
        }
    }
    Ok(())
}

/// Stores a batch whose last event gets `sequence`. The server gives a batch up when the machine stalls for seconds, and
/// says nothing then.
async fn store(jetstream: &Context, batch: &[Recorded], sequence: u64) -> Outcome<()> {
    for _ in 0..TRIES {
        match send(jetstream, batch).await {
            Ok(()) => return Ok(()),
            Err(error) => eprintln!("a batch is sent again: {error}"),
        }
        if jetstream.get_stream("KART_EVENTS").await?.cached_info().state.last_sequence == sequence {
            return Ok(());
        }
    }
    Err("the server takes no batch".into())
}

async fn send(jetstream: &Context, batch: &[Recorded]) -> Outcome<()> {
    let (client, id) = (jetstream.client(), Uuid::now_v7().to_string());
    for (place, recorded) in (1..).zip(batch) {
        let Recorded { aggregate, new, written, .. } = recorded;
        let subject = format!("kart.evt.{}.{}.{}", aggregate.kind().as_str(), aggregate.uuid(), new.event.name());
        let mut headers = HeaderMap::new();
        for (name, value) in new.headers(*aggregate, recorded.previous) {
            headers.insert(name, value);
        }
        headers.insert("Nats-Batch-Id", id.as_str());
        headers.insert("Nats-Batch-Sequence", place.to_string());
        if place < batch.len() {
            client.publish_with_headers(subject, headers, written.body.clone()).await?;
            continue;
        }
        headers.insert("Nats-Batch-Commit", "1");
        let answer = client.request_with_headers(subject, headers, written.body.clone()).await?;
        let text = String::from_utf8_lossy(&answer.payload);
        if text.contains("\"error\"") {
            return Err(text.into_owned().into());
        }
    }
    Ok(())
}
