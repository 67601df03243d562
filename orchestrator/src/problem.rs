//! Every refusal, as one type: RFC 9457 `application/problem+json` for programs, a page for people.

use crate::pages;
use axum::Json;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::borrow::Cow;

/// Why a request was not done.
#[derive(Clone, Debug, PartialEq)]
pub struct Problem {
    pub status: StatusCode,
    /// Stable and kebab-case; the last part of the problem's type.
    pub code: &'static str,
    /// What is wrong, always the same for one code.
    pub title: &'static str,
    /// What is wrong this time, and what to do about it.
    pub detail: Cow<'static, str>,
    pub retry_after_s: Option<u32>,
    /// The connection cannot be used any longer.
    pub close: bool,
}

impl Problem {
    pub fn new(
        status: StatusCode,
        code: &'static str,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, title, detail: detail.into(), retry_after_s: None, close: false }
    }

    pub fn not_found() -> Self {
        let detail = "Nothing is here, or it belongs to somebody else.";
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such page", detail)
    }

    /// Whatever it was about is deleted, on its owner's wish.
    pub fn erased() -> Self {
        let detail = "Everything of yours was deleted, as you asked. What came after that was not kept.";
        Self::new(StatusCode::GONE, "erased", "You were forgotten", detail)
    }

    pub fn bad_request(code: &'static str, title: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, title, detail)
    }

    /// The names that there are stand in it.
    pub fn unknown_style() -> Self {
        let names: Vec<_> = schemas::style::ALL.iter().map(|style| format!("`{}`", style.name)).collect();
        let detail = format!("`style` is one of {}.", names.join(", "));
        Self::bad_request("unknown-style", "There is no such style", detail)
    }

    pub fn method_not_allowed() -> Self {
        let detail = "This address exists, but it does not take this method.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "That is not possible here", detail)
    }

    /// A server that we need does not answer. What went wrong is logged, not shown.
    pub fn unavailable(cause: &dyn std::error::Error) -> Self {
        tracing::warn!(cause = %with_sources(cause), "a server that we need does not answer");
        let detail = "A part of Kart does not answer right now. Nothing is lost; try again in a moment.";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Kart is catching its breath", detail);
        Self { retry_after_s: Some(5), ..problem }
    }

    /// The log has reached its limit.
    pub fn storage_low(cause: &dyn std::error::Error) -> Self {
        tracing::error!(cause = %with_sources(cause), "nothing can be written down");
        let detail = "Kart has no room left. Nothing was kept of this; whoever runs it has to make room first.";
        Self::new(StatusCode::INSUFFICIENT_STORAGE, "storage-low", "Kart is full", detail)
    }

    pub fn internal(cause: &dyn std::error::Error) -> Self {
        tracing::error!(cause = %with_sources(cause), "a request failed");
        let detail = "This is our fault, and it has been written down.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something broke", detail)
    }

    fn to_json(&self, instance: Option<&str>) -> serde_json::Value {
        let mut json = json!({
            "type": format!("/problems/{}", self.code),
            "code": self.code,
            "title": self.title,
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        if let Some(instance) = instance {
            json["instance"] = json!(instance);
        }
        json
    }
}

fn with_sources(error: &dyn std::error::Error) -> String {
    let sources = std::iter::successors(Some(error), |error| (*error).source());
    sources.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl IntoResponse for Problem {
    /// The status and the problem itself; [`present`] writes the body when it knows who asks.
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Whether the answer goes to a browser's window rather than to a program.
pub fn wants_page(headers: &HeaderMap) -> bool {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accept.is_some_and(|accept| accept.contains("text/html"))
}

/// Writes a [`Problem`] in the form that the asker reads.
pub async fn present(request: Request, next: Next) -> Response {
    let page = wants_page(request.headers());
    let instance = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    let Some(problem) = response.extensions_mut().remove::<Problem>() else { return response };
    let mut presented = if page {
        (problem.status, pages::problem(&problem)).into_response()
    } else {
        let mut json = (problem.status, Json(problem.to_json(Some(&instance)))).into_response();
        json.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        json
    };
    // A cookie or an Allow that was already on the answer stays.
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            presented.headers_mut().append(name, value.clone());
        }
    }
    if let Some(seconds) = problem.retry_after_s {
        presented.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if problem.close {
        presented.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    presented.headers_mut().insert(header::VARY, HeaderValue::from_static("Accept"));
    presented
}

impl From<bus::BusError> for Problem {
    fn from(error: bus::BusError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<bus::ReadError> for Problem {
    fn from(error: bus::ReadError) -> Self {
        match &error {
            bus::ReadError::Unavailable { .. } => Self::unavailable(&error),
            bus::ReadError::Unreadable { .. } | bus::ReadError::Lost { .. } => Self::internal(&error),
        }
    }
}

impl From<bus::BlobError> for Problem {
    fn from(error: bus::BlobError) -> Self {
        match &error {
            bus::BlobError::NotFound { .. } => Self::internal(&error),
            _ => Self::unavailable(&error),
        }
    }
}

impl From<bus::ExecuteError> for Problem {
    fn from(error: bus::ExecuteError) -> Self {
        use bus::{AppendError, ExecuteError, ReadError};
        use schemas::Refusal;
        match error {
            ExecuteError::Refused(Refusal::Missing) => Self::not_found(),
            ExecuteError::Refused(Refusal::Ended) => {
                Self::new(StatusCode::CONFLICT, "ended", "It has ended", "Nothing of it is running any more.")
            }
            ExecuteError::Refused(Refusal::Invalid(invalid)) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "That cannot be so", invalid.to_string())
            }
            ExecuteError::Refused(refusal @ Refusal::NotAllowed) => {
                Self::new(StatusCode::FORBIDDEN, "not-allowed", "That is not yours to do", refusal.to_string())
            }
            ExecuteError::Refused(refusal) => {
                Self::new(StatusCode::CONFLICT, "refused", "That is not possible now", refusal.to_string())
            }
            ExecuteError::Append(AppendError::Erased { .. }) => Self::erased(),
            ExecuteError::Append(AppendError::Invalid { .. } | AppendError::TooLarge { .. }) => Self::internal(&error),
            ExecuteError::Read(ReadError::Unreadable { .. } | ReadError::Lost { .. }) => Self::internal(&error),
            ExecuteError::Append(AppendError::Full { .. }) => Self::storage_low(&error),
            ExecuteError::Append(_) | ExecuteError::Read(_) => Self::unavailable(&error),
        }
    }
}

impl From<projector::StoreError> for Problem {
    fn from(error: projector::StoreError) -> Self {
        match &error {
            projector::StoreError::BadCursor => {
                Self::bad_request("bad-cursor", "That is not a cursor", "Use a cursor as `next` gave it.")
            }
            projector::StoreError::Column { .. } => Self::internal(&error),
            _ => Self::unavailable(&error),
        }
    }
}
