use crate::house::{House, code, id, visitor};

#[tokio::test]
async fn what_belongs_to_somebody_else_is_not_there() {
    let house = House::build().await;
    let (owner, other) = (visitor(), visitor());
    let job = house.upload(&owner).await;
    house.upload(&other).await;
    let (job_path, user) = (format!("/v1/jobs/{}", id(&job)), house.owner(id(&job)).await);
    let picture = house.picture(user, "mine").await;
    let media = format!("/media/{}", picture.media);
    crate::dispatch::work_to_the_end(&house, id(&job)).await;
    let done = house.until(&owner, &job_path, |job| job["status"] == "succeeded").await;
    let page = done["output"]["page"].as_str().expect("a page").to_owned();
    let comic = done["output"]["comic"].as_str().expect("a comic").to_owned();
    let preview = format!("{job_path}/pictures/{}", page.trim_start_matches("/media/"));
    for path in [&job_path, &format!("{job_path}/events"), &format!("/jobs/{}", id(&job)), &page, &comic, &preview] {
        assert_eq!(house.get(&owner, path).await.status(), 200, "{path}");
        assert_eq!(code(house.get(&other, path).await).await.0, 404, "{path}");
        assert_eq!(code(house.get(&visitor(), path).await).await.0, 404, "{path}");
    }
    assert_eq!(code(house.get(&owner, &media).await).await.0, 404, "a blob that is in no library");
    let cancel = other.post(house.url(&format!("{job_path}/cancel"))).send().await.expect("an answer");
    assert_eq!(cancel.status(), 404);
}

#[tokio::test]
async fn a_token_that_nobody_gave_out_opens_nothing() {
    let house = House::build().await;
    house.upload(&visitor()).await;
    for token in ["00".repeat(32), "x".to_owned(), String::new()] {
        let request =
            reqwest::Client::new().get(house.url("/v1/jobs")).header("cookie", format!("kart_session={token}"));
        let list: serde_json::Value = request.send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(list["results"].as_array().expect("a list").len(), 0);
    }
}
