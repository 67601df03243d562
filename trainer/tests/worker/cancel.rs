//! Whatever a worker is doing, a cancel ends it, and the slot is free for the next job.

use crate::place::Place;
use futures::StreamExt;
use schemas::JobId;
use schemas::event::Phase;
use schemas::job::Stage;
use schemas::progress::Tick;
use std::time::{Duration, Instant};

/// The first tick of the job in this stage.
async fn reach(ticks: &mut (impl StreamExt<Item = Tick> + Unpin), job: JobId, stage: &str) {
    let reached = async {
        while let Some(tick) = ticks.next().await {
            if tick.job == job && tick.stage == stage {
                return;
            }
            assert!(tick.job != job || tick.stage != "storing", "{stage} was passed unseen");
        }
    };
    tokio::time::timeout(Duration::from_secs(120), reached).await.unwrap_or_else(|_| panic!("{stage} never came"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_in_any_stage_frees_the_slot() {
    let place = Place::with(1).await;
    let (video, model) = (place.video().await, place.model().await);
    let training = ["fetching the video", "decoding", "looking for people and faces", "training"];
    let inference = ["fetching the video", "looking through the video", "drawing"];
    let stages = training.map(|stage| (Phase::Training, stage)).into_iter();
    for (phase, stage) in stages.chain(inference.map(|stage| (Phase::Inference, stage))) {
        let mut ticks = place.bus.ticks().follow().await.unwrap();
        let job = place.dispatch(&video, (phase == Phase::Inference).then_some(&model)).await;
        reach(&mut ticks, job, stage).await;
        place.cancel(job).await;
        let asked = Instant::now();
        place.until("the job is cancelled", job, |job| job.stage == Stage::Cancelled).await;
        let cancelled = asked.elapsed();
        place.until_a_slot_is_free(phase).await;
        println!("{stage}: cancelled after {cancelled:?}, the next job has ended after {:?}", asked.elapsed());
        assert_eq!(place.job(job).await.stage, Stage::Cancelled, "{stage}");
    }
    place.close().await;
}
