//! Pictures to look at, when asked for.

use std::path::Path;

use image::RgbImage;
use trainer::raster::resize::{Interpolation, resize};
use trainer::raster::{Mask, Rgb};
use trainer::raster::colour::{to_float, to_rgb};

/// The frame with what was found in red, missed in blue, both in green.
pub fn overlay(path: &Path, frame: &Rgb, found: &Mask, truth: &Mask) {
    let mut picture = to_rgb(&resize(&to_float(frame), truth.width, truth.height, Interpolation::Area));
    for (pixel, (found, truth)) in picture.data.iter_mut().zip(found.data.iter().zip(&truth.data)) {
        let channel = match (found, truth) {
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
