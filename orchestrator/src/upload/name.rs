//! The name of an uploaded file: shown to its owner, never part of a path or a key.

use crate::headers::percent_decode;

/// Longer names are refused, in characters.
const LONGEST: usize = 255;
const UNNAMED: &str = "video";

#[derive(Debug, PartialEq, thiserror::Error)]
pub enum NameError {
    #[error("the file name holds control characters")]
    Control,
    #[error("the file name holds characters that turn the direction of writing")]
    Direction,
    #[error("the file name has more than {LONGEST} characters")]
    TooLong,
}

/// The last step of whatever path the client gave, or a stand-in.
///
/// # Errors
/// For names that would mislead whoever reads them.
pub fn clean(given: Option<&str>) -> Result<String, NameError> {
    let name = unescape(given.unwrap_or_default());
    if name.chars().any(char::is_control) {
        return Err(NameError::Control);
    }
    if name.chars().any(turns_direction) {
        return Err(NameError::Direction);
    }
    if name.chars().count() > LONGEST {
        return Err(NameError::TooLong);
    }
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default().trim();
    let named = !matches!(last, "" | "." | "..");
    Ok(if named { last } else { UNNAMED }.to_owned())
}

/// Browsers write a quote, CR and LF in a name as `%22`, `%0D` and `%0A` (HTML, multipart/form-data encoding).
fn unescape(name: &str) -> String {
    let mut clear = name.to_owned();
    for escape in ["%22", "%0D", "%0A", "%0d", "%0a", "%00"] {
        if let Some([byte]) = percent_decode(escape).as_deref() {
            clear = clear.replace(escape, &char::from(*byte).to_string());
        }
    }
    clear
}

/// Unicode's bidirectional controls (UAX #9): `gpj.mp4` can be made to read `4pm.jpg`.
fn turns_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_step_of_a_path_is_kept() {
        for (given, expected) in [
            ("me.mp4", "me.mp4"),
            ("../../x", "x"),
            ("C:\\fakepath\\me.mov", "me.mov"),
            ("http:x.mp4", "http:x.mp4"),
            ("-y.mp4", "-y.mp4"),
            ("  spaced .mp4 ", "spaced .mp4"),
            ("a %22b%22.mp4", "a \"b\".mp4"),
            ("私.mp4", "私.mp4"),
            ("..", "video"),
            ("dir/", "video"),
            ("", "video"),
        ] {
            assert_eq!(clean(Some(given)).as_deref(), Ok(expected), "{given}");
        }
        assert_eq!(clean(None).as_deref(), Ok("video"));
    }

    #[test]
    fn a_misleading_name_is_refused() {
        assert_eq!(clean(Some("a\r\nb.mp4")), Err(NameError::Control));
        assert_eq!(clean(Some("a%0D%0Ab.mp4")), Err(NameError::Control));
        assert_eq!(clean(Some("a\0.mp4")), Err(NameError::Control));
        assert_eq!(clean(Some("a\u{202e}4pm.exe")), Err(NameError::Direction));
        assert_eq!(clean(Some(&"x".repeat(300))), Err(NameError::TooLong));
    }
}
