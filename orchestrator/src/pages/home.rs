//! The start: send a video, and see what became of the ones before.

use super::layout::{Layout, layout};
use super::{styles, words};
use crate::assets;
use maud::{Markup, html};
use projector::{JobRow, Status};
use schemas::UserId;

/// Who looks at the page.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Guest {
    New,
    Known,
    /// Has just had everything of theirs deleted.
    Forgotten,
}

impl Guest {
    pub fn of(user: Option<UserId>) -> Self {
        if user.is_some() { Self::Known } else { Self::New }
    }
}

pub fn page(jobs: &[JobRow], guest: Guest, max_upload: u64) -> Markup {
    let head = Layout { title: "Your own comic", class: "home", script: Some("upload.js"), refresh_s: None };
    layout(
        &head,
        html! {
            @if guest == Guest::Forgotten {
                p.notice role="status" { "Everything of yours is being deleted, for good." }
            }
            section.hero {
                div.pitch {
                    h1 { "Make " em { "yourself" } " a comic" }
                    p.lead {
                        "Film yourself for a few seconds. A small network learns what you look like, "
                        "and draws you: a page of panels, your character cut out, and the place where you were."
                    }
                    p { a.button.primary href="#make" { "Start with a video" } }
                }
                img.art src=(assets::path("hero.svg")) width="880" height="640"
                    alt="Three comic panels: a phone films somebody, a learning curve falls, and the same person smiles as a drawing.";
            }
            (form(max_upload))
            section #yours {
                h2 { "Your comics" }
                @if jobs.is_empty() {
                    p.empty { "Nothing here yet. The first one takes a few minutes." }
                } @else {
                    ul.cards { @for job in jobs { li { (card(job)) } } }
                }
            }
            @if guest == Guest::Known { (forget()) }
        },
    )
}

fn form(max_upload: u64) -> Markup {
    html! {
        section #make.panel {
            h2 { "Your video" }
            form #upload method="post" action="/v1/jobs" enctype="multipart/form-data" data-limit=(max_upload) {
                (styles::choice())
                div.drop #drop {
                    video #preview muted playsinline hidden {}
                    p.hint { "Drop a video here, or" }
                    div.choices {
                        label.button.record hidden {
                            "Record"
                            input #record type="file" accept="video/*" capture="user";
                        }
                        label.button.choose {
                            "Choose a file"
                            input #video type="file" name="video" accept="video/*,.mkv" required;
                        }
                    }
                    p #chosen.chosen role="status" {}
                }
                div.rules {
                    ul {
                        li { strong { "3 to 30 seconds" } " of one person. Longer works too, up to " (words::bytes(max_upload)) "." }
                        li { strong { "Good light" } ", face to the camera, and move a little: turn, smile, wave." }
                        li { "MP4, MOV, WebM, Matroska or AVI." }
                    }
                    p.consent {
                        "Send a video of yourself, or of somebody who has said yes to it. "
                        "Video, network and drawings stay on this server. Only this browser can see them, by a cookie."
                    }
                    button.button.primary #send type="submit" { "Draw me" }
                }
                div #sending hidden {
                    progress #sent max="100" value="0" aria-label="How much of the video is sent" {}
                    p #message role="status" { "Sending. Keep this page open." }
                    button.button.quiet #abort type="button" { "Stop" }
                }
                p #refused.refusal role="alert" hidden {}
            }
        }
    }
}

/// Opening it is the first step, the button the second: without a script.
fn forget() -> Markup {
    html! {
        details.forget #forget {
            summary { "Delete everything of mine" }
            p {
                "Your videos, networks, drawings and comics are deleted, and what is still being made is stopped. "
                "What you wrote becomes unreadable, in copies too. Nobody can undo this."
            }
            form method="post" action="/v1/me/erase" {
                button.button type="submit" { "Yes, delete it all" }
            }
        }
    }
}

fn card(job: &JobRow) -> Markup {
    let href = match job.comic {
        Some(comic) => format!("/comics/{comic}"),
        None => format!("/jobs/{}", job.id),
    };
    html! {
        a.card.(job.status.as_str()) href=(href) {
            @match job.page.filter(|_| job.status == Status::Succeeded) {
                Some(page) => img src={ "/media/" (page) } alt="" loading="lazy";,
                None => span.blank aria-hidden="true" { (mark(job.status)) },
            }
            span.name { (job.title) }
            span.state { (state(job)) }
        }
    }
}

/// Stands in for a picture.
fn mark(status: Status) -> &'static str {
    match status {
        Status::Failed => "Oops!",
        Status::Canceled => "Cut!",
        _ => "…",
    }
}

fn state(job: &JobRow) -> String {
    match job.status {
        Status::Starting => "waiting for its turn".to_owned(),
        Status::Processing if job.panels_of > 0 => format!("drawing, {} of {}", job.panels_drawn, job.panels_of),
        Status::Processing if job.of > 0 => format!("learning, {} %", 100 * job.step / job.of),
        Status::Processing => "working on it".to_owned(),
        Status::Succeeded => format!("{} · {}", words::moment(job.created), styles::title(&job.style)),
        Status::Failed => "did not work out".to_owned(),
        Status::Canceled => "stopped".to_owned(),
    }
}
