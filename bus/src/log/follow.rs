//! Reading the log in order through an ephemeral consumer that is made anew whenever anything is doubtful: after a
//! reconnect, silence, an error, or a gap. What was delivered is remembered here, never on the server, so that nothing
//! comes twice and nothing is skipped.

use super::{Delivered, Filter, Log, ReadError, message};
use crate::streams::describe;
use crate::subjects::{self, EVENTS_STREAM};
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, ReplayPolicy, pull};
use futures::stream::BoxStream;
use futures::{StreamExt, stream};
use std::time::{Duration, Instant};

/// A pull request lives this long; one that was lost with its server is noticed after `HEARTBEAT` twice.
const EXPIRES: Duration = Duration::from_secs(4);
const HEARTBEAT: Duration = Duration::from_secs(1);
/// Messages asked for ahead of the reader: an event has about a kilobyte.
const AHEAD: usize = 2_000;
/// The server forgets a consumer that nobody asks.
const FORGET_AFTER: Duration = Duration::from_secs(30);
/// Between tries to make a consumer.
const PAUSE: Duration = Duration::from_millis(100);
/// A replay gives up after this long without a message; a subscription never does.
const REPLAY_PATIENCE: Duration = Duration::from_secs(30);

/// When a reader stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Never,
    /// After this sequence.
    At(u64),
}

pub fn stream(log: Log, filter: Filter, end: End) -> BoxStream<'static, Result<Delivered, ReadError>> {
    let reader = Reader {
        connections: log.bus.connections.clone(),
        log,
        next: filter.from.max(1),
        subjects: subjects_of(&filter),
        end,
        source: None,
        finished: false,
        told_lost: false,
        last_progress: Instant::now(),
    };
    stream::unfold(reader, |mut reader| async move { Some((reader.next().await?, reader)) }).boxed()
}

fn subjects_of(filter: &Filter) -> String {
    match (filter.aggregate, filter.kind, &filter.event) {
        (Some(aggregate), _, Some(name)) => subjects::event(aggregate, name),
        (Some(aggregate), _, None) => subjects::events_of(aggregate),
        (None, None, None) => subjects::EVENTS.to_owned(),
        (None, kind, name) => subjects::events_where(kind, name.as_deref()),
    }
}

struct Reader {
    log: Log,
    connections: tokio::sync::watch::Receiver<u64>,
    /// The first sequence that has not been delivered.
    next: u64,
    subjects: String,
    end: End,
    source: Option<Source>,
    finished: bool,
    /// A loss is reported once, not on every try.
    told_lost: bool,
    last_progress: Instant,
}

/// One consumer's life.
struct Source {
    messages: pull::Stream,
    /// How many messages this consumer has sent.
    sent: u64,
    /// Nothing waits behind what was delivered; said once for each time it comes true.
    caught_up: Option<u64>,
}

/// What came of waiting for a message.
enum Waited {
    Message(Box<Message>),
    /// The consumer cannot be trusted any more, and why.
    Doubt(String),
}

impl Reader {
    async fn next(&mut self) -> Option<Result<Delivered, ReadError>> {
        loop {
            if self.finished {
                return None;
            }
            if let End::At(last) = self.end
                && self.next > last
            {
                return Some(Ok(self.finish(last)));
            }
            let Some(source) = &mut self.source else {
                match self.subscribe().await {
                    Ok(source) => self.source = Some(source),
                    Err(error) => match self.failed(error).await {
                        Some(error) => return Some(Err(error)),
                        None => continue,
                    },
                }
                continue;
            };
            if let Some(sequence) = source.caught_up.take() {
                return Some(Ok(match self.end {
                    End::Never => Delivered::CaughtUp { sequence },
                    // None of the subjects it is limited to comes up to its last sequence.
                    End::At(last) => self.finish(last),
                }));
            }
            match Self::wait(source, &mut self.connections).await {
                Waited::Message(message) => {
                    if let Some(delivered) = self.take_in(&message) {
                        return Some(self.open_texts(delivered).await);
                    }
                }
                Waited::Doubt(reason) => {
                    tracing::debug!(next = self.next, "reading the log anew: {reason}");
                    self.source = None;
                }
            }
        }
    }

    async fn wait(source: &mut Source, connections: &mut tokio::sync::watch::Receiver<u64>) -> Waited {
        tokio::select! {
            biased;
            message = source.messages.next() => match message {
                Some(Ok(message)) => Waited::Message(Box::new(message)),
                Some(Err(error)) => Waited::Doubt(describe(&error)),
                None => Waited::Doubt("the subscription ended".to_owned()),
            },
            // An error here means that the client is gone; its messages end as well then.
            Ok(()) = connections.changed() => Waited::Doubt("reconnected".to_owned()),
        }
    }

