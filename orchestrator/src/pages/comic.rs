//! A comic: the page to read, and its parts to look at and to take along.

use super::layout::{Layout, layout};
use super::words;
use maud::{Markup, html};
use projector::{ComicRow, PictureRow};
use schemas::event::MediaKind;

pub fn page(comic: &ComicRow, pictures: &[PictureRow]) -> Markup {
    let of = |kind| pictures.iter().filter(move |picture| picture.kind == kind);
    let panels: Vec<_> = of(MediaKind::Panel).collect();
    let cutouts: Vec<_> = of(MediaKind::Cutout).collect();
    let head = Layout { title: &comic.title, class: "comic", script: None, refresh_s: None };
    layout(
        &head,
        html! {
            header.title {
                h1 { (comic.title) }
                p.fine {
                    "Drawn " (words::moment(comic.created)) " · " (words::count(comic.panels.len(), "panel")) " · made with AI"
                    @if comic.draft { " · only you can see it" }
                }
            }
            a.sheet href={ "/media/" (comic.page) } {
                img src={ "/media/" (comic.page) } width=(comic.page_width) height=(comic.page_height) alt=(comic.page_alt);
            }
            div.links {
                a.button.primary href={ "/media/" (comic.page) "?download" } { "Save the page" }
                a.button href={ "/jobs/" (comic.job) "#again" } { "In another style" }
                a.button href={ "/jobs/" (comic.job) } { "How it was made" }
                a.button.quiet href={ "/comics/" (comic.id) "/audit" } { "Where it comes from" }
            }
            section #panels {
                h2 { "Panel by panel" }
                ol.panels { @for panel in &panels { li { (figure(panel, true)) } } }
            }
            details.panel.transcript {
                summary { "The comic in words" }
                ol { @for panel in &panels { li { (panel.alt) } } }
            }
            @if !cutouts.is_empty() {
                section #cutouts {
                    h2 { "Your character" }
                    p { "Cut out, with nothing behind: for stickers, avatars, and comics of your own." }
                    ul.cutouts { @for cutout in &cutouts { li { (figure(cutout, false)) } } }
                }
            }
            @for background in of(MediaKind::Background) {
                section #background {
                    h2 { "The place without you" }
                    (figure(background, false))
                }
            }
        },
    )
}

fn figure(picture: &PictureRow, words: bool) -> Markup {
    let url = format!("/media/{}", picture.media);
    html! {
        figure {
            a href=(url) {
                img src=(url) width=(picture.width) height=(picture.height) alt=(picture.alt) loading="lazy";
            }
            figcaption {
                @if words { span.alt { (picture.alt) } }
                @if let Some(at_ms) = picture.at_ms { span.fine { "second " (words::timecode(at_ms)) } }
                a.save href={ (url) "?download" } { "Save" }
            }
        }
    }
}
