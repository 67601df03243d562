//! Numbers and times as people say them.

use time::OffsetDateTime;
use time::macros::format_description;

/// `4 GiB`, `13.2 MiB`, `512 bytes`
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} bytes");
    }
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let rounded = if value >= 100.0 || value.fract() < 0.05 { format!("{value:.0}") } else { format!("{value:.1}") };
    format!("{rounded} {}", UNITS[unit])
}

/// `8 s`, `2 min 5 s`, `1 h 20 min`
pub fn duration(ms: u64) -> String {
    let seconds = ms.div_ceil(1_000);
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, 0) => format!("{m} min"),
        (0, m, s) => format!("{m} min {s} s"),
        (h, 0, _) => format!("{h} h"),
        (h, m, _) => format!("{h} h {m} min"),
    }
}

/// `less than a minute`, `about 7 min`, `about 2 h 10 min`: for what nobody can know to the second.
pub fn roughly(ms: u64) -> String {
    let minutes = ms.div_ceil(60_000);
    match minutes {
        0 | 1 => "less than a minute".to_owned(),
        2..60 => format!("about {minutes} min"),
        _ => format!("about {}", duration(minutes.div_ceil(10) * 10 * 60_000)),
    }
}

/// `0:04.2`: where in a video a frame stands.
pub fn timecode(ms: u64) -> String {
    let tenths = (ms + 50) / 100;
    format!("{}:{:02}.{}", tenths / 600, tenths / 10 % 60, tenths % 10)
}

/// `24 November 2026, 11:17 UTC`
pub fn moment(time: OffsetDateTime) -> String {
    let format = format_description!("[day padding:none] [month repr:long] [year], [hour]:[minute] UTC");
    // A time between years 0 and 9999 always has this form.
    time.to_offset(time::UtcOffset::UTC).format(&format).unwrap_or_default()
}

/// `2026-11-24 11:17:08.250 UTC`
pub fn instant(time: OffsetDateTime) -> String {
    let format = format_description!("[year]-[month]-[day] [hour]:[minute]:[second].[subsecond digits:3] UTC");
    time.to_offset(time::UtcOffset::UTC).format(&format).unwrap_or_default()
}

/// `1 panel`, `3 panels`
pub fn count(number: usize, what: &str) -> String {
    if number == 1 { format!("1 {what}") } else { format!("{number} {what}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_read_well() {
        assert_eq!([0, 1023, 1536, 4 << 30].map(bytes), ["0 bytes", "1023 bytes", "1.5 KiB", "4 GiB"]);
        assert_eq!([900, 61_000, 120_000, 4_800_000].map(duration), ["1 s", "1 min 1 s", "2 min", "1 h 20 min"]);
        assert_eq!(
            [0, 60_000, 61_000, 3_599_000].map(roughly),
            ["less than a minute", "less than a minute", "about 2 min", "about 1 h"]
        );
        assert_eq!([3_600_000, 7_300_000].map(roughly), ["about 1 h", "about 2 h 10 min"]);
        assert_eq!([timecode(64_249), timecode(59_950)], ["1:04.2", "1:00.0"]);
        assert_eq!(moment(OffsetDateTime::UNIX_EPOCH), "1 January 1970, 00:00 UTC");
        assert_eq!(instant(OffsetDateTime::UNIX_EPOCH), "1970-01-01 00:00:00.000 UTC");
    }
}
