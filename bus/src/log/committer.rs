//! Group commit: appends that wait while others are on their way share one write to disk.
//!
//! With `sync_interval: always` every publish costs the server one fsync, and it does not share them. An atomic batch
//! (JetStream ADR-50) is written with one for all of its messages, but it has a fixed price of its own. So a few appends
//! go as single publishes, each at once; many that wait become one batch.
//!
//! The server checks every expectation of a batch against what was there *before* the batch: two appends to one aggregate
//! that expect the same would both be accepted. So an aggregate has at most one append on its way; later ones wait in
//! line for it, and those that it proves wrong are answered without asking the server.
//!
//! A batch is refused as a whole when one of its messages is. Then nothing is stored, and its appends go again one by
//! one, so that only the guilty one fails.

use super::outgoing::{MAX_BATCH, Outgoing, Parcel};
use super::reply::{self, Outcome};
use crate::Bus;
use crate::connection::REQUEST_TIMEOUT;
use crate::streams::describe;
use async_nats::{Client, Request};
use futures::StreamExt;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use schemas::AggregateId;
use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

/// So many go as single publishes; more are cheaper as a batch.
const FEW: usize = 15;
/// Turns of the scheduler for which it waits at most before the next batch sets out.
const GATHERING: usize = 16;
/// A batch must be written long before its acknowledgement is given up.
const MAX_BATCH_BYTES: usize = 8 << 20;
/// Appends that are taken in ahead; further callers wait at the door.
const ROOM: usize = 4 * MAX_BATCH;

/// The way in. The task starts with the first append and ends when nobody holds this any more.
#[derive(Default)]
pub struct Committer {
    queue: Mutex<Option<mpsc::Sender<Waiting>>>,
    /// Appends that have no outcome yet.
    present: AtomicUsize,
}

/// One of those present, until dropped.
struct Present<'a>(&'a AtomicUsize);

impl Drop for Present<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// An append, and where its outcome is awaited.
struct Waiting {
    parcel: Parcel,
    /// It was in a batch before; it goes by itself now.
    alone: bool,
    answer: oneshot::Sender<Outcome>,
}

impl Committer {
    /// Sends an append; alone, or together with others.
    pub async fn send(&self, bus: &Bus, mut parcel: Parcel, alone: bool) -> Outcome {
        let others = self.present.fetch_add(1, Ordering::Relaxed);
        let _present = Present(&self.present);
        // Nobody to travel with. Several messages go through the committer also then: it sends them all, whoever is dropped.
        if others == 0 && parcel.messages.len() == 1 {
            let mut connections = bus.connections.clone();
            connections.mark_unchanged();
            return acknowledged(&bus.client, connections, parcel.messages.remove(0), 1).await;
        }
        let (answer, outcome) = oneshot::channel();
        let ended = || Outcome::Unknown("the committer ended".to_owned());
        if self.queue(bus).send(Waiting { parcel, alone, answer }).await.is_err() {
            return ended();
        }
        outcome.await.unwrap_or_else(|_| ended())
    }

    fn queue(&self, bus: &Bus) -> mpsc::Sender<Waiting> {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        match &*queue {
            Some(running) if !running.is_closed() => running.clone(),
            _ => {
                let (sender, receiver) = mpsc::channel(MAX_BATCH);
                tokio::spawn(Dispatch::new(bus).run(receiver));
                queue.insert(sender).clone()
            }
        }
    }
}

struct Dispatch {
    client: Client,
    connections: watch::Receiver<u64>,
    waiting: VecDeque<Waiting>,
    /// Those that go by themselves.
    alone: VecDeque<Waiting>,
    /// Aggregates with an append on its way, and who waits in line for it.
    lines: HashMap<AggregateId, Vec<Waiting>>,
    in_line: usize,
    on_their_way: FuturesUnordered<BoxFuture<'static, (Sent, Outcome)>>,
    singles: usize,
    /// One at a time: while the server writes it, the next gathers.
    batch: bool,
    /// A batch was just acknowledged.
    returning: bool,
}

/// What was sent as one publish or one batch.
struct Sent {
    appends: Vec<SentAppend>,
    together: bool,
}

