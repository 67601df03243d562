//! Styles, scripts and drawings: compiled in, and served under their hash, so that browsers may keep them for ever.

use crate::problem::Problem;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use schemas::Hash;
use std::sync::LazyLock;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    path: String,
}

macro_rules! assets {
    ($($name:literal: $content_type:literal),* $(,)?) => {
        static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| vec![
            $(asset($name, $content_type, include_bytes!(concat!("../assets/", $name)))),*
        ]);
    };
}

assets! {
    "kart.css": "text/css; charset=utf-8",
    "upload.js": "text/javascript; charset=utf-8",
    "live.js": "text/javascript; charset=utf-8",
    "hero.svg": "image/svg+xml",
    "icon.svg": "image/svg+xml",
    "style-bold-ink.svg": "image/svg+xml",
    "style-watercolour.svg": "image/svg+xml",
    "style-manga.svg": "image/svg+xml",
    "style-newspaper.svg": "image/svg+xml",
}

fn asset(name: &'static str, content_type: &'static str, bytes: &'static [u8]) -> Asset {
    let hash = Hash::of(bytes).to_string();
    Asset { name, content_type, bytes, path: format!("/assets/{}/{name}", &hash[..16]) }
}

/// Where an asset is.
///
/// # Panics
/// For a name that is not in the list: names are ours.
pub fn path(name: &str) -> &'static str {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    &asset.expect("pages name assets that are there; a test draws every page").path
}

/// `GET /assets/{hash}/{name}`
pub async fn serve(Path((hash, name)): Path<(String, String)>) -> Result<Response, Problem> {
    let wanted = format!("/assets/{hash}/{name}");
    let asset = ASSETS.iter().find(|asset| asset.path == wanted).ok_or_else(Problem::not_found)?;
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.content_type)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    Ok((headers, asset.bytes).into_response())
}
