//! Lines that somebody draws over pictures of a video, to say what is the figure there and what is not.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A job holds at most so many strokes, with so many points together: all of it is in one event.
pub const MOST_STROKES: usize = 64;
pub const MOST_POINTS: usize = 4_096;
/// Points are given in thousandths of a picture.
pub const WHOLE: u16 = 1_000;

/// One line over one picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stroke {
    /// When the picture stands in the video. The nearest one that is looked at counts.
    pub at_ms: u64,
    /// It lies on the figure; else on what is not the figure.
    pub figure: bool,
    /// Places along it: thousandths of the picture's width from the left, and of its height from the top.
    pub points: Vec<[u16; 2]>,
}

/// Why strokes are not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadStrokes {
    #[error("there is no stroke")]
    None,
    #[error("there are more than {MOST_STROKES} strokes, or {MOST_POINTS} points")]
    TooMany,
    #[error("a stroke has no points")]
    Empty,
    #[error("a point lies outside of the picture: coordinates are 0 to {WHOLE}")]
    Outside,
}

/// Whether a job may hold these strokes.
///
/// # Errors
/// What is wrong with the first that it may not.
pub fn check(strokes: &[Stroke]) -> Result<(), BadStrokes> {
    if strokes.is_empty() {
        return Err(BadStrokes::None);
    }
    if strokes.len() > MOST_STROKES || strokes.iter().map(|stroke| stroke.points.len()).sum::<usize>() > MOST_POINTS {
        return Err(BadStrokes::TooMany);
    }
    if strokes.iter().any(|stroke| stroke.points.is_empty()) {
        return Err(BadStrokes::Empty);
    }
    match strokes.iter().flat_map(|stroke| &stroke.points).flatten().all(|&place| place <= WHOLE) {
        true => Ok(()),
        false => Err(BadStrokes::Outside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strokes_have_points_inside_the_picture_and_are_not_too_many() {
        let stroke = |points: Vec<[u16; 2]>| Stroke { at_ms: 0, figure: true, points };
        let good = stroke(vec![[0, 0], [WHOLE, WHOLE]]);
        assert_eq!(check(std::slice::from_ref(&good)), Ok(()));
        assert_eq!(check(&[]), Err(BadStrokes::None));
        assert_eq!(check(&[good.clone(), stroke(vec![])]), Err(BadStrokes::Empty));
        assert_eq!(check(&[stroke(vec![[0, WHOLE + 1]])]), Err(BadStrokes::Outside));
        assert_eq!(check(&vec![good.clone(); MOST_STROKES + 1]), Err(BadStrokes::TooMany));
        assert_eq!(check(&[stroke(vec![[5, 5]; MOST_POINTS + 1])]), Err(BadStrokes::TooMany));
    }
}
