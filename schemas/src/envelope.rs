//! What stands around an event: CloudEvents 1.0 attributes in binary mode, plus Kart's own: who, why, and the hash chain.

use crate::{AggregateId, Event, Hash};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// Who caused an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    User(crate::UserId),
    /// A part of Kart: `dispatcher`, `trainer`.
    Role(String),
}

impl Actor {
    pub fn role(name: &str) -> Self {
        Self::Role(name.to_owned())
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::User(id) => write!(f, "user/{id}"),
            Actor::Role(name) => write!(f, "role/{name}"),
        }
    }
}

impl FromStr for Actor {
    type Err = HeaderError;
    fn from_str(text: &str) -> Result<Self, HeaderError> {
        match text.split_once('/') {
            Some(("user", id)) => id.parse().map(Actor::User).map_err(|_| HeaderError::Bad("kart-actor")),
            Some(("role", name)) => Ok(Actor::role(name)),
            _ => Err(HeaderError::Bad("kart-actor")),
        }
    }
}

/// The last event of an aggregate: what an append expects, and what the next event's chain hash builds on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its sequence in the stream.
    pub sequence: u64,
    pub hash: Hash,
}

/// An event that is about to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// Made from the command ([`NewEvent::id_of`]), so that a repeated command writes the same event.
    pub id: Uuid,
    pub time: OffsetDateTime,
    pub actor: Actor,
    /// The event that led to this one.
    pub causation: Option<Uuid>,
    /// Shared by everything that follows from one request.
    pub correlation: Uuid,
    pub event: Event,
}

impl NewEvent {
    /// The id of the `ordinal`-th event that `command` leads to: UUID version 5 (RFC 9562).
    pub fn id_of(command: Uuid, ordinal: usize) -> Uuid {
        Uuid::new_v5(&command, &(ordinal as u64).to_be_bytes())
    }

    /// Headers of the message that carries this event of `aggregate`.
    pub fn headers(&self, aggregate: AggregateId, previous: Option<Hash>) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("Nats-Msg-Id", self.id.to_string()),
            ("ce-specversion", "1.0".to_owned()),
            ("ce-id", self.id.to_string()),
            ("ce-type", self.event.type_name().to_owned()),
            ("ce-source", format!("/kart/{}", aggregate.kind().as_str())),
            ("ce-subject", aggregate.uuid().to_string()),
            ("ce-time", format_time(self.time)),
            ("ce-dataschema", format!("{}.json", self.event.type_name())),
            ("content-type", "application/json".to_owned()),
            ("kart-actor", self.actor.to_string()),
            ("kart-correlation", self.correlation.to_string()),
        ];
        headers.extend(self.causation.map(|id| ("kart-causation", id.to_string())));
        headers.extend(previous.map(|hash| ("kart-prev", hash.to_string())));
        headers.push((CHAIN, Chaining::Whole.number().to_owned()));
        headers
    }
}

const CHAIN: &str = "kart-chain";

/// What an event's hash covers. A log keeps the hashes that it was written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chaining {
    /// Of logs without the header `kart-chain`: the id, the type, the time and the body.
    Partial,
    /// Everything that the message says.
    Whole,
}

impl Chaining {
    pub fn number(self) -> &'static str {
        match self {
            Chaining::Partial => "1",
            Chaining::Whole => "2",
        }
    }

    fn read(header: Option<&str>) -> Result<Self, HeaderError> {
        match header {
            None => Ok(Chaining::Partial),
            Some("2") => Ok(Chaining::Whole),
            Some(_) => Err(HeaderError::Bad(CHAIN)),
        }
    }
}

/// An event as it stands in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its place in the stream, from 1.
    pub sequence: u64,
    pub aggregate: AggregateId,
    /// The hash of the aggregate's event before this one; `None` for the first.
    pub previous: Option<Hash>,
    /// The hash that this event adds to the chain.
    pub hash: Hash,
    /// As it was written: what the hash is over.
    pub written: Written,
    /// What it means to this program.
    pub new: NewEvent,
}

/// What a message holds, before anything was read into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// Perhaps an old version's.
    pub type_name: String,
    /// JSON.
    pub body: Bytes,
    pub chaining: Chaining,
}

impl Written {
    /// As an event is written now.
    pub fn of(event: &Event) -> Self {
        Self { type_name: event.type_name().to_owned(), body: event.to_bytes().into(), chaining: Chaining::Whole }
    }

