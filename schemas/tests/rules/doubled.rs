//! Any events in any order, legal or not: one of them doubled in place changes nothing.

use crate::{authored, samples};
use proptest::prelude::*;
use schemas::comic::Comic;
use schemas::job::Job;
use schemas::media::Media;
use schemas::scene::Scene;
use schemas::user::User;
use schemas::video::Video;
use schemas::{Aggregate, Event, Kind};
use std::fmt::Debug;

fn events_of(kind: Kind) -> Vec<Event> {
    samples::all().into_iter().chain(authored::all()).filter(|event| event.kind() == kind).collect()
}

fn folds_alike<A: Aggregate + Debug>(kind: Kind) {
    let history = prop::collection::vec((prop::sample::select(events_of(kind)), any::<bool>()), 0..40);
    let config = ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() };
    proptest!(config, |(history in history)| {
        let once = A::fold(history.iter().map(|(event, _)| event));
        let doubled = history.iter().flat_map(|(event, twice)| std::iter::repeat_n(event, 1 + usize::from(*twice)));
        prop_assert_eq!(format!("{:?}", A::fold(doubled)), format!("{once:?}"));
    });
}

#[test]
fn an_event_doubled_in_place_changes_nothing() {
    folds_alike::<User>(Kind::User);
    folds_alike::<Video>(Kind::Video);
    folds_alike::<Job>(Kind::Job);
    folds_alike::<Media>(Kind::Media);
    folds_alike::<Scene>(Kind::Scene);
    folds_alike::<Comic>(Kind::Comic);
}
