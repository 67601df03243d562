//! A job's end: its pictures go into the library, they make a comic, and the job is completed. Each part is done once,
//! however often it is tried.

use super::board::Open;
use super::context;
use crate::media::content_type;
use bus::{ExecuteError, Log};
use futures::{StreamExt, TryStreamExt};
use schemas::comic::{Comic, ComicCommand};
use schemas::event::{ComicDrafted, InferenceCompleted, JobCompleted, MediaAdded, MediaKind, Picture};
use schemas::job::{Job, JobCommand};
use schemas::media::{Media, MediaCommand};
use schemas::{ComicId, JobId, MediaId, Refusal};
use std::collections::HashSet;

/// Appends that travel together to the log.
const AT_ONCE: usize = 8;

/// Returns where in the log the job's end stands.
pub async fn finish(log: &Log, id: JobId, open: &Open) -> Result<u64, ExecuteError> {
    let (Some(drawn), Some(request), Some(model)) = (&open.job.drawn, &open.job.request, &open.job.model) else {
        return Err(ExecuteError::Refused(Refusal::OutOfOrder));
    };
    let library = pictures(drawn).into_iter().map(|(kind, picture)| MediaAdded {
        owner: open.owner,
        kind,
        content_type: content_type(&picture.blob.key).to_owned(),
        picture: picture.clone(),
        job: id,
        model: model.clone(),
    });
    let library: Vec<MediaAdded> = library.collect();
    let added = futures::stream::iter(library.into_iter().map(|media| add(log, id, open, media)));
    added.buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;

    let comic = ComicDrafted {
        owner: open.owner,
        job: id,
        title: request.title.clone(),
        page: drawn.page.clone(),
        panels: drawn.panels.clone(),
    };
    let draft = context(open, "draft", id);
    log.execute::<Comic>(ComicId::of(id), &draft, || ComicCommand::Draft(Box::new(comic.clone()))).await?;

    let complete = || JobCommand::Complete(JobCompleted { comic: ComicId::of(id) });
    let executed = log.execute::<Job>(id, &context(open, "complete", id), complete).await?;
    Ok(executed.head.map_or(0, |head| head.sequence))
}

async fn add(log: &Log, id: JobId, open: &Open, media: MediaAdded) -> Result<(), ExecuteError> {
    let context = context(open, &format!("add {}", media.picture.media), id);
    let command = || MediaCommand::Add(Box::new(media.clone()));
    log.execute::<Media>(media.picture.media, &context, command).await.map(|_| ())
}

/// Every picture once: a picture's id is made from its bytes, and two cut-outs may be alike.
fn pictures(drawn: &InferenceCompleted) -> Vec<(MediaKind, &Picture)> {
    let page = [(MediaKind::Page, &drawn.page)];
    let panels = drawn.panels.iter().map(|picture| (MediaKind::Panel, picture));
    let cutouts = drawn.cutouts.iter().map(|picture| (MediaKind::Cutout, picture));
    let background = drawn.background.iter().map(|picture| (MediaKind::Background, picture));
    let mut seen: HashSet<MediaId> = HashSet::new();
    let all = page.into_iter().chain(panels).chain(cutouts).chain(background);
    all.filter(|(_, picture)| seen.insert(picture.media)).collect()
}
