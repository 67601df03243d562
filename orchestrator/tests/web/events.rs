use crate::house::{DEADLINE, House, code, id, visitor};
use futures::StreamExt;
use reqwest::{Client, Response};
use schemas::event::Phase;
use schemas::progress::Tick;

/// One server-sent event.
#[derive(Clone, Debug, Default, PartialEq)]
struct Sse {
    id: Option<u64>,
    event: String,
    data: String,
}

/// Reads events until the stream ends, or `enough` of them came.
async fn read(answer: Response, enough: usize) -> Vec<Sse> {
    assert_eq!(answer.status(), 200);
    let (mut bytes, mut text, mut events) = (answer.bytes_stream(), String::new(), vec![]);
    let reading = async {
        while events.len() < enough {
            let Some(Ok(chunk)) = bytes.next().await else { break };
            text.push_str(std::str::from_utf8(&chunk).expect("text"));
            while let Some((event, rest)) = text.split_once("\n\n") {
                events.extend(parse(event));
                text = rest.to_owned();
            }
        }
    };
    tokio::time::timeout(DEADLINE, reading).await.expect("the events come before the deadline");
    events
}

fn parse(block: &str) -> Option<Sse> {
    let mut sse = Sse::default();
    for line in block.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => sse.id = id.parse().ok(),
            Some(("event", event)) => sse.event = event.to_owned(),
            Some(("data", data)) => sse.data.push_str(data),
            _ => {}
        }
    }
    (!sse.event.is_empty()).then_some(sse)
}

async fn open(house: &House, visitor: &Client, path: &str, after: Option<u64>) -> Response {
    let request = visitor.get(house.url(path));
    let request = after.iter().fold(request, |request, after| request.header("last-event-id", after.to_string()));
    request.send().await.expect("an answer")
}

#[tokio::test]
async fn a_stream_that_breaks_off_goes_on_without_gap_or_duplicate() {
    let house = House::build().await;
    let visitor = visitor();
    let job = id(&house.upload(&visitor).await);
    let path = format!("/v1/jobs/{job}/events");
    let live = tokio::spawn(read(open(&house, &visitor, &path, None).await, usize::MAX));
    crate::dispatch::work_to_the_end(&house, job).await;
    let whole = live.await.expect("the stream ends by itself");
    assert_eq!(whole.last().expect("events").event, "completed");
    let logged: Vec<u64> =
        house.bus.log().load(job.into()).await.expect("the log answers").events.iter().map(|e| e.sequence).collect();
    let sent = |events: &[Sse]| events.iter().filter_map(|event| event.id).collect::<Vec<_>>();
    assert_eq!(sent(&whole), logged);

    // Cut after every event, and taken up from there.
    for cut in 0..logged.len() - 1 {
        let rest = read(open(&house, &visitor, &path, Some(logged[cut])).await, usize::MAX).await;
        assert_eq!(sent(&rest), logged[cut + 1..]);
    }
    let by_query = read(house.get(&visitor, &format!("{path}?after={}", logged[2])).await, usize::MAX).await;
    assert_eq!(sent(&by_query), logged[3..]);
    assert_eq!(open(&house, &visitor, &path, logged.last().copied()).await.status(), 204);
    let names: Vec<_> = whole.iter().map(|event| event.event.as_str()).collect();
    assert!(names.contains(&"start") && names.contains(&"output") && names.contains(&"progress"), "{names:?}");
    assert!(whole.iter().all(|event| !event.data.contains("lease") && !event.data.contains("videos/")));
}

#[tokio::test]
async fn a_cursor_that_the_stream_did_not_give_is_refused() {
    let house = House::build().await;
    let visitor = visitor();
    let path = format!("/v1/jobs/{}/events", id(&house.upload(&visitor).await));
    for bad in ["x", "-1", "1.5", "99999999"] {
        let answer = visitor.get(house.url(&path)).header("last-event-id", bad).send().await.expect("an answer");
        assert_eq!(code(answer).await, (400, "bad-cursor".to_owned()), "{bad}");
    }
}

#[tokio::test]
async fn ticks_come_as_events_without_an_id() {
    let house = House::build().await;
    let visitor = visitor();
    let job = id(&house.upload(&visitor).await);
    let answer = open(&house, &visitor, &format!("/v1/jobs/{job}/events"), None).await;
    let tick = Tick {
        job,
        phase: Phase::Training,
        stage: "training".into(),
        step: 3,
        of: 10,
        loss: Some(0.25),
        curve: vec![1.0, 0.25],
        eta_ms: Some(1_500),
        preview: Some(crate::house::blob("previews/x.png")),
        palette: vec!["#e0ac88".to_owned()],
    };
    let ticks = house.bus.ticks();
    let reading = tokio::spawn(read(answer, 8));
    let telling = async {
        loop {
            ticks.publish(&tick).await.expect("NATS takes it");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let events = tokio::select! {
        events = reading => events.expect("events are read"),
        () = telling => unreachable!("telling never ends"),
    };
    let progress = events.iter().find(|event| event.event == "progress").expect("progress");
    assert_eq!(progress.id, None);
    assert!(progress.data.contains("\"eta_s\":2"), "{}", progress.data);
    assert!(events.iter().any(|event| event.event == "metric" && event.data.contains("\"loss\":0.25")), "{events:?}");
    let preview = events.iter().find(|event| event.event == "preview").expect("a preview");
    assert!(preview.data.contains(&format!("/v1/jobs/{job}/preview/")) && !preview.data.contains("previews/"));
}

#[tokio::test]
async fn the_live_page_sends_the_pieces_that_changed() {
    let house = House::build().await;
    let visitor = visitor();
    let job = id(&house.upload(&visitor).await);
    let live = tokio::spawn(read(open(&house, &visitor, &format!("/jobs/{job}/live"), None).await, usize::MAX));
    crate::dispatch::work_to_the_end(&house, job).await;
    let events = live.await.expect("the stream ends by itself");
    assert_eq!(events.last().expect("events").event, "done");
    let pieces: Vec<&str> = events.iter().filter(|e| e.event == "fragment").map(|e| e.data.as_str()).collect();
    assert!(pieces.iter().any(|html| html.contains("Waiting for a free drawing desk")), "{pieces:?}");
    assert!(pieces.iter().any(|html| html.contains("Ta-da!") && html.contains("Read your comic")), "{pieces:?}");
    let repeated = pieces.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(repeated, None);
}
