//! Writing an exported log back: the same messages in the same order, so that sequences, hashes and chains are the same.

use super::{Log, ReadError};
use crate::streams::{MAX_EVENT_BYTES, describe};
use crate::subjects;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::{HeaderMap, header};
use schemas::Recorded;
use std::time::Duration;
use uuid::Uuid;

/// ADR-50 allows 1,000 messages a batch.
const MAX_BATCH: usize = 1_000;
/// A batch is written with one sync, however long it is; this bounds what the server holds for it.
const MAX_BATCH_BYTES: usize = 32 * MAX_EVENT_BYTES;
/// Several megabytes may be synced to a slow disk.
const TIMEOUT: Duration = Duration::from_secs(60);

/// Why events were not written back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    #[error("the log holds {0} events already; only an empty one can take an export")]
    NotEmpty(u64),
    /// Somebody else writes meanwhile, or events are missing among those given.
    #[error("the log does not take event {sequence}: {reason}")]
    Refused { sequence: u64, reason: String },
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Log {
    /// An empty log takes the events of an export from the first on.
    ///
    /// # Errors
    /// `NotEmpty`; `Read` when the server does not answer.
    pub async fn must_be_empty(&self) -> Result<(), RestoreError> {
        match self.head().await? {
            0 => Ok(()),
            head => Err(RestoreError::NotEmpty(head)),
        }
    }

    /// Writes `events`, which follow on the last event of the log without a gap, as they were written once.
    ///
    /// # Errors
    /// `Refused` when the log has another head than the event before the first. Events before it are there then.
    pub async fn restore(&self, events: &[Recorded]) -> Result<(), RestoreError> {
        let mut rest = events;
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = rest.iter().take(MAX_BATCH).take_while(|event| {
                bytes += event.written.body.len() + 1_000;
                bytes <= MAX_BATCH_BYTES
            });
            let (batch, after) = rest.split_at(fits.count().max(1));
            self.restore_batch(batch).await?;
            rest = after;
        }
        Ok(())
    }

    async fn restore_batch(&self, events: &[Recorded]) -> Result<(), RestoreError> {
        let Some((commit, before)) = events.split_last() else { return Ok(()) };
        let refused = |reason: String| RestoreError::Refused { sequence: events[0].sequence, reason };
        let batch = (!before.is_empty()).then(|| Uuid::now_v7().to_string());
        let client = &self.bus.client;
        for (event, ordinal) in before.iter().zip(1..) {
            let headers = headers(event, batch.as_deref(), ordinal);
            let sent = client.publish_with_headers(subject(event), headers, event.written.body.clone()).await;
            sent.map_err(|error| refused(describe(&error)))?;
        }
        let mut headers = headers(commit, batch.as_deref(), events.len());
        if batch.is_some() {
            headers.insert(header::NATS_BATCH_COMMIT, header::NATS_BATCH_COMMIT_FINAL);
        }
        let request = async_nats::Request::new().headers(headers).payload(commit.written.body.clone());
        let reply = client.send_request(subject(commit), request.timeout(Some(TIMEOUT))).await;
        let reply = reply.map_err(|error| refused(describe(&error)))?;
        match serde_json::from_slice::<Response<PublishAck>>(&reply.payload) {
            Ok(Response::Ok(ack)) if ack.sequence == commit.sequence && !ack.duplicate => Ok(()),
            Ok(Response::Ok(ack)) => Err(refused(format!("{} was written as {}", commit.sequence, ack.sequence))),
            Ok(Response::Err { error }) => Err(refused(error.to_string())),
            Err(error) => Err(refused(describe(&error))),
        }
    }
}

fn subject(event: &Recorded) -> String {
    subjects::event(event.aggregate, event.event().name())
}

fn headers(event: &Recorded, batch: Option<&str>, ordinal: usize) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in event.headers() {
        headers.insert(name, value);
    }
    if let Some(batch) = batch {
        headers.insert(header::NATS_BATCH_ID, batch);
        headers.insert(header::NATS_BATCH_SEQUENCE, ordinal.to_string());
    }
    // The server checks it of the first only, against what was there before the batch.
    if ordinal == 1 {
        headers.insert(header::NATS_EXPECTED_LAST_SEQUENCE, (event.sequence - 1).to_string());
    }
    headers
}
