//! Black-and-white manga: white skin, solid blacks, screentone for what lies between.

use super::{Grade, Ground, Pens, Sheet, Style, Swatch};
use crate::draw::background::Backdrop;
use crate::draw::finish::{Finish, Screen};

const fn grey(lightness: f32) -> Swatch {
    Swatch { lightness, chroma: 0.0, aside_deg: 0.0 }
}

pub static STYLE: Style = Style {
    name: "manga",
    pens: Pens {
        figure: [8.0, 8.0, 10.0],
        place: [8.0, 8.0, 10.0],
        outline: (2.7, 1.7),
        borders: (0.8, 2.2),
        place_borders: (0.6, 1.5),
        folds: 1.0,
        place_lines: 0.9,
        dryness: 0.0,
    },
    figure: Grade { saturation: 0.0, max_chroma: 0.0, dark: 0.0, light: 1.0, hue_deg: 0.0, tones: 0 },
    place: Grade { saturation: 0.0, max_chroma: 0.0, dark: 0.46, light: 1.06, hue_deg: 0.0, tones: 0 },
    ground: Ground {
        backdrops: [Backdrop::Plate, Backdrop::Dots, Backdrop::Split, Backdrop::Burst, Backdrop::Speed],
        light: grey(1.0),
        deep: grey(0.0),
        ray: grey(0.78),
        floor: grey(0.55),
        pale: grey(1.0),
        line: grey(0.0),
        dots: 0.5,
        place_dots: 0.0,
    },
    sheet: Sheet {
        paper: [255.0; 3],
        frame: [8.0, 8.0, 10.0],
        frame_width: 4,
        ragged: 0.0,
        halo: 3.4,
        halo_colour: [255.0; 3],
    },
    finish: Finish::Screen(Screen {
        cell: 4.4,
        angle_deg: 45.0,
        // solid below the first lightness, then sheets of dots, then paper
        steps: &[(0.42, 1.0), (0.50, 0.48), (0.61, 0.32), (0.70, 0.18), (0.75, 0.09)],
    }),
};
