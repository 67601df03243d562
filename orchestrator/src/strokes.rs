//! Who the figure is, said by strokes over pictures of the video: a new job, which goes by them.

use crate::app::App;
use crate::job_view::own_job;
use crate::jobs::id;
use crate::problem::Problem;
use crate::redraw::{ask_for, folded, new_id};
use crate::session::Visitor;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use schemas::event::JobRequested;
use schemas::{Stroke, stroke};
use serde::Deserialize;

/// More than the most strokes with the most points take as JSON.
const MOST_BYTES: usize = 256 << 10;

#[derive(Deserialize)]
pub struct Wish {
    /// What to call the new job (UUID version 7). The same strokes under the same id are one job, however often they are sent.
    job: Option<String>,
}

#[derive(Deserialize)]
struct Drawn {
    strokes: Vec<Stroke>,
}

/// `POST /v1/jobs/{id}/strokes` with `{"strokes": [{"at_ms": 1200, "figure": true, "points": [[480, 300], [500, 420]]}]}`:
/// 202 and the new job, 303 to its page for a browser.
pub async fn create(
    State(app): State<App>,
    visitor: Visitor,
    Path(of): Path<String>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let wanted = wish.job.as_deref().map(new_id).transpose()?;
    let first = own_job(&app, &visitor, id(&of)?).await?;
    let strokes = read(body).await?;
    let job = folded(&app, first.id).await?;
    // Events hold the title sealed under their own id.
    let request = JobRequested { title: first.title.into(), ..job.traced(strokes)? };
    ask_for(&app, visitor, &headers, wanted, request).await
}

async fn read(body: Body) -> Result<Vec<Stroke>, Problem> {
    let bad = |detail: String| Problem::bad_request("invalid-strokes", "Those strokes cannot be used", detail);
    let body = to_bytes(body, MOST_BYTES).await.map_err(|error| bad(error.to_string()))?;
    let drawn: Drawn = serde_json::from_slice(&body).map_err(|error| bad(error.to_string()))?;
    stroke::check(&drawn.strokes).map_err(|error| bad(error.to_string()))?;
    Ok(drawn.strokes)
}
