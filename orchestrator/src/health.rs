//! Whether this process lives, and whether it can do its work.

use crate::app::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::time::Duration;

/// Pages that are so many events behind are no longer true enough.
const MOST_LAG: u64 = 10_000;
const PATIENCE: Duration = Duration::from_secs(3);

/// `GET /healthz`
pub async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 200, or 503 with what is missing.
pub async fn ready(State(app): State<App>) -> Response {
    let (log, blobs, views) = tokio::join!(
        tokio::time::timeout(PATIENCE, app.web.bus.health()),
        tokio::time::timeout(PATIENCE, app.web.blobs.list("health/")),
        tokio::time::timeout(PATIENCE, app.web.views.position()),
    );
    let log = log.map_err(|_| "NATS does not answer".to_owned()).and_then(|log| log.map_err(|error| error.to_string()));
    let head = log.as_ref().ok().filter(|log| log.ready()).map(|log| log.log_head);
    let log = match &log {
        Ok(log) => json!({
            "ok": log.ready(),
            "head": log.log_head,
            "bytes": log.log_bytes,
            "limit_bytes": log.log_limit_bytes,
            "nearly_full": log.nearly_full(),
            "problems": log.problems,
        }),
        Err(reason) => json!({ "ok": false, "problems": [reason] }),
    };
    let blobs = matches!(blobs, Ok(Ok(_)));
    let position = views.ok().and_then(Result::ok);
    let lag = head.zip(position).map(|(head, position)| head.saturating_sub(position));
    let ready = blobs && lag.is_some_and(|lag| lag <= MOST_LAG);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let report: Value = json!({
        "ready": ready,
        "log": log,
        "blobs": { "ok": blobs },
        "views": { "ok": position.is_some(), "position": position, "lag": lag },
    });
    (status, Json(report)).into_response()
}
