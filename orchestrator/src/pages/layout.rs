//! What stands around every page.

use crate::assets::path;
use maud::{DOCTYPE, Markup, html};

pub struct Layout<'a> {
    pub title: &'a str,
    /// Names the page's own rules in the style sheet.
    pub class: &'static str,
    /// The module that makes it live.
    pub script: Option<&'static str>,
    /// Without JavaScript, the page loads itself again after so many seconds.
    pub refresh_s: Option<u32>,
}

pub fn layout(page: &Layout<'_>, body: Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (page.title) " · Kart" }
                link rel="stylesheet" href=(path("kart.css"));
                link rel="icon" type="image/svg+xml" href=(path("icon.svg"));
                @if let Some(script) = page.script {
                    script type="module" src=(path(script)) {}
                }
                @if let Some(seconds) = page.refresh_s {
                    noscript { meta http-equiv="refresh" content=(seconds); }
                }
            }
            body class=(page.class) {
                a.skip href="#main" { "Skip to the page" }
                header.masthead {
                    a.wordmark href="/" aria-label="Kart, to the start" { "KART" }
                    p.motto { "You, in ink." }
                    nav aria-label="Pages" {
                        a href="/#make" { "New comic" }
                        a href="/#yours" { "Your comics" }
                    }
                }
                main #main { (body) }
                footer.colophon {
                    p {
                        "Kart trains a small network on your video, on its own machines, and draws with it. "
                        "Nothing is sent to anybody else."
                    }
                }
            }
        }
    }
}
