//! A job as its page and the API show it: one row, its pictures, and how it gets on right now.

use crate::app::App;
use crate::dispatch::board::Place;
use crate::problem::Problem;
use crate::session::Visitor;
use projector::{JobRow, PhaseStatus, PictureRow, Status, VideoRow};
use schemas::event::{MediaKind, Phase};
use schemas::progress::Tick;
use schemas::{JobId, MediaId, Style, UserId, VideoId};
use std::sync::Arc;
use std::time::Duration;

/// How long a reader waits for the rows to show an event that is known to be in the log.
pub const PATIENCE: Duration = Duration::from_millis(1_500);

#[derive(Clone, Debug)]
pub struct JobView {
    pub job: JobRow,
    pub video: Option<VideoRow>,
    pub pictures: Vec<PictureRow>,
    /// How the running phase gets on.
    pub tick: Option<Arc<Tick>>,
    /// Where it stands, while nobody works on it.
    pub place: Option<Place>,
    /// What the comic looks like that is drawn again, until the new page is there.
    pub before: Option<MediaId>,
    /// The id of the job that draws this one again, if that is asked for from what is shown now.
    pub again: JobId,
}

/// Steps of a phase, of steps in all; 0 of 0 when nothing is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub step: u32,
    pub of: u32,
}

/// Waits until the rows show what the visitor wrote last.
pub async fn read_own_writes(app: &App, visitor: &Visitor) -> Result<(), Problem> {
    if let Some(sequence) = visitor.seen
        && !app.web.views.reach(sequence, PATIENCE).await?
    {
        tracing::warn!(sequence, "the views are behind");
    }
    Ok(())
}

/// A visitor's own job; for anybody else it is not there.
pub async fn own_job(app: &App, visitor: &Visitor, id: JobId) -> Result<JobRow, Problem> {
    let user = visitor.known()?;
    let job = match app.web.views.job(id).await? {
        Some(job) => Some(job),
        None if visitor.seen.is_some() => {
            read_own_writes(app, visitor).await?;
            app.web.views.job(id).await?
        }
        None => None,
    };
    job.filter(|job| job.owner == user).ok_or_else(Problem::not_found)
}

impl JobView {
    pub async fn load(app: &App, job: JobRow) -> Result<Self, Problem> {
        let (video, pictures) = tokio::try_join!(app.web.views.video(job.video), app.web.views.pictures(job.id))?;
        let running = !job.status.has_ended();
        // Progress is for show: without it the page is still true.
        let tick = if running { app.web.bus.ticks().last(job.id).await.ok().flatten().map(Arc::new) } else { None };
        let place = if running { app.hub.place(job.id) } else { None };
        let before = match job.redraw_of.filter(|_| job.page.is_none()) {
            Some(first) => app.web.views.job(first).await?.and_then(|first| first.page),
            None => None,
        };
        Ok(Self { job, video, pictures, tick, place, before, again: JobId::new() })
    }

    /// What the row of a new job will be, before the projector has made it.
    pub fn just_requested(
        id: JobId,
        owner: UserId,
        video: VideoId,
        title: String,
        style: Option<Style>,
        sequence: u64,
    ) -> Self {
        let job = JobRow {
            id,
            owner,
            video,
            title,
            status: Status::Starting,
            training_status: PhaseStatus::Waiting,
            inference_status: PhaseStatus::Waiting,
            training_attempt: 1,
            inference_attempt: 1,
            device: None,
            step: 0,
            of: 0,
            loss: None,
            curve: vec![],
            panels_drawn: 0,
            panels_of: 0,
            training_ms: None,
            inference_ms: None,
            teachers: vec![],
            advice: vec![],
            cancel_requested: false,
            error: None,
            retry_due: None,
            created: schemas::envelope::now(),
            started: None,
            inference_started: None,
            completed: None,
            comic: None,
            page: None,
            background: None,
            model_key: None,
            style: style.unwrap_or_default().as_str().to_owned(),
            redraw_of: None,
            last_sequence: sequence,
        };
        Self { job, video: None, pictures: vec![], tick: None, place: None, before: None, again: JobId::new() }
    }

    /// The phase that is being worked on.
    pub fn running(&self) -> Option<Phase> {
        match (self.job.training_status, self.job.inference_status) {
            (PhaseStatus::Running, _) => Some(Phase::Training),
            (_, PhaseStatus::Running) => Some(Phase::Inference),
            _ => None,
        }
    }

    /// The newest tick, if it is about the phase that runs.
    pub fn live_tick(&self) -> Option<&Tick> {
        let running = self.running()?;
        self.tick.as_deref().filter(|tick| tick.phase == running)
    }

    pub fn progress(&self, phase: Phase) -> Progress {
        if let Some(tick) = self.live_tick()
            && tick.phase == phase
        {
            return Progress { step: tick.step, of: tick.of };
        }
        match phase {
            Phase::Training => Progress { step: self.job.step, of: self.job.of },
            Phase::Inference => Progress { step: self.job.panels_drawn, of: self.job.panels_of },
        }
    }

    /// The loss curve so far.
    pub fn curve(&self) -> &[f32] {
        match self.live_tick() {
            Some(tick) if tick.phase == Phase::Training && !tick.curve.is_empty() => &tick.curve,
            _ => &self.job.curve,
        }
    }

    pub fn loss(&self) -> Option<f32> {
        self.live_tick().and_then(|tick| tick.loss).or(self.job.loss)
    }

    /// What is being done, in a word.
    pub fn stage(&self) -> &str {
        if let Some(tick) = self.live_tick() {
            return &tick.stage;
        }
        match (self.job.status, self.running()) {
            (Status::Succeeded, _) => "done",
            (Status::Failed, _) => "failed",
            (Status::Canceled, _) => "canceled",
            _ if self.job.cancel_requested => "stopping",
            (_, Some(Phase::Training)) => "training",
            (_, Some(Phase::Inference)) => "drawing",
            _ if self.job.inference_status == PhaseStatus::Succeeded => "composing",
            _ if self.job.retry_due.is_some() => "waiting to try again",
            _ => "waiting",
        }
    }

    pub fn eta_ms(&self) -> Option<u64> {
        self.live_tick().and_then(|tick| tick.eta_ms)
    }

    pub fn of_kind(&self, kind: MediaKind) -> impl Iterator<Item = &PictureRow> {
        self.pictures.iter().filter(move |picture| picture.kind == kind)
    }

    /// Where a picture can be had: in the library once the job is done, before that from the job itself.
    pub fn url(&self, media: MediaId) -> String {
        match self.job.status {
            Status::Succeeded => format!("/media/{media}"),
            _ => format!("/v1/jobs/{}/pictures/{media}", self.job.id),
        }
    }

    /// A picture of what the network can draw by now.
    pub fn preview_url(&self) -> Option<String> {
        let preview = self.live_tick()?.preview.as_ref()?;
        Some(format!("/v1/jobs/{}/preview/{}", self.job.id, preview.sha256))
    }
}
