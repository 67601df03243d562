//! An event as a line of NDJSON: one CloudEvents 1.0 object (structured mode), the same bytes whoever writes it.
//!
//! The members stand in a fixed order, and `data` is the body exactly as it was written, so that the hash chain can be
//! verified from the line alone. A body that is no JSON on one line goes into `data_base64`.

use crate::envelope::{Chaining, format_time};
use crate::{AggregateId, Hash, HeaderError, Kind, Recorded};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::borrow::Cow;
use uuid::Uuid;

/// The order of the members is the order of the fields.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    specversion: Cow<'a, str>,
    id: Cow<'a, str>,
    #[serde(rename = "type")]
    type_name: Cow<'a, str>,
    source: Cow<'a, str>,
    subject: Uuid,
    time: Cow<'a, str>,
    datacontenttype: Cow<'a, str>,
    dataschema: Cow<'a, str>,
    sequence: u64,
    kartactor: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kartcausation: Option<Cow<'a, str>>,
    kartcorrelation: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kartprev: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kartchain: Option<Cow<'a, str>>,
    karthash: Hash,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_base64: Option<Cow<'a, str>>,
}

/// Why a line is not an event as Kart writes it.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    #[error("it is no event: {0}")]
    Json(#[from] serde_json::Error),
    #[error("it is no event: {0}")]
    Header(#[from] HeaderError),
    #[error("it is no event: {0}")]
    Shape(&'static str),
    /// What the line says and the hash that it bears do not belong together.
    #[error("its hash should be {computed}, and is {written}")]
    Hash { written: Hash, computed: Hash },
    #[error("it is not written as Kart writes it")]
    NotCanonical,
}

impl Recorded {
    /// The event as it was written, as one line; the newline is not part of it.
    pub fn to_line(&self) -> Vec<u8> {
        let new = &self.new;
        let data = on_one_line(&self.written.body);
        let line = Line {
            specversion: "1.0".into(),
            id: new.id.to_string().into(),
            type_name: self.written.type_name.as_str().into(),
            source: format!("/kart/{}", self.aggregate.kind().as_str()).into(),
            subject: self.aggregate.uuid(),
            time: format_time(new.time).into(),
            datacontenttype: "application/json".into(),
            dataschema: format!("{}.json", self.written.type_name).into(),
            sequence: self.sequence,
            kartactor: new.actor.to_string().into(),
            kartcausation: new.causation.map(|id| id.to_string().into()),
            kartcorrelation: new.correlation.to_string().into(),
            kartprev: self.previous.map(|hash| hash.to_string().into()),
            kartchain: (self.written.chaining == Chaining::Whole).then(|| Chaining::Whole.number().into()),
            karthash: self.hash,
            data,
            data_base64: data.is_none().then(|| STANDARD.encode(&self.written.body).into()),
        };
        serde_json::to_vec(&line).expect("a line has string keys and no floats")
    }

    /// Reads a line, and nothing but what [`Recorded::to_line`] would write: whatever was changed in it is an error.
    ///
    /// # Errors
    /// See [`LineError`].
    pub fn from_line(text: &[u8]) -> Result<Self, LineError> {
        let line: Line<'_> = serde_json::from_slice(text)?;
        let kind: Kind = line
            .source
            .strip_prefix("/kart/")
            .and_then(|kind| kind.parse().ok())
            .ok_or(LineError::Shape("its source is no kind of aggregate"))?;
        let body = match (line.data, &line.data_base64) {
            (Some(data), None) => Bytes::copy_from_slice(data.get().as_bytes()),
            (None, Some(text)) => {
                let bytes = STANDARD.decode(text.as_bytes());
                bytes.map_err(|_| LineError::Shape("data_base64 is not base64"))?.into()
            }
            _ => return Err(LineError::Shape("it has no data, or has it twice")),
        };
        let header = |name: &str| match name {
            "ce-id" => Some(line.id.as_ref()),
            "ce-type" => Some(line.type_name.as_ref()),
            "ce-time" => Some(line.time.as_ref()),
            "kart-actor" => Some(line.kartactor.as_ref()),
            "kart-causation" => line.kartcausation.as_deref(),
            "kart-correlation" => Some(line.kartcorrelation.as_ref()),
            "kart-prev" => line.kartprev.as_deref(),
            "kart-chain" => line.kartchain.as_deref(),
            _ => None,
        };
        let recorded = Self::read(line.sequence, AggregateId::new(kind, line.subject), header, body)?;
        if recorded.event().kind() != kind {
            return Err(LineError::Shape("its type belongs to another kind of aggregate"));
        }
        if recorded.hash != line.karthash {
            return Err(LineError::Hash { written: line.karthash, computed: recorded.hash });
        }
        if recorded.to_line() != text {
            return Err(LineError::NotCanonical);
        }
        Ok(recorded)
    }
}

/// The body as it stands, when it survives being a part of a line.
fn on_one_line(body: &[u8]) -> Option<&RawValue> {
    let text = std::str::from_utf8(body).ok()?;
    let value: &RawValue = serde_json::from_str(text).ok()?;
    (value.get().len() == text.len() && !text.contains(['\n', '\r'])).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::UserRegistered;
    use crate::{Actor, NewEvent, UserId};
    use time::macros::datetime;

    fn recorded() -> Recorded {
        let uuid = |n: u128| Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + n);
        let new = NewEvent {
            id: uuid(1),
            time: datetime!(2026-11-24 11:17:08.250 UTC),
            actor: Actor::User(UserId(uuid(2))),
            causation: Some(uuid(3)),
            correlation: uuid(4),
            event: UserRegistered { guest: true }.into(),
        };
        Recorded::of(7, UserId(uuid(2)).into(), Some(Hash::of(b"before")), new)
    }

    #[test]
    fn a_line_comes_back_as_it_went() {
        let event = recorded();
        let line = event.to_line();
        assert_eq!(Recorded::from_line(&line).unwrap(), event);
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!((&value["sequence"], &value["data"]["guest"]), (&7.into(), &true.into()));
    }

    /// Written, and followed by an event that bears this hash, before hashes covered the actor and the correlation.
    #[test]
    fn an_older_log_keeps_its_hashes() {
        let line = concat!(
            r#"{"specversion":"1.0","id":"28a81456-1780-546c-9a46-568073c41f16","type":"kart.job.requested.v1","#,
            r#""source":"/kart/job","subject":"01a20ef6-3e6e-7799-8209-bfadb8a96e06","time":"2026-11-24T19:09:08.59Z","#,
            r#""datacontenttype":"application/json","dataschema":"kart.job.requested.v1.json","sequence":3,"#,
            r#""kartactor":"user/01a20ef6-3e6c-75d3-83fa-62824cc7a688","#,
            r#""kartcausation":"32bc8251-14ba-5099-aa8c-4575b6621929","#,
            r#""kartcorrelation":"01a20ef6-3e6e-7799-8209-bfaf68d75236","#,
            r#""karthash":"2e6331c8d64c413dd475f89c015d13b506683408e894b0fe1d08301fe2026230","#,
            r#""data":{"owner":"01a20ef6-3e6c-75d3-83fa-62824cc7a688","video":"01a20ef6-3e50-7232-9c22-bc7c7fd5c959","#,
            r#""title":"juggler-outdoor-10s","blob":{"key":"videos/01a20ef6-3e50-7232-9c22-bc7c7fd5c959","#,
            r#""sha256":"60d23773ad50389a5c2df9ba4ab05e9b4d39d21dfa7b75d15b46666ff7a4e2bb","bytes":1842699}}}"#,
        );
        let read = Recorded::from_line(line.as_bytes()).unwrap();
        assert_eq!(read.written.chaining, Chaining::Partial);
        assert!(read.headers().iter().all(|(name, _)| *name != "kart-chain"));
    }

    #[test]
    fn a_body_that_breaks_lines_goes_as_base64() {
        let mut event = recorded();
        event.written.body = Bytes::from_static(b"{\n  \"guest\": true\n}\n");
        event.hash = event.written.chain_hash(event.previous, event.aggregate, &event.new);
        let line = event.to_line();
        assert!(!line.contains(&b'\n') && line.windows(11).any(|part| part == b"data_base64"));
        assert_eq!(Recorded::from_line(&line).unwrap(), event);
    }

    /// Every single bit of a line counts, but for the sequence, which the lines around it decide.
    #[test]
    fn a_flipped_bit_is_found_wherever_it_is() {
        let line = recorded().to_line();
        let text = String::from_utf8(line.clone()).unwrap();
        let sequence = text.find("\"sequence\":").unwrap() + "\"sequence\":".len();
        for (position, bit) in (0..line.len()).flat_map(|position| (0..8).map(move |bit| (position, bit))) {
            let mut flipped = line.clone();
            flipped[position] ^= 1 << bit;
            match Recorded::from_line(&flipped) {
                Err(_) => {}
                Ok(read) => assert!(position == sequence && read.sequence != 7, "bit {bit} of byte {position}"),
            }
        }
    }

    #[test]
    fn an_added_member_and_another_order_are_refused() {
        let line = String::from_utf8(recorded().to_line()).unwrap();
        let added = line.replacen('{', "{\"more\":1,", 1);
        let turned = line.replacen("\"specversion\":\"1.0\",", "", 1).replacen('{', "{\"specversion\":\"1.0\", ", 1);
        for changed in [added, turned, format!("{line} "), String::new()] {
            assert!(Recorded::from_line(changed.as_bytes()).is_err(), "{changed}");
        }
    }
}
