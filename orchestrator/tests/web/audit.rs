use crate::dispatch::work_to_the_end;
use crate::house::{House, code, id, visitor};
use schemas::Recorded;

#[tokio::test]
async fn an_owner_sees_every_event_and_where_each_panel_comes_from() {
    let house = House::build().await;
    let (owner, other) = (visitor(), visitor());
    let job = id(&house.upload(&owner).await);
    house.upload(&other).await;
    work_to_the_end(&house, job).await;
    let done = house.until(&owner, &format!("/v1/jobs/{job}"), |job| job["status"] == "succeeded").await;
    let comic = done["output"]["comic"].as_str().expect("a comic").to_owned();

    let lines = house.get(&owner, &format!("/v1/jobs/{job}/audit")).await;
    assert_eq!(lines.headers()["content-type"], "application/x-ndjson");
    let lines = lines.text().await.expect("lines");
    let trail: Vec<_> = lines.lines().map(|line| Recorded::from_line(line.as_bytes()).expect("an event")).collect();
    let names: Vec<_> = trail.iter().map(|event| event.event().name()).collect();
    assert_eq!((names.first(), names.last()), (Some(&"uploaded"), Some(&"completed")), "{names:?}");
    assert_eq!(names.iter().filter(|name| **name == "added").count(), 3, "panel, cut-out and page: {names:?}");
    assert!(names.contains(&"drafted"));
    assert!(trail.is_sorted_by_key(|event| event.sequence));

    for path in [format!("/jobs/{job}/audit"), format!("{comic}/audit")] {
        let page = house.get(&owner, &path).await.text().await.expect("a page");
        for event in &trail {
            assert!(page.contains(&format!("id=\"s{}\"", event.sequence)), "{path}: {}", event.sequence);
            assert!(page.contains(&event.hash.to_string()), "{path}: {}", event.sequence);
        }
        assert!(page.contains("The chain is whole") && page.contains("“me.mp4”"), "{path}");
        assert!(page.contains("Where each panel comes from") && page.contains("0:00.0"), "{path}");
        assert_eq!(code(house.get(&other, &path).await).await.0, 404, "{path}");
        assert_eq!(code(house.get(&visitor(), &path).await).await.0, 404, "{path}");
    }
    assert_eq!(code(house.get(&other, &format!("/v1/jobs/{job}/audit")).await).await.0, 404);
    let links = [format!("/jobs/{job}"), comic];
    for path in &links {
        assert!(house.get(&owner, path).await.text().await.expect("a page").contains(&format!("{path}/audit")));
    }
}
