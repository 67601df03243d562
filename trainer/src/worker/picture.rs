//! Pictures as PNG, stored under their owner and the hash of their bytes.

use super::{Hold, Outcome, Worker};
use crate::net::Model;
use crate::raster::{Grid, Rgb, Rgba, colour};
use bytes::Bytes;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder, ImageError};
use schemas::blob::keys;
use schemas::event::Picture;
use schemas::{Hash, MediaId};

/// A picture ready to be stored.
pub struct Encoded {
    png: Result<Vec<u8>, ImageError>,
    width: u32,
    height: u32,
}

pub fn rgb(picture: &Rgb) -> Encoded {
    encode(picture, ExtendedColorType::Rgb8)
}

pub fn rgba(picture: &Rgba) -> Encoded {
    encode(picture, ExtendedColorType::Rgba8)
}

fn encode<const N: usize>(picture: &Grid<[u8; N]>, colour: ExtendedColorType) -> Encoded
where
    [u8; N]: bytemuck::Pod,
{
    let (width, height) = (picture.width as u32, picture.height as u32);
    let mut png = vec![];
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive);
    let written = encoder.write_image(bytemuck::cast_slice(&picture.data), width, height, colour);
    Encoded { png: written.map(|()| png), width, height }
}

/// Puts a picture into S3.
pub async fn store(
    worker: &Worker,
    hold: &Hold,
    encoded: Encoded,
    alt: &str,
    at_ms: Option<u64>,
) -> Result<Picture, Outcome> {
    let png = Bytes::from(encoded.png.map_err(Outcome::internal)?);
    let key = keys::picture(hold.user, &Hash::of(&png));
    let blob = worker.blobs.put(&key, png, "image/png").await?;
    Ok(Picture {
        media: MediaId::of(hold.user, &blob.sha256),
        blob,
        width: encoded.width,
        height: encoded.height,
        alt: alt.to_owned(),
        at_ms,
    })
}

/// How the model sees a frame: each pixel in its palette colour. `None` when it cannot be encoded.
pub fn preview(model: &Model, frame: &Rgb) -> Option<Vec<u8>> {
    let palette = model.palette().colours;
    let flat = model.infer(frame).labels().map(|&entry| palette[usize::from(entry)]);
    rgb(&colour::to_rgb(&colour::to_srgb(&flat))).png.ok()
}

/// The model's colours as `#rrggbb`: the person's, then those of what is around them.
pub fn colours(model: &Model) -> Vec<String> {
    let palette = model.palette();
    let (place, person) = palette.colours.split_at(palette.background);
    let hex = |&colour: &[f32; 3]| {
        let [r, g, b] = colour::srgb(colour).map(|v| v.round() as u8);
        format!("#{r:02x}{g:02x}{b:02x}")
    };
    person.iter().chain(place).map(hex).collect()
}
