//! Pictures, streamed from S3 to whom they belong.

use crate::app::App;
use crate::job_view::own_job;
use crate::jobs::id;
use crate::problem::Problem;
use crate::session::Visitor;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemas::{Hash, JobId, MediaId};
use serde::Deserialize;

/// A picture never changes: its id or its address is made from its bytes. Private, since it shows somebody's face.
const FOREVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");
/// Whatever the bytes are, they run nothing.
const INERT: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

#[derive(Deserialize)]
pub struct Wish {
    download: Option<String>,
}

struct Stored<'a> {
    key: &'a str,
    sha256: Hash,
    content_type: &'a str,
    /// To save it under, without an ending.
    name: Option<String>,
}

/// `GET /media/{id}`; with `?download`, to be saved.
pub async fn picture(
    State(app): State<App>,
    visitor: Visitor,
    Path(media): Path<String>,
    Query(wish): Query<Wish>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let user = visitor.known()?;
    let row = app.web.views.media(id::<MediaId>(&media)?).await?;
    let row = row.filter(|row| row.owner == user).ok_or_else(Problem::not_found)?;
    let name = wish.download.map(|_| format!("kart-{}-{}", row.kind.as_str(), row.sha256.to_string().split_at(8).0));
    let stored = Stored { key: &row.key, sha256: row.sha256, content_type: &row.content_type, name };
    send(&app, stored, &headers).await
}

/// `GET /v1/jobs/{id}/pictures/{media}`: what a job has drawn, also before it is in the library.
pub async fn job_picture(
    State(app): State<App>,
    visitor: Visitor,
    Path((job, media)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let job = own_job(&app, &visitor, id::<JobId>(&job)?).await?;
    let media: MediaId = id(&media)?;
    let pictures = app.web.views.pictures(job.id).await?;
    let picture = pictures.iter().find(|picture| picture.media == media).ok_or_else(Problem::not_found)?;
    let content_type = content_type(&picture.key);
    send(&app, Stored { key: &picture.key, sha256: picture.sha256, content_type, name: None }, &headers).await
}

/// `GET /v1/jobs/{id}/preview/{hash}`: what the network draws at this moment of its training.
pub async fn preview(
    State(app): State<App>,
    visitor: Visitor,
    Path((job, hash)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let job = own_job(&app, &visitor, id::<JobId>(&job)?).await?;
    let tick = app.web.bus.ticks().last(job.id).await?;
    let preview = tick.and_then(|tick| tick.preview).ok_or_else(Problem::not_found)?;
    if preview.sha256 != id::<Hash>(&hash)? {
        // A newer one has come meanwhile.
        return Err(Problem::not_found());
    }
    let content_type = content_type(&preview.key);
    send(&app, Stored { key: &preview.key, sha256: preview.sha256, content_type, name: None }, &headers).await
}

async fn send(app: &App, stored: Stored<'_>, headers: &HeaderMap) -> Result<Response, Problem> {
    let etag = format!("\"{}\"", stored.sha256);
    let etag_value = HeaderValue::from_str(&etag).map_err(|error| Problem::internal(&error))?;
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| known.contains(&etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let blob = app.web.blobs.stream(stored.key, None).await?;
        let mut response = Body::from_stream(blob.stream).into_response();
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(blob.bytes));
        response
    };
    let (content_type, inline) = fixed_type(stored.content_type);
    let answer = response.headers_mut();
    answer.insert(header::ETAG, etag_value);
    answer.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.insert(header::CACHE_CONTROL, FOREVER);
    answer.insert(header::CONTENT_SECURITY_POLICY, INERT);
    if !inline || stored.name.is_some() {
        let name = stored.name.unwrap_or_else(|| "kart".to_owned());
        let ending = content_type.split_once('/').map_or("bin", |(_, ending)| ending);
        let disposition = format!("attachment; filename=\"{name}.{ending}\"");
        let disposition = HeaderValue::from_str(&disposition).map_err(|error| Problem::internal(&error))?;
        answer.insert(header::CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// The types that we serve for looking at; anything else is for saving only.
fn fixed_type(content_type: &str) -> (&'static str, bool) {
    match content_type {
        "image/png" => ("image/png", true),
        "image/jpeg" => ("image/jpeg", true),
        "image/webp" => ("image/webp", true),
        _ => ("application/octet-stream", false),
    }
}

/// Trainers name a picture's key after its format.
pub fn content_type(key: &str) -> &'static str {
    match key.rsplit_once('.') {
        Some((_, "jpg" | "jpeg")) => "image/jpeg",
        Some((_, "webp")) => "image/webp",
        _ => "image/png",
    }
}
