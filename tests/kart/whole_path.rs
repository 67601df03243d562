//! From an uploaded video to a comic page, on embedded servers.

use crate::clip;
use crate::process::{Process, Visitor, events, run};
use serde_json::Value;
use std::time::Duration;
use tempfile::TempDir;

const JOB_WITHIN: Duration = Duration::from_secs(400);

fn names(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap().split('.').nth(2).unwrap()).collect()
}

#[test]
fn a_video_becomes_a_comic_and_the_log_tells_how() {
    let data = TempDir::new().unwrap();
    let kart = Process::up(data.path(), &[]);
    let visitor = Visitor::of(&kart);
    let job = visitor.upload(&clip::real_person().unwrap_or_else(clip::person));
    let id = job["id"].as_str().unwrap();
    let job = visitor.wait_for_status(id, &["succeeded", "failed"], JOB_WITHIN);
    assert_eq!(job["status"], "succeeded", "{job:#}");
    assert_eq!((&job["training"]["status"], &job["inference"]["status"]), (&"succeeded".into(), &"succeeded".into()));

    pictures_are_pictures(&visitor, &job);
    it_is_drawn_again_in_another_style(&data, &visitor, &job);
    another_visitor_sees_nothing(&kart, &job);
    the_log_reads_as_a_story(&data, id);
    the_views_can_be_made_anew(&data, &visitor, id);
}

fn pictures_are_pictures(visitor: &Visitor, job: &Value) {
    let output = &job["output"];
    let lists = ["panels", "cutouts"].map(|name| output[name].as_array().unwrap().clone());
    assert!(lists[0].len() >= 4, "{output:#}");
    for url in lists.iter().flatten().chain([&output["page"], &output["background"]]) {
        let url = url.as_str().or(url["url"].as_str()).unwrap();
        let response = visitor.get(url);
        assert_eq!(response.status(), 200, "{url}");
        assert_eq!(response.headers()["content-type"], "image/png", "{url}");
        assert!(response.bytes().unwrap().starts_with(b"\x89PNG"), "{url}");
    }
    let page = visitor.get(output["comic"].as_str().unwrap());
    assert_eq!(page.status(), 200);
}

fn it_is_drawn_again_in_another_style(data: &TempDir, visitor: &Visitor, first: &Value) {
    let bytes = |job: &Value| visitor.get(job["output"]["page"].as_str().unwrap()).bytes().unwrap();
    let before = bytes(first);
    let url = format!("{}{}?style=manga", visitor.url, first["urls"]["redraw"].as_str().unwrap());
    let again: Value = visitor.client.post(url).send().unwrap().json().unwrap();
    let id = again["id"].as_str().unwrap();
    let again = visitor.wait_for_status(id, &["succeeded", "failed"], JOB_WITHIN);
    assert_eq!((&again["status"], &again["style"]), (&"succeeded".into(), &"manga".into()), "{again:#}");
    pictures_are_pictures(visitor, &again);
    assert_ne!(bytes(&again), before);
    assert_eq!(bytes(first), before, "the first comic stays as it is");
    let story = events(data.path(), Some(id));
    assert_eq!(names(&story)[..3], ["requested", "dispatched", "inference-started"]);
    assert!(!names(&story).contains(&"trained"));
}

fn another_visitor_sees_nothing(kart: &Process, job: &Value) {
    let other = Visitor::of(kart);
    let id = job["id"].as_str().unwrap();
    let page = job["output"]["page"].as_str().unwrap();
    let comic = job["output"]["comic"].as_str().unwrap();
    for path in [&format!("/v1/jobs/{id}"), &format!("/v1/jobs/{id}/events"), &format!("/jobs/{id}"), page, comic] {
        assert_eq!(other.get(path).status(), 404, "{path}");
    }
}

fn the_log_reads_as_a_story(data: &TempDir, id: &str) {
    let story = events(data.path(), Some(id));
    let names = names(&story);
    assert_eq!(&names[..3], ["requested", "dispatched", "training-started"]);
    assert_eq!(names.last(), Some(&"completed"));
    let once = ["trained", "inference-started", "inferred", "completed"];
    let order: Vec<_> = names.iter().copied().filter(|name| once.contains(name)).collect();
    assert_eq!(order, once);
    assert!(names.iter().filter(|name| **name == "training-progressed").count() >= 10);
    assert!(names.len() <= 60, "milestones only: {names:?}");
    // The loss falls: something was learned.
    let trained = story.iter().find(|event| event["type"] == "kart.job.trained.v1").unwrap();
    let curve: Vec<f64> = trained["data"]["curve"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
    assert!(curve[curve.len() - 1] < 0.8 * curve[0], "{curve:?}");
    // Each event carries the hash of the one before it.
    for pair in story.windows(2) {
        assert_eq!(pair[1]["kartprev"], pair[0]["karthash"]);
    }
}

fn the_views_can_be_made_anew(data: &TempDir, visitor: &Visitor, id: &str) {
    let before = visitor.job(id).unwrap();
    let output = run(data.path(), &["views", "rebuild"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(visitor.job(id).unwrap(), before);
    let status = run(data.path(), &["views", "status"]);
    let text = String::from_utf8(status.stdout).unwrap();
    assert!(text.contains("jobs"), "{text}");
}

#[test]
fn a_video_without_a_person_gives_panels_of_the_whole_frame_and_says_so() {
    let data = TempDir::new().unwrap();
    let kart = Process::up(data.path(), &[]);
    let visitor = Visitor::of(&kart);
    let job = visitor.upload(&clip::nobody(data.path()));
    let job = visitor.wait_for_status(job["id"].as_str().unwrap(), &["succeeded", "failed"], JOB_WITHIN);
    assert_eq!(job["status"], "succeeded", "{job:#}");
    assert!(job["output"]["cutouts"].as_array().unwrap().is_empty());
    let page = visitor.get(&format!("/jobs/{}", job["id"].as_str().unwrap())).text().unwrap();
    assert!(page.contains("whole frames became panels"), "{page}");
}

#[test]
fn a_broken_video_fails_its_job_once_with_a_reason() {
    let data = TempDir::new().unwrap();
    let kart = Process::up(data.path(), &[]);
    let visitor = Visitor::of(&kart);
    let whole = std::fs::read(clip::nobody(data.path())).unwrap();
    let broken = data.path().join("broken.mp4");
    std::fs::write(&broken, &whole[..whole.len() / 3]).unwrap();
    let job = visitor.upload(&broken);
    let id = job["id"].as_str().unwrap();
    let job = visitor.wait_for_status(id, &["succeeded", "failed"], JOB_WITHIN);
    assert_eq!((&job["status"], &job["error"]["code"]), (&"failed".into(), &"corrupt-media".into()), "{job:#}");
    let failures = events(data.path(), Some(id)).iter().filter(|e| e["type"] == "kart.job.failed.v1").count();
    assert_eq!(failures, 1);
}
