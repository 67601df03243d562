//! Styles to choose from, each with a small drawing of what it looks like.

use crate::assets;
use maud::{Markup, html};
use schemas::style::{self, ALL, Known};

/// One of the styles, as a part of a form: without a script and by keyboard like any other.
pub fn choice() -> Markup {
    html! {
        fieldset.styles {
            legend { "Drawn in" }
            @for (index, style) in ALL.iter().enumerate() {
                label.style {
                    input type="radio" name="style" value=(style.name) checked[index == 0];
                    (swatch(style))
                }
            }
        }
    }
}

/// What the style of this name is called; its name itself when a newer program drew it.
pub fn title(name: &str) -> &str {
    style::known(name).map_or(name, |known| known.title)
}

/// What a style is called and looks like.
pub fn swatch(style: &Known) -> Markup {
    html! {
        img src=(assets::path(&format!("style-{}.svg", style.name))) width="120" height="90" alt="";
        span.name { (style.title) }
        span.fine { (style.looks) }
    }
}
