//! Whether this process lives, and whether it can do its work.

use crate::app::App;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use projector::Freshness;
use serde_json::{Value, json};
use std::time::Duration;

/// Pages that are so many events behind are no longer true enough; or that miss an event for so long.
const MOST_LAG: u64 = 10_000;
const MOST_STALENESS: Duration = Duration::from_secs(60);
const PATIENCE: Duration = Duration::from_secs(3);

/// What the servers behind this process say, each within a few seconds.
pub(crate) struct Health {
    /// Or why it cannot be used.
    pub log: Result<bus::Health, String>,
    pub blobs: bool,
    /// `None`: no answer.
    pub views: Option<Freshness>,
}

impl Health {
    pub(crate) async fn look(app: &App) -> Self {
        let log = app.web.bus.log();
        let (log, blobs, views) = tokio::join!(
            tokio::time::timeout(PATIENCE, app.web.bus.health()),
            tokio::time::timeout(PATIENCE, app.web.blobs.list("health/")),
            tokio::time::timeout(PATIENCE, app.web.views.freshness(&log)),
        );
        let log = log.map_err(|_| "NATS does not answer".to_owned());
        let log = log.and_then(|log| log.map_err(|error| error.to_string()));
        Self { log, blobs: matches!(blobs, Ok(Ok(_))), views: views.ok().and_then(Result::ok) }
    }

    /// The last sequence of the log, when it is as it should be.
    pub(crate) fn head(&self) -> Option<u64> {
        self.log.as_ref().ok().filter(|log| log.ready()).map(|log| log.log_head)
    }

    fn log_report(&self) -> Value {
        match &self.log {
            Ok(log) => json!({
                "ok": log.ready(),
                "head": log.log_head,
                "bytes": log.log_bytes,
                "limit_bytes": log.log_limit_bytes,
                "nearly_full": log.nearly_full(),
                "problems": log.problems,
            }),
            Err(reason) => json!({ "ok": false, "problems": [reason] }),
        }
    }

    pub(crate) fn ready(&self) -> bool {
        self.head().is_some() && self.blobs && self.views.is_some_and(|views| is_true_enough(&views))
    }
}

fn is_true_enough(views: &Freshness) -> bool {
    views.lag() <= MOST_LAG && views.staleness <= MOST_STALENESS
}

/// `GET /healthz`
pub async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: 200, or 503 with what is missing.
pub async fn ready(State(app): State<App>) -> Response {
    let health = Health::look(&app).await;
    let ready = health.ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let views = health.views;
    let report: Value = json!({
        "ready": ready,
        "log": health.log_report(),
        "blobs": { "ok": health.blobs },
        "views": {
            "ok": views.as_ref().is_some_and(is_true_enough),
            "position": views.map(|views| views.sequence),
            "lag": views.map(|views| views.lag()),
            "staleness_seconds": views.map(|views| views.staleness.as_secs_f64()),
            "applied": views.map(|views| views.counts.applied),
            "repeated": views.map(|views| views.counts.repeated),
            "unknown": views.map(|views| views.counts.unknown),
            "unreadable": views.map(|views| views.counts.unreadable),
            "held": views.map(|views| views.counts.held),
        },
    });
    (status, Json(report)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use projector::Counts;

    #[test]
    fn pages_are_too_old_by_events_or_by_time() {
        let views = |head, seconds| {
            let staleness = Duration::from_secs(seconds);
            Freshness { sequence: 5, head, counts: Counts::default(), staleness }
        };
        assert!(is_true_enough(&views(5, 0)));
        assert!(is_true_enough(&views(5 + MOST_LAG, 60)));
        assert!(!is_true_enough(&views(6 + MOST_LAG, 1)), "many events in a moment");
        assert!(!is_true_enough(&views(6, 61)), "one event for a long time");
    }
}
