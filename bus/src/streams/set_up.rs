//! Making what is missing, changing what is configuration, and checking all the rest.

use super::Needed;
use super::drift::{LEASE, LIMIT_OF_LOG, compare};
use crate::{Bus, BusError};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::consumer;
use async_nats::jetstream::context::{ConsumerInfoErrorKind, CreateStreamErrorKind, GetStreamErrorKind};
use async_nats::jetstream::stream::{Config, Stream};
use std::time::{Duration, Instant};

/// Between looks for what another process is to make.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Makes what is missing, brings the log's limit and the lease to what is configured, and checks the rest.
pub async fn set_up(bus: &Bus) -> Result<(), BusError> {
    for needed in Needed::ALL {
        let stream = ensure_stream(bus, needed).await?;
        for want in needed.consumers(&bus.config) {
            ensure_consumer(bus, &stream, &want).await?;
        }
    }
    Ok(())
}

/// Waits for what another process sets up; then it must be as it should.
pub async fn wait_for(bus: &Bus, needed: Needed) -> Result<(), BusError> {
    let deadline = Instant::now() + bus.config.connect_deadline;
    let mut told = false;
    loop {
        match examine(bus, needed).await {
            Err(BusError::Missing { item }) if Instant::now() < deadline => {
                if !told {
                    tracing::info!("waiting for {item} to be made by `kart set-up` or `kart orchestrator`");
                    told = true;
                }
                tokio::time::sleep(LOOK_EVERY).await;
            }
            outcome => return outcome.map(|_| ()),
        }
    }
}

/// Looks at a stream and its consumers without changing anything.
pub async fn examine(bus: &Bus, needed: Needed) -> Result<Stream, BusError> {
    let stream = look_at_stream(bus, needed).await?;
    check_stream(needed, &needed.stream(&bus.config), &stream)?;
    for want in needed.consumers(&bus.config) {
        let (name, item) = names(&want);
        let found = match stream.consumer_info(&name).await {
            Ok(found) => found,
            Err(error) if error.kind() == ConsumerInfoErrorKind::NotFound => return Err(BusError::Missing { item }),
            Err(error) => return Err(bus.failed(item, &error)),
        };
        compare(&item, &want, &found.config, Some(LEASE))?;
    }
    Ok(stream)
}

async fn ensure_stream(bus: &Bus, needed: Needed) -> Result<Stream, BusError> {
    let want = needed.stream(&bus.config);
    let stream = match look_at_stream(bus, needed).await {
        Err(BusError::Missing { .. }) => {
            match bus.jetstream.create_stream(want.clone()).await {
                Ok(_) => {}
                // Another process was faster; what it made is checked below.
                Err(error) if already_exists(&error.kind()) => {}
                Err(error) => return Err(bus.failed(needed.item(), &error)),
            }
            look_at_stream(bus, needed).await?
        }
        outcome => outcome?,
    };
    check_stream(needed, &want, &stream)?;
    let found = &stream.cached_info().config;
    let limit = |config: &Config| config.max_bytes.max(0);
    if limit(found) == limit(&want) {
        return Ok(stream);
    }
    let changed = Config { max_bytes: want.max_bytes, ..found.clone() };
    bus.jetstream.update_stream(&changed).await.map_err(|error| bus.failed(needed.item(), &error))?;
    tracing::info!(from = found.max_bytes, to = want.max_bytes, "the limit of the log in bytes was changed");
    look_at_stream(bus, needed).await
}

async fn ensure_consumer(bus: &Bus, stream: &Stream, want: &consumer::Config) -> Result<(), BusError> {
    let (name, item) = names(want);
    let made = stream.get_or_create_consumer::<consumer::Config>(&name, want.clone()).await;
    let found = made.map_err(|error| bus.failed(item.clone(), &error))?.cached_info().config.clone();
    compare(&item, want, &found, Some(LEASE))?;
    if found.ack_wait != want.ack_wait {
        let changed = stream.update_consumer(want.clone()).await;
        changed.map_err(|error| bus.failed(item.clone(), &error))?;
        tracing::info!(%item, from = ?found.ack_wait, to = ?want.ack_wait, "the lease was changed");
    }
    Ok(())
}

async fn look_at_stream(bus: &Bus, needed: Needed) -> Result<Stream, BusError> {
    match bus.jetstream.get_stream(needed.stream_name()).await {
        Ok(stream) => Ok(stream),
        Err(error) if is_missing(&error.kind()) => Err(BusError::Missing { item: needed.item() }),
        Err(error) => Err(bus.failed(needed.item(), &error)),
    }
}

fn check_stream(needed: Needed, want: &Config, stream: &Stream) -> Result<(), BusError> {
    let configured = (needed == Needed::Log).then_some(LIMIT_OF_LOG);
    compare(&needed.item(), want, &stream.cached_info().config, configured)
}

/// A consumer's name, and what an operator would call it.
fn names(config: &consumer::Config) -> (String, String) {
    let name = config.durable_name.clone().unwrap_or_default();
    let item = format!("consumer {name}");
    (name, item)
}

fn is_missing(kind: &GetStreamErrorKind) -> bool {
    matches!(kind, GetStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NOT_FOUND)
}

fn already_exists(kind: &CreateStreamErrorKind) -> bool {
    matches!(kind, CreateStreamErrorKind::JetStream(error) if error.error_code() == ErrorCode::STREAM_NAME_EXIST)
}
