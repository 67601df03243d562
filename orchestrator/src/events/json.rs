//! Events and ticks as API clients see them: what happened, without leases and storage keys.

use axum::response::sse::Event as Sse;
use schemas::envelope::format_time;
use schemas::progress::Tick;
use schemas::{Event, Recorded};
use serde_json::{Value, json};

use crate::hub::is_end;

/// `id` is the place in the log: what a client that comes back says it has seen.
pub fn of_event(recorded: &Recorded) -> Sse {
    let mut data = body(recorded.event());
    data["type"] = json!(recorded.event().type_name());
    data["time"] = json!(format_time(recorded.new.time));
    Sse::default().id(recorded.sequence.to_string()).event(name(recorded.event())).data(data.to_string())
}

fn name(event: &Event) -> &'static str {
    match event {
        event if is_end(event) => "completed",
        Event::TrainingStarted(_) | Event::InferenceStarted(_) => "start",
        Event::TrainingProgressed(_) => "progress",
        Event::PanelRendered(_) => "output",
        _ => "log",
    }
}

fn body(event: &Event) -> Value {
    match event {
        Event::JobRequested(e) => json!({ "status": "starting", "title": e.title, "video": e.video }),
        Event::JobDispatched(e) => json!({ "phase": e.phase, "attempt": e.attempt }),
        Event::TrainingStarted(e) => json!({ "phase": "training", "attempt": e.attempt, "device": e.device }),
        Event::TrainingProgressed(e) => {
            json!({ "phase": "training", "step": e.step, "total": e.of, "loss": e.loss })
        }
        Event::TrainingCompleted(e) => json!({
            "phase": "training",
            "steps": e.steps,
            "curve": e.curve,
            "duration_ms": e.duration_ms,
            "advice": e.advice,
        }),
        Event::InferenceStarted(e) => json!({ "phase": "inference", "attempt": e.attempt, "device": e.device }),
        Event::PanelRendered(e) => json!({
            "phase": "inference",
            "kind": "panel",
            "index": e.index,
            "total": e.of,
            "media": e.picture.media,
            "alt": e.picture.alt,
        }),
        Event::InferenceCompleted(e) => json!({ "phase": "inference", "duration_ms": e.duration_ms }),
        Event::JobInterrupted(e) => json!({ "phase": e.phase, "attempt": e.attempt }),
        Event::JobCompleted(e) => json!({ "status": "succeeded", "comic": format!("/comics/{}", e.comic) }),
        Event::JobFailed(e) => json!({
            "status": if e.retryable { "processing" } else { "failed" },
            "phase": e.phase,
            "code": e.code,
            "detail": e.detail,
            "retryable": e.retryable,
        }),
        Event::RetryScheduled(e) => json!({ "phase": e.phase, "attempt": e.attempt, "due_ms": e.due_ms }),
        Event::JobCancelled(_) => json!({ "status": "canceled" }),
        _ => json!({}),
    }
}

/// Without an `id`: a client that comes back does not ask for them.
pub fn of_tick(tick: &Tick) -> Vec<Sse> {
    let event = |name: &str, data: Value| Sse::default().event(name).data(data.to_string());
    let mut events = vec![event(
        "progress",
        json!({
            "phase": tick.phase,
            "stage": tick.stage,
            "step": tick.step,
            "total": tick.of,
            "eta_s": tick.eta_ms.map(|eta_ms| eta_ms.div_ceil(1_000)),
        }),
    )];
    if let Some(loss) = tick.loss {
        events.push(event(
            "metric",
            json!({ "phase": tick.phase, "step": tick.step, "loss": loss, "curve": tick.curve }),
        ));
    }
    if let Some(preview) = &tick.preview {
        let url = format!("/v1/jobs/{}/preview/{}", tick.job, preview.sha256);
        events.push(event("preview", json!({ "url": url, "palette": tick.palette })));
    }
    events
}
