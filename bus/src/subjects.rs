//! Every subject and stream name, in one place.

use schemas::event::{Phase, Priority};
use schemas::{AggregateId, JobId, Kind, UserId};
use uuid::Uuid;

pub const EVENTS_STREAM: &str = "KART_EVENTS";
pub const WORK_STREAM: &str = "KART_WORK";
pub const TICKS_STREAM: &str = "KART_TICKS";
pub const PARKED_STREAM: &str = "KART_PARKED";
pub const SESSIONS_BUCKET: &str = "kart-sessions";
/// The users' encryption keys.
pub const KEYS_BUCKET: &str = "kart-keys";

/// The stream under a key-value bucket.
pub fn stream_of_bucket(bucket: &str) -> String {
    format!("KV_{bucket}")
}

/// All entries of a key-value bucket.
pub fn entries_of_bucket(bucket: &str) -> String {
    format!("$KV.{bucket}.>")
}

pub const EVENTS: &str = "kart.evt.>";
pub const ALL_WORK: &str = "kart.work.>";
pub const TICKS: &str = "kart.tick.job.>";
pub const PARKED: &str = "kart.parked.>";
/// What the server says when work was handed out too often.
pub const MAX_DELIVERIES: &str = "$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.KART_WORK.>";

/// `kart.evt.job.<uuid>.training-started`
pub fn event(aggregate: AggregateId, name: &str) -> String {
    format!("kart.evt.{}.{}.{name}", aggregate.kind().as_str(), aggregate.uuid())
}

/// Everything that happened to one aggregate. Each append expects over exactly this filter.
pub fn events_of(aggregate: AggregateId) -> String {
    event(aggregate, ">")
}

/// Events by kind and name, of whichever aggregate.
pub fn events_where(kind: Option<Kind>, name: Option<&str>) -> String {
    format!("kart.evt.{}.*.{}", kind.map_or("*", Kind::as_str), name.unwrap_or("*"))
}

/// The aggregate of an event's subject; `None` for a subject of another shape.
pub fn aggregate_of(subject: &str) -> Option<AggregateId> {
    let mut words = subject.strip_prefix("kart.evt.")?.split('.');
    let kind: Kind = words.next()?.parse().ok()?;
    let id: Uuid = words.next()?.parse().ok()?;
    let name = words.next()?;
    (words.next().is_none() && !name.is_empty()).then(|| AggregateId::new(kind, id))
}

/// What a phase is called in the work queue: the consumer's name and a word of the subject.
pub fn worker(phase: Phase) -> &'static str {
    match phase {
        Phase::Training => "train",
        Phase::Inference => "infer",
    }
}

pub fn work_of(phase: Phase) -> String {
    format!("kart.work.{}.>", worker(phase))
}

pub fn work(phase: Phase, priority: Priority, user: UserId, job: JobId, attempt: u32) -> String {
    format!("kart.work.{}.{}.{user}.{job}.{attempt}", worker(phase), priority.as_str())
}

pub fn tick(job: JobId, phase: Phase) -> String {
    format!("kart.tick.job.{job}.{}", phase.as_str())
}

pub fn control(job: JobId) -> String {
    format!("kart.ctl.job.{job}")
}

pub fn parked(reader: &str, sequence: u64) -> String {
    format!("kart.parked.{reader}.{sequence}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_subject_names_its_aggregate() {
        for kind in Kind::ALL {
            let aggregate = AggregateId::new(kind, Uuid::now_v7());
            assert_eq!(aggregate_of(&event(aggregate, "trained")), Some(aggregate));
        }
    }

    #[test]
    fn other_subjects_name_no_aggregate() {
        let id = Uuid::now_v7();
        for subject in [
            "kart.evt".to_owned(),
            "kart.evt.job".to_owned(),
            format!("kart.evt.job.{id}"),
            format!("kart.evt.job.{id}."),
            format!("kart.evt.horse.{id}.trained"),
            format!("kart.evt.job.{id}.a.b"),
            "kart.evt.job.17.trained".to_owned(),
            format!("kart.work.job.{id}.trained"),
        ] {
            assert_eq!(aggregate_of(&subject), None, "{subject}");
        }
    }
}
