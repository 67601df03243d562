//! An upload: the video streams to S3, then two events say that it is there and that somebody wants a comic from it.

mod body;
mod form;
mod name;
mod sniff;

use crate::app::App;
use crate::job_view::JobView;
use crate::problem::{Problem, wants_page};
use crate::session::{Sender, Visitor, seen_cookie};
use axum::Json;
use axum::extract::{Query, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use body::UploadBody;
use bus::{AppendError, Blobs, Context, ExecuteError, Log};
use form::Received;
use schemas::blob::keys;
use schemas::event::{JobRequested, Priority, VideoUploaded};
use schemas::job::{Job, JobCommand};
use schemas::video::{Video, VideoCommand};
use schemas::{Actor, JobId, UserId, VideoId};
use serde::Deserialize;
use uuid::Uuid;

#[derive(Deserialize)]
pub struct Wish {
    priority: Option<String>,
}

/// `POST /v1/jobs`: 202 and the job for a program, 303 to the job's page for a browser's form. `?priority=low`: after
/// everybody's normal jobs.
pub async fn create(
    State(app): State<App>,
    visitor: Visitor,
    Query(wish): Query<Wish>,
    request: Request,
) -> Result<Response, Problem> {
    let priority = match wish.priority.as_deref() {
        None | Some("normal") => Priority::Normal,
        Some("low") => Priority::Low,
        Some(_) => {
            let detail = "`priority` is `normal` or `low`.";
            return Err(Problem::bad_request("invalid-priority", "That is not a priority", detail));
        }
    };
    let (head, body) = request.into_parts();
    let config = &app.web.config;
    let expects_continue = head.headers.contains_key(header::EXPECT);
    let body = UploadBody::new(body, config.stall, config.slowest, expects_continue);
    let boundary = form::check_head(&head.headers, config.max_upload)?;
    // Before four gigabytes travel: is there a log to write them down in?
    app.web.bus.health().await?;

    let video = VideoId::new();
    let sender = Sender::of(&visitor);
    let key = keys::video(sender.user(), video);
    // Made first: the client may go away while the last bytes are being stored.
    let orphan = Orphan { blobs: app.web.blobs.clone(), key: key.clone(), adopted: false };
    let received = form::receive(body, boundary, &app.web.blobs, &key, config.max_upload).await;
    if received.is_err() {
        // Their open uploads were aborted: this is why.
        sender.refuse_erased(&app).await?;
    }
    // From here on it is done to the end, even when the client has gone.
    let done = tokio::spawn(accept(app, sender, video, received?, priority, orphan));
    let accepted = done.await.map_err(|error| Problem::internal(&error))??;
    Ok(answer(accepted, &head.headers))
}

struct Accepted {
    job: serde_json::Value,
    location: String,
    page: String,
    cookies: Vec<HeaderValue>,
}

async fn accept(
    app: App,
    sender: Sender,
    video: VideoId,
    received: Received,
    priority: Priority,
    mut orphan: Orphan,
) -> Result<Accepted, Problem> {
    let mut cookies: Vec<HeaderValue> = sender.admit(&app).await?.into_iter().collect();
    let owner = sender.user();
    let job = JobId::new();
    let sequence = write_down(&app.web.bus.log(), owner, video, job, &received, priority, &mut orphan).await?;
    cookies.push(seen_cookie(&app, sequence));
    let view = JobView::just_requested(job, owner, video, title(&received.name), received.style, sequence);
    Ok(Accepted { job: view.to_json(), location: format!("/v1/jobs/{job}"), page: format!("/jobs/{job}"), cookies })
}

/// Appends the events; returns where the second stands in the log.
async fn write_down(
    log: &Log,
    owner: UserId,
    video: VideoId,
    job: JobId,
    received: &Received,
    priority: Priority,
    orphan: &mut Orphan,
) -> Result<u64, Problem> {
    let context = Context {
        command: Uuid::now_v7(),
        actor: Actor::User(owner),
        correlation: Uuid::now_v7(),
        causation: None,
        time: schemas::envelope::now(),
    };
    let uploaded = || {
        VideoCommand::Upload(VideoUploaded {
            owner,
            name: received.name.clone().into(),
            container: received.container.as_str().to_owned(),
            blob: received.blob.clone(),
        })
    };
    // Should the outcome stay unknown, an event may name the blob: it is left where it is.
    orphan.adopted = true;
    let written = log.execute::<Video>(video, &context, uploaded).await;
    // But an event for somebody who was erased is not written.
    orphan.adopted = !matches!(written, Err(ExecuteError::Append(AppendError::Erased { .. })));
    written?;
    let context =
        Context { command: Uuid::now_v7(), causation: Some(schemas::NewEvent::id_of(context.command, 0)), ..context };
    let requested = || {
        JobCommand::Request(JobRequested {
            owner,
            video,
            title: title(&received.name).into(),
            blob: received.blob.clone(),
            priority,
            style: received.style.clone(),
            redraw: None,
            strokes: vec![],
        })
    };
    let executed = log.execute::<Job>(job, &context, requested).await?;
    Ok(executed.head.map_or(0, |head| head.sequence))
}

/// `holiday in rome.mp4` makes the comic "holiday in rome".
fn title(name: &str) -> String {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).trim();
    if stem.is_empty() { name.to_owned() } else { stem.to_owned() }
}

fn answer(accepted: Accepted, headers: &HeaderMap) -> Response {
    let mut response = if wants_page(headers) {
        (StatusCode::SEE_OTHER, [(header::LOCATION, accepted.page)]).into_response()
    } else {
        (StatusCode::ACCEPTED, [(header::LOCATION, accepted.location)], Json(accepted.job)).into_response()
    };
    for cookie in accepted.cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A blob that no event names yet. Deleted when the upload does not get so far.
struct Orphan {
    blobs: Blobs,
    key: String,
    adopted: bool,
}

impl Drop for Orphan {
    fn drop(&mut self) {
        if !self.adopted {
            let (blobs, key) = (self.blobs.clone(), std::mem::take(&mut self.key));
            tokio::spawn(async move { blobs.delete(&key).await });
        }
    }
}
