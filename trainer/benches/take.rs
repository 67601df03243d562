//! How long work waits for a worker with one free slot. `cargo bench -p trainer --bench take`.
//!
//! Trainings and drawings in turn, each of a video that is not there, so that nothing is computed: from the event that
//! says it was handed to the queue to the event that says it was taken.
#![allow(clippy::unwrap_used)]

#[path = "../tests/worker/place.rs"]
#[allow(dead_code)]
mod place;

use place::Place;
use schemas::job::Stage;
use schemas::{Blob, Event, Hash, JobId};

const JOBS: usize = 40;

#[tokio::main]
async fn main() {
    let place = Place::with(1).await;
    let model = place.model().await;
    let gone = Blob { key: "video/gone".into(), sha256: Hash::of(b"gone"), bytes: 4 };
    let mut waits = vec![];
    for i in 0..JOBS {
        let job = place.dispatch(&gone, (i % 2 == 1).then_some(&model)).await;
        place.until("the job has ended", job, |job| job.stage == Stage::Failed).await;
        waits.push(wait(&place, job).await);
    }
    waits.sort_by(f64::total_cmp);
    let [median, most] = [JOBS / 2, JOBS - 1].map(|i| waits[i]);
    println!("dispatched to started, {JOBS} jobs of both phases in turn: median {median:.0} ms, most {most:.0} ms");
    place.close().await;
}

/// In milliseconds.
async fn wait(place: &Place, job: JobId) -> f64 {
    let events = place.bus.log().load(job.into()).await.unwrap().events;
    let time = |wanted: fn(&Event) -> bool| {
        let event = events.iter().rev().find(|recorded| wanted(recorded.event()));
        event.expect("the job was taken").new.time
    };
    let started = time(|event| matches!(event, Event::TrainingStarted(_) | Event::InferenceStarted(_)));
    let dispatched = time(|event| matches!(event, Event::JobDispatched(_)));
    1000.0 * (started - dispatched).as_seconds_f64()
}
