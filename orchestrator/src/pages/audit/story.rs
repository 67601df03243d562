//! Events in words.

use super::words;
use schemas::Event;
use schemas::event::{MediaKind, Phase};

pub fn of(event: &Event) -> String {
    match event {
        Event::VideoUploaded(e) => format!("Video sent, {}", words::bytes(e.blob.bytes)),
        Event::VideoChecked(e) => {
            format!("Video looked at: {}, {} × {}", words::duration(e.duration_ms), e.width, e.height)
        }
        Event::VideoRefused(e) => format!("Video refused: {}", e.detail),
        Event::JobRequested(e) => {
            let style = e.style.as_ref().and_then(|style| schemas::style::known(style.as_str()));
            let style = style.map_or(String::new(), |style| format!(", in the style {}", style.title));
            let strokes = match e.strokes.len() {
                0 => String::new(),
                count => format!(", by {count} strokes"),
            };
            format!("Comic asked for{}{style}{strokes}", if e.redraw.is_some() { " once more" } else { "" })
        }
        Event::JobDispatched(e) => format!("{} handed out{}", noun(e.phase), again(e.attempt)),
        Event::TrainingStarted(e) => format!("Training begun on {}{}", e.device, again(e.attempt)),
        Event::TrainingProgressed(e) => format!("Step {} of {}, error {:.4}", e.step, e.of, e.loss),
        Event::TrainingCompleted(e) => format!("Network trained in {}", words::duration(e.duration_ms)),
        Event::InferenceStarted(e) => format!("Drawing begun on {}{}", e.device, again(e.attempt)),
        Event::PanelRendered(e) => format!("Panel {} of {} drawn", e.index + 1, e.of),
        Event::InferenceCompleted(e) => format!("Everything drawn in {}", words::duration(e.duration_ms)),
        Event::JobCompleted(_) => "Job done".to_owned(),
        Event::JobFailed(e) => format!("{} failed: {}", noun(e.phase), e.code),
        Event::CancelRequested(_) => "Stop asked for".to_owned(),
        Event::JobCancelled(_) => "Job stopped".to_owned(),
        Event::MediaAdded(e) => format!("{} put into the library", picture(e.kind)),
        Event::ComicDrafted(e) => format!("Comic put together from {}", words::count(e.panels.len(), "panel")),
        // What has no words of its own says its name.
        event => {
            let mut name = format!("{} {}", event.kind().as_str(), event.name().replace('-', " "));
            name.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
            name
        }
    }
}

fn noun(phase: Phase) -> &'static str {
    match phase {
        Phase::Training => "Training",
        Phase::Inference => "Drawing",
    }
}

fn again(attempt: u32) -> String {
    if attempt > 1 { format!(", attempt {attempt}") } else { String::new() }
}

fn picture(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Panel => "Panel",
        MediaKind::Cutout => "Cut-out",
        MediaKind::Background => "Background",
        MediaKind::Page => "Page",
    }
}
