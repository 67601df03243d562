//! Drawing again with a network that another job trained.

use crate::place::Place;
use schemas::job::Stage;
use schemas::{Blob, Event, Hash};

#[tokio::test(flavor = "multi_thread")]
async fn a_network_that_was_deleted_meanwhile_fails_the_job_at_once_and_says_so() {
    let place = Place::with(1).await;
    let gone = Blob { key: "model/gone".into(), sha256: Hash::of(b"gone"), bytes: 4 };
    let job = place.dispatch(&place.video().await, Some(&gone)).await;
    place.until("the drawing has failed", job, |job| job.stage == Stage::Failed).await;
    let loaded = place.bus.log().load(job.into()).await.unwrap();
    let failed = loaded.events.iter().find_map(|recorded| match recorded.event() {
        Event::JobFailed(failed) => Some(failed),
        _ => None,
    });
    let failed = failed.expect("the log says why");
    assert_eq!((failed.code.as_str(), failed.retryable), ("model-gone", false));
    assert!(failed.detail.contains("again"), "{}", failed.detail);
    place.close().await;
}
