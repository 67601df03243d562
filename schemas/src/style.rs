//! Styles that a comic can be drawn in: what they are called. How each looks is the trainer's to know.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A style as people choose it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// As forms, events and the command line call it.
    pub name: &'static str,
    pub title: &'static str,
    /// In a few words.
    pub looks: &'static str,
}

/// The styles that may be asked for; the first where nothing is asked.
pub const ALL: [Known; 4] = [
    Known { name: "bold-ink", title: "Bold ink", looks: "flat colours, strong black lines" },
    Known { name: "watercolour", title: "Soft watercolour", looks: "light washes on rough paper" },
    Known { name: "manga", title: "Manga", looks: "black and white, with screentone" },
    Known { name: "newspaper", title: "Newspaper pop", looks: "loud colours, printed in dots" },
];

/// The name of a style in an event. A list of names would close the event to styles that come later, so this is a word:
/// which there are is checked where it is asked for, and again where it is drawn.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Style(String);

/// No style has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no style is called that")]
pub struct UnknownStyle;

/// What is known of the style of this name; `None` for one of a newer program.
pub fn known(name: &str) -> Option<Known> {
    ALL.into_iter().find(|known| known.name == name)
}

impl Style {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for Style {
    fn default() -> Self {
        Self(ALL[0].name.to_owned())
    }
}

impl std::str::FromStr for Style {
    type Err = UnknownStyle;

    fn from_str(name: &str) -> Result<Self, UnknownStyle> {
        known(name).map(|known| Self(known.name.to_owned())).ok_or(UnknownStyle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_are_styles_and_others_are_none() {
        assert!(ALL.iter().all(|known| known.name.parse::<Style>().is_ok_and(|style| style.as_str() == known.name)));
        assert_eq!("Bold-Ink".parse::<Style>(), Err(UnknownStyle));
        assert_eq!(Style::default().as_str(), "bold-ink");
    }
}