struct SentAppend {
    aggregate: AggregateId,
    messages: usize,
    answer: oneshot::Sender<Outcome>,
}

impl Dispatch {
    /// Keeps no bus: it ends when the last is dropped.
    fn new(bus: &Bus) -> Self {
        Self {
            client: bus.client.clone(),
            connections: bus.connections.clone(),
            waiting: VecDeque::new(),
            alone: VecDeque::new(),
            lines: HashMap::new(),
            in_line: 0,
            on_their_way: FuturesUnordered::new(),
            singles: 0,
            batch: false,
            returning: false,
        }
    }

    async fn run(mut self, mut queue: mpsc::Receiver<Waiting>) {
        let mut arrived = Vec::with_capacity(MAX_BATCH);
        loop {
            let has_room = self.waiting.len() + self.alone.len() + self.in_line < ROOM;
            tokio::select! {
                biased;
                Some((sent, outcome)) = self.on_their_way.next() => self.arrived(sent, outcome),
                count = queue.recv_many(&mut arrived, MAX_BATCH), if has_room => {
                    if count == 0 {
                        // Nobody is left who waits for an answer.
                        return;
                    }
                    arrived.drain(..).for_each(|waiting| self.enqueue(waiting));
                }
            }
            if std::mem::take(&mut self.returning) {
                self.gather(&mut queue).await;
            }
            self.depart().await;
        }
    }

    /// The writers of a batch that was just acknowledged come with their next appends in a moment. Without a look at the
    /// clock: as long as other tasks run and bring more.
    async fn gather(&mut self, queue: &mut mpsc::Receiver<Waiting>) {
        for _ in 0..GATHERING {
            let before = queue.len();
            tokio::task::yield_now().await;
            if queue.len() == before {
                break;
            }
        }
        while let Ok(waiting) = queue.try_recv() {
            self.enqueue(waiting);
        }
    }

    fn enqueue(&mut self, waiting: Waiting) {
        if waiting.alone { self.alone.push_back(waiting) } else { self.waiting.push_back(waiting) }
    }

    async fn depart(&mut self) {
        while self.singles < FEW
            && let Some(next) = self.alone.pop_front()
        {
            if let Some(next) = self.may_go(next) {
                self.send(vec![next], false).await;
            }
        }
        if self.batch {
            return;
        }
        if self.waiting.len() > FEW {
            let batch = self.take_batch();
            if batch.len() > FEW {
                return self.send(batch, true).await;
            }
            for single in batch {
                self.send(vec![single], false).await;
            }
        }
        while self.singles < FEW
            && let Some(next) = self.waiting.pop_front()
        {
            if let Some(next) = self.may_go(next) {
                self.send(vec![next], false).await;
            }
        }
    }

    /// Nothing when nobody waits for the outcome any more, or when another append of the aggregate is on its way.
    fn may_go(&mut self, waiting: Waiting) -> Option<Waiting> {
        if waiting.answer.is_closed() {
            return None;
        }
        if let Some(line) = self.lines.get_mut(&waiting.parcel.aggregate) {
            line.push(waiting);
            self.in_line += 1;
            return None;
        }
        self.lines.insert(waiting.parcel.aggregate, vec![]);
        Some(waiting)
    }

    /// What fits into a batch, in the order of arrival, at most one append of an aggregate.
    fn take_batch(&mut self) -> Vec<Waiting> {
        let (mut batch, mut messages, mut bytes) = (vec![], 0, 0);
        while let Some(next) = self.waiting.pop_front() {
            let (more, more_bytes) = (next.parcel.messages.len(), next.parcel.bytes());
            if !batch.is_empty() && (messages + more > MAX_BATCH || bytes + more_bytes > MAX_BATCH_BYTES) {
                self.waiting.push_front(next);
                break;
            }
            if let Some(next) = self.may_go(next) {
                (messages, bytes) = (messages + more, bytes + more_bytes);
                batch.push(next);
            }
        }
        batch
    }

