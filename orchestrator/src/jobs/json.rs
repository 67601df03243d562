//! A job as JSON: the shape that API clients rely on.

use crate::job_view::JobView;
use projector::{JobRow, PictureRow, Status};
use schemas::envelope::format_time;
use schemas::event::{MediaKind, Phase};
use serde_json::{Value, json};
use time::OffsetDateTime;

impl JobView {
    pub fn to_json(&self) -> Value {
        let mut json = summary(&self.job);
        json["input"] = self.input();
        json["training"] = self.training();
        json["inference"] = self.inference();
        json["progress"] = self.progress_json();
        json["queue"] = self.queue();
        json["output"] = self.output();
        json
    }

    fn input(&self) -> Value {
        let mut input = json!({ "video": self.job.video, "title": self.job.title });
        if let Some(video) = &self.video {
            input["name"] = json!(video.name);
            input["bytes"] = json!(video.bytes);
            input["container"] = json!(video.container);
            input["sha256"] = json!(video.sha256);
            input["advice"] = json!(video.advice);
            if let Some(facts) = &video.facts {
                input["codec"] = json!(facts.codec);
                input["duration_ms"] = json!(facts.duration_ms);
                input["width"] = json!(facts.width);
                input["height"] = json!(facts.height);
            }
        }
        input
    }

    fn training(&self) -> Value {
        let (job, progress) = (&self.job, self.progress(Phase::Training));
        json!({
            "status": job.training_status,
            "attempt": job.training_attempt,
            "step": progress.step,
            "of": progress.of,
            "loss": self.loss(),
            "curve": self.curve(),
            "device": job.device,
            "duration_ms": job.training_ms,
            "started_at": at(job.started),
            "advice": job.advice,
        })
    }

    fn inference(&self) -> Value {
        let (job, progress) = (&self.job, self.progress(Phase::Inference));
        json!({
            "status": job.inference_status,
            "attempt": job.inference_attempt,
            "step": progress.step,
            "of": progress.of,
            "duration_ms": job.inference_ms,
            "started_at": at(job.inference_started),
        })
    }

    fn progress_json(&self) -> Value {
        let phase = self.running().unwrap_or(Phase::Training);
        let progress = self.progress(phase);
        json!({
            "stage": self.stage(),
            "step": progress.step,
            "total": progress.of,
            "eta_s": self.eta_ms().map(|eta_ms| eta_ms.div_ceil(1_000)),
            "queue_position": self.place.map(|place| place.position),
            "preview": self.preview_url(),
        })
    }

    /// `position`: how many are served before it; `eta_s`: until a worker begins with it, `null` when nobody can tell.
    /// `null` for a job that does not wait.
    fn queue(&self) -> Value {
        let queue = self.place.map(
            |place| json!({ "position": place.position, "eta_s": place.eta_ms.map(|eta_ms| eta_ms.div_ceil(1_000)) }),
        );
        json!(queue)
    }

    /// URLs of what is drawn so far; `null` before anything is.
    fn output(&self) -> Value {
        if self.pictures.is_empty() {
            return Value::Null;
        }
        let urls = |kind| self.of_kind(kind).map(|picture| self.url(picture.media)).collect::<Vec<_>>();
        let first = |kind| urls(kind).into_iter().next();
        let alt = |picture: &PictureRow| picture.alt.clone();
        json!({
            "comic": self.job.comic.map(|comic| format!("/comics/{comic}")),
            "page": first(MediaKind::Page),
            "panels": urls(MediaKind::Panel),
            "cutouts": urls(MediaKind::Cutout),
            "background": first(MediaKind::Background),
            "transcript": self.of_kind(MediaKind::Panel).map(alt).collect::<Vec<_>>(),
        })
    }
}

/// What the row alone says: all that a list shows.
pub fn summary(job: &JobRow) -> Value {
    let url = format!("/v1/jobs/{}", job.id);
    let succeeded = job.status == Status::Succeeded;
    json!({
        "id": job.id,
        "status": job.status,
        "cancel_requested": job.cancel_requested,
        "input": { "video": job.video, "title": job.title },
        "style": job.style,
        "redraw_of": job.redraw_of,
        "training": { "status": job.training_status, "step": job.step, "of": job.of, "loss": job.loss },
        "inference": { "status": job.inference_status, "step": job.panels_drawn, "of": job.panels_of },
        "output": succeeded.then(|| json!({
            "comic": job.comic.map(|comic| format!("/comics/{comic}")),
            "page": job.page.map(|media| format!("/media/{media}")),
        })),
        "error": job.error.as_ref().map(|error| json!({
            "code": error.code,
            "detail": error.detail,
            "phase": error.phase,
            "retryable": error.retryable,
        })),
        "created_at": format_time(job.created),
        "started_at": at(job.started),
        "completed_at": at(job.completed),
        "urls": {
            "get": url,
            "cancel": format!("{url}/cancel"),
            "redraw": format!("{url}/redraw"),
            "strokes": format!("{url}/strokes"),
            "events": format!("{url}/events"),
            "page": format!("/jobs/{}", job.id),
        },
    })
}

fn at(time: Option<OffsetDateTime>) -> Option<String> {
    time.map(format_time)
}
