//! The audit of a job and of its comic: the log itself, as its owner may read it.
//!
//! Other pages read rows. This one reads events, since what it shows is the log: who did what and when, whether each
//! event still links to the one before it, and from which second of the video each panel comes.

use crate::app::App;
use crate::job_view::{own_job, read_own_writes};
use crate::jobs::id;
use crate::pages;
use crate::problem::Problem;
use crate::session::Visitor;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bus::{ExecuteError, Log};
use futures::future::try_join_all;
use maud::Markup;
use schemas::event::{JobRequested, Picture};
use schemas::{AggregateId, Blob, ComicId, Event, Hash, JobId, Recorded, UserId};

/// What is audited, and all that was found.
pub struct Audit {
    pub title: String,
    pub job: JobId,
    /// When the comic is asked about, and not the job.
    pub comic: Option<ComicId>,
    pub owner: UserId,
    /// In the order of the log.
    pub trail: Vec<Step>,
}

/// An event, and how it stands in its aggregate's chain.
pub struct Step {
    pub recorded: Recorded,
    pub link: Link,
}

/// Whether an event links to the one before it: worked out anew for every look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// It is the first of its aggregate, and says so.
    First,
    /// It bears the hash of the event with this sequence, the one before it.
    To(u64),
    Broken,
}

/// Where a panel comes from.
pub struct Provenance<'a> {
    pub picture: &'a Picture,
    /// The event in which it was drawn.
    pub drawn: u64,
    /// The network that drew it, and the event in which that was trained.
    pub model: Option<(&'a Blob, u64)>,
    /// The video, and the event in which it came.
    pub video: Option<(&'a Recorded, u64)>,
}

impl Audit {
    /// Reads everything that belongs to a job: its video, itself, its pictures and its comic.
    async fn load(app: &App, job: JobId, owner: UserId, title: String) -> Result<Self, Problem> {
        let log = app.web.bus.log().opened();
        let mut events = load(&log, job.into()).await?;
        let request = events.iter().find_map(|recorded| match recorded.event() {
            Event::JobRequested(JobRequested { video, .. }) => Some(*video),
            _ => None,
        });
        let mut others: Vec<AggregateId> = pictures(&events).map(|(picture, _)| picture.media.into()).collect();
        others.sort();
        others.dedup();
        others.extend(request.map(AggregateId::from));
        others.push(ComicId::of(job).into());
        for more in try_join_all(others.into_iter().map(|thing| load(&log, thing))).await? {
            events.extend(more);
        }
        Ok(Self { title, job, comic: None, owner, trail: trail(events) })
    }

    /// Of the newest drawing, in reading order.
    pub fn panels(&self) -> Vec<Provenance<'_>> {
        let events = || self.trail.iter().map(|step| &step.recorded);
        let model = events().filter_map(|recorded| match recorded.event() {
            Event::TrainingCompleted(done) => Some((&done.model, recorded.sequence)),
            _ => None,
        });
        let model = model.last();
        let video = events().find(|recorded| matches!(recorded.event(), Event::VideoUploaded(_)));
        let video = video.map(|recorded| (recorded, recorded.sequence));
        let begun = events().filter(|recorded| matches!(recorded.event(), Event::InferenceStarted(_))).last();
        let since = begun.map_or(0, |recorded| recorded.sequence);
        let drawn = events().filter(|recorded| recorded.sequence > since);
        let panels = drawn.filter_map(|recorded| match recorded.event() {
            Event::PanelRendered(panel) => Some((panel.index, &panel.picture, recorded.sequence)),
            _ => None,
        });
        let mut panels: Vec<_> = panels.collect();
        panels.sort_by_key(|(index, ..)| *index);
        panels.into_iter().map(|(_, picture, drawn)| Provenance { picture, drawn, model, video }).collect()
    }

    pub fn is_whole(&self) -> bool {
        self.trail.iter().all(|step| step.link != Link::Broken)
    }
}

async fn load(log: &Log, thing: AggregateId) -> Result<Vec<Recorded>, Problem> {
    Ok(log.load(thing).await.map_err(ExecuteError::Read)?.events)
}

/// All pictures that a job drew.
fn pictures(events: &[Recorded]) -> impl Iterator<Item = (&Picture, u64)> {
    events.iter().flat_map(|recorded| {
        let pictures: Vec<&Picture> = match recorded.event() {
            Event::PanelRendered(panel) => vec![&panel.picture],
            Event::InferenceCompleted(done) => {
                done.panels.iter().chain(&done.cutouts).chain(&done.background).chain([&done.page]).collect()
            }
            _ => vec![],
        };
        pictures.into_iter().map(|picture| (picture, recorded.sequence))
    })
}

/// Puts events in order and looks at their links. The hashes were worked out when the events were read.
pub fn trail(mut events: Vec<Recorded>) -> Vec<Step> {
    events.sort_by_key(|recorded| recorded.sequence);
    let mut last = std::collections::HashMap::<AggregateId, (Hash, u64)>::new();
    let step = |recorded: Recorded| {
        let before = last.insert(recorded.aggregate, (recorded.hash, recorded.sequence));
        let link = match (recorded.previous, before) {
            (None, None) => Link::First,
            (Some(previous), Some((hash, sequence))) if previous == hash => Link::To(sequence),
            _ => Link::Broken,
        };
        Step { recorded, link }
    };
    events.into_iter().map(step).collect()
}

/// `GET /jobs/{id}/audit`
pub async fn of_job(State(app): State<App>, visitor: Visitor, Path(job): Path<String>) -> Result<Markup, Problem> {
    Ok(pages::audit(&load_job(&app, &visitor, &job).await?))
}

/// `GET /v1/jobs/{id}/audit`: the same events as lines of JSON, as `kart events replay` prints them.
pub async fn lines(State(app): State<App>, visitor: Visitor, Path(job): Path<String>) -> Result<Response, Problem> {
    let audit = load_job(&app, &visitor, &job).await?;
    let lines: Vec<u8> =
        audit.trail.iter().flat_map(|step| [step.recorded.to_line(), b"\n".to_vec()]).flatten().collect();
    let content_type = HeaderValue::from_static("application/x-ndjson");
    Ok(([(header::CONTENT_TYPE, content_type)], lines).into_response())
}

async fn load_job(app: &App, visitor: &Visitor, job: &str) -> Result<Audit, Problem> {
    let job: JobId = id(job)?;
    read_own_writes(app, visitor).await?;
    let row = own_job(app, visitor, job).await?;
    Audit::load(app, row.id, row.owner, row.title).await
}

/// `GET /comics/{id}/audit`
pub async fn of_comic(State(app): State<App>, visitor: Visitor, Path(comic): Path<String>) -> Result<Markup, Problem> {
    let user = visitor.known()?;
    read_own_writes(&app, &visitor).await?;
    let row = app.web.views.comic(id::<ComicId>(&comic)?).await?;
    let row = row.filter(|row| row.owner == user).ok_or_else(Problem::not_found)?;
    let audit = Audit::load(&app, row.job, row.owner, row.title).await?;
    Ok(pages::audit(&Audit { comic: Some(row.id), ..audit }))
}