    /// Nothing to deliver when the message is old, or when one before it is missing.
    fn take_in(&mut self, message: &Message) -> Option<Result<Delivered, ReadError>> {
        let source = self.source.as_mut()?;
        let Ok(info) = message.info() else {
            self.source = None;
            return None;
        };
        source.sent += 1;
        if info.consumer_sequence != source.sent || info.stream_sequence < self.next {
            self.source = None;
            return None;
        }
        // The stream has no holes, and this reader asked for all of it.
        if self.subjects == subjects::EVENTS && info.stream_sequence > self.next {
            let (expected, found) = (self.next, format!("{} came", info.stream_sequence));
            self.next = info.stream_sequence;
            self.source = None;
            return Some(Err(ReadError::Lost { expected, found }));
        }
        if let End::At(last) = self.end
            && info.stream_sequence > last
        {
            return Some(Ok(self.finish(last)));
        }
        self.next = info.stream_sequence + 1;
        self.last_progress = Instant::now();
        self.told_lost = false;
        if info.pending == 0 {
            source.caught_up = Some(info.stream_sequence);
        }
        let (headers, body) = (message.headers.as_ref(), message.payload.clone());
        Some(Ok(message::deliver(info.stream_sequence, &message.subject, headers, body, self.log.strict)))
    }

    /// Opens what a person wrote, if this reader does. Keys that cannot be had now are asked for again.
    async fn open_texts(&mut self, delivered: Result<Delivered, ReadError>) -> Result<Delivered, ReadError> {
        let mut event = match delivered {
            Ok(Delivered::Event(event)) if self.log.opens => event,
            delivered => return delivered,
        };
        loop {
            match self.log.open(&mut event).await {
                Ok(()) => return Ok(Delivered::Event(event)),
                Err(ReadError::Unreadable { sequence, subject, reason }) => {
                    let type_name = Some(event.written.type_name.clone());
                    return Ok(Delivered::Unreadable { sequence, subject, type_name, reason });
                }
                Err(error) => {
                    if let Some(error) = self.failed(error).await {
                        return Err(error);
                    }
                }
            }
        }
    }

    fn finish(&mut self, sequence: u64) -> Delivered {
        self.finished = true;
        Delivered::CaughtUp { sequence }
    }

    /// A consumer that begins at the first undelivered message.
    async fn subscribe(&mut self) -> Result<Source, ReadError> {
        let unavailable = |error: &dyn std::error::Error| ReadError::Unavailable { reason: describe(error) };
        self.connections.mark_unchanged();
        let stream = self.log.bus.jetstream.get_stream(EVENTS_STREAM).await.map_err(|error| unavailable(&error))?;
        let state = &stream.cached_info().state;
        let (first, last) = (state.first_sequence, state.last_sequence);
        if last + 1 < self.next {
            return Err(ReadError::Lost { expected: self.next, found: format!("the log ends at {last}") });
        }
        if self.next < first {
            let expected = std::mem::replace(&mut self.next, first);
            return Err(ReadError::Lost { expected, found: format!("the log begins at {first}") });
        }
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: self.next },
            ack_policy: AckPolicy::None,
            replay_policy: ReplayPolicy::Instant,
            filter_subject: self.subjects.clone(),
            inactive_threshold: FORGET_AFTER,
            memory_storage: true,
            num_replicas: 1,
            ..Default::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|error| unavailable(&error))?;
        let caught_up = (consumer.cached_info().num_pending == 0).then_some(last);
        let messages = consumer.stream().max_messages_per_batch(AHEAD).expires(EXPIRES).heartbeat(HEARTBEAT);
        let messages = messages.messages().await.map_err(|error| unavailable(&error))?;
        Ok(Source { messages, sent: 0, caught_up })
    }

    /// Waits before the next try. An error that the reader should hear of is handed back.
    async fn failed(&mut self, error: ReadError) -> Option<ReadError> {
        let lost = matches!(error, ReadError::Lost { .. });
        match self.end {
            End::At(_) if lost || self.last_progress.elapsed() > REPLAY_PATIENCE => {
                self.finished = true;
                return Some(error);
            }
            End::Never if lost && !self.told_lost => {
                self.told_lost = true;
                return Some(error);
            }
            _ => tracing::debug!("the log cannot be read yet: {error}"),
        }
        tokio::time::sleep(PAUSE).await;
        None
    }
}
