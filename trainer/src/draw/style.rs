//! Styles: everything that one page has otherwise than another, as data. The drawing reads the parameters and asks for
//! no style by its name.

mod bold;
mod manga;
mod newspaper;
mod watercolour;

use super::background::Backdrop;
use super::finish::Finish;

/// The styles that there are; the first is drawn where none is asked for.
static ALL: [&Style; 4] = [&bold::STYLE, &watercolour::STYLE, &manga::STYLE, &newspaper::STYLE];

#[derive(Debug)]
pub struct Style {
    /// As [`schemas::style`] lists it.
    pub name: &'static str,
    pub pens: Pens,
    pub figure: Grade,
    pub place: Grade,
    pub ground: Ground,
    pub sheet: Sheet,
    /// What becomes of flat colours.
    pub finish: Finish,
}

/// Lines. Widths in page pixels.
#[derive(Debug)]
pub struct Pens {
    /// Ink of the figure, sRGB 0..255.
    pub figure: [f32; 3],
    /// Ink of a place: it stays behind.
    pub place: [f32; 3],
    /// The figure's outline: its mean width and how much that varies.
    pub outline: (f32, f32),
    /// Borders between materials: the thinnest and the thickest.
    pub borders: (f32, f32),
    pub place_borders: (f32, f32),
    /// How much of folds, and of a place's fine lines, is seen, 0..1.
    pub folds: f32,
    pub place_lines: f32,
    /// How dry the pen is: 0 for ink, towards 1 for a pencil on rough paper.
    pub dryness: f32,
}

/// How page colours change before they go on paper; OKLab.
#[derive(Debug)]
pub struct Grade {
    pub saturation: f32,
    pub max_chroma: f32,
    /// Where the lightness 0 goes, and 1.
    pub dark: f32,
    pub light: f32,
    /// Degrees added to every hue.
    pub hue_deg: f32,
    /// Steps of lightness; 0 for all there are.
    pub tones: u32,
}

/// A colour of a made background, around a hue that the figure does not have.
#[derive(Clone, Copy, Debug)]
pub struct Swatch {
    pub lightness: f32,
    pub chroma: f32,
    /// Degrees from the background's hue.
    pub aside_deg: f32,
}

/// What is behind the figure.
#[derive(Debug)]
pub struct Ground {
    /// Of the page's panels, in their order.
    pub backdrops: [Backdrop; 5],
    pub light: Swatch,
    pub deep: Swatch,
    pub ray: Swatch,
    pub floor: Swatch,
    /// Between lines of speed, and the lines.
    pub pale: Swatch,
    pub line: Swatch,
    /// How much of its halftone dots a made background has, and a place, 0..1.
    pub dots: f32,
    pub place_dots: f32,
}

/// The paper, and what stands around and in panels.
#[derive(Debug)]
pub struct Sheet {
    pub paper: [f32; 3],
    pub frame: [f32; 3],
    /// Page pixels; 0 for none.
    pub frame_width: usize,
    /// Paint ends this far inside a panel, unevenly: page pixels.
    pub ragged: f32,
    /// Border around a figure on a made background: its width in page pixels and its colour.
    pub halo: f32,
    pub halo_colour: [f32; 3],
}

impl Style {
    /// The style of this name, if there is one.
    pub fn find(name: &str) -> Option<&'static Self> {
        ALL.into_iter().find(|style| style.name == name)
    }

    pub fn all() -> &'static [&'static Self] {
        &ALL
    }
}

impl Default for &'static Style {
    fn default() -> Self {
        ALL[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_style_that_can_be_asked_for_can_be_drawn_and_no_other() {
        let drawn: Vec<_> = Style::all().iter().map(|style| style.name).collect();
        let known: Vec<_> = schemas::style::ALL.iter().map(|known| known.name).collect();
        assert_eq!(drawn, known);
        assert!(Style::find("crayon").is_none());
    }

    #[test]
    fn no_style_lightens_what_is_darker() {
        for style in Style::all() {
            for grade in [&style.figure, &style.place] {
                let lightness = |l: f32| grade.of([l, 0.02, 0.0])[0];
                assert!((0..100).all(|i| lightness(i as f32 / 100.0) <= lightness((i + 1) as f32 / 100.0)));
                assert!(lightness(0.0) >= 0.0 && lightness(1.0) <= 1.001, "{}", style.name);
            }
        }
    }
}
