//! A finished comic in another style: a new job, which begins with the drawing.

use crate::app::App;
use crate::job_view::{JobView, own_job, read_own_writes};
use crate::jobs::id;
use crate::problem::{Problem, wants_page};
use crate::session::{Visitor, seen_cookie};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bus::{Context, ExecuteError};
use schemas::event::JobRequested;
use schemas::job::{CannotRedraw, Job, JobCommand};
use schemas::{Actor, Aggregate, JobId, Recorded, Refusal, Style, UserId};
use serde::Deserialize;
use uuid::Uuid;

#[derive(Deserialize)]
pub struct Wish {
    style: Option<String>,
    /// What to call the new job (UUID version 7). The same wish under the same id is one job, however often it is sent.
    job: Option<String>,
}

/// `POST /v1/jobs/{id}/redraw?style=manga`: 202 and the new job for a program, 303 to its page for a browser's form.
pub async fn create(
    State(app): State<App>,
    visitor: Visitor,
    Path(of): Path<String>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let style: Style = wish.style.as_deref().unwrap_or_default().parse().map_err(|_| Problem::unknown_style())?;
    let wanted = wish.job.as_deref().map(new_id).transpose()?;
    let first = own_job(&app, &visitor, id(&of)?).await?;
    let job = folded(&app, first.id).await?;
    // Events hold the title sealed under their own id.
    let request = JobRequested { title: first.title.into(), ..job.redraw(first.id, style)? };
    ask_for(&app, visitor, &headers, wanted, request).await
}

/// Asks for a job of an earlier job's video, and answers with it.
pub async fn ask_for(
    app: &App,
    visitor: Visitor,
    headers: &HeaderMap,
    wanted: Option<JobId>,
    request: JobRequested,
) -> Result<Response, Problem> {
    let owner = visitor.known()?;
    let (job, sequence) = write_down(app, wanted.unwrap_or_else(JobId::new), owner, request).await?;
    let cookie = [(header::SET_COOKIE, seen_cookie(app, sequence))];
    if wants_page(headers) {
        return Ok((StatusCode::SEE_OTHER, cookie, [(header::LOCATION, format!("/jobs/{job}"))]).into_response());
    }
    let visitor = Visitor { seen: Some(sequence), ..visitor };
    read_own_writes(app, &visitor).await?;
    let view = JobView::load(app, own_job(app, &visitor, job).await?).await?;
    let location = [(header::LOCATION, format!("/v1/jobs/{job}"))];
    Ok((StatusCode::ACCEPTED, cookie, location, Json(view.to_json())).into_response())
}

/// An id that a page or a program made for the new job: its time is what lists are ordered by.
pub fn new_id(text: &str) -> Result<JobId, Problem> {
    let id = text.parse::<Uuid>().ok().filter(|id| id.get_version_num() == 7);
    let detail = "`job` is a UUID of version 7 that no job has yet.";
    id.map(JobId).ok_or_else(|| Problem::bad_request("invalid-job", "That is no id for a job", detail))
}

/// The log is asked, not a row: it knows best whether a job is done.
pub async fn folded(app: &App, id: JobId) -> Result<Job, Problem> {
    let loaded = app.web.bus.log().load(id.into()).await?;
    Ok(Job::fold(loaded.events.iter().map(Recorded::event)))
}

/// Asks for the job; under another id when this one has gone to another wish. Returns where that stands in the log.
async fn write_down(app: &App, id: JobId, owner: UserId, request: JobRequested) -> Result<(JobId, u64), Problem> {
    let mut wish = format!("redraw {:?} {:?}", request.redraw, request.style);
    if !request.strokes.is_empty() {
        wish += &format!(" {:?}", request.strokes);
    }
    for id in [id, JobId::new()] {
        let context = Context {
            command: Uuid::new_v5(&id.0, wish.as_bytes()),
            actor: Actor::User(owner),
            correlation: Uuid::now_v7(),
            causation: None,
            time: schemas::envelope::now(),
        };
        let ask = || JobCommand::Request(request.clone());
        match app.web.bus.log().execute::<Job>(id, &context, ask).await {
            Ok(executed) => return Ok((id, executed.head.map_or(0, |head| head.sequence))),
            Err(ExecuteError::Refused(Refusal::Exists)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ExecuteError::Refused(Refusal::Exists).into())
}

impl From<CannotRedraw> for Problem {
    fn from(reason: CannotRedraw) -> Self {
        let title = "That cannot be drawn again";
        let (code, detail) = match reason {
            CannotRedraw::Missing | CannotRedraw::Erased => return Self::not_found(),
            CannotRedraw::Unfinished => ("redraw-unfinished", "It is not done yet. Wait for its page."),
            CannotRedraw::Failed => ("redraw-failed", "It did not work out. Send the video again."),
            CannotRedraw::Cancelled => ("redraw-canceled", "It was stopped before it was done. Send the video again."),
        };
        Self::new(StatusCode::CONFLICT, code, title, detail)
    }
}
