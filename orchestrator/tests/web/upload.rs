use crate::house::{House, id, mp4, post_file, visitor};
use schemas::{Event, Hash};

#[tokio::test]
async fn an_upload_is_a_job_and_what_is_stored_is_what_was_sent() {
    let house = House::build().await;
    let visitor = visitor();
    let file = mp4(300_000);
    let answer = post_file(&house, &visitor, file.clone(), "rome.mp4").await;
    assert_eq!(answer.status(), 202);
    let location = answer.headers()["location"].to_str().expect("text").to_owned();
    let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().map(|c| c.to_str().expect("text")).collect();
    let session = cookies.iter().find(|cookie| cookie.starts_with("kart_session=")).expect("a session");
    for wanted in ["HttpOnly", "SameSite=Lax", "Path=/"] {
        assert!(session.contains(wanted), "{session}");
    }
    let job: serde_json::Value = answer.json().await.expect("a job");
    assert_eq!(location, format!("/v1/jobs/{}", job["id"].as_str().expect("an id")));
    assert_eq!(job["status"], "starting");
    assert_eq!(job["input"]["title"], "rome");

    // Read your own writes: at once, and for the page as well.
    let shown = house.json(&visitor, &location).await;
    assert_eq!(shown["id"], job["id"]);
    assert_eq!(shown["input"]["name"], "rome.mp4");
    assert_eq!(house.get(&visitor, job["urls"]["page"].as_str().expect("a page")).await.status(), 200);

    let events = house.bus.log().load(id(&job).into()).await.expect("the log answers").events;
    let Event::JobRequested(requested) = events[0].event() else { panic!("{:?}", events[0]) };
    assert_eq!(requested.blob.sha256, Hash::of(&file));
    let stored = house.blobs.get(&requested.blob.key, 1 << 20).await.expect("the video is there");
    assert_eq!(stored, file);
}

#[tokio::test]
async fn a_browser_is_sent_to_the_page_of_its_job() {
    let house = House::build().await;
    let visitor = visitor();
    let part = reqwest::multipart::Part::bytes(mp4(1_000)).file_name("me.mp4");
    let form = reqwest::multipart::Form::new().part("video", part);
    let request = visitor.post(house.url("/v1/jobs")).header("accept", "text/html,*/*;q=0.8");
    let answer = request.header("sec-fetch-site", "same-origin").multipart(form).send().await.expect("an answer");
    assert_eq!(answer.status(), 303);
    let page = answer.headers()["location"].to_str().expect("text").to_owned();
    let page = house.get(&visitor, &page).await;
    assert_eq!(page.status(), 200);
    assert_eq!(page.headers()["cache-control"], "no-store");
    let policy = page.headers()["content-security-policy"].to_str().expect("text").to_owned();
    assert!(policy.contains("default-src 'self'") && !policy.contains("unsafe-inline"), "{policy}");
    assert!(page.text().await.expect("a page").contains("<h1>me</h1>"));
}

#[tokio::test]
async fn a_second_upload_belongs_to_the_same_guest_and_the_list_has_pages() {
    let house = House::build().await;
    let visitor = visitor();
    let first = house.upload(&visitor).await;
    let second = house.upload(&visitor).await;
    assert_eq!(house.owner(id(&first)).await, house.owner(id(&second)).await);
    let page = house.json(&visitor, "/v1/jobs?limit=1").await;
    assert_eq!(page["results"][0]["id"], second["id"]);
    let next = house.json(&visitor, page["next"].as_str().expect("a next page")).await;
    assert_eq!(next["results"][0]["id"], first["id"]);
    assert!(next["next"].is_null());
    let home = house.get(&visitor, "/").await.text().await.expect("a page");
    assert_eq!(home.matches("class=\"card ").count(), 2);
}
