//! Which bytes an event points at.

use super::Event;
use crate::Blob;

impl Event {
    /// Every blob that it names, some of them perhaps twice.
    pub fn blobs(&self) -> Vec<&Blob> {
        match self {
            Event::VideoUploaded(e) => vec![&e.blob],
            Event::JobRequested(e) => {
                [&e.blob].into_iter().chain(e.redraw.iter().map(|redraw| &redraw.model)).collect()
            }
            Event::TrainingProgressed(e) => e.checkpoint.iter().collect(),
            Event::TrainingCompleted(e) => vec![&e.model],
            Event::PanelRendered(e) => vec![&e.picture.blob],
            Event::InferenceCompleted(e) => {
                let more = e.background.iter().map(|picture| &picture.blob);
                let pictures = e.panels.iter().chain(&e.cutouts).map(|picture| &picture.blob);
                [&e.page.blob].into_iter().chain(pictures).chain(more).collect()
            }
            Event::MediaAdded(e) => vec![&e.picture.blob, &e.model],
            Event::ComicDrafted(e) => {
                let panels = e.panels.iter().map(|picture| &picture.blob);
                [&e.page.blob].into_iter().chain(panels).collect()
            }
            // A test compares with the bodies of all fixtures.
            _ => vec![],
        }
    }
}
