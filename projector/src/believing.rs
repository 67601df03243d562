//! What an event may say and still be shown. The log takes what its writers send; a writer may be wrong.

use schemas::{Event, Recorded};
use time::OffsetDateTime;

/// Kart is younger than the first and will be older than the second.
const YEARS: std::ops::Range<i32> = 2020..2100;

/// An event says what cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Incredible {
    #[error("it happened in the year {0}")]
    Year(i32),
    #[error("{done} of {of} are done")]
    Progress { done: u32, of: u32 },
    #[error("a number is not finite")]
    NotFinite,
}

/// # Errors
/// What cannot be believed about the event.
pub fn believe(recorded: &Recorded) -> Result<(), Incredible> {
    let year = OffsetDateTime::year(recorded.new.time);
    if !YEARS.contains(&year) {
        return Err(Incredible::Year(year));
    }
    match recorded.event() {
        Event::TrainingProgressed(e) if e.step > e.of => Err(Incredible::Progress { done: e.step, of: e.of }),
        Event::TrainingProgressed(e) if !e.loss.is_finite() => Err(Incredible::NotFinite),
        Event::PanelRendered(e) if e.index >= e.of => Err(Incredible::Progress { done: e.index + 1, of: e.of }),
        _ => Ok(()),
    }
}
