//! Which events are meant.

use super::moment::{AsOf, Moment};
use super::owners::Owners;
use anyhow::bail;
use bus::{Filter, Log};
use schemas::{AggregateId, ComicId, JobId, Kind, MediaId, Recorded, SceneId, UserId, VideoId};
use time::Duration;

/// The clocks of those who write and of the server may differ by so much.
const CLOCK_SKEW: Duration = Duration::minutes(10);

#[derive(clap::Args, Clone, Debug, Default)]
#[command(next_help_heading = "Which events")]
pub struct Which {
    /// Only events of this job
    #[arg(long, group = "thing")]
    job: Option<JobId>,
    /// Only events of this video
    #[arg(long, group = "thing")]
    video: Option<VideoId>,
    /// Only events of this picture
    #[arg(long, group = "thing")]
    media: Option<MediaId>,
    /// Only events of this scene
    #[arg(long, group = "thing")]
    scene: Option<SceneId>,
    /// Only events of this comic
    #[arg(long, group = "thing")]
    comic: Option<ComicId>,
    /// Only events of this thing: `job/0192…`
    #[arg(long, group = "thing", value_parser = aggregate)]
    aggregate: Option<AggregateId>,
    /// Only what this user did, and what happened to their things
    #[arg(long)]
    user: Option<UserId>,
    /// Only events of this type: `kart.job.trained.v1`, `job.trained` or `trained`
    #[arg(long = "type")]
    kind: Option<String>,
    /// Only events at or after this time (that of the event): RFC 3339, or how long ago, such as 2h
    #[arg(long)]
    since: Option<Moment>,
    /// Only events at or before this time
    #[arg(long)]
    until: Option<Moment>,
    /// The log as it was: after this sequence, or at this time
    #[arg(long)]
    as_of: Option<AsOf>,
    /// First sequence
    #[arg(long)]
    pub from: Option<u64>,
    /// Last sequence
    #[arg(long)]
    to: Option<u64>,
}

/// Tells wanted events from others, while all of them go by.
pub struct Sieve<'a> {
    which: &'a Which,
    owners: Owners,
    first: u64,
}

fn aggregate(text: &str) -> anyhow::Result<AggregateId> {
    match text.split_once('/') {
        Some((kind, id)) => Ok(AggregateId::new(kind.parse()?, id.parse()?)),
        None => bail!("a thing is given as kind/id, such as job/01920000-0000-7000-8000-000000000001"),
    }
}

impl Which {
    fn thing(&self) -> Option<AggregateId> {
        let [job, video, media] = [self.job.map(Into::into), self.video.map(Into::into), self.media.map(Into::into)];
        let [scene, comic] = [self.scene.map(Into::into), self.comic.map(Into::into)];
        job.or(video).or(media).or(scene).or(comic).or(self.aggregate)
    }

    /// Whether it is the whole log.
    pub fn is_all(&self) -> bool {
        let Self { user, kind, since, until, as_of, from, to, .. } = self;
        let (times, sequences) = (since.is_none() && until.is_none(), from.is_none() && to.is_none());
        self.thing().is_none() && user.is_none() && kind.is_none() && as_of.is_none() && times && sequences
    }

    /// What to ask the server for: all that may be wanted, and as little else as it can tell apart.
    pub async fn filter(&self, log: &Log) -> anyhow::Result<Filter> {
        let mut from = self.from.unwrap_or(1);
        // An event is written after its own time, so that the server may begin at the time when it was written. Of an
        // imported log everything was written late.
        if let Some(Moment(since)) = self.since
            && let Some(since) = since.checked_sub(CLOCK_SKEW)
        {
            from = from.max(log.written_since(since).await?.map_or(log.head().await? + 1, |sequence| sequence));
        }
        let as_of = match self.as_of {
            Some(AsOf::Sequence(sequence)) => Some(sequence),
            _ => None,
        };
        let to_sequence = self.to.into_iter().chain(as_of).min();
        if self.user.is_some() {
            // Whose a thing is stands in its first event.
            return Ok(Filter { to_sequence, ..Filter::default() });
        }
        Ok(Filter { aggregate: self.thing(), kind: self.kind_of_thing(), event: None, from, to_sequence })
    }

    pub fn sieve(&self, first: u64) -> Sieve<'_> {
        Sieve { which: self, owners: Owners::default(), first: first.max(self.from.unwrap_or(1)) }
    }

    /// The kind of aggregate that the wanted type belongs to, if it says.
    fn kind_of_thing(&self) -> Option<Kind> {
        let text = self.kind.as_deref()?;
        let (kind, _) = text.strip_prefix("kart.").unwrap_or(text).split_once('.')?;
        kind.parse().ok()
    }

    /// Whether somebody's things are asked for, which takes reading from the beginning.
    pub fn of_a_user(&self) -> bool {
        self.user.is_some()
    }
}

impl Sieve<'_> {
    /// To be asked of every event, in order.
    pub fn wants(&mut self, event: &Recorded) -> bool {
        let which = self.which;
        let of_user = which.user.is_none_or(|user| self.owners.take_in(event, user));
        let time = event.new.time;
        let in_time = which.since.is_none_or(|Moment(since)| time >= since)
            && which.until.is_none_or(|Moment(until)| time <= until)
            && match which.as_of {
                Some(AsOf::Moment(Moment(moment))) => time <= moment,
                Some(AsOf::Sequence(sequence)) => event.sequence <= sequence,
                None => true,
            };
        of_user
            && in_time
            && event.sequence >= self.first
            && which.to.is_none_or(|to| event.sequence <= to)
            && which.thing().is_none_or(|thing| event.aggregate == thing)
            && which.kind.as_deref().is_none_or(|wanted| matches_type(&event.written.type_name, wanted))
    }
}

/// `kart.job.trained.v1` is meant by itself, by `job.trained` and by `trained`.
fn matches_type(type_name: &str, wanted: &str) -> bool {
    let short = type_name.strip_prefix("kart.").and_then(|name| name.rsplit_once('.')).map_or(type_name, |(n, _)| n);
    type_name == wanted || short == wanted || short.split_once('.').is_some_and(|(_, name)| name == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_found_by_its_long_and_short_names() {
        for wanted in ["kart.job.trained.v1", "job.trained", "trained"] {
            assert!(matches_type("kart.job.trained.v1", wanted), "{wanted}");
        }
        for other in ["job", "kart.job.trained", "rained", "kart.job.requested.v1", ""] {
            assert!(!matches_type("kart.job.trained.v1", other), "{other}");
        }
    }

    #[test]
    fn a_thing_is_named_by_its_kind_and_id() {
        let id = UserId::new();
        assert_eq!(aggregate(&format!("user/{id}")).unwrap(), AggregateId::from(id));
        for bad in ["user", "user/", "person/01920000-0000-7000-8000-000000000001"] {
            assert!(aggregate(bad).is_err(), "{bad}");
        }
    }
}
