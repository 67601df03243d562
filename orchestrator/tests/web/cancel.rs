use crate::house::{House, id, visitor};
use schemas::event::{Phase, TrainingStarted};
use schemas::job::JobCommand;
use uuid::Uuid;

#[tokio::test]
async fn a_job_that_nobody_works_on_is_canceled_at_once() {
    let house = House::build().await;
    let visitor = visitor();
    let job = house.upload(&visitor).await;
    let answer =
        visitor.post(house.url(job["urls"]["cancel"].as_str().expect("a URL"))).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    let path = format!("/v1/jobs/{}", id(&job));
    let ended = house.until(&visitor, &path, |job| job["status"] == "canceled").await;
    assert!(ended["completed_at"].is_string());
    let again = visitor.post(house.url(&format!("{path}/cancel"))).send().await.expect("an answer");
    assert_eq!(again.status(), 409);
}

#[tokio::test]
async fn a_job_in_hand_is_canceled_when_its_worker_says_so() {
    let house = House::build().await;
    let visitor = visitor();
    let job = house.upload(&visitor).await;
    let (job, path) = (id(&job), format!("/v1/jobs/{}", id(&job)));
    let _task = house.take(Phase::Training).await;
    let mut nudges = house.bus.control().follow(job).await.expect("NATS answers");
    let lease = Uuid::now_v7();
    let start =
        || JobCommand::StartTraining(TrainingStarted { attempt: 1, lease, device: "test".into(), teachers: vec![] });
    house.tell(job, start).await;
    let answer = visitor.post(house.url(&format!("{path}/cancel"))).send().await.expect("an answer");
    assert_eq!(answer.status(), 202);
    let asked: serde_json::Value = answer.json().await.expect("a job");
    assert_eq!((&asked["status"], &asked["cancel_requested"]), (&"processing".into(), &true.into()));
    use futures::StreamExt;
    let nudged = tokio::time::timeout(crate::house::DEADLINE, nudges.next()).await;
    assert!(nudged.expect("the worker is nudged").is_some());
    house.tell(job, || JobCommand::Cancel { lease: Some(lease) }).await;
    house.until(&visitor, &path, |job| job["status"] == "canceled").await;
}
