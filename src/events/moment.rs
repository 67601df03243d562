//! Moments as people give them.

use std::str::FromStr;
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// A point in time: RFC 3339, or how long ago it was (`90s`, `15m`, `2h`, `7d`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment(pub OffsetDateTime);

/// A state of the log: after this sequence, or at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AsOf {
    Sequence(u64),
    Moment(Moment),
}

#[derive(Debug, thiserror::Error)]
#[error("{0:?} is neither a time, such as 2026-11-24T11:17:00Z, nor how long ago, such as 90s, 15m, 2h or 7d")]
pub struct NoMoment(String);

impl FromStr for Moment {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        if let Ok(time) = OffsetDateTime::parse(text, &Rfc3339) {
            return Ok(Self(time));
        }
        ago(text).and_then(|ago| OffsetDateTime::now_utc().checked_sub(ago)).map(Self).ok_or(NoMoment(text.to_owned()))
    }
}

fn ago(text: &str) -> Option<Duration> {
    let unit = text.chars().last()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u32 = text.strip_suffix(unit)?.parse().ok()?;
    Some(Duration::seconds(i64::from(number) * seconds))
}

impl FromStr for AsOf {
    type Err = NoMoment;

    fn from_str(text: &str) -> Result<Self, NoMoment> {
        text.parse().map(Self::Sequence).or_else(|_| text.parse().map(Self::Moment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn times_and_distances_are_understood() {
        let time = datetime!(2026-11-24 11:17:00.5 UTC);
        assert_eq!("2026-11-24T12:17:00.5+01:00".parse::<Moment>().unwrap(), Moment(time));
        for (text, seconds) in [("90s", 90), ("15m", 900), ("2h", 7_200), ("7d", 604_800)] {
            let Moment(moment) = text.parse().unwrap();
            let ago = OffsetDateTime::now_utc() - moment;
            assert!((ago.whole_seconds() - seconds).abs() < 5, "{text}: {ago}");
        }
        for text in ["", "h", "-2h", "2w", "yesterday", "2026-11-24"] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_is_a_sequence() {
        assert_eq!("123".parse::<AsOf>().unwrap(), AsOf::Sequence(123));
        assert!(matches!("123s".parse::<AsOf>().unwrap(), AsOf::Moment(_)));
    }
}
