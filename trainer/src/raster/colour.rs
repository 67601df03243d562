//! sRGB to OKLab and back (Ottosson 2020, <https://bottosson.github.io/posts/oklab/>).

use std::sync::LazyLock;

use rayon::prelude::*;

use super::{Grid, Lab, Plane, Rgb};

/// Linear light of each 8-bit sRGB value (IEC 61966-2-1).
static LINEAR: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|i| {
        let v = i as f32 / 255.0;
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    })
});

/// 8-bit sRGB to OKLab.
pub fn oklab([r, g, b]: [u8; 3]) -> [f32; 3] {
    linear_to_oklab([LINEAR[r as usize], LINEAR[g as usize], LINEAR[b as usize]])
}

/// sRGB 0..255, fractions allowed, to OKLab.
pub fn oklab_of(srgb: [f32; 3]) -> [f32; 3] {
    linear_to_oklab(srgb.map(|v| {
        let v = (v / 255.0).clamp(0.0, 1.0);
        if v <= 0.04045 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
    }))
}

fn linear_to_oklab([r, g, b]: [f32; 3]) -> [f32; 3] {
    let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
    let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
    let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
    [
        0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
        1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
        0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
    ]
}

/// OKLab to sRGB 0..255 (not rounded; colours outside the gamut are clipped).
pub fn srgb([l, a, b]: [f32; 3]) -> [f32; 3] {
    let cube = |v: f32| v * v * v;
    let x = cube(l + 0.396_337_78 * a + 0.215_803_76 * b);
    let y = cube(l - 0.105_561_346 * a - 0.063_854_17 * b);
    let z = cube(l - 0.089_484_18 * a - 1.291_485_5 * b);
    [
        4.076_741_7 * x - 3.307_711_6 * y + 0.230_969_94 * z,
        -1.268_438 * x + 2.609_757_4 * y - 0.341_319_4 * z,
        -0.004_196_086_3 * x - 0.703_418_6 * y + 1.707_614_7 * z,
    ]
    .map(|v| {
        let v = v.clamp(0.0, 1.0);
        255.0 * if v <= 0.003_130_8 { 12.92 * v } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 }
    })
}

/// A whole picture in OKLab.
pub fn to_lab(picture: &Rgb) -> Lab {
    let data = picture.data.par_iter().with_min_len(4096).map(|&p| oklab(p)).collect();
    Grid::from_data(picture.width, picture.height, data)
}

/// A whole OKLab picture as sRGB 0..255.
pub fn to_srgb(picture: &Lab) -> Grid<[f32; 3]> {
    let data = picture.data.par_iter().with_min_len(4096).map(|&p| srgb(p)).collect();
    Grid::from_data(picture.width, picture.height, data)
}

/// 8-bit values as numbers, to filter or resize them.
pub fn to_float(picture: &Rgb) -> Grid<[f32; 3]> {
    picture.map(|p| p.map(f32::from))
}

/// Rounds and clips 0..255 to 8 bits.
pub fn to_rgb(picture: &Grid<[f32; 3]>) -> Rgb {
    picture.map(|p| p.map(|v| (v + 0.5).clamp(0.0, 255.0) as u8))
}

/// The lightness of an OKLab picture.
pub fn lightness(picture: &Lab) -> Plane {
    picture.map(|p| p[0])
}

/// The OKLab colour of a lightness, a chroma and a hue in degrees.
pub fn lch(lightness: f32, chroma: f32, hue_deg: f32) -> [f32; 3] {
    let (sin, cos) = hue_deg.to_radians().sin_cos();
    [lightness, chroma * cos, chroma * sin]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_grey_and_primary_survives_the_way_to_oklab_and_back() {
        for colour in
            [[0, 0, 0], [255, 255, 255], [128, 128, 128], [255, 0, 0], [0, 255, 0], [0, 0, 255], [17, 130, 201]]
        {
            let back = srgb(oklab(colour));
            for (there, back) in colour.iter().zip(back) {
                assert!((f32::from(*there) - back).abs() < 0.6, "{colour:?} came back as {back:?}");
            }
        }
    }

    #[test]
    fn white_has_lightness_one_and_no_colour() {
        let [l, a, b] = oklab([255; 3]);
        assert!((l - 1.0).abs() < 1e-3 && a.abs() < 1e-3 && b.abs() < 1e-3);
    }
}
