//! How a comic came to be, event by event, with proof.

mod payload;
mod story;

use super::layout::{Layout, layout};
use super::words;
use crate::audit::{Audit, Link, Provenance, Step};
use maud::{Markup, html};
use schemas::{Actor, Event, Hash, UserId};

pub fn page(audit: &Audit) -> Markup {
    let head = Layout { title: &audit.title, class: "audit", script: None, refresh_s: None };
    let back = match audit.comic {
        Some(comic) => (format!("/comics/{comic}"), "Back to the comic"),
        None => (format!("/jobs/{}", audit.job), "Back to the job"),
    };
    layout(
        &head,
        html! {
            header.title {
                h1 { (audit.title) }
                p.fine { "Every step, as it stands in the log: what happened, who did it, and the proof that nobody changed it." }
            }
            section #proof.panel.(if audit.is_whole() { "succeeded" } else { "failed" }) {
                @if audit.is_whole() {
                    h2 { "The chain is whole" }
                    p.lead {
                        "All " (words::count(audit.trail.len(), "event")) " carry the hash of the one before them. "
                        "That was worked out anew for this page."
                    }
                } @else {
                    h2 { "The chain is broken" }
                    p.lead { "An event below does not carry the hash of the one before it: history was changed." }
                }
                div.links { a.button href=(back.0) { (back.1) } }
            }
            (provenance(audit))
            section #trail {
                h2 { "Step by step" }
                ol.trail { @for step in &audit.trail { (entry(step, audit.owner)) } }
            }
        },
    )
}

fn provenance(audit: &Audit) -> Markup {
    let panels = audit.panels();
    html! {
        @if !panels.is_empty() {
            section #provenance {
                h2 { "Where each panel comes from" }
                ol.sources { @for panel in &panels { li { (source(panel, audit)) } } }
            }
        }
    }
}

fn source(panel: &Provenance<'_>, audit: &Audit) -> Markup {
    let picture = panel.picture;
    html! {
        img src={ "/v1/jobs/" (audit.job) "/pictures/" (picture.media) } width=(picture.width) height=(picture.height)
            alt=(picture.alt) loading="lazy";
        dl {
            div { dt { "Panel" } dd { (short(picture.blob.sha256)) ", drawn in " (place(panel.drawn)) } }
            @if let Some((model, sequence)) = panel.model {
                div { dt { "Network" } dd { (short(model.sha256)) ", trained in " (place(sequence)) } }
            }
            div { dt { "Job" } dd { a href={ "/jobs/" (audit.job) } { (audit.title) } } }
            @if let Some((recorded, sequence)) = panel.video && let Event::VideoUploaded(video) = recorded.event() {
                div { dt { "Video" } dd { (video.name.shown()) ", " (short(video.blob.sha256)) ", sent in " (place(sequence)) } }
            }
            @if let Some(at_ms) = picture.at_ms {
                div { dt { "Second" } dd { (words::timecode(at_ms)) } }
            }
        }
    }
}

/// A link to an event on this page.
fn place(sequence: u64) -> Markup {
    html! { a href={ "#s" (sequence) } { "#" (sequence) } }
}

fn short(hash: Hash) -> Markup {
    let hash = hash.to_string();
    html! { code title=(hash) { (hash.split_at(12).0) "…" } }
}

fn entry(step: &Step, owner: UserId) -> Markup {
    let recorded = &step.recorded;
    let opened = recorded.event().personal().and_then(|(_, text)| text.text());
    html! {
        li #{ "s" (recorded.sequence) }.broken[step.link == Link::Broken] {
            p.what {
                span.sequence { "#" (recorded.sequence) }
                strong { (story::of(recorded.event())) }
                @if let Some(text) = opened { " “" (text) "”" }
            }
            p.fine {
                time datetime=(schemas::envelope::format_time(recorded.new.time)) { (words::instant(recorded.new.time)) }
                " · " (actor(&recorded.new.actor, owner))
                " · " span.link { (link(step.link)) }
            }
            details {
                summary { "What the log holds" }
                pre tabindex="0" { code { (payload::pretty(&recorded.written.body)) } }
                @if opened.is_some() { p.fine { "The text is sealed in the log with a key of your own, and opened for you here." } }
                dl {
                    div { dt { "Type" } dd { code { (recorded.written.type_name) } } }
                    div { dt { "Of" } dd { code { (recorded.aggregate) } } }
                    div { dt { "Id" } dd { code { (recorded.new.id) } } }
                    div { dt { "Hash" } dd { code { (recorded.hash) } } }
                    @if let Some(previous) = recorded.previous { div { dt { "Before" } dd { code { (previous) } } } }
                }
            }
        }
    }
}

fn actor(actor: &Actor, owner: UserId) -> String {
    match actor {
        Actor::User(user) if *user == owner => "you".to_owned(),
        Actor::User(_) => "another person".to_owned(),
        Actor::Role(name) => format!("the {name}"),
    }
}

fn link(link: Link) -> Markup {
    html! {
        @match link {
            Link::First => "✓ begins its chain",
            Link::To(sequence) => { "✓ links to " (place(sequence)) }
            Link::Broken => "✕ does not link to the event before it",
        }
    }
}
