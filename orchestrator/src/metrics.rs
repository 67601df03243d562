//! `GET /metrics`: what an operator watches, in the text format of Prometheus (exposition format 0.0.4).

use crate::app::App;
use crate::health::Health;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use projector::Freshness;
use std::fmt::Write;

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub async fn show(State(app): State<App>) -> Response {
    let health = Health::look(&app).await;
    ([(header::CONTENT_TYPE, TEXT), (header::CACHE_CONTROL, "no-store")], text(&health)).into_response()
}

/// What cannot be had now is left out, so that nobody takes it for a zero.
fn text(health: &Health) -> String {
    let mut text = String::new();
    let up = [("log", health.head().is_some()), ("blobs", health.blobs), ("views", health.views.is_some())];
    let up = up.map(|(server, up)| (format!("{{server=\"{server}\"}}"), f64::from(u8::from(up))));
    family(&mut text, "kart_server_up", "gauge", "Whether a server behind this process answers.", &up);
    let ready = [(String::new(), f64::from(u8::from(health.ready())))];
    family(&mut text, "kart_ready", "gauge", "Whether this process can do its work.", &ready);
    if let Some(head) = health.head() {
        let head = [(String::new(), head as f64)];
        family(&mut text, "kart_log_head", "gauge", "Sequence of the last event in the log.", &head);
    }
    if let Some(views) = &health.views {
        of_views(&mut text, views);
    }
    text
}

fn of_views(text: &mut String, views: &Freshness) {
    let plain = |value: f64| [(String::new(), value)];
    let about = "Sequence up to which every event is shown.";
    family(text, "kart_views_position", "gauge", about, &plain(views.sequence as f64));
    let about = "Events in the log that are not shown yet.";
    family(text, "kart_views_lag_events", "gauge", about, &plain(views.lag() as f64));
    let about = "Age of the oldest event that is not shown yet; 0 when all are.";
    family(text, "kart_views_staleness_seconds", "gauge", about, &plain(views.staleness.as_secs_f64()));
    let counts = views.counts;
    let events = [
        ("applied", counts.applied),
        ("repeated", counts.repeated),
        ("unknown", counts.unknown),
        ("unreadable", counts.unreadable),
        ("held", counts.held),
    ];
    let events = events.map(|(outcome, count)| (format!("{{outcome=\"{outcome}\"}}"), count as f64));
    let about = "Events of the log by what became of them in the views; a rebuild counts anew.";
    family(text, "kart_views_events_total", "counter", about, &events);
}

fn family(text: &mut String, name: &str, kind: &str, about: &str, samples: &[(String, f64)]) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {about}\n# TYPE {name} {kind}");
    for (labels, value) in samples {
        let _ = writeln!(text, "{name}{labels} {value}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use projector::Counts;
    use std::time::Duration;

    #[test]
    fn what_the_views_say_is_told() {
        let counts = Counts { applied: 88, repeated: 2, unknown: 5, unreadable: 1, held: 4 };
        let views = Freshness { sequence: 100, head: 103, counts, staleness: Duration::from_millis(1_500) };
        let log = bus::Health {
            connected: true,
            server_version: "2.12.0".to_owned(),
            problems: vec![],
            log_head: 103,
            log_bytes: 9_000,
            log_limit_bytes: None,
        };
        let text = text(&Health { log: Ok(log), blobs: true, views: Some(views) });
        for line in [
            "# TYPE kart_views_events_total counter",
            "kart_server_up{server=\"blobs\"} 1",
            "kart_ready 1",
            "kart_log_head 103",
            "kart_views_lag_events 3",
            "kart_views_staleness_seconds 1.5",
            "kart_views_events_total{outcome=\"held\"} 4",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let text = text(&Health { log: Err("gone".to_owned()), blobs: false, views: None });
        assert!(text.contains("kart_server_up{server=\"log\"} 0") && text.contains("kart_ready 0"));
        assert!(!text.contains("kart_views_") && !text.contains("kart_log_head"), "{text}");
    }
}
