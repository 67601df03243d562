//! Pieces of the job page, drawn again by the page's own functions whenever they change.

use super::answer;
use crate::app::App;
use crate::hub::{Feed, Item};
use crate::job_view::{JobView, PATIENCE, own_job};
use crate::jobs::id;
use crate::pages::{self, Fragment};
use crate::problem::Problem;
use crate::session::Visitor;
use axum::extract::{Path, State};
use axum::response::Response;
use axum::response::sse::Event as Sse;
use futures::StreamExt;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// Between two drawings for ticks alone.
const TICK_EVERY: Duration = Duration::from_millis(250);
/// The place in line changes without the job's own doing.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// `GET /jobs/{id}/live`: `fragment` events, each an element that replaces the one of its id; `done` at the end.
pub async fn fragments(State(app): State<App>, visitor: Visitor, Path(job): Path<String>) -> Result<Response, Problem> {
    let job = own_job(&app, &visitor, id(&job)?).await?;
    let feed = app.hub.feed(job.id, job.last_sequence).await?;
    let view = JobView::load(&app, job).await?;
    let live = Live { app: app.clone(), feed, view, sent: HashMap::new(), drawn: None, done: false };
    let events = futures::stream::unfold(live, async |mut live| {
        let events = live.next().await?;
        Some((futures::stream::iter(events), live))
    });
    Ok(answer(&app, events.flatten()))
}

struct Live {
    app: App,
    feed: Feed,
    view: JobView,
    /// What the browser has, by the id of the element.
    sent: HashMap<&'static str, String>,
    /// When the page was last drawn; `None` before the first time.
    drawn: Option<Instant>,
    done: bool,
}

impl Live {
    async fn next(&mut self) -> Option<Vec<Sse>> {
        if self.done {
            return None;
        }
        if self.drawn.is_some() {
            self.wait().await?;
        }
        self.view.place = self.app.hub.place(self.view.job.id);
        self.drawn = Some(Instant::now());
        let mut events = self.changed();
        if self.view.job.status.has_ended() {
            self.done = true;
            events.push(Sse::default().event("done").data("done"));
        }
        Some(events)
    }

    /// Until there is something to draw.
    async fn wait(&mut self) -> Option<()> {
        loop {
            match timeout(LOOK_EVERY, self.feed.next()).await {
                Err(_) => return Some(()),
                Ok(None) => return None,
                Ok(Some(Item::Tick(tick))) => {
                    self.view.tick = Some(tick);
                    if self.drawn.is_none_or(|drawn| drawn.elapsed() >= TICK_EVERY) {
                        return Some(());
                    }
                }
                Ok(Some(Item::Event(recorded))) => {
                    self.app.web.views.reach(recorded.sequence, PATIENCE).await.ok()?;
                    let job = self.app.web.views.job(self.view.job.id).await.ok()??;
                    let tick = self.view.tick.take();
                    self.view = JobView::load(&self.app, job).await.ok()?;
                    self.view.tick = self.view.tick.take().or(tick);
                    return Some(());
                }
            }
        }
    }

    fn changed(&mut self) -> Vec<Sse> {
        let mut events = vec![];
        for Fragment { id, html } in pages::job_fragments(&self.view) {
            let html = html.into_string();
            if self.sent.get(id) != Some(&html) {
                events.push(Sse::default().event("fragment").data(&html));
                self.sent.insert(id, html);
            }
        }
        events
    }
}
