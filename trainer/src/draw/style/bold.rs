//! Bold ink: flat colours, strong outlines, halftone in the backgrounds.

use super::{Grade, Ground, Pens, Sheet, Style, Swatch};
use crate::draw::background::Backdrop;
use crate::draw::finish::Finish;

const AS_IS: Grade = Grade { saturation: 1.0, max_chroma: 0.4, dark: 0.0, light: 1.0, hue_deg: 0.0, tones: 0 };

pub static STYLE: Style = Style {
    name: "bold-ink",
    pens: Pens {
        // black with a hint of blue; blue for the place, which then looks thinner
        figure: [20.0, 16.0, 26.0],
        place: [58.0, 56.0, 88.0],
        outline: (3.3, 1.7),
        borders: (0.9, 2.8),
        place_borders: (0.8, 1.9),
        folds: 1.0,
        place_lines: 0.85,
        dryness: 0.0,
    },
    figure: AS_IS,
    // lighter and paler, as things are that are further off
    place: Grade { saturation: 0.9, max_chroma: 0.4, dark: 0.22, light: 1.0, hue_deg: 0.0, tones: 0 },
    ground: Ground {
        backdrops: [Backdrop::Plate, Backdrop::Dots, Backdrop::Split, Backdrop::Burst, Backdrop::Speed],
        light: Swatch { lightness: 0.84, chroma: 0.105, aside_deg: 0.0 },
        deep: Swatch { lightness: 0.70, chroma: 0.135, aside_deg: -12.0 },
        ray: Swatch { lightness: 0.76, chroma: 0.125, aside_deg: -8.0 },
        floor: Swatch { lightness: 0.60, chroma: 0.13, aside_deg: -20.0 },
        pale: Swatch { lightness: 0.92, chroma: 0.055, aside_deg: 0.0 },
        line: Swatch { lightness: 0.50, chroma: 0.13, aside_deg: 0.0 },
        dots: 1.0,
        place_dots: 1.0,
    },
    sheet: Sheet {
        paper: [250.0, 247.0, 238.0],
        frame: [15.0, 12.0, 18.0],
        frame_width: 5,
        ragged: 0.0,
        halo: 4.2,
        halo_colour: [252.0, 250.0, 244.0],
    },
    finish: Finish::Flat,
};
