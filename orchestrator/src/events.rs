//! A job as it happens, over server-sent events: JSON for programs, pieces of the page for browsers.

mod fragments;
mod json;

pub use fragments::fragments;

use crate::app::App;
use crate::hub::{Item, is_end};
use crate::job_view::{PATIENCE, own_job};
use crate::jobs::id;
use crate::problem::Problem;
use crate::session::Visitor;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::sse::{Event as Sse, KeepAlive, Sse as SseResponse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt};
use serde::Deserialize;
use std::convert::Infallible;
use std::time::Duration;

/// Keeps the connection from being cut off as idle.
const COMMENT_EVERY: Duration = Duration::from_secs(15);

#[derive(Deserialize)]
pub struct Resume {
    after: Option<String>,
}

/// `GET /v1/jobs/{id}/events`: all events, or those after `Last-Event-ID` (or `?after=`), up to the job's end. 204 when
/// there will be no more.
pub async fn stream(
    State(app): State<App>,
    visitor: Visitor,
    Path(job): Path<String>,
    Query(resume): Query<Resume>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let job = own_job(&app, &visitor, id(&job)?).await?;
    let after = cursor(&app, &headers, resume.after.as_deref()).await?;
    if job.status.has_ended() && after >= job.last_sequence {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let feed = app.hub.feed(job.id, after).await?;
    let views = app.web.views.clone();
    let events = futures::stream::unfold((feed, views), async |(mut feed, views)| {
        let item = feed.next().await?;
        let events = match item {
            Item::Event(recorded) => {
                if is_end(recorded.event()) {
                    // Whoever hears of the end asks for the result next, and must find it.
                    views.reach(recorded.sequence, PATIENCE).await.ok();
                }
                vec![json::of_event(&recorded)]
            }
            Item::Tick(tick) => json::of_tick(&tick),
        };
        Some((futures::stream::iter(events), (feed, views)))
    });
    Ok(answer(&app, events.flatten()))
}

async fn cursor(app: &App, headers: &HeaderMap, query: Option<&str>) -> Result<u64, Problem> {
    let bad = || {
        let detail = "Last-Event-ID is the `id` of an event that this stream sent.";
        Problem::bad_request("bad-cursor", "That is not a cursor", detail)
    };
    let header = headers.get("last-event-id").map(|value| value.to_str().map_err(|_| bad())).transpose()?;
    let Some(text) = header.or(query) else { return Ok(0) };
    let sequence: u64 = text.parse().map_err(|_| bad())?;
    if sequence > app.web.bus.log().head().await? {
        return Err(bad());
    }
    Ok(sequence)
}

fn answer(app: &App, events: impl Stream<Item = Sse> + Send + 'static) -> Response {
    let events = events.map(Ok::<_, Infallible>).take_until(app.shutdown.clone().cancelled_owned());
    let keep_alive = KeepAlive::new().interval(COMMENT_EVERY);
    let mut response = SseResponse::new(events).keep_alive(keep_alive).into_response();
    // Proxies that buffer would hold the events back.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}