    /// The hash that the aggregate's next event carries in `kart-prev`: over the chain so far and what [`Chaining`] says.
    pub fn chain_hash(&self, previous: Option<Hash>, aggregate: AggregateId, new: &NewEvent) -> Hash {
        let mut hash = Sha256::new();
        hash.update(previous.map(|hash| hash.0).unwrap_or_default());
        let time = format_time(new.time);
        match self.chaining {
            Chaining::Partial => {
                let parts: [&[u8]; 4] = [new.id.as_bytes(), self.type_name.as_bytes(), time.as_bytes(), &self.body];
                parts.into_iter().for_each(|part| hash.update(part));
            }
            Chaining::Whole => self.whole(&mut hash, aggregate, new, &time),
        }
        Hash(hash.finalize().into())
    }

    /// Each part with its length before it.
    fn whole(&self, hash: &mut Sha256, aggregate: AggregateId, new: &NewEvent, time: &str) {
        let (id, actor) = (aggregate.uuid(), new.actor.to_string());
        let causation = new.causation.map(|id| id.into_bytes());
        let parts: [&[u8]; 9] = [
            aggregate.kind().as_str().as_bytes(),
            id.as_bytes(),
            new.id.as_bytes(),
            self.type_name.as_bytes(),
            time.as_bytes(),
            actor.as_bytes(),
            causation.as_ref().map_or(&[], |id| id.as_slice()),
            new.correlation.as_bytes(),
            &self.body,
        ];
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
    }
}

impl Recorded {
    /// An event that was just written, or is made up by a test.
    pub fn of(sequence: u64, aggregate: AggregateId, previous: Option<Hash>, new: NewEvent) -> Self {
        let written = Written::of(&new.event);
        Self { sequence, aggregate, previous, hash: written.chain_hash(previous, aggregate, &new), written, new }
    }

    /// Reads a message of the log.
    ///
    /// # Errors
    /// When a header is missing or malformed, or the body does not fit the type.
    pub fn read<'a>(
        sequence: u64,
        aggregate: AggregateId,
        header: impl Fn(&'static str) -> Option<&'a str>,
        body: Bytes,
    ) -> Result<Self, HeaderError> {
        let need = |name| header(name).ok_or(HeaderError::Missing(name));
        let uuid = |name, text: &str| text.parse().map_err(|_| HeaderError::Bad(name));
        let previous = header("kart-prev").map(|text| text.parse().map_err(|_| HeaderError::Bad("kart-prev")));
        let type_name = need("ce-type")?;
        let new = NewEvent {
            id: uuid("ce-id", need("ce-id")?)?,
            time: OffsetDateTime::parse(need("ce-time")?, &Rfc3339).map_err(|_| HeaderError::Bad("ce-time"))?,
            actor: need("kart-actor")?.parse()?,
            causation: header("kart-causation").map(|text| uuid("kart-causation", text)).transpose()?,
            correlation: uuid("kart-correlation", need("kart-correlation")?)?,
            event: Event::decode(type_name, &body).map_err(HeaderError::Event)?,
        };
        let previous = previous.transpose()?;
        let written = Written { type_name: type_name.to_owned(), body, chaining: Chaining::read(header(CHAIN))? };
        Ok(Self { sequence, aggregate, previous, hash: written.chain_hash(previous, aggregate, &new), written, new })
    }

    pub fn head(&self) -> Head {
        Head { sequence: self.sequence, hash: self.hash }
    }

    pub fn event(&self) -> &Event {
        &self.new.event
    }

    /// The headers that its message bears, if it is written as Kart writes.
    pub fn headers(&self) -> Vec<(&'static str, String)> {
        let mut headers = self.new.headers(self.aggregate, self.previous);
        if self.written.chaining == Chaining::Partial {
            headers.retain(|(name, _)| *name != CHAIN);
        }
        for (name, value) in &mut headers {
            match *name {
                // Perhaps an old version, which is read as the present one.
                "ce-type" => *value = self.written.type_name.clone(),
                "ce-dataschema" => *value = format!("{}.json", self.written.type_name),
                _ => {}
            }
        }
        headers
    }
}

/// RFC 3339 in UTC.
pub fn format_time(time: OffsetDateTime) -> String {
    time.to_offset(time::UtcOffset::UTC).format(&Rfc3339).expect("a time between years 0 and 9999 has an RFC 3339 form")
}

/// Now, cut to milliseconds: what an event's time holds.
pub fn now() -> OffsetDateTime {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(now.millisecond() as u32 * 1_000_000).expect("milliseconds are fewer than a second")
}

/// A message of the log that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum HeaderError {
    #[error("header {0} is missing")]
    Missing(&'static str),
    #[error("header {0} is malformed")]
    Bad(&'static str),
    #[error(transparent)]
    Event(crate::DecodeError),
}
