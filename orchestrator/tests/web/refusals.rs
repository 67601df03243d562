//! The bad-input table: what goes in, and the status and problem that come out. Nothing stays behind.

use crate::house::{House, code, mp4, post_file, visitor};
use bus::{Bus, NatsConfig};
use reqwest::multipart::{Form, Part};

async fn assert_nothing_stored(house: &House) {
    let stored = house.blobs.list("").await.expect("S3 answers");
    assert!(stored.is_empty(), "{stored:?}");
    assert_eq!(house.bus.log().head().await.expect("the log answers"), 0);
}

#[tokio::test]
async fn files_that_are_no_video_are_refused() {
    let house = House::build().await;
    let cases: [(&str, Vec<u8>, u16, &str); 14] = [
        ("1 empty", vec![], 422, "empty-file"),
        ("2 one byte", b"x".to_vec(), 415, "unsupported-media"),
        ("3 text", b"just some text".to_vec(), 415, "unsupported-media"),
        ("4 HLS to a file", b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n".to_vec(), 415, "unsupported-media"),
        ("6 ffconcat", b"ffconcat version 1.0\nfile ../x\n".to_vec(), 415, "unsupported-media"),
        ("8 DASH", b"<?xml version=\"1.0\"?><MPD/>".to_vec(), 415, "unsupported-media"),
        ("9 SDP", b"v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\n".to_vec(), 415, "unsupported-media"),
        ("31 SVG", b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>".to_vec(), 415, "unsupported-media"),
        ("32 GIF", b"GIF89a\x01\0\x01\0".to_vec(), 415, "unsupported-media"),
        ("zip", b"PK\x03\x04".to_vec(), 415, "unsupported-media"),
        ("transport stream", [0x47; 4096].to_vec(), 415, "unsupported-media"),
        ("Flash video", b"FLV\x01\x05\0\0\0\x09".to_vec(), 415, "unsupported-media"),
        ("48 oversize, long", mp4((1 << 20) + 200_000), 413, "too-large"),
        ("48 oversize, by a byte", mp4((1 << 20) + 1), 413, "too-large"),
    ];
    for (what, bytes, status, problem) in cases {
        let answer = post_file(&house, &visitor(), bytes, "a.mp4").await;
        assert_eq!(code(answer).await, (status, problem.to_owned()), "{what}");
    }
    assert_nothing_stored(&house).await;
}

#[tokio::test]
async fn a_video_of_exactly_the_limit_is_taken() {
    let house = House::build().await;
    assert_eq!(post_file(&house, &visitor(), mp4(1 << 20), "a.mp4").await.status(), 202);
}

#[tokio::test]
async fn forms_that_are_not_ours_are_refused() {
    let house = House::build().await;
    let file = || Part::bytes(mp4(1_000)).file_name("a.mp4");
    let many = (0..1_000).fold(Form::new(), |form, i| form.text(format!("f{i}"), "x"));
    let cases: Vec<(&str, Form, u16, &str)> = vec![
        ("40 no file", Form::new().text("other", "x"), 400, "missing-field"),
        ("44 many fields", many, 413, "too-many-fields"),
        ("45 twice", Form::new().part("video", file()).part("video", file()), 400, "duplicate-field"),
        ("a style that is none", Form::new().text("style", "crayon").part("video", file()), 400, "unknown-style"),
        ("and after the video", Form::new().part("video", file()).text("style", ""), 400, "unknown-style"),
        ("a long field", Form::new().text("note", "x".repeat(100_000)), 413, "field-too-large"),
        ("39 RTL", Form::new().part("video", file().file_name("a\u{202e}4pm.exe")), 400, "invalid-filename"),
        ("39 long", Form::new().part("video", file().file_name("x".repeat(300))), 400, "invalid-filename"),
    ];
    for (what, form, status, problem) in cases {
        let answer = visitor().post(house.url("/v1/jobs")).multipart(form).send().await.expect("an answer");
        assert_eq!(code(answer).await, (status, problem.to_owned()), "{what}");
    }
    assert_nothing_stored(&house).await;
}

#[tokio::test]
async fn a_path_as_a_file_name_becomes_its_last_step() {
    let house = House::build().await;
    for (name, shown) in [("../../x", "x"), ("http:x.mp4", "http:x.mp4"), ("-y.mp4", "-y.mp4")] {
        let visitor = visitor();
        let answer = post_file(&house, &visitor, mp4(1_000), name).await;
        assert_eq!(answer.status(), 202, "{name}");
        let location = answer.headers()["location"].to_str().expect("text").to_owned();
        assert_eq!(house.json(&visitor, &location).await["input"]["name"], shown);
    }
    for stored in house.blobs.list("").await.expect("S3 answers") {
        let words: Vec<_> = stored.key.split('/').collect();
        let ids = [words[1], words[3]].map(|id| id.parse::<uuid::Uuid>());
        assert!(
            (words[0], words[2], words.len()) == ("users", "videos", 4) && ids.iter().all(Result::is_ok),
            "{words:?}"
        );
    }
}

#[tokio::test]
async fn methods_and_addresses_that_are_not_there() {
    let house = House::build().await;
    let visitor = visitor();
    let missing = "/v1/jobs/01920000-0000-7000-8000-000000000000";
    for (what, method, path, status, problem) in [
        ("64 GET of a mutation", "GET", &format!("{missing}/cancel")[..], 405, "method-not-allowed"),
        ("72 TRACE", "TRACE", "/v1/jobs", 405, "method-not-allowed"),
        ("a job that is not there", "GET", missing, 404, "not-found"),
        ("an id that is none", "GET", "/v1/jobs/1", 404, "not-found"),
        ("nowhere", "GET", "/nowhere", 404, "not-found"),
        ("73 overlong", "GET", "/media/%c0%ae", 400, "bad-path"),
        ("a limit that is none", "GET", "/v1/jobs?limit=1000", 400, "invalid-limit"),
        ("a cursor that is none", "GET", "/v1/jobs?cursor=zz", 400, "bad-cursor"),
    ] {
        let method = method.parse().expect("a method");
        let answer = visitor.request(method, house.url(path)).send().await.expect("an answer");
        assert_eq!(code(answer).await, (status, problem.to_owned()), "{what}");
    }
    let page = visitor.get(house.url("/nowhere")).header("accept", "text/html").send().await.expect("an answer");
    assert_eq!(page.status(), 404);
    assert!(page.text().await.expect("a page").contains("There is no such page"));
}

#[tokio::test]
async fn without_nats_an_upload_is_told_to_come_back() {
    let mut house = House::build().await;
    house.nats.kill().await;
    let answer = post_file(&house, &visitor(), mp4(1_000), "a.mp4").await;
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(code(answer).await, (503, "unavailable".to_owned()));
    assert_eq!(house.get(&visitor(), "/healthz").await.status(), 200);
    assert_eq!(house.get(&visitor(), "/readyz").await.status(), 503);
    let stored = house.blobs.list("").await.expect("S3 answers");
    assert!(stored.is_empty(), "{stored:?}");
}

#[tokio::test]
async fn with_a_full_log_an_upload_is_refused_and_nothing_of_it_stays() {
    let house = House::build().await;
    let full = NatsConfig { log_max_bytes: Some(1), ..house.nats.config() };
    Bus::connect(&full).await.expect("NATS answers").set_up().await.expect("the limit is set");
    let answer = post_file(&house, &visitor(), mp4(1_000), "a.mp4").await;
    assert_eq!(code(answer).await, (507, "storage-low".to_owned()));
    let stored = house.blobs.list("").await.expect("S3 answers");
    assert!(stored.is_empty(), "{stored:?}");
}

#[tokio::test]
async fn when_everything_is_there_it_is_ready() {
    let house = House::build().await;
    let answer = house.get(&visitor(), "/readyz").await;
    assert_eq!(answer.status(), 200, "{:?}", answer.text().await);
}

#[tokio::test]
async fn lag_and_staleness_are_told_while_nobody_projects() {
    let house = House::build().await;
    let visitor = visitor();
    house.upload(&visitor).await;
    let caught_up =
        |ready: &serde_json::Value| ready["views"]["position"].as_u64() > Some(1) && ready["views"]["lag"] == 0;
    let ready = house.until(&visitor, "/readyz", caught_up).await;
    assert_eq!((&ready["views"]["staleness_seconds"], &ready["views"]["unreadable"]), (&0.0.into(), &0.into()));
    assert!(ready["views"]["applied"].as_u64() > Some(1));

    house.stop_projecting();
    house.upload(&visitor).await;
    let behind = |ready: &serde_json::Value| ready["views"]["staleness_seconds"].as_f64() > Some(0.2);
    let ready = house.until(&visitor, "/readyz", behind).await;
    assert!(ready["views"]["lag"].as_u64() > Some(0));
    let metrics = house.get(&visitor, "/metrics").await;
    assert!(metrics.headers()["content-type"].to_str().expect("ASCII").starts_with("text/plain; version=0.0.4"));
    let metrics = metrics.text().await.expect("text");
    let staleness = metrics.lines().find_map(|line| line.strip_prefix("kart_views_staleness_seconds "));
    assert!(staleness.is_some_and(|seconds| seconds.parse::<f64>().is_ok_and(|seconds| seconds > 0.2)), "{metrics}");
}
