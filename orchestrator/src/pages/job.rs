//! A job's page: how far it is, how it learns, and what it has drawn.

mod rail;

use super::curve::curve;
use super::layout::{Layout, layout};
use super::{styles, words};
use crate::job_view::JobView;
use maud::{Markup, html};
use projector::{PhaseStatus, Status};
use schemas::event::{MediaKind, Phase};
use schemas::style;

/// Without JavaScript the page looks again this often.
const REFRESH_S: u32 = 3;

/// A piece of the page that changes while somebody looks; its element has this id.
pub struct Fragment {
    pub id: &'static str,
    pub html: Markup,
}

pub fn page(view: &JobView) -> Markup {
    let running = !view.job.status.has_ended();
    let head = Layout {
        title: &view.job.title,
        class: "job",
        script: running.then_some("live.js"),
        refresh_s: running.then_some(REFRESH_S),
    };
    layout(
        &head,
        html! {
            div.job-sheet #job data-live={ "/jobs/" (view.job.id) "/live" } {
                header.title {
                    h1 { (view.job.title) }
                    p.fine { (origin(view)) }
                }
                @for fragment in job_fragments(view) { (fragment.html) }
                (video(view))
                p.fine { a href={ "/jobs/" (view.job.id) "/audit" } { "Every step, with its proof" } }
            }
        },
    )
}

/// In the order in which they stand on the page.
pub fn job_fragments(view: &JobView) -> [Fragment; 6] {
    [
        Fragment { id: "rail", html: rail::rail(view) },
        Fragment { id: "now", html: now(view) },
        Fragment { id: "result", html: result(view) },
        Fragment { id: "again", html: again(view) },
        Fragment { id: "learning", html: learning(view) },
        Fragment { id: "strip", html: strip(view) },
    ]
}

/// When it came, what it is drawn in, and after which comic.
fn origin(view: &JobView) -> Markup {
    html! {
        @match view.job.redraw_of {
            Some(first) => { a href={ "/jobs/" (first) } { "Drawn again" } " " },
            None => "Sent ",
        }
        (words::moment(view.job.created)) " · " (styles::title(&view.job.style))
    }
}

fn now(view: &JobView) -> Markup {
    let job = &view.job;
    html! {
        section #now.panel.(job.status.as_str()) {
            div.words aria-live="polite" {
                h2 { (headline(view)) }
                @if let Some(error) = &job.error {
                    p.lead { (error.detail) }
                    p.fine { code { (error.code) } }
                } @else {
                    p.lead { (explanation(view)) }
                }
            }
            @if !job.status.has_ended() {
                (bar(view))
                dl.facts {
                    @if let Some(place) = view.place {
                        div { dt { "In line" } dd { @if place.position == 0 { "you are next" } @else { (words::count(place.position, "job")) " before you" } } }
                        @if let Some(eta_ms) = place.eta_ms { div { dt { "Your turn" } dd { "in " (words::roughly(eta_ms)) } } }
                    }
                    @if let Some(eta_ms) = view.eta_ms() {
                        div { dt { "Time left" } dd { "about " (words::duration(eta_ms)) } }
                    }
                    @if let Some(device) = &job.device { div { dt { "Runs on" } dd { (device) } } }
                    @if let Some(due) = job.retry_due { div { dt { "Tries again" } dd { (words::moment(due)) } } }
                }
            }
            (actions(view))
        }
    }
}

fn actions(view: &JobView) -> Markup {
    html! {
        div.links {
            @if let Some(comic) = view.job.comic {
                a.button.primary href={ "/comics/" (comic) } { "Read your comic" }
            }
            @if view.job.status.has_ended() {
                a.button href="/#make" { "Make another" }
            } @else if !view.job.cancel_requested {
                form method="post" action={ "/v1/jobs/" (view.job.id) "/cancel" } {
                    button.button.quiet type="submit" { "Stop it" }
                }
            }
        }
    }
}

fn bar(view: &JobView) -> Markup {
    let progress = view.running().map(|phase| view.progress(phase)).unwrap_or_default();
    html! {
        @if progress.of > 0 {
            div.bar {
                progress max=(progress.of) value=(progress.step.min(progress.of)) aria-label="How far it is" {}
                span.figure { (progress.step.min(progress.of)) " of " (progress.of) }
            }
        } @else if view.running().is_some() {
            div.bar { progress aria-label="Getting ready" {} }
        }
    }
}

fn headline(view: &JobView) -> String {
    let job = &view.job;
    match job.status {
        Status::Succeeded => "Ta-da!".to_owned(),
        Status::Failed => "That did not work".to_owned(),
        Status::Canceled => "Stopped".to_owned(),
        _ if job.cancel_requested => "Stopping…".to_owned(),
        _ => match view.running() {
            Some(Phase::Training) => "Learning your looks".to_owned(),
            Some(Phase::Inference) => "Drawing you".to_owned(),
            None if job.inference_status == PhaseStatus::Succeeded => "Putting the page together".to_owned(),
            None if job.retry_due.is_some() => "Taking another run-up".to_owned(),
            None => "Waiting for a free drawing desk".to_owned(),
        },
    }
}

