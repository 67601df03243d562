//! What values people may give. Nothing outside these limits gets into the log.

use crate::Personal;
use crate::event::{Balloon, Point, Pose};
use std::ops::RangeInclusive;

/// Characters in a comic's title or a picture's name.
pub const NAME: usize = 200;
/// Characters in a balloon. A balloon that reads well has 25 words at most.
pub const BALLOON: usize = 300;
/// Characters in one tag.
pub const TAG: usize = 40;
pub const TAGS: usize = 30;
/// Characters in the URL of a notification target.
pub const ADDRESS: usize = 2_000;
pub const TARGETS: usize = 10;
pub const VERSIONS: usize = 500;
pub const PLACEMENTS: usize = 100;
pub const BALLOONS: usize = 20;
/// Every event about a comic's scenes holds all their ids: 12 KB of the 64 KiB that an event may have.
pub const SCENES: usize = 300;
/// Width and height of a scene, in pixels.
pub const SIDE: RangeInclusive<u32> = 16..=10_000;
pub const STARS: RangeInclusive<u8> = 1..=5;

/// Pixels from a scene's corner: a picture may stand partly or wholly outside.
const COORDINATE: RangeInclusive<f32> = -100_000.0..=100_000.0;
const DEPTH: RangeInclusive<i32> = -10_000..=10_000;
const SCALE: RangeInclusive<f32> = 0.001..=1_000.0;
const ROTATION: RangeInclusive<f32> = -360.0..=360.0;

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    #[error("a text is empty")]
    Blank,
    #[error("a text is too long")]
    TooLong,
    #[error("a text cannot be read, or holds control characters")]
    NotText,
    #[error("a number is out of range")]
    OutOfRange,
    #[error("there are too many of them")]
    TooMany,
    #[error("the same stands there twice")]
    Repeated,
    #[error("an address does not begin with https://")]
    NotHttps,
}

/// `value`, if `range` holds it. NaN is in no range.
pub(crate) fn within<T: PartialOrd>(value: T, range: &RangeInclusive<T>) -> Result<(), Invalid> {
    if range.contains(&value) { Ok(()) } else { Err(Invalid::OutOfRange) }
}

/// Whether one more fits.
pub(crate) fn room(count: usize, most: usize) -> Result<(), Invalid> {
    if count < most { Ok(()) } else { Err(Invalid::TooMany) }
}

/// A text of one or more lines, with something to read in it.
pub(crate) fn text(text: &Personal, most: usize) -> Result<&str, Invalid> {
    let text = text.text().ok_or(Invalid::NotText)?;
    match text {
        _ if text.trim().is_empty() => Err(Invalid::Blank),
        _ if text.chars().count() > most => Err(Invalid::TooLong),
        _ if text.chars().any(|c| c.is_control() && c != '\n') => Err(Invalid::NotText),
        _ => Ok(text),
    }
}

/// A text of one line.
pub(crate) fn line(value: &Personal, most: usize) -> Result<(), Invalid> {
    if text(value, most)?.contains('\n') { Err(Invalid::NotText) } else { Ok(()) }
}

/// Tags, one a line and each once; no tags at all are in order.
pub(crate) fn tags(value: &Personal) -> Result<(), Invalid> {
    if value.text() == Some("") {
        return Ok(());
    }
    let mut tags: Vec<&str> = text(value, (TAG + 1) * TAGS)?.split('\n').collect();
    for tag in &tags {
        line(&Personal::from(*tag), TAG)?;
    }
    let count = tags.len();
    tags.sort_unstable();
    tags.dedup();
    match count {
        _ if count > TAGS => Err(Invalid::TooMany),
        _ if tags.len() < count => Err(Invalid::Repeated),
        _ => Ok(()),
    }
}

pub(crate) fn address(value: &Personal) -> Result<(), Invalid> {
    line(value, ADDRESS)?;
    let host = value.text().and_then(|text| text.strip_prefix("https://"));
    if host.is_some_and(|host| !host.is_empty()) { Ok(()) } else { Err(Invalid::NotHttps) }
}

pub(crate) fn pose(pose: &Pose) -> Result<(), Invalid> {
    within(pose.x, &COORDINATE)?;
    within(pose.y, &COORDINATE)?;
    within(pose.z, &DEPTH)?;
    within(pose.scale, &SCALE)?;
    within(pose.rotation, &ROTATION)
}

pub(crate) fn balloon(balloon: &Balloon) -> Result<(), Invalid> {
    for Point { x, y } in [balloon.at].into_iter().chain(balloon.tail) {
        within(x, &COORDINATE)?;
        within(y, &COORDINATE)?;
    }
    text(&balloon.text, BALLOON).map(drop)
}
