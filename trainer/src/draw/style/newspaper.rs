//! Newspaper pop: loud colours, printed in dots of cyan, magenta and yellow that miss their place a little.

use super::{Grade, Ground, Pens, Sheet, Style, Swatch};
use crate::draw::background::Backdrop;
use crate::draw::finish::{Finish, Halftone, Separation};

pub static STYLE: Style = Style {
    name: "newspaper",
    pens: Pens {
        figure: [30.0, 27.0, 34.0],
        place: [42.0, 38.0, 66.0],
        outline: (4.2, 1.8),
        borders: (1.2, 3.2),
        place_borders: (1.2, 2.8),
        folds: 0.8,
        place_lines: 0.7,
        dryness: 0.12,
    },
    figure: Grade { saturation: 1.35, max_chroma: 0.26, dark: 0.0, light: 1.05, hue_deg: 0.0, tones: 0 },
    place: Grade { saturation: 1.3, max_chroma: 0.17, dark: 0.18, light: 1.04, hue_deg: 0.0, tones: 0 },
    ground: Ground {
        backdrops: [Backdrop::Plate, Backdrop::Burst, Backdrop::Dots, Backdrop::Split, Backdrop::Speed],
        light: Swatch { lightness: 0.93, chroma: 0.075, aside_deg: 0.0 },
        deep: Swatch { lightness: 0.74, chroma: 0.20, aside_deg: -10.0 },
        ray: Swatch { lightness: 0.74, chroma: 0.20, aside_deg: -10.0 },
        floor: Swatch { lightness: 0.68, chroma: 0.20, aside_deg: -25.0 },
        pale: Swatch { lightness: 0.95, chroma: 0.08, aside_deg: 0.0 },
        line: Swatch { lightness: 0.66, chroma: 0.22, aside_deg: -10.0 },
        dots: 0.0,
        place_dots: 0.0,
    },
    sheet: Sheet {
        paper: [244.0, 235.0, 212.0],
        frame: [30.0, 27.0, 34.0],
        frame_width: 5,
        ragged: 0.0,
        halo: 3.2,
        halo_colour: [255.0; 3],
    },
    finish: Finish::Halftone(Halftone {
        cell: 4.8,
        steps: 4.0,
        solid: 0.62,
        inks: [
            Separation { colour: [0.0, 148.0, 210.0], angle_deg: 15.0, offset: [1.3, 0.5] },
            Separation { colour: [228.0, 22.0, 112.0], angle_deg: 75.0, offset: [-0.9, 1.1] },
            Separation { colour: [255.0, 222.0, 10.0], angle_deg: 0.0, offset: [0.4, -1.2] },
        ],
        black: 1.8,
    }),
};