    /// Sends all but the last message here, in order, so that few batches are open on the server at a time.
    async fn send(&mut self, waiting: Vec<Waiting>, together: bool) {
        if together {
            self.batch = true
        } else {
            self.singles += 1
        }
        let mut messages = Vec::with_capacity(waiting.len());
        let mut appends = Vec::with_capacity(waiting.len());
        for Waiting { parcel, answer, .. } in waiting {
            appends.push(SentAppend { aggregate: parcel.aggregate, messages: parcel.messages.len(), answer });
            messages.extend(parcel.messages);
        }
        let sent = Sent { appends, together };
        let count = messages.len();
        let mut connections = self.connections.clone();
        connections.mark_unchanged();
        let last = match tokio::time::timeout(REQUEST_TIMEOUT, publish_before_last(&self.client, messages)).await {
            Ok(Ok(last)) => last,
            Ok(Err(reason)) => return self.arrived(sent, Outcome::Unknown(reason)),
            Err(_) => return self.arrived(sent, Outcome::Unknown("the connection takes nothing".to_owned())),
        };
        let client = self.client.clone();
        self.on_their_way.push(Box::pin(async move { (sent, acknowledged(&client, connections, last, count).await) }));
    }

    fn arrived(&mut self, sent: Sent, outcome: Outcome) {
        if sent.together {
            self.batch = false;
            self.returning = true;
        } else {
            self.singles -= 1
        }
        // A batch has consecutive sequences, and its acknowledgement names the last.
        let total: usize = sent.appends.iter().map(|append| append.messages).sum();
        let mut before = 0;
        for append in sent.appends {
            before += append.messages;
            let outcome = match &outcome {
                Outcome::Stored { last_sequence } => {
                    Outcome::Stored { last_sequence: last_sequence - (total - before) as u64 }
                }
                Outcome::Conflict | Outcome::TooLarge | Outcome::Full(_) if sent.together => Outcome::Together,
                other => other.clone(),
            };
            self.call_up(append.aggregate, &outcome);
            // Whoever waited may be gone.
            let _ = append.answer.send(outcome);
        }
    }

    /// Those who waited in line. When the aggregate has moved on past what they expect, they are refused here.
    fn call_up(&mut self, aggregate: AggregateId, outcome: &Outcome) {
        let line = self.lines.remove(&aggregate).unwrap_or_default();
        self.in_line -= line.len();
        for waiting in line.into_iter().rev() {
            match outcome {
                Outcome::Stored { last_sequence } if waiting.parcel.expected < *last_sequence => {
                    let _ = waiting.answer.send(Outcome::Conflict);
                }
                _ if waiting.alone => self.alone.push_front(waiting),
                _ => self.waiting.push_front(waiting),
            }
        }
    }
}

/// Publishes all messages but the last, which is handed back.
async fn publish_before_last(client: &Client, mut messages: Vec<Outgoing>) -> Result<Outgoing, String> {
    let last = messages.pop().ok_or("nothing to send")?;
    if messages.is_empty() {
        return Ok(last);
    }
    let (batch, count) = (Uuid::now_v7().simple().to_string(), messages.len());
    for (message, ordinal) in messages.into_iter().zip(1..) {
        let Outgoing { subject, headers, body } = message.in_batch(&batch, ordinal);
        client.publish_with_headers(subject, headers, body).await.map_err(|error| describe(&error))?;
    }
    Ok(last.in_batch(&batch, count + 1).committing())
}

/// Publishes the last of `count` messages and waits for the answer to all. It does not come after another connection was
/// made since they were sent.
async fn acknowledged(client: &Client, mut connections: watch::Receiver<u64>, last: Outgoing, count: usize) -> Outcome {
    let Outgoing { subject, headers, body } = last;
    let request = client.send_request(subject, Request::new().headers(headers).payload(body).timeout(None));
    tokio::select! {
        biased;
        answer = request => match answer {
            Ok(answer) => reply::read(&answer.payload, count),
            Err(error) => Outcome::Unknown(describe(&error)),
        },
        Ok(()) = connections.changed() => Outcome::Unknown("the connection was lost".to_owned()),
        () = tokio::time::sleep(REQUEST_TIMEOUT) => Outcome::Unknown("no acknowledgement".to_owned()),
    }
}
