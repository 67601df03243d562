//! Pictures to look at, when asked for.

use std::path::Path;

use image::RgbImage;
use trainer::raster::colour::{to_float, to_rgb};
use trainer::raster::resize::{Interpolation, resize};
use trainer::raster::{Mask, Plane, Rgb};

/// The frame with what was found in red, missed in blue, both in green.
pub fn overlay(path: &Path, frame: &Rgb, found: &Plane, truth: Option<&Mask>) {
    let mut picture = to_rgb(&resize(&to_float(frame), found.width, found.height, Interpolation::Area));
    let truth = truth.map(|truth| {
        let cover = truth.map(|&there| f32::from(u8::from(there)));
        resize(&cover, found.width, found.height, Interpolation::Area)
    });
    for (i, pixel) in picture.data.iter_mut().enumerate() {
        let there = truth.as_ref().is_some_and(|truth| truth.data[i] > 0.5);
        let channel = match (found.data[i] > 0.5, there) {
            (true, true) => 1,
            (true, false) => 0,
            (false, true) => 2,
            (false, false) => continue,
        };
        pixel[channel] = 128 + pixel[channel] / 2;
    }
    if let Err(error) = write(path, &picture) {
        eprintln!("{}: {error}", path.display());
    }
}

pub fn write(path: &Path, picture: &Rgb) -> image::ImageResult<()> {
    let pixel = |x, y| image::Rgb(picture[(x as usize, y as usize)]);
    RgbImage::from_fn(picture.width as u32, picture.height as u32, pixel).save(path)
}
