//! Rebuilding and comparing, while pages read and the projector writes.

use crate::histories::{Cast, assert_rows};
use crate::house::{House, PATIENCE};
use projector::{Generation, Status, Views, diff, rebuild, views};
use schemas::JobId;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

fn damage(job: JobId) -> projector::Mutation {
    views::jobs::TABLE.upsert(u64::MAX / 4, [job.into()], [("title", "not what was said".into())])
}

#[tokio::test]
async fn a_damaged_row_is_found_and_rebuilding_mends_it() {
    let house = House::new().await;
    let (cast, forgotten) = (Cast::new(), Cast::new());
    let history = [house.write(&cast).await, house.write(&forgotten).await].concat();
    let mut running = house.project();
    running.reach(32).await;
    // The projector stays: both work beside it.
    let same = diff(&house.log, Arc::clone(&house.store)).await.unwrap();
    assert!(same.is_equal() && same.sequence == 32, "{same:?}");

    let remove = views::videos::TABLE.delete(u64::MAX / 4, [forgotten.video.into()]);
    let invent = views::media::TABLE.upsert(1, [uuid::Uuid::now_v7().into()], [("alt", "nobody drew it".into())]);
    house.store.write(vec![damage(cast.job), remove, invent]).await.unwrap();
    let found = diff(&house.log, Arc::clone(&house.store)).await.unwrap();
    let tables: Vec<_> = found.differences.iter().map(|difference| difference.table.name).collect();
    assert_eq!(tables, ["jobs", "videos", "media"]);
    let columns = found.differences[0].columns();
    assert_eq!((columns.len(), columns[0].0), (1, "title"));
    assert_eq!(columns[0].1, Some(&"not what was said".into()));
    assert!(found.differences[1].live.is_none() && found.differences[2].fresh.is_none());

    let report = rebuild(&house.log, Arc::clone(&house.store)).await.unwrap();
    assert_eq!((report.sequence, report.counts.applied, report.generation), (32, 32, Generation(2)));
    assert_eq!(report.comparison.differences.len(), 3, "it says what was wrong");
    assert!(diff(&house.log, Arc::clone(&house.store)).await.unwrap().is_equal());
    assert_rows(house.store.as_ref(), &history).await;

    // The projector went over to the new rows.
    let more = house.write(&Cast::new()).await;
    running.reach(48).await;
    assert_rows(house.store.as_ref(), &more).await;
    assert_eq!(house.store.live().await.unwrap(), Generation(2));
    running.stop().await;
}

#[tokio::test]
async fn readers_never_see_less_while_the_views_are_rebuilt() {
    let house = House::new().await;
    let casts: Vec<_> = (0..40).map(|_| Cast::new()).collect();
    for cast in &casts {
        house.write(cast).await;
    }
    let mut running = house.project();
    running.reach(640).await;
    let stop = CancellationToken::new();
    let reading = tokio::spawn({
        let (views, stop) = (Views::new(Arc::clone(&house.store)), stop.clone());
        async move {
            let (mut position, mut looks) = (0, 0);
            while !stop.is_cancelled() {
                for cast in &casts {
                    let job = views.job(cast.job).await.unwrap().expect("the job is on its page");
                    assert_eq!(job.status, Status::Succeeded);
                    assert_eq!(views.timeline(cast.job, None, 100).await.unwrap().rows.len(), 12);
                    let now = views.position().await.unwrap();
                    assert!(now >= position, "from {position} back to {now}");
                    position = now;
                    looks += 1;
                }
            }
            looks
        }
    });
    // Two rebuilds, while somebody writes and reads that.
    let views = Views::new(Arc::clone(&house.store));
    for generation in [2, 3] {
        let rebuilding = tokio::spawn({
            let (log, store) = (house.log.clone(), Arc::clone(&house.store));
            async move { rebuild(&log, store).await }
        });
        while !rebuilding.is_finished() {
            let history = house.write(&Cast::new()).await;
            assert!(views.reach(history.last().unwrap().sequence, PATIENCE).await.unwrap());
            assert_rows(house.store.as_ref(), &history).await;
        }
        let report = rebuilding.await.unwrap().unwrap();
        assert_eq!((report.generation, report.comparison.is_equal()), (Generation(generation), true));
    }
    stop.cancel();
    assert!(reading.await.unwrap() > 40);
    running.stop().await;
}

#[tokio::test]
async fn a_rebuild_that_is_cut_off_changes_nothing_and_the_next_one_cleans_up() {
    let house = House::new().await;
    for _ in 0..20 {
        house.write(&Cast::new()).await;
    }
    let mut running = house.project();
    running.reach(320).await;
    // Dropped after its first step, and later and later.
    for milliseconds in [1, 5, 10, 20, 40, 80, 160] {
        let cut =
            tokio::time::timeout(Duration::from_millis(milliseconds), rebuild(&house.log, Arc::clone(&house.store)));
        // What the one before left to the disk may still take this one's tables away, which is an error to this one.
        let ended = cut.await;
        assert!(!matches!(ended, Ok(Ok(_))), "{ended:?}");
    }
    let history = house.write(&Cast::new()).await;
    // The last may have been quick enough to make its rows live; the projector follows in a moment.
    assert!(Views::new(Arc::clone(&house.store)).reach(336, PATIENCE).await.unwrap());
    assert_rows(house.store.as_ref(), &history).await;
    assert!(diff(&house.log, Arc::clone(&house.store)).await.unwrap().is_equal());
    let before = house.store.live().await.unwrap();
    let report = rebuild(&house.log, Arc::clone(&house.store)).await.unwrap();
    assert!(report.generation > before);
    running.stop().await;
    let path = house.folder.path().join("views.redb");
    let House { store, .. } = house;
    drop(store);
    let file = open_when_free(&path).await;
    let transaction = redb::ReadableDatabase::begin_read(&file).unwrap();
    let names: Vec<_> =
        transaction.list_tables().unwrap().map(|table| redb::TableHandle::name(&table).to_owned()).collect();
    let live = format!("_g{}", report.generation);
    assert!(names.iter().filter(|name| name.contains("_v1")).all(|name| name.contains(&live)), "{names:?}");
}

/// Tasks that were cut off may still hold the file for a moment.
async fn open_when_free(path: &std::path::Path) -> redb::Database {
    let opened = async {
        loop {
            match redb::Database::open(path) {
                Ok(file) => return file,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, opened).await.expect("somebody holds the file")
}

#[tokio::test]
async fn a_rebuild_of_thousands_of_events_reaches_the_end() {
    let house = House::new().await;
    for _ in 0..150 {
        house.write(&Cast::new()).await;
    }
    let report = rebuild(&house.log, Arc::clone(&house.store)).await.unwrap();
    assert_eq!((report.sequence, report.counts.applied), (2_400, 2_400));
    let views = Views::new(Arc::clone(&house.store));
    assert_eq!(views.freshness(&house.log).await.unwrap().lag(), 0);
}
