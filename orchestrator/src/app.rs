//! The route table, and what stands around every handler.

use crate::config::Web;
use crate::hub::Hub;
use crate::problem::{self, Problem};
use crate::{assets, audit, csrf, events, headers, health, jobs, me, media, metrics, pages, redraw, strokes, upload};
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What every handler gets.
#[derive(Clone)]
pub struct App {
    pub web: Arc<Web>,
    pub hub: Hub,
    /// Ends the answers that would go on for ever.
    pub shutdown: CancellationToken,
}

pub fn router(app: App) -> Router {
    Router::new()
        .route("/", get(pages::home))
        .route("/jobs/{job}", get(pages::job))
        .route("/jobs/{job}/live", get(events::fragments))
        .route("/jobs/{job}/audit", get(audit::of_job))
        .route("/comics/{comic}", get(pages::comic))
        .route("/comics/{comic}/audit", get(audit::of_comic))
        .route("/media/{media}", get(media::picture))
        .route("/assets/{hash}/{name}", get(assets::serve))
        .route("/v1/jobs", post(upload::create).get(jobs::list))
        .route("/v1/jobs/{job}", get(jobs::show))
        .route("/v1/jobs/{job}/cancel", post(jobs::cancel))
        .route("/v1/jobs/{job}/redraw", post(redraw::create))
        .route("/v1/jobs/{job}/strokes", post(strokes::create))
        .route("/v1/jobs/{job}/events", get(events::stream))
        .route("/v1/jobs/{job}/audit", get(audit::lines))
        .route("/v1/jobs/{job}/pictures/{media}", get(media::job_picture))
        .route("/v1/jobs/{job}/preview/{hash}", get(media::preview))
        .route("/v1/me/erase", post(me::erase))
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::show))
        .fallback(async || Problem::not_found())
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        // The upload has its own limit; no other handler reads a body.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn(csrf::refuse_foreign))
        .layer(from_fn_with_state(app.clone(), headers::refuse_malformed))
        .layer(from_fn(problem::present))
        .layer(from_fn(headers::secure))
        .with_state(app)
}
