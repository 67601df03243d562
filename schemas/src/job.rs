//! A job: two phases, training then inference, each dispatched, taken by a worker, and ended exactly once.
//!
//! ```text
//! requested → dispatched → training → trained → dispatched → drawing → inferred → completed
//!                 ↑ retry scheduled ←──┴── failed (retryable) ──┘            └→ failed | cancelled
//! ```
//!
//! To draw a finished job again, in another style, is a job of its own ([`Job::redraw`]): it has the first one's model from
//! the start and waits for the drawing alone. The first one stays as it ended. So is making it anew by strokes that show
//! who the figure is ([`Job::traced`]), which trains again.
//!
//! An attempt is used up by a failure alone. A worker that shuts down interrupts its phase, and the next worker takes
//! the same attempt; so it does when the worker went silent.

use crate::event::{
    CancelRequested, InferenceCompleted, InferenceStarted, JobCancelled, JobCompleted, JobDispatched, JobErased,
    JobFailed, JobInterrupted, JobRequested, PanelRendered, Phase, Redraw, RetryScheduled, TrainingCompleted,
    TrainingProgressed, TrainingStarted,
};
use crate::{Aggregate, Blob, Event, JobId, Refusal, Stroke, Style, limits};
use uuid::Uuid;

/// A phase fails for good at this attempt.
pub const MAX_ATTEMPTS: u32 = 3;
/// Wait before attempt n+1: 2 s · 4ⁿ⁻¹, at most 5 minutes.
const BACKOFF_MS: u64 = 2_000;
const MAX_BACKOFF_MS: u64 = 300_000;
/// JSON has no infinity and no NaN: an event with one could not be read back.
const FINITE: std::ops::RangeInclusive<f32> = f32::MIN..=f32::MAX;

/// Where a job stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    #[default]
    Missing,
    /// `phase` waits to be handed out: not before `due_ms` (0: at once).
    Waiting {
        phase: Phase,
        attempt: u32,
        due_ms: u64,
    },
    /// In the work queue.
    Dispatched {
        phase: Phase,
        attempt: u32,
    },
    /// A worker holds it.
    Running {
        phase: Phase,
        attempt: u32,
        lease: Uuid,
    },
    /// Everything is drawn; the comic is not written down yet.
    Inferred,
    Completed,
    Failed,
    Cancelled,
    Erased,
}

impl Stage {
    pub fn has_ended(self) -> bool {
        matches!(self, Stage::Completed | Stage::Failed | Stage::Cancelled | Stage::Erased)
    }
}

/// The fold of a job's events.
#[derive(Debug, Default)]
pub struct Job {
    pub stage: Stage,
    pub cancel_requested: bool,
    pub request: Option<JobRequested>,
    /// How often workers took the present phase and attempt. Interruptions do not count.
    pub starts: u32,
    /// Where the present training can go on, whoever does it; an attempt that failed leaves it to the next.
    pub checkpoint: Option<Blob>,
    pub model: Option<Blob>,
    pub drawn: Option<InferenceCompleted>,
    /// Panels written down by the present worker, by index.
    pub panels: u32,
}

/// Why a job cannot be drawn again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CannotRedraw {
    #[error("there is no such job")]
    Missing,
    #[error("it is not done yet")]
    Unfinished,
    #[error("it failed, and there is nothing to draw with")]
    Failed,
    #[error("it was stopped before it was done")]
    Cancelled,
    #[error("it was deleted")]
    Erased,
}

#[derive(Clone, Debug)]
pub enum JobCommand {
    Request(JobRequested),
    /// Hand the waiting phase to the work queue. The dispatcher decides when it is due.
    Dispatch,
    StartTraining(TrainingStarted),
    ProgressTraining(TrainingProgressed),
    CompleteTraining(Box<TrainingCompleted>),
    StartInference(InferenceStarted),
    RenderPanel(Box<PanelRendered>),
    CompleteInference(Box<InferenceCompleted>),
    Complete(JobCompleted),
    /// The worker shuts down: the next one takes the same attempt.
    Interrupt {
        lease: Uuid,
    },
    /// By the lease that holds the phase. `now_ms`: Unix time, for the retry's due time.
    Fail {
        lease: Uuid,
        code: String,
        detail: String,
        retryable: bool,
        now_ms: u64,
    },
    RequestCancel,
    /// The worker stopped, or nobody had started.
    Cancel {
        lease: Option<Uuid>,
    },
    /// At any time: whoever works on it finds that it has ended.
    Erase(JobErased),
}