fn explanation(view: &JobView) -> String {
    let job = &view.job;
    match job.status {
        Status::Succeeded => "Your comic is ready.".to_owned(),
        Status::Canceled => "Nothing more happens here.".to_owned(),
        _ if job.cancel_requested => "The trainer puts its pens away.".to_owned(),
        _ => match view.live_tick() {
            Some(tick) => {
                let mut stage = tick.stage.clone();
                stage.get_mut(..1).into_iter().for_each(str::make_ascii_uppercase);
                format!("{stage}.")
            }
            None if view.running().is_some() => "Getting ready.".to_owned(),
            None => "You may close this page. The work goes on, and you find it again at the start.".to_owned(),
        },
    }
}

/// The finished page, as soon as there is one.
fn result(view: &JobView) -> Markup {
    let page = view.of_kind(MediaKind::Page).next();
    html! {
        section #result hidden[page.is_none() && view.before.is_none()] {
            @if let Some(before) = view.before.filter(|_| page.is_none()) {
                figure.before {
                    img #{ "p" (before) } data-keep src={ "/media/" (before) } alt="The page as it was drawn before.";
                    figcaption { "As it was drawn before" }
                }
            }
            @if let Some(page) = page {
                @let picture = html! {
                    img #{ "p" (page.media) } data-keep src=(view.url(page.media)) width=(page.width) height=(page.height) alt=(page.alt);
                };
                @match view.job.comic {
                    Some(comic) => a.sheet href={ "/comics/" (comic) } { (picture) },
                    None => div.sheet { (picture) },
                }
            }
        }
    }
}

/// A finished comic in the other styles, or in its own once more: one button each.
fn again(view: &JobView) -> Markup {
    let done = view.job.status == Status::Succeeded;
    let url = |name: &str| format!("/v1/jobs/{}/redraw?style={name}&job={}", view.job.id, view.again);
    html! {
        section #again.panel hidden[!done] {
            @if done {
                h2 { "Draw again in another style" }
                p { "Nothing has to be learned again: it takes seconds. This page stays as it is." }
                form.styles method="post" {
                    @for style in &style::ALL {
                        button.style type="submit" formaction=(url(style.name)) aria-current=[(style.name == view.job.style).then_some("true")] {
                            (styles::swatch(style))
                        }
                    }
                }
            }
        }
    }
}

fn learning(view: &JobView) -> Markup {
    let job = &view.job;
    let learning = job.training_status == PhaseStatus::Running || !view.curve().is_empty();
    html! {
        section #learning.panel hidden[!learning] {
            h2 { "How it learns" }
            div.lesson {
                figure {
                    (curve(view.curve(), view.progress(Phase::Training)))
                    figcaption {
                        "The line is the network's error; down is good."
                        @if let Some(loss) = view.loss() { " Now " strong { (format!("{loss:.4}")) } "." }
                        @if let Some(ms) = job.training_ms { " It took " (words::duration(ms)) "." }
                    }
                }
                (so_far(view))
            }
            @if !job.advice.is_empty() {
                ul.advice { @for advice in &job.advice { li { (advice) } } }
            }
        }
    }
}

/// One frame as the network sees it by now, and the colours that it has found.
fn so_far(view: &JobView) -> Markup {
    let palette = view.live_tick().map_or(&[][..], |tick| &tick.palette);
    html! {
        @if view.preview_url().is_some() || !palette.is_empty() {
            figure.preview {
                @if let Some(url) = view.preview_url() {
                    img src=(url) alt="What the network makes of you so far";
                }
                (colours(palette))
                figcaption { "What it makes of you so far, and in which colours" }
            }
        }
    }
}

/// As a drawing, since pages have no inline styles.
fn colours(palette: &[String]) -> Markup {
    const SIDE: usize = 20;
    html! {
        @if !palette.is_empty() {
            svg.palette viewBox={ "0 0 " (SIDE * palette.len()) " " (SIDE) } preserveAspectRatio="none" role="img"
                aria-label={ "The network's " (words::count(palette.len(), "colour")) } {
                @for (index, colour) in palette.iter().enumerate() {
                    rect x=(SIDE * index) width=(SIDE) height=(SIDE) fill=(colour) {}
                }
            }
        }
    }
}

/// The panels, as they come.
fn strip(view: &JobView) -> Markup {
    let panels: Vec<_> = view.of_kind(MediaKind::Panel).collect();
    let expected = view.job.panels_of as usize;
    let drawing = view.running() == Some(Phase::Inference);
    html! {
        section #strip hidden[panels.is_empty() && !drawing] {
            h2 { "Panels" }
            ol.strip {
                @for panel in &panels {
                    li {
                        img #{ "p" (panel.media) } data-keep src=(view.url(panel.media)) width=(panel.width)
                            height=(panel.height) alt=(panel.alt);
                    }
                }
                @if drawing { @for _ in panels.len()..expected { li.blank aria-hidden="true" {} } }
            }
        }
    }
}

fn video(view: &JobView) -> Markup {
    html! {
        @if let Some(video) = &view.video {
            section.panel.source {
                h2 { "The video" }
                dl.facts {
                    div { dt { "File" } dd { (video.name) } }
                    div { dt { "Size" } dd { (words::bytes(video.bytes)) } }
                    @if let Some(facts) = &video.facts {
                        div { dt { "Length" } dd { (words::duration(facts.duration_ms)) } }
                        div { dt { "Picture" } dd { (facts.width) " × " (facts.height) ", " (facts.codec) } }
                    }
                }
                @if !video.advice.is_empty() {
                    ul.advice { @for advice in &video.advice { li { (advice) } } }
                }
            }
        }
    }
}
