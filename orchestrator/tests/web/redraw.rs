//! Styles: chosen with the video, and another one later.

use crate::dispatch::{draw_to_the_end, work_to_the_end};
use crate::house::{House, code, id, mp4, visitor};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response, StatusCode};
use schemas::event::{JobRequested, Phase, TrainingStarted};
use schemas::job::JobCommand;
use schemas::{Event, JobId};
use serde_json::Value;
use uuid::Uuid;

async fn redraw(house: &House, visitor: &Client, job: JobId, query: &str) -> Response {
    let url = house.url(&format!("/v1/jobs/{job}/redraw?{query}"));
    visitor.post(url).send().await.expect("an answer")
}

async fn asked(house: &House, job: JobId) -> JobRequested {
    let events = house.bus.log().load(job.into()).await.expect("the log answers").events;
    let Some(Event::JobRequested(request)) = events.first().map(|first| first.event()) else {
        panic!("it is asked for")
    };
    request.clone()
}

#[tokio::test]
async fn the_style_that_is_sent_with_a_video_is_in_the_log_and_in_the_answer() {
    let house = House::build().await;
    let form = Form::new().text("style", "watercolour").part("video", Part::bytes(mp4(1_000)).file_name("a.mp4"));
    let answer = visitor().post(house.url("/v1/jobs")).multipart(form).send().await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let job: Value = answer.json().await.expect("a job");
    assert_eq!(job["style"], "watercolour");
    assert_eq!(asked(&house, id(&job)).await.style, "watercolour".parse().ok());
}

#[tokio::test]
async fn a_finished_comic_is_drawn_again_without_training_and_stays_as_it_is() {
    let house = House::build().await;
    let visitor = visitor();
    let first = id(&house.upload(&visitor).await);
    let path = format!("/v1/jobs/{first}");
    work_to_the_end(&house, first).await;
    let done = house.until(&visitor, &path, |job| job["status"] == "succeeded").await;

    for style in schemas::style::ALL {
        let answer = redraw(&house, &visitor, first, &format!("style={}", style.name)).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        let again: Value = answer.json().await.expect("a job");
        assert_eq!((&again["style"], &again["redraw_of"]), (&style.name.into(), &done["id"]));
        assert_eq!(again["training"]["status"], "succeeded");
        let page = house.get(&visitor, &format!("/jobs/{}", id(&again))).await.text().await.expect("a page");
        assert!(page.contains(done["output"]["page"].as_str().expect("a page")), "the old page is seen meanwhile");
        draw_to_the_end(&house, id(&again)).await;
        let path = format!("/v1/jobs/{}", id(&again));
        let again = house.until(&visitor, &path, |job| job["status"] == "succeeded").await;
        assert_ne!(again["output"]["comic"], done["output"]["comic"]);
        assert_eq!(again["input"]["title"], done["input"]["title"]);
    }
    assert_eq!(house.json(&visitor, &path).await, done);
    let trainings = house.bus.work().take(Phase::Training).await.expect("the queue answers");
    assert!(trainings.is_none(), "nothing is trained again");
}

#[tokio::test]
async fn the_same_wish_under_the_same_id_is_one_job_and_another_wish_another() {
    let house = House::build().await;
    let visitor = visitor();
    let first = id(&house.upload(&visitor).await);
    work_to_the_end(&house, first).await;
    house.until(&visitor, &format!("/v1/jobs/{first}"), |job| job["status"] == "succeeded").await;
    let name = JobId::new();
    let mut ids = vec![];
    for style in ["manga", "manga", "newspaper"] {
        let answer = redraw(&house, &visitor, first, &format!("style={style}&job={name}")).await;
        let job: Value = answer.json().await.expect("a job");
        assert_eq!(job["style"], style);
        ids.push(id(&job));
    }
    assert!(ids[0] == name && ids[1] == name && ids[2] != name, "{ids:?}");
    let events = house.bus.log().load(name.into()).await.expect("the log answers").events;
    assert_eq!(events.iter().filter(|event| matches!(event.event(), Event::JobRequested(_))).count(), 1);
}

#[tokio::test]
async fn what_cannot_be_drawn_again_is_refused_with_the_reason() {
    let house = House::build().await;
    let visitor = visitor();
    let job = id(&house.upload(&visitor).await);
    let refused = async |query: &str| code(redraw(&house, &visitor, job, query).await).await;
    assert_eq!(refused("style=crayon").await, (400, "unknown-style".to_owned()));
    assert_eq!(refused("").await, (400, "unknown-style".to_owned()));
    assert_eq!(refused("style=manga&job=7").await, (400, "invalid-job".to_owned()));
    assert_eq!(refused("style=manga").await, (409, "redraw-unfinished".to_owned()));
    let _task = house.take_of(Phase::Training, job).await;
    let (attempt, lease) = (1, Uuid::now_v7());
    let start = || JobCommand::StartTraining(TrainingStarted { attempt, lease, device: "t".into(), teachers: vec![] });
    house.tell(job, start).await;
    let fail = || {
        let (code, detail) = ("too-dark".to_owned(), "Too dark.".to_owned());
        JobCommand::Fail { lease, code, detail, retryable: false, now_ms: 0 }
    };
    house.tell(job, fail).await;
    assert_eq!(refused("style=manga").await, (409, "redraw-failed".to_owned()));
    let stranger = crate::house::visitor();
    house.upload(&stranger).await;
    assert_eq!(code(redraw(&house, &stranger, job, "style=manga").await).await, (404, "not-found".to_owned()));

    let stopped = id(&house.upload(&visitor).await);
    visitor.post(house.url(&format!("/v1/jobs/{stopped}/cancel"))).send().await.expect("an answer");
    let answer = redraw(&house, &visitor, stopped, "style=manga").await;
    assert_eq!(code(answer).await, (409, "redraw-canceled".to_owned()));
}
