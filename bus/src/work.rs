//! The work queue: each phase of a job is held by one worker at a time.

use crate::streams::{describe, is_full};
use crate::subjects::{self, WORK_STREAM};
use crate::{Bus, connection::REQUEST_TIMEOUT};
use async_nats::jetstream::consumer::{PullConsumer, pull};
use async_nats::jetstream::context::PublishErrorKind;
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::{self, AckKind};
use bytes::Bytes;
use futures::StreamExt;
use schemas::event::{Phase, Priority};
use schemas::{JobId, UserId};
use serde::{Deserialize, Serialize};
use std::error::Error;
use std::time::Duration;

/// How long `take` waits for work.
const TAKE_WAIT: Duration = Duration::from_secs(3);

#[derive(Clone)]
pub struct WorkQueue {
    pub(crate) bus: Bus,
}

/// A phase of a job that wants a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    pub phase: Phase,
    pub job: JobId,
    pub user: UserId,
    pub attempt: u32,
    pub priority: Priority,
}

/// Work in hand. Dropped without `done`, it is handed out again when the lease has run out.
#[derive(Debug)]
pub struct Task {
    pub work: Work,
    /// How many times this work was handed out, from 1.
    pub delivery: u64,
    hold: Hold,
}

/// Where acknowledgements go.
#[derive(Clone, Debug)]
struct Hold {
    client: async_nats::Client,
    reply: async_nats::Subject,
    lease: Duration,
}

/// Keeps a task's lease while it lives.
#[must_use = "the lease is renewed only while this lives"]
pub struct KeepAlive(tokio::task::JoinHandle<()>);

#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    #[error("the work queue does not answer: {reason}")]
    Unavailable { reason: String },
    /// Nothing was offered. It works again when there is room.
    #[error("the work queue is full: {reason}")]
    Full { reason: String },
    /// The message is no work; it was taken out of the queue.
    #[error("{subject} is no work: {reason}")]
    Unreadable { subject: String, reason: String },
    #[error("the work was not acknowledged: {reason}")]
    Lost { reason: String },
}

impl WorkQueue {
    /// Puts work in the queue; the same (job, phase, attempt) again is stored once: while the first stands, because each
    /// has a subject of its own, which is expected to be empty; within the hour also when it is done.
    ///
    /// # Errors
    /// `Full`, `Unavailable`; offering again is safe.
    pub async fn offer(&self, work: &Work) -> Result<(), WorkError> {
        let Work { phase, job, user, attempt, priority } = *work;
        let body = serde_json::to_vec(work).map_err(|error| unavailable(&error))?;
        let message = PublishMessage::build()
            .payload(body.into())
            .message_id(format!("{job}-{}-{attempt}", subjects::worker(phase)))
            .expected_last_subject_sequence(0);
        let sent = self.bus.jetstream.send_publish(subjects::work(phase, priority, user, job, attempt), message).await;
        let Err(error) = sent.map_err(|error| unavailable(&error))?.await else { return Ok(()) };
        if error.kind() == PublishErrorKind::WrongLastSequence {
            return Ok(());
        }
        match error.source().and_then(|source| source.downcast_ref::<jetstream::Error>()) {
            Some(cause) if is_full(cause) => Err(WorkError::Full { reason: cause.to_string() }),
            _ => Err(unavailable(&error)),
        }
    }

    /// Takes the next work of a phase, waiting up to a few seconds. Let it finish: work that was on its way to a
    /// dropped `take` comes back only when its lease has run out.
    ///
    /// # Errors
    /// `Unavailable`, `Unreadable`.
    pub async fn take(&self, phase: Phase) -> Result<Option<Task>, WorkError> {
        let consumer = self.consumer(phase).await?;
        // What the queue was set up with, however this process is configured.
        let lease = consumer.cached_info().config.ack_wait;
        // Without a heartbeat: with one, a fetch may stall. The time-out below is the watchdog.
        let messages = consumer.fetch().max_messages(1).expires(TAKE_WAIT).messages().await;
        let mut messages = messages.map_err(|error| unavailable(&error))?;
        let message = match tokio::time::timeout(TAKE_WAIT + REQUEST_TIMEOUT, messages.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => return Err(WorkError::Unavailable { reason: error.to_string() }),
            Ok(None) | Err(_) => return Ok(None),
        };
        let delivery = message.info().map_or(1, |info| info.delivered.max(1) as u64);
        let work = match serde_json::from_slice::<Work>(&message.payload) {
            Ok(work) => work,
            Err(error) => {
                let _ = message.ack_with(AckKind::Term).await;
                return Err(WorkError::Unreadable { subject: message.subject.to_string(), reason: error.to_string() });
            }
        };
        let reply = message.reply.clone().ok_or_else(|| WorkError::Lost { reason: "no reply subject".to_owned() })?;
        let hold = Hold { client: self.bus.client.clone(), reply, lease };
        Ok(Some(Task { work, delivery, hold }))
    }

    /// Work of a phase that waits or is in hand.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn depth(&self, phase: Phase) -> Result<u64, WorkError> {
        let consumer = self.consumer(phase).await?;
        let info = consumer.cached_info();
        Ok(info.num_pending + info.num_ack_pending as u64)
    }

    async fn consumer(&self, phase: Phase) -> Result<PullConsumer, WorkError> {
        let name = subjects::worker(phase);
        let consumer = self.bus.jetstream.get_consumer_from_stream::<pull::Config, _, _>(name, WORK_STREAM).await;
        consumer.map_err(|error| unavailable(&error))
    }
}

impl Task {
    /// Renews the lease every third of it, from a task of its own, until the guard is dropped.
    pub fn keep_alive(&self) -> KeepAlive {
        let hold = self.hold.clone();
        KeepAlive(tokio::spawn(async move {
            loop {
                // A renewal that fails is tried again in time: two of three may be lost.
                if let Err(reason) = hold.send(AckKind::Progress).await {
                    tracing::warn!("the lease was not renewed: {reason}");
                }
                tokio::time::sleep(hold.lease / 3).await;
            }
        }))
    }

    /// The work is done: takes it out of the queue and waits for the server to say so.
    ///
    /// # Errors
    /// `Lost` when the server does not confirm: the work may be handed out once more.
    pub async fn done(self) -> Result<(), WorkError> {
        let ack: Bytes = AckKind::Ack.into();
        let answer = self.hold.client.request(self.hold.reply.clone(), ack).await;
        let answer = answer.map_err(|error| WorkError::Lost { reason: describe(&error) })?;
        match answer.status {
            None if answer.payload.is_empty() => Ok(()),
            status => Err(WorkError::Lost { reason: format!("the server answered {status:?}") }),
        }
    }

    /// Hands the work to somebody else at once (this worker is shutting down).
    ///
    /// # Errors
    /// `Unavailable`: it is handed out when the lease has run out.
    pub async fn give_back(self) -> Result<(), WorkError> {
        let sent = self.hold.send(AckKind::Nak(None)).await;
        sent.map_err(|reason| WorkError::Unavailable { reason })?;
        self.hold.client.flush().await.map_err(|error| unavailable(&error))
    }
}

impl Hold {
    async fn send(&self, kind: AckKind) -> Result<(), String> {
        let body: Bytes = kind.into();
        self.client.publish(self.reply.clone(), body).await.map_err(|error| error.to_string())
    }
}

impl Drop for KeepAlive {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn unavailable(error: &dyn std::error::Error) -> WorkError {
    WorkError::Unavailable { reason: describe(error) }
}
