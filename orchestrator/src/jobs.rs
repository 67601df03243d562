//! Jobs over the API: list, show, cancel.

pub mod json;

use crate::app::App;
use crate::job_view::{JobView, own_job, read_own_writes};
use crate::problem::{Problem, wants_page};
use crate::session::{Visitor, seen_cookie};
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bus::Context;
use projector::Cursor;
use schemas::job::{Job, JobCommand};
use schemas::{Actor, JobId};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

const DEFAULT_LIMIT: usize = 20;
const MOST: usize = 100;

/// An id in a path; what is no id names nothing.
pub fn id<T: std::str::FromStr>(text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| Problem::not_found())
}

#[derive(Deserialize)]
pub struct Paging {
    cursor: Option<String>,
    limit: Option<String>,
}

/// `GET /v1/jobs`: the visitor's own, the newest first.
pub async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Query(paging): Query<Paging>,
) -> Result<Json<Value>, Problem> {
    let limit = match paging.limit.as_deref().map(str::parse) {
        None => DEFAULT_LIMIT,
        Some(Ok(limit @ 1..=MOST)) => limit,
        Some(_) => {
            let detail = format!("`limit` is a number from 1 to {MOST}.");
            return Err(Problem::bad_request("invalid-limit", "That is not a page size", detail));
        }
    };
    let cursor = paging.cursor.as_deref().map(str::parse::<Cursor>).transpose()?;
    let Some(user) = visitor.user else {
        return Ok(Json(json!({ "results": [], "next": null, "previous": null })));
    };
    read_own_writes(&app, &visitor).await?;
    let page = app.web.views.jobs_of(user, cursor.as_ref(), limit).await?;
    let next = page.next.map(|cursor| format!("/v1/jobs?limit={limit}&cursor={cursor}"));
    let first = cursor.map(|_| format!("/v1/jobs?limit={limit}"));
    let results: Vec<Value> = page.rows.iter().map(json::summary).collect();
    Ok(Json(json!({ "results": results, "next": next, "previous": null, "first": first })))
}

/// `GET /v1/jobs/{id}`
pub async fn show(State(app): State<App>, visitor: Visitor, Path(job): Path<String>) -> Result<Json<Value>, Problem> {
    let job = own_job(&app, &visitor, id(&job)?).await?;
    Ok(Json(JobView::load(&app, job).await?.to_json()))
}

/// `POST /v1/jobs/{id}/cancel`: 202. It becomes canceled when whoever works on it says so.
pub async fn cancel(
    State(app): State<App>,
    visitor: Visitor,
    Path(job): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let job = own_job(&app, &visitor, id(&job)?).await?;
    let sequence = request_cancel(&app, job.id, visitor.known()?).await?;
    let cookie = [(header::SET_COOKIE, seen_cookie(&app, sequence))];
    if wants_page(&headers) {
        let location = [(header::LOCATION, format!("/jobs/{}", job.id))];
        return Ok((StatusCode::SEE_OTHER, cookie, location).into_response());
    }
    let visitor = Visitor { seen: Some(sequence), ..visitor };
    read_own_writes(&app, &visitor).await?;
    let job = own_job(&app, &visitor, job.id).await?;
    Ok((StatusCode::ACCEPTED, cookie, Json(JobView::load(&app, job).await?.to_json())).into_response())
}

async fn request_cancel(app: &App, job: JobId, user: schemas::UserId) -> Result<u64, Problem> {
    let context = Context {
        command: Uuid::now_v7(),
        actor: Actor::User(user),
        correlation: Uuid::now_v7(),
        causation: None,
        time: schemas::envelope::now(),
    };
    let executed = app.web.bus.log().execute::<Job>(job, &context, || JobCommand::RequestCancel).await?;
    // The log is what counts; the dispatcher nudges again when this one is lost.
    app.web.bus.control().cancel(job).await.ok();
    Ok(executed.head.map_or(0, |head| head.sequence))
}
