use crate::house::{House, code, visitor};

#[tokio::test]
async fn requests_from_other_sites_are_refused() {
    let house = House::build().await;
    for (what, name, value) in [
        ("61 cross-site", "sec-fetch-site", "cross-site"),
        ("62 same-site", "sec-fetch-site", "same-site"),
        ("63 Origin null", "origin", "null"),
        ("another origin", "origin", "http://evil.test"),
    ] {
        let path = "/v1/jobs/01920000-0000-7000-8000-000000000000/cancel";
        let answer = visitor().post(house.url(path)).header(name, value).send().await.expect("an answer");
        assert_eq!(code(answer).await, (403, "csrf".to_owned()), "{what}");
    }
}

#[tokio::test]
async fn our_own_pages_and_programs_are_not() {
    let house = House::build().await;
    let base = house.base.clone();
    for headers in [vec![("sec-fetch-site", "same-origin")], vec![("origin", base.as_str())], vec![]] {
        let visitor = visitor();
        let job = house.upload(&visitor).await;
        let request = visitor.post(house.url(job["urls"]["cancel"].as_str().expect("a URL")));
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
        assert_eq!(request.send().await.expect("an answer").status(), 202, "{headers:?}");
    }
}
