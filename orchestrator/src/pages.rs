//! The pages. Each is a function of rows; a live piece of a page is the same function, drawn again.
//!
//! maud escapes what is put into text and attributes. Attributes are always quoted, addresses are made from typed ids,
//! and there is no inline script or style.

mod audit;
mod comic;
mod curve;
mod home;
mod job;
mod layout;
mod problem;
mod styles;
mod words;

pub use audit::page as audit;
pub use job::{Fragment, job_fragments};
pub use problem::problem;
pub use words::bytes;

use crate::app::App;
use crate::job_view::{JobView, own_job, read_own_writes};
use crate::jobs::id;
use crate::problem::Problem;
use crate::session::Visitor;
use axum::extract::{Path, Query, State};
use home::Guest;
use maud::Markup;
use schemas::{ComicId, JobId};
use serde::Deserialize;

/// Jobs on the home page.
const RECENT: usize = 24;

/// How a visitor comes to the home page.
#[derive(Deserialize)]
pub struct Arrival {
    /// They have just had everything of theirs deleted.
    forgotten: Option<String>,
}

/// `GET /`
pub async fn home(State(app): State<App>, visitor: Visitor, Query(arrival): Query<Arrival>) -> Result<Markup, Problem> {
    read_own_writes(&app, &visitor).await?;
    let jobs = match visitor.user {
        Some(user) => app.web.views.jobs_of(user, None, RECENT).await?.rows,
        None => vec![],
    };
    let guest = if arrival.forgotten.is_some() { Guest::Forgotten } else { Guest::of(visitor.user) };
    Ok(home::page(&jobs, guest, app.web.config.max_upload))
}

/// `GET /jobs/{id}`
pub async fn job(State(app): State<App>, visitor: Visitor, Path(job): Path<String>) -> Result<Markup, Problem> {
    let job: JobId = id(&job)?;
    read_own_writes(&app, &visitor).await?;
    let row = own_job(&app, &visitor, job).await?;
    Ok(job::page(&JobView::load(&app, row).await?))
}

/// `GET /comics/{id}`
pub async fn comic(State(app): State<App>, visitor: Visitor, Path(comic): Path<String>) -> Result<Markup, Problem> {
    let user = visitor.known()?;
    read_own_writes(&app, &visitor).await?;
    let comic = app.web.views.comic(id::<ComicId>(&comic)?).await?;
    let comic = comic.filter(|comic| comic.owner == user).ok_or_else(Problem::not_found)?;
    let pictures = app.web.views.pictures(comic.job).await?;
    Ok(comic::page(&comic, &pictures))
}

#[cfg(test)]
mod tests;
