//! One slot, two phases that wait for it.

use crate::place::Place;
use schemas::event::Phase;
use schemas::job::Stage;

#[tokio::test(flavor = "multi_thread")]
async fn work_that_comes_while_no_slot_is_free_is_handed_back_and_not_lost() {
    let place = Place::with(1).await;
    let (video, model) = (place.video().await, place.model().await);
    // Both phases are asked for; one message comes first and takes the slot.
    let first = place.dispatch(&video, None).await;
    place.until("the training is taken", first, |job| matches!(job.stage, Stage::Running { .. })).await;
    // The question for the other phase is still open: this is delivered to a worker without a slot.
    let second = place.dispatch(&video, Some(&model)).await;
    let untouched = place.job(second).await;
    assert_eq!(untouched.stage, Stage::Dispatched { phase: Phase::Inference, attempt: 1 });
    place.cancel(first).await;
    let taken = place.until("the drawing is taken", second, |job| matches!(job.stage, Stage::Running { .. })).await;
    assert_eq!(taken.starts, 1, "what was handed back counts for nothing");
    place.cancel(second).await;
    place.until("the drawing is cancelled", second, |job| job.stage == Stage::Cancelled).await;
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_one_of_many_jobs_of_both_phases_gets_its_turn_on_one_slot() {
    let place = Place::with(1).await;
    let model = place.model().await;
    let gone = schemas::Blob { key: "video/gone".into(), sha256: schemas::Hash::of(b"gone"), bytes: 4 };
    let mut jobs = vec![];
    for i in 0..24 {
        jobs.push(place.dispatch(&gone, (i % 2 == 1).then_some(&model)).await);
    }
    for job in jobs {
        let ended = place.until("the job has ended", job, |job| job.stage == Stage::Failed).await;
        assert_eq!(ended.starts, 1);
    }
    place.close().await;
}
