use crate::house::{House, blob, form, id, mp4, visitor};
use schemas::event::*;
use schemas::job::JobCommand;
use schemas::{Event, JobId};
use uuid::Uuid;

/// What a trainer does with both phases, without the pictures.
pub async fn work_to_the_end(house: &House, job: JobId) {
    let task = house.take_of(Phase::Training, job).await;
    let (attempt, lease) = (task.work.attempt, Uuid::now_v7());
    let start =
        || JobCommand::StartTraining(TrainingStarted { attempt, lease, device: "test".into(), teachers: vec![] });
    house.tell(job, start).await;
    let progress = || {
        JobCommand::ProgressTraining(TrainingProgressed {
            attempt,
            lease,
            step: 50,
            of: 100,
            loss: 0.5,
            checkpoint: None,
        })
    };
    house.tell(job, progress).await;
    let model = blob("models/x.safetensors");
    let trained = || {
        JobCommand::CompleteTraining(Box::new(TrainingCompleted {
            attempt,
            lease,
            model: model.clone(),
            steps: 100,
            curve: vec![1.0, 0.5],
            duration_ms: 1_000,
            advice: vec![],
            device: None,
        }))
    };
    house.tell(job, trained).await;
    task.done().await.expect("the queue confirms");
    draw_to_the_end(house, job).await;
}

/// What a trainer does with the drawing.
pub async fn draw_to_the_end(house: &House, job: JobId) {
    let task = house.take_of(Phase::Inference, job).await;
    let (attempt, lease) = (task.work.attempt, Uuid::now_v7());
    house.tell(job, || JobCommand::StartInference(InferenceStarted { attempt, lease, device: "test".into() })).await;
    let owner = house.owner(job).await;
    let panel = house.picture(owner, &format!("panel-{job}")).await;
    let rendered =
        || JobCommand::RenderPanel(Box::new(PanelRendered { attempt, lease, index: 0, of: 1, picture: panel.clone() }));
    house.tell(job, rendered).await;
    let page = house.picture(owner, &format!("page-{job}")).await;
    let cutout = house.picture(owner, &format!("cutout-{job}")).await;
    let drawn = || {
        JobCommand::CompleteInference(Box::new(InferenceCompleted {
            attempt,
            lease,
            page: page.clone(),
            panels: vec![panel.clone()],
            // The same picture twice is one picture in the library.
            cutouts: vec![cutout.clone(), cutout.clone()],
            background: None,
            duration_ms: 500,
        }))
    };
    house.tell(job, drawn).await;
    task.done().await.expect("the queue confirms");
}

#[tokio::test]
async fn a_job_goes_from_video_to_comic() {
    let house = House::build().await;
    let visitor = visitor();
    let job = house.upload(&visitor).await;
    let (job, path) = (id(&job), format!("/v1/jobs/{}", id(&job)));
    work_to_the_end(&house, job).await;
    let done = house.until(&visitor, &path, |job| job["status"] == "succeeded").await;
    assert_eq!(done["training"]["status"], "succeeded");
    assert_eq!(done["training"]["curve"], serde_json::json!([1.0, 0.5]));
    assert_eq!(done["inference"]["status"], "succeeded");
    let output = &done["output"];
    assert_eq!(output["panels"].as_array().expect("panels").len(), 1);

    let page = house.get(&visitor, output["page"].as_str().expect("a page")).await;
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["content-type"], "image/png");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    assert!(page.headers()["content-security-policy"].to_str().expect("text").contains("sandbox"));
    assert!(page.headers()["cache-control"].to_str().expect("text").starts_with("private, max-age="));
    let etag = page.headers()["etag"].clone();
    assert_eq!(page.text().await.expect("bytes"), format!("not really a picture: page-{job}"));
    let url = house.url(output["page"].as_str().expect("a page"));
    let again = visitor.get(url).header("if-none-match", etag).send().await.expect("an answer");
    assert_eq!(again.status(), 304);

    let comic = house.get(&visitor, output["comic"].as_str().expect("a comic")).await;
    assert_eq!(comic.status(), 200);
    assert!(comic.text().await.expect("a page").contains(&format!("alt of panel-{job}")));
    let events = house.bus.log().load(job.into()).await.expect("the log answers").events;
    let ends = events.iter().filter(|event| matches!(event.event(), Event::JobCompleted(_)));
    assert_eq!(ends.count(), 1);
}

#[tokio::test]
async fn two_dispatchers_do_everything_once() {
    let house = House::build().await;
    let stop = tokio_util::sync::CancellationToken::new();
    let second = tokio::spawn(orchestrator::dispatch(house.bus.clone(), orchestrator::Slots::default(), stop.clone()));
    let visitor = visitor();
    let job = id(&house.upload(&visitor).await);
    work_to_the_end(&house, job).await;
    house.until(&visitor, &format!("/v1/jobs/{job}"), |job| job["status"] == "succeeded").await;
    stop.cancel();
    second.await.expect("the second dispatcher stops");
    let events = house.bus.log().load(job.into()).await.expect("the log answers").events;
    let names: Vec<_> = events.iter().map(|event| event.event().name()).collect();
    assert_eq!(names.iter().filter(|name| **name == "dispatched").count(), 2, "{names:?}");
    assert_eq!(names.last(), Some(&"completed"), "{names:?}");
}

#[tokio::test]
async fn a_failed_attempt_is_tried_again_when_it_is_due() {
    let house = House::build().await;
    let visitor = visitor();
    let job = id(&house.upload(&visitor).await);
    let task = house.take_of(Phase::Training, job).await;
    let lease = Uuid::now_v7();
    let start =
        || JobCommand::StartTraining(TrainingStarted { attempt: 1, lease, device: "test".into(), teachers: vec![] });
    house.tell(job, start).await;
    let fail = || JobCommand::Fail {
        lease,
        code: "internal".into(),
        detail: "a test".into(),
        retryable: true,
        now_ms: (schemas::envelope::now().unix_timestamp_nanos() / 1_000_000) as u64,
    };
    house.tell(job, fail).await;
    task.done().await.expect("the queue confirms");
    let again = house.take_of(Phase::Training, job).await;
    assert_eq!(again.work.attempt, 2);
}

#[tokio::test]
async fn a_job_in_line_has_its_place() {
    let house = House::build().await;
    let visitor = visitor();
    let low = visitor.post(house.url("/v1/jobs?priority=low")).multipart(form(mp4(100_000), "me.mp4"));
    let low: serde_json::Value = low.send().await.expect("an answer").json().await.expect("a job");
    let normal = house.upload(&visitor).await;
    // Both are in the work queue by now, which nobody empties: the first that came stands first.
    for (job, position) in [(low, 0), (normal, 1)] {
        let path = format!("/v1/jobs/{}", id(&job));
        let job = house.until(&visitor, &path, |job| job["queue"]["position"] == position).await;
        assert_eq!((&job["queue"]["eta_s"], &job["progress"]["queue_position"]), (&().into(), &position.into()));
    }
    let odd = visitor.post(house.url("/v1/jobs?priority=highest")).multipart(form(mp4(100), "me.mp4"));
    let odd = odd.send().await.expect("an answer");
    assert_eq!(crate::house::code(odd).await, (400, "invalid-priority".to_owned()));
}