impl Job {
    /// What to ask of a new job that draws this one, `id`, again in `style`.
    ///
    /// # Errors
    /// Only a comic that is done is drawn again.
    pub fn redraw(&self, id: JobId, style: Style) -> Result<JobRequested, CannotRedraw> {
        match (self.stage, &self.request, &self.model) {
            (Stage::Completed, Some(request), Some(model)) => Ok(JobRequested {
                style: Some(style),
                redraw: Some(Redraw { of: id, model: model.clone() }),
                ..request.clone()
            }),
            (Stage::Failed, ..) => Err(CannotRedraw::Failed),
            (Stage::Cancelled, ..) => Err(CannotRedraw::Cancelled),
            (Stage::Erased, ..) => Err(CannotRedraw::Erased),
            (Stage::Missing, ..) => Err(CannotRedraw::Missing),
            _ => Err(CannotRedraw::Unfinished),
        }
    }

    /// What to ask of a new job that makes this one's comic from the beginning, going by `strokes`.
    ///
    /// # Errors
    /// When there is no video to go by any more.
    pub fn traced(&self, strokes: Vec<Stroke>) -> Result<JobRequested, CannotRedraw> {
        match (self.stage, &self.request) {
            (Stage::Erased, _) => Err(CannotRedraw::Erased),
            (_, Some(request)) => Ok(JobRequested { redraw: None, strokes, ..request.clone() }),
            (_, None) => Err(CannotRedraw::Missing),
        }
    }

