//! Strokes over pictures that say who the figure is.

use crate::house::{House, code, id, visitor};
use reqwest::{Client, Response, StatusCode};
use schemas::event::Phase;
use schemas::{Event, JobId, Stroke};
use serde_json::{Value, json};

async fn trace(house: &House, visitor: &Client, job: JobId, query: &str, body: &Value) -> Response {
    let url = house.url(&format!("/v1/jobs/{job}/strokes{query}"));
    visitor.post(url).json(body).send().await.expect("an answer")
}

fn arm() -> Value {
    json!({ "strokes": [{ "at_ms": 1200, "figure": true, "points": [[480, 300], [500, 420]] }] })
}

#[tokio::test]
async fn strokes_make_a_new_job_that_trains_by_them_and_the_first_stays() {
    let house = House::build().await;
    let visitor = visitor();
    let first = id(&house.upload(&visitor).await);
    let name = JobId::new();
    for _ in 0..2 {
        let answer = trace(&house, &visitor, first, &format!("?job={name}"), &arm()).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        assert_eq!(id(&answer.json().await.expect("a job")), name);
    }
    let events = house.bus.log().load(name.into()).await.expect("the log answers").events;
    let asked: Vec<_> = events
        .iter()
        .filter_map(|event| match event.event() {
            Event::JobRequested(request) => Some(request.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(asked.len(), 1, "the same strokes twice");
    assert_eq!(asked[0].strokes, [Stroke { at_ms: 1200, figure: true, points: vec![[480, 300], [500, 420]] }]);
    assert!(asked[0].redraw.is_none());
    let _first = house.take_of(Phase::Training, first).await;
    let _second = house.take_of(Phase::Training, name).await;
}

#[tokio::test]
async fn strokes_that_cannot_be_used_are_refused_with_the_reason() {
    let house = House::build().await;
    let visitor = visitor();
    let job = id(&house.upload(&visitor).await);
    let outside = json!({ "strokes": [{ "at_ms": 0, "figure": true, "points": [[1001, 0]] }] });
    let none = json!({ "strokes": [] });
    let large = json!({ "strokes": [{ "at_ms": 0, "figure": true, "points": vec![[999, 999]; 50_000] }] });
    for body in [outside, none, json!({}), json!("x"), large] {
        let refused = code(trace(&house, &visitor, job, "", &body).await).await;
        assert_eq!(refused, (400, "invalid-strokes".to_owned()));
    }
    let stranger = crate::house::visitor();
    assert_eq!(trace(&house, &stranger, job, "", &arm()).await.status(), StatusCode::NOT_FOUND);
}
