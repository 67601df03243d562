use crate::servers::{context, job, nats, new_event, raw_client, requested};
use bus::{AppendError, Delivered, Expect, Filter};
use futures::StreamExt;
use schemas::{Event, Personal};

fn title(event: &Event) -> Personal {
    event.personal().unwrap().1.clone()
}

#[tokio::test]
async fn what_a_person_wrote_stands_sealed_in_the_log_and_is_gone_with_their_key() {
    let nats = nats().await;
    let (log, id, other) = (nats.bus.log(), job(), job());
    let event = new_event(requested());
    let owner = event.event.personal().unwrap().0;
    log.append(id, Expect::New, vec![event.clone()]).await.unwrap();
    log.append(other, Expect::New, vec![new_event(requested())]).await.unwrap();

    let jetstream = async_nats::jetstream::new(raw_client(&nats).await);
    let raw = jetstream.get_stream("KART_EVENTS").await.unwrap().get_raw_message(1).await.unwrap();
    assert!(!String::from_utf8_lossy(&raw.payload).contains("dancing"));
    assert_eq!(log.load(id).await.unwrap().events[0].written.body, raw.payload);
    assert!(title(log.load(id).await.unwrap().events[0].event()).text().is_none());
    let opened = log.clone().opened();
    assert_eq!(opened.load(id).await.unwrap().events[0].new, event);
    let sealed = log.load(id).await.unwrap();

    nats.bus.keys().erase(owner).await.unwrap();
    let mut replay = opened.replay(Filter::default());
    let mut titles = vec![];
    while let Some(delivered) = replay.next().await {
        if let Delivered::Event(event) = delivered.unwrap() {
            titles.push(title(event.event()));
        }
    }
    assert_eq!(titles, [Personal::ERASED, "dancing.mp4".into()]);
    // The chain is over what was written: it holds.
    let erased = opened.load(id).await.unwrap();
    assert_eq!(erased.head, sealed.head);
    assert_eq!(erased.events[0].written, sealed.events[0].written);
}

#[tokio::test]
async fn nothing_is_written_for_somebody_who_was_erased() {
    let nats = nats().await;
    let (log, keys) = (nats.bus.log(), nats.bus.keys());
    let event = new_event(requested());
    let owner = event.event.personal().unwrap().0;
    keys.erase(owner).await.unwrap();
    assert!(matches!(keys.get_or_make(owner).await, Err(bus::KeyError::Erased(_))));
    let refused = log.append(job(), Expect::New, vec![event]).await;
    assert!(matches!(refused, Err(AppendError::Erased { .. })), "{refused:?}");
    assert_eq!(log.head().await.unwrap(), 0);
}

#[tokio::test]
async fn two_processes_that_need_a_new_key_get_the_same() {
    let nats = nats().await;
    let second = bus::Bus::connect(&nats.server.config()).await.unwrap();
    let owner = schemas::UserId::new();
    let (a, b) = (nats.bus.keys(), second.keys());
    let (a, b) = tokio::join!(a.get_or_make(owner), b.get_or_make(owner));
    assert_eq!(a.unwrap(), b.unwrap());
}

#[tokio::test]
async fn the_same_command_again_is_one_event_though_sealed_differently() {
    let nats = nats().await;
    let (log, context) = (nats.bus.log(), context());
    let request = requested();
    let id = schemas::JobId::new();
    let ask = || schemas::job::JobCommand::Request(request.clone());
    let first = log.execute::<schemas::job::Job>(id, &context, ask).await.unwrap();
    let again = log.execute::<schemas::job::Job>(id, &context, ask).await.unwrap();
    assert!(!first.duplicate && again.duplicate);
    assert_eq!(first.head, again.head);
    assert_eq!(log.head().await.unwrap(), 1);
}

/// Files under `folder` that hold `bytes`.
fn holding(folder: &std::path::Path, bytes: &[u8]) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let found = entries.flat_map(|path| match path.is_dir() {
        true => holding(&path, bytes),
        // The server may rename or remove one meanwhile.
        false => match std::fs::read(&path) {
            Ok(held) if held.windows(bytes.len()).any(|window| window == bytes) => vec![path],
            _ => vec![],
        },
    });
    found.collect()
}

#[tokio::test]
async fn an_erased_key_is_in_no_file_of_the_server_and_stays_erased() {
    let nats = nats().await;
    let keys = nats.bus.keys();
    let (ann, bob) = (schemas::UserId::new(), schemas::UserId::new());
    let (of_ann, of_bob) = (keys.get_or_make(ann).await.unwrap(), keys.get_or_make(bob).await.unwrap());
    let files = |key: &schemas::personal::Key| holding(nats.dir.path(), key.as_bytes());
    assert!(!files(&of_ann).is_empty());
    for _ in 0..2 {
        keys.erase(ann).await.unwrap();
        assert_eq!(files(&of_ann), Vec::<std::path::PathBuf>::new());
    }
    assert!(matches!(keys.get_or_make(ann).await, Err(bus::KeyError::Erased(_))));
    assert!(!files(&of_bob).is_empty());
    let second = bus::Bus::connect(&nats.server.config()).await.unwrap();
    assert_eq!(second.keys().get(bob).await.unwrap(), Some(of_bob));
    assert_eq!(second.keys().get(ann).await.unwrap(), None);
    // Somebody who never wrote anything can be erased as well.
    let eve = schemas::UserId::new();
    keys.erase(eve).await.unwrap();
    assert!(matches!(second.keys().get_or_make(eve).await, Err(bus::KeyError::Erased(_))));
}
