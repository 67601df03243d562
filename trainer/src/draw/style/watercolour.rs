//! Soft watercolour: thin brown lines, light washes with darker rims, rough paper, no frames.

use super::{Grade, Ground, Pens, Sheet, Style, Swatch};
use crate::draw::background::Backdrop;
use crate::draw::finish::{Finish, Wash};

pub static STYLE: Style = Style {
    name: "watercolour",
    pens: Pens {
        figure: [72.0, 50.0, 46.0],
        place: [118.0, 104.0, 104.0],
        outline: (1.7, 0.7),
        borders: (0.6, 1.3),
        place_borders: (0.5, 1.1),
        folds: 0.5,
        place_lines: 0.35,
        dryness: 0.45,
    },
    figure: Grade { saturation: 0.82, max_chroma: 0.15, dark: 0.31, light: 1.0, hue_deg: 0.0, tones: 0 },
    place: Grade { saturation: 0.62, max_chroma: 0.085, dark: 0.42, light: 1.0, hue_deg: 0.0, tones: 0 },
    ground: Ground {
        backdrops: [Backdrop::Plate, Backdrop::Blot, Backdrop::Blot, Backdrop::Blot, Backdrop::Blot],
        light: Swatch { lightness: 0.92, chroma: 0.055, aside_deg: 0.0 },
        deep: Swatch { lightness: 0.80, chroma: 0.085, aside_deg: -25.0 },
        ray: Swatch { lightness: 0.88, chroma: 0.07, aside_deg: 18.0 },
        floor: Swatch { lightness: 0.78, chroma: 0.07, aside_deg: -35.0 },
        pale: Swatch { lightness: 0.95, chroma: 0.035, aside_deg: 0.0 },
        line: Swatch { lightness: 0.80, chroma: 0.07, aside_deg: 0.0 },
        dots: 0.0,
        place_dots: 0.0,
    },
    sheet: Sheet {
        paper: [252.0, 249.0, 241.0],
        frame: [252.0, 249.0, 241.0],
        frame_width: 0,
        ragged: 11.0,
        halo: 2.2,
        halo_colour: [255.0; 3],
    },
    finish: Finish::Wash(Wash { wobble: 2.6, rim: 0.85, pool: 0.55, bloom: 0.9, grain: 0.34 }),
};
