//! Somebody wants to be forgotten: nothing of theirs is left, and everybody else's stays as it was.

use crate::dispatch::work_to_the_end;
use crate::house::{House, code, config, id, mp4, visitor};
use futures::StreamExt;
use orchestrator::WebConfig;
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Client};
use schemas::event::{Phase, TrainingStarted};
use schemas::job::{Job, JobCommand, Stage};
use schemas::{Aggregate, JobId, Recorded, UserId};
use uuid::Uuid;

const ERASE: &str = "/v1/me/erase";

impl House {
    async fn erase(&self, visitor: &Client) {
        let answer = visitor.post(self.url(ERASE)).send().await.expect("an answer");
        assert_eq!(answer.status(), 202);
        assert_eq!(answer.headers()["clear-site-data"], "\"cache\"");
        assert!(answer.headers()["set-cookie"].to_str().expect("text").contains("Max-Age=0"));
    }

    /// Waits until no blob is left under any of `prefixes`.
    async fn until_gone(&self, prefixes: &[String]) {
        let looking = async {
            for prefix in prefixes {
                while !self.blobs.list(prefix).await.expect("S3 answers").is_empty() {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
            }
        };
        tokio::time::timeout(crate::house::DEADLINE, looking).await.expect("the blobs go before the deadline");
    }

    /// Waits until the job has ended by being erased.
    async fn until_erased(&self, job: JobId) {
        let looking = async {
            loop {
                let events = self.bus.log().load(job.into()).await.expect("the log answers").events;
                if Job::fold(events.iter().map(Recorded::event)).stage == Stage::Erased {
                    return events.last().expect("events").sequence;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        let erased = tokio::time::timeout(crate::house::DEADLINE, looking).await.expect("it is erased");
        assert!(self.views.reach(erased, crate::house::DEADLINE).await.expect("the views answer"));
    }
}

fn prefix(owner: UserId) -> String {
    format!("users/{owner}/")
}

#[tokio::test]
async fn an_erased_visitor_leaves_nothing_and_another_with_the_same_pictures_keeps_everything() {
    let house = House::build().await;
    let (ann, bob) = (visitor(), visitor());
    let (of_ann, of_bob) = (id(&house.upload(&ann).await), id(&house.upload(&bob).await));
    for job in [of_ann, of_bob] {
        work_to_the_end(&house, job).await;
    }
    let done = async |visitor: &Client, job: JobId| {
        house.until(visitor, &format!("/v1/jobs/{job}"), |job| job["status"] == "succeeded").await
    };
    let (anns, bobs) = (done(&ann, of_ann).await, done(&bob, of_bob).await);
    let (ann_id, bob_id) = (house.owner(of_ann).await, house.owner(of_bob).await);
    let pages = |job: &serde_json::Value| {
        ["page", "comic"].map(|what| job["output"][what].as_str().expect("a path").to_owned())
    };
    let (page, bobs_page) = (pages(&anns), pages(&bobs));
    let before = house.get(&bob, &bobs_page[0]).await.bytes().await.expect("bytes");

    house.erase(&ann).await;
    for path in [format!("/v1/jobs/{of_ann}"), format!("/jobs/{of_ann}")].iter().chain(&page) {
        assert_eq!(code(house.get(&ann, path).await).await.0, 404, "{path}, at once");
    }
    house.until_erased(of_ann).await;
    house.until_gone(&[prefix(ann_id)]).await;
    assert!(house.views.job(of_ann).await.expect("the views answer").is_none());
    assert!(house.views.pictures(of_ann).await.expect("the views answer").is_empty());
    let lists = (house.views.jobs_of(ann_id, None, 9).await, house.views.comics_of(ann_id, None, 9).await);
    assert!(lists.0.expect("the views answer").rows.is_empty() && lists.1.expect("the views answer").rows.is_empty());
    let told = house.views.timeline(of_ann, None, 100).await.expect("the views answer").rows;
    assert_eq!(told.last().map(|event| event.name()), Some("erased"));
    assert!(told.iter().all(|event| !format!("{event:?}").contains("me.mp4")));
    assert_eq!(house.bus.keys().get(ann_id).await.expect("the keys answer"), None);

    assert_eq!(done(&bob, of_bob).await, bobs);
    assert_eq!(house.get(&bob, &bobs_page[0]).await.bytes().await.expect("bytes"), before);
    assert_eq!(house.get(&bob, &bobs_page[1]).await.status(), 200);
    assert_eq!(house.blobs.list(&prefix(bob_id)).await.expect("S3 answers").len(), 1, "bob's video");
    // Ann's browser begins anew, as somebody else.
    let again = id(&house.upload(&ann).await);
    assert_ne!(house.owner(again).await, ann_id);
}

#[tokio::test]
async fn who_is_being_worked_for_is_worked_for_no_longer() {
    let house = House::build().await;
    let visitor = visitor();
    let job = id(&house.upload(&visitor).await);
    let owner = house.owner(job).await;
    let _task = house.take(Phase::Training).await;
    let mut nudges = house.bus.control().follow(job).await.expect("NATS answers");
    let lease = Uuid::now_v7();
    let start =
        || JobCommand::StartTraining(TrainingStarted { attempt: 1, lease, device: "test".into(), teachers: vec![] });
    house.tell(job, start).await;
    let live = house.get(&visitor, &format!("/v1/jobs/{job}/events")).await;
    // What the worker stores before it hears of it.
    house.blobs.put(&format!("{}previews/x.png", prefix(owner)), "x".into(), "image/png").await.expect("it is stored");

    house.erase(&visitor).await;
    let nudged = tokio::time::timeout(crate::house::DEADLINE, nudges.next()).await;
    assert!(nudged.expect("the worker is nudged").is_some());
    house.until_erased(job).await;
    house.until_gone(&[prefix(owner)]).await;
    let ended =
        tokio::time::timeout(crate::house::DEADLINE, live.text()).await.expect("the stream ends").expect("text");
    assert!(ended.contains("event: completed"), "{ended}");
}

#[tokio::test]
async fn an_upload_that_is_under_way_is_refused_and_leaves_nothing() {
    let stall = std::time::Duration::from_secs(20);
    let house = House::with(WebConfig { max_upload: 64 << 20, stall, ..config() }).await;
    let visitor = visitor();
    let job = id(&house.upload(&visitor).await);
    let owner = house.owner(job).await;
    let (sender, chunks) = futures::channel::mpsc::unbounded::<Result<Vec<u8>, std::io::Error>>();
    // More than goes in one request.
    sender.unbounded_send(Ok(mp4(9 << 20))).expect("it is listened to");
    let part = Part::stream(Body::wrap_stream(chunks)).file_name("late.mp4");
    let request = visitor.post(house.url("/v1/jobs")).multipart(Form::new().part("video", part));
    let upload = tokio::spawn(request.send());
    let open = async {
        while house.open_uploads() == 0 {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(crate::house::DEADLINE, open).await.expect("S3 has an open upload");

    house.erase(&visitor).await;
    house.until_gone(&[prefix(owner)]).await;
    assert_eq!(house.open_uploads(), 0);
    drop(sender);
    let answer = upload.await.expect("it ends").expect("an answer");
    assert_eq!(code(answer).await, (410, "erased".to_owned()));
    house.until_gone(&[prefix(owner)]).await;
    assert!(house.views.jobs_of(owner, None, 9).await.expect("the views answer").rows.is_empty());
}

#[tokio::test]
async fn only_a_visitor_that_we_know_can_be_erased_and_only_from_our_own_page() {
    let house = House::build().await;
    let post = async |visitor: &Client, headers: &[(&'static str, &'static str)]| {
        let request = visitor.post(house.url(ERASE));
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .send()
            .await
            .expect("an answer")
    };
    assert_eq!(code(post(&visitor(), &[]).await).await.0, 404);
    let known = visitor();
    let job = id(&house.upload(&known).await);
    assert_eq!(code(post(&known, &[("sec-fetch-site", "cross-site")]).await).await, (403, "csrf".to_owned()));
    let home = house.get(&known, "/").await.text().await.expect("a page");
    assert!(home.contains("action=\"/v1/me/erase\"") && home.contains("<details"));
    assert!(!house.get(&visitor(), "/").await.text().await.expect("a page").contains(ERASE));
    assert_eq!(house.get(&known, &format!("/v1/jobs/{job}")).await.status(), 200, "nothing happened yet");

    let answer = post(&known, &[("accept", "text/html"), ("sec-fetch-site", "same-origin")]).await;
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["location"]),
        (303, &"/?forgotten=yes".parse().expect("a value"))
    );
    assert!(house.get(&known, "/?forgotten=yes").await.text().await.expect("a page").contains("is being deleted"));
    house.until_erased(job).await;
}