    /// The worker that holds `phase` under `attempt` and `lease`, or a refusal.
    fn holds(&self, phase: Phase, attempt: u32, lease: Uuid) -> Result<(), Refusal> {
        match self.stage {
            _ if self.cancel_requested && !self.stage.has_ended() => Err(Refusal::CancelRequested),
            Stage::Running { phase: p, attempt: a, lease: l } if (p, a, l) == (phase, attempt, lease) => Ok(()),
            // Also when the holder after it gave the attempt back: the message in the queue is not this worker's to
            // acknowledge.
            Stage::Running { .. } | Stage::Dispatched { .. } if self.current() == Some((phase, attempt)) => {
                Err(Refusal::StaleLease)
            }
            Stage::Missing => Err(Refusal::Missing),
            stage if stage.has_ended() => Err(Refusal::Ended),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    /// What `lease` works on, or a refusal.
    fn held_by(&self, lease: Uuid) -> Result<(Phase, u32), Refusal> {
        match self.stage {
            _ if self.cancel_requested && !self.stage.has_ended() => Err(Refusal::CancelRequested),
            Stage::Running { phase, attempt, lease: held } if held == lease => Ok((phase, attempt)),
            Stage::Missing => Err(Refusal::Missing),
            stage if stage.has_ended() => Err(Refusal::Ended),
            _ => Err(Refusal::StaleLease),
        }
    }

    /// A worker may take a phase that is queued, or take it over: the queue hands work out again only when the last
    /// holder went silent.
    fn can_start(&self, phase: Phase, attempt: u32) -> Result<(), Refusal> {
        match self.stage {
            _ if self.cancel_requested && !self.stage.has_ended() => Err(Refusal::CancelRequested),
            Stage::Dispatched { phase: p, attempt: a } | Stage::Running { phase: p, attempt: a, .. }
                if (p, a) == (phase, attempt) =>
            {
                Ok(())
            }
            Stage::Missing => Err(Refusal::Missing),
            stage if stage.has_ended() => Err(Refusal::Ended),
            _ => Err(Refusal::OutOfOrder),
        }
    }

    fn decide_dispatch(&self) -> Result<Vec<Event>, Refusal> {
        match self.stage {
            _ if self.cancel_requested && !self.stage.has_ended() => Err(Refusal::CancelRequested),
            Stage::Waiting { phase, attempt, .. } => Ok(vec![JobDispatched { phase, attempt }.into()]),
            Stage::Missing => Err(Refusal::Missing),
            stage if stage.has_ended() => Err(Refusal::Ended),
            _ => Ok(vec![]),
        }
    }

    fn decide_interrupt(&self, lease: Uuid) -> Result<Vec<Event>, Refusal> {
        let (phase, attempt) = self.held_by(lease)?;
        Ok(vec![JobInterrupted { phase, attempt, lease }.into()])
    }

    fn decide_fail(
        &self,
        lease: Uuid,
        code: String,
        detail: String,
        retryable: bool,
        now_ms: u64,
    ) -> Result<Vec<Event>, Refusal> {
        let (phase, attempt) = self.held_by(lease)?;
        let retryable = retryable && attempt < MAX_ATTEMPTS;
        let mut events = vec![JobFailed { phase, attempt, code, detail, retryable }.into()];
        if retryable {
            let wait_ms = (BACKOFF_MS << (2 * (attempt - 1).min(16))).min(MAX_BACKOFF_MS);
            let due_ms = now_ms.saturating_add(wait_ms);
            events.push(RetryScheduled { phase, attempt: attempt + 1, due_ms }.into());
        }
        Ok(events)
    }

    fn decide_cancel(&self, lease: Option<Uuid>) -> Result<Vec<Event>, Refusal> {
        match self.stage {
            Stage::Missing => Err(Refusal::Missing),
            stage if stage.has_ended() => Ok(vec![]),
            _ if !self.cancel_requested => Err(Refusal::OutOfOrder),
            Stage::Running { lease: held, .. } if lease != Some(held) => Err(Refusal::StaleLease),
            _ => Ok(vec![JobCancelled {}.into()]),
        }
    }

    /// The lease of the worker that holds the job.
    fn lease(&self) -> Option<Uuid> {
        match self.stage {
            Stage::Running { lease, .. } => Some(lease),
            _ => None,
        }
    }

    fn start(&mut self, phase: Phase, attempt: u32, lease: Uuid) {
        // An event that comes twice is one start.
        if self.lease() != Some(lease) {
            self.starts += 1;
        }
        self.stage = Stage::Running { phase, attempt, lease };
    }

    /// Phase and attempt that are queued or running.
    pub fn current(&self) -> Option<(Phase, u32)> {
        match self.stage {
            Stage::Waiting { phase, attempt, .. }
            | Stage::Dispatched { phase, attempt }
            | Stage::Running { phase, attempt, .. } => Some((phase, attempt)),
            _ => None,
        }
    }
}

impl Aggregate for Job {
    type Id = JobId;
    type Command = JobCommand;

    fn decide(&self, command: JobCommand) -> Result<Vec<Event>, Refusal> {
        let one = |event: Event| Ok(vec![event]);
        match command {
            JobCommand::Request(_) if self.stage != Stage::Missing => Err(Refusal::Exists),
            JobCommand::Request(request) => one(request.into()),
            JobCommand::Dispatch => self.decide_dispatch(),
            JobCommand::StartTraining(start) => {
                self.can_start(Phase::Training, start.attempt).and_then(|()| one(start.into()))
            }
            JobCommand::ProgressTraining(progress) => {
                limits::within(progress.loss, &FINITE)?;
                self.holds(Phase::Training, progress.attempt, progress.lease).and_then(|()| one(progress.into()))
            }
            JobCommand::CompleteTraining(done) => {
                done.curve.iter().try_for_each(|loss| limits::within(*loss, &FINITE))?;
                self.holds(Phase::Training, done.attempt, done.lease).and_then(|()| one((*done).into()))
            }
            JobCommand::StartInference(start) => {
                self.can_start(Phase::Inference, start.attempt).and_then(|()| one(start.into()))
            }
            JobCommand::RenderPanel(panel) => {
                self.holds(Phase::Inference, panel.attempt, panel.lease).and_then(|()| one((*panel).into()))
            }
            JobCommand::CompleteInference(done) => {
                self.holds(Phase::Inference, done.attempt, done.lease).and_then(|()| one((*done).into()))
            }
            JobCommand::Complete(done) => match self.stage {
                Stage::Inferred => one(done.into()),
                Stage::Completed => Ok(vec![]),
                Stage::Missing => Err(Refusal::Missing),
                stage if stage.has_ended() => Err(Refusal::Ended),
                _ => Err(Refusal::OutOfOrder),
            },
            JobCommand::Interrupt { lease } => self.decide_interrupt(lease),
            JobCommand::Fail { lease, code, detail, retryable, now_ms } => {
                self.decide_fail(lease, code, detail, retryable, now_ms)
            }
            JobCommand::RequestCancel => match self.stage {
                Stage::Missing => Err(Refusal::Missing),
                stage if stage.has_ended() => Err(Refusal::Ended),
                // Too late: the comic is being put into the library.
                Stage::Inferred => Err(Refusal::Ended),
                _ if self.cancel_requested => Ok(vec![]),
                // Nobody works on it: asked and done in one.
                Stage::Waiting { .. } | Stage::Dispatched { .. } => {
                    Ok(vec![CancelRequested {}.into(), JobCancelled {}.into()])
                }
                _ => one(CancelRequested {}.into()),
            },
            JobCommand::Cancel { lease } => self.decide_cancel(lease),
            JobCommand::Erase(erased) => match self.stage {
                Stage::Missing => Err(Refusal::Missing),
                Stage::Erased => Ok(vec![]),
                stage if stage.has_ended() => one(erased.into()),
                _ => Ok(vec![JobCancelled {}.into(), erased.into()]),
            },
        }
    }

    fn apply(&mut self, event: &Event) {
        match event {
            Event::JobRequested(request) => {
                self.request = Some(request.clone());
                self.model = request.redraw.as_ref().map(|redraw| redraw.model.clone());
                let phase = if self.model.is_some() { Phase::Inference } else { Phase::Training };
                self.stage = Stage::Waiting { phase, attempt: 1, due_ms: 0 };
            }
            Event::JobDispatched(e) => {
                self.starts = 0;
                self.stage = Stage::Dispatched { phase: e.phase, attempt: e.attempt };
            }
            Event::TrainingStarted(e) => {
                self.start(Phase::Training, e.attempt, e.lease);
            }
            Event::TrainingProgressed(e) => self.checkpoint = e.checkpoint.clone().or(self.checkpoint.take()),
            Event::TrainingCompleted(e) => {
                self.checkpoint = None;
                self.model = Some(e.model.clone());
                self.stage = Stage::Waiting { phase: Phase::Inference, attempt: 1, due_ms: 0 };
            }
            Event::InferenceStarted(e) => {
                self.panels = 0;
                self.start(Phase::Inference, e.attempt, e.lease);
            }
            Event::PanelRendered(e) => self.panels = e.index + 1,
            Event::InferenceCompleted(e) => {
                self.drawn = Some(e.clone());
                self.stage = Stage::Inferred;
            }
            Event::JobInterrupted(e) => {
                if self.lease() == Some(e.lease) {
                    self.starts = self.starts.saturating_sub(1);
                }
                self.stage = Stage::Dispatched { phase: e.phase, attempt: e.attempt };
            }
            Event::JobCompleted(_) => self.stage = Stage::Completed,
            Event::JobFailed(e) if !e.retryable => self.stage = Stage::Failed,
            Event::RetryScheduled(e) => {
                self.stage = Stage::Waiting { phase: e.phase, attempt: e.attempt, due_ms: e.due_ms };
            }
            Event::CancelRequested(_) => self.cancel_requested = true,
            Event::JobCancelled(_) => self.stage = Stage::Cancelled,
            Event::JobErased(_) => self.stage = Stage::Erased,
            _ => {}
        }
    }
}
