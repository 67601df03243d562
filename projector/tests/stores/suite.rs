//! What every store must do. Each part works on rows of its own.

use crate::histories::{Cast, assert_rows, mutations, story_of};
use futures::TryStreamExt;
use projector::views::{job_pictures, jobs, jobs_by_user, timeline};
use projector::{
    Checkpoint, Counts, Cursor, Generation, Mutation, PhaseStatus, Row, Status, StoreError, Table, Value, ViewStore,
    Views,
};
use schemas::{JobId, UserId};
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// # Panics
/// When `store` does not do what it must.
pub async fn suite(store: Arc<dyn ViewStore>) {
    a_new_store_is_empty(store.as_ref()).await;
    the_latest_sequence_wins_in_each_column(store.as_ref()).await;
    nothing_erases_a_value(store.as_ref()).await;
    a_delete_hides_what_is_older_even_when_that_is_late(store.as_ref()).await;
    a_partition_is_deleted_as_a_whole_and_filled_by_the_same_event(store.as_ref()).await;
    every_type_comes_back_as_it_went_in(store.as_ref()).await;
    rows_come_in_order_and_in_pages(store.as_ref()).await;
    the_checkpoint_never_goes_back(store.as_ref()).await;
    a_key_of_another_type_is_an_error(store.as_ref()).await;
    a_job_is_told_to_its_end(Arc::clone(&store)).await;
    a_list_goes_on_where_its_cursor_stands(Arc::clone(&store)).await;
    rows_are_got_in_the_order_of_their_keys(store.as_ref()).await;
    a_scan_sees_every_row(store.as_ref()).await;
    a_new_generation_is_filled_beside_the_live_one(store.as_ref()).await;
}

async fn write(store: &dyn ViewStore, mutations: impl IntoIterator<Item = Mutation>) {
    store.write(mutations.into_iter().collect()).await.unwrap();
}

fn at(sequence: u64) -> Checkpoint {
    Checkpoint { sequence, counts: Counts { applied: sequence / 2, repeated: 4, unknown: 3, unreadable: 2, held: 1 } }
}

async fn job(store: &dyn ViewStore, id: JobId) -> Option<Row> {
    store.row(&jobs::TABLE, &[id.into()]).await.unwrap()
}

async fn a_new_store_is_empty(store: &dyn ViewStore) {
    assert_eq!(store.checkpoint().await.unwrap(), Checkpoint::default());
    assert_eq!(store.live().await.unwrap(), Generation::FIRST);
    assert_eq!(job(store, JobId::new()).await, None);
    let rows = store.rows(&jobs_by_user::TABLE, &[UserId::new().into()], None, 10).await.unwrap();
    assert_eq!(rows, vec![]);
}

async fn the_latest_sequence_wins_in_each_column(store: &dyn ViewStore) {
    let id = JobId::new();
    let set = |sequence, columns: &[(&'static str, Value)]| Mutation::Upsert {
        table: &jobs::TABLE,
        key: vec![id.into()],
        columns: columns.to_vec(),
        sequence,
    };
    let late = set(7, &[("step", 7u32.into())]);
    write(store, [late.clone()]).await;
    write(store, [set(5, &[("step", 5u32.into()), ("title", "five".into())])]).await;
    write(store, [set(9, &[("steps", 9u32.into())]), late.clone(), late]).await;
    let row = job(store, id).await.unwrap();
    assert_eq!(row.int("step").unwrap(), 7, "an older sequence arrived later");
    assert_eq!(row.text("title").unwrap(), "five", "nobody else wrote this column");
    assert_eq!(row.int("steps").unwrap(), 9);
    assert_eq!(row.uuid("id").unwrap(), id.0);
}

async fn nothing_erases_a_value(store: &dyn ViewStore) {
    let id = JobId::new();
    let code = |sequence, value: Value| jobs::TABLE.upsert(sequence, [id.into()], [("error_code", value)]);
    write(store, [code(1, "internal".into())]).await;
    write(store, [code(3, Value::Null)]).await;
    write(store, [code(2, "late".into())]).await;
    assert!(!job(store, id).await.unwrap().has("error_code"));
}

async fn a_delete_hides_what_is_older_even_when_that_is_late(store: &dyn ViewStore) {
    let id = JobId::new();
    let title = |sequence, title: &str| jobs::TABLE.upsert(sequence, [id.into()], [("title", title.into())]);
    let remove = |sequence| jobs::TABLE.delete(sequence, [id.into()]);
    write(store, [title(1, "first")]).await;
    write(store, [remove(3)]).await;
    assert_eq!(job(store, id).await, None);
    write(store, [title(2, "late")]).await;
    assert_eq!(job(store, id).await, None, "written before the delete, arrived after it");
    write(store, [title(4, "again")]).await;
    write(store, [remove(3)]).await;
    assert_eq!(job(store, id).await.unwrap().text("title").unwrap(), "again", "the delete was repeated");
}

async fn a_partition_is_deleted_as_a_whole_and_filled_by_the_same_event(store: &dyn ViewStore) {
    let (id, other) = (JobId::new(), JobId::new());
    let panel = |sequence, job: JobId, position: u32| {
        job_pictures::TABLE.upsert(sequence, [job.into(), "panel".into(), position.into()], [("alt", "a panel".into())])
    };
    write(store, [panel(1, id, 0), panel(1, id, 1), panel(1, other, 0)]).await;
    write(store, [panel(3, id, 1), job_pictures::TABLE.delete(3, [id.into()])]).await;
    write(store, [panel(2, id, 2)]).await;
    let positions = async |job: JobId| {
        let rows = store.rows(&job_pictures::TABLE, &[job.into()], None, 10).await.unwrap();
        rows.iter().map(|row| row.int("position").unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(positions(id).await, [1], "only what the deleting event itself wrote");
    assert_eq!(positions(other).await, [0]);
}

async fn every_type_comes_back_as_it_went_in(store: &dyn ViewStore) {
    let id = JobId::new();
    let columns = vec![
        ("owner", Value::Uuid(Uuid::now_v7())),
        ("title", Value::Text("a 'quoted' \0 title; 漫画 🎬".to_owned())),
        ("step", Value::Int(i64::MIN)),
        ("loss", Value::Real(0.1 + 0.2)),
        ("cancel_requested", Value::Flag(true)),
        ("created", Value::Time(-1)),
        ("teachers", Value::Texts(vec![])),
        ("advice", Value::Texts(vec!["one".to_owned(), String::new()])),
        ("curve", Value::Reals(vec![f64::MIN_POSITIVE, -0.0, f64::from(1.0f32 / 3.0)])),
    ];
    let upsert = Mutation::Upsert {
        table: &jobs::TABLE,
        key: vec![id.into()],
        columns: columns.clone(),
        sequence: u64::MAX / 4,
    };
    write(store, [upsert]).await;
    let mut row = job(store, id).await.unwrap();
    row.columns.remove("id");
    assert_eq!(row.columns, columns.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
}

async fn rows_come_in_order_and_in_pages(store: &dyn ViewStore) {
    let events = timeline::partition(JobId::new().into());
    let [kind, aggregate] = &events;
    let event = |sequence: u64| {
        let key = [kind.clone(), aggregate.clone(), sequence.into()];
        timeline::TABLE.upsert(sequence, key, [("actor", "role/trainer".into())])
    };
    write(store, [300, 1, 20, 2, 100].map(event)).await;
    let page = async |table: &'static Table, partition: &[Value], after: Option<&[Value]>, column: &str| {
        let rows = store.rows(table, partition, after, 3).await.unwrap();
        rows.into_iter().map(|row| row.columns[column].clone()).collect::<Vec<_>>()
    };
    let sequences = |numbers: &[i64]| numbers.iter().map(|&number| Value::Int(number)).collect::<Vec<_>>();
    assert_eq!(page(&timeline::TABLE, &events, None, "sequence").await, sequences(&[1, 2, 20]));
    assert_eq!(page(&timeline::TABLE, &events, Some(&[Value::Int(20)]), "sequence").await, sequences(&[100, 300]));
    assert_eq!(page(&timeline::TABLE, &events, Some(&[Value::Int(300)]), "sequence").await, sequences(&[]));

    let owner = [Value::from(UserId::new())];
    let ids: Vec<Value> = (0..4).map(|_| JobId::new().into()).collect();
    let job = |id: &Value| jobs_by_user::TABLE.upsert(1, [owner[0].clone(), id.clone()], [("title", "a job".into())]);
    write(store, [2, 0, 3, 1].map(|at| job(&ids[at]))).await;
    let newest: Vec<_> = ids.iter().rev().cloned().collect();
    assert_eq!(page(&jobs_by_user::TABLE, &owner, None, "job").await, newest[..3]);
    assert_eq!(page(&jobs_by_user::TABLE, &owner, Some(&newest[2..3]), "job").await, newest[3..]);
}

async fn the_checkpoint_never_goes_back(store: &dyn ViewStore) {
    for (checkpoint, expected) in [(5, 5), (3, 5), (5, 5), (6, 6)] {
        store.set_checkpoint(at(checkpoint)).await.unwrap();
        assert_eq!(store.checkpoint().await.unwrap(), at(expected));
    }
}

async fn a_key_of_another_type_is_an_error(store: &dyn ViewStore) {
    assert!(store.row(&jobs::TABLE, &["not an id".into()]).await.is_err());
    let unknown = jobs::TABLE.upsert(1, [JobId::new().into()], [("horse", "Bucephalus".into())]);
    assert!(store.write(vec![unknown]).await.is_err(), "no such column");
}

async fn rows_are_got_in_the_order_of_their_keys(store: &dyn ViewStore) {
    let ids: Vec<_> = (0..3).map(|_| JobId::new()).collect();
    let title = |n: usize| jobs::TABLE.upsert(1, [ids[n].into()], [("title", n.to_string().into())]);
    write(store, [title(2), title(0)]).await;
    let keys = [2, 1, 0].map(|n| vec![ids[n].into()]).to_vec();
    let titles =
        store.get(&jobs::TABLE, keys).await.unwrap().into_iter().map(|row| row.map(|row| row.text("title").unwrap()));
    assert_eq!(titles.collect::<Vec<_>>(), [Some("2".to_owned()), None, Some("0".to_owned())]);
}

async fn a_job_is_told_to_its_end(store: Arc<dyn ViewStore>) {
    let cast = Cast::new();
    let story = story_of(&cast, 1_000);
    store.write(mutations(&story)).await.unwrap();
    store.set_checkpoint(at(1_016)).await.unwrap();
    assert_rows(store.as_ref(), &story).await;

    let views = Views::new(store);
    let job = views.job(cast.job).await.unwrap().unwrap();
    assert_eq!((job.status, job.training_status), (Status::Succeeded, PhaseStatus::Succeeded));
    assert_eq!((job.owner, job.video, job.comic), (cast.owner, cast.video, Some(cast.comic())));
    assert_eq!(views.jobs_of(cast.owner, None, 10).await.unwrap().rows, [job]);
    let comic = views.comic(cast.comic()).await.unwrap().unwrap();
    assert_eq!((comic.job, comic.draft), (cast.job, true));
    assert_eq!(views.comics_of(cast.owner, None, 10).await.unwrap().rows, [comic]);
    let pictures = views.pictures(cast.job).await.unwrap();
    assert_eq!(pictures.iter().filter(|picture| picture.kind.as_str() == "page").count(), 1);
    assert!(views.video(cast.video).await.unwrap().unwrap().facts.is_some());
    let events = views.timeline(cast.job, None, 100).await.unwrap().rows;
    let names: Vec<_> = events.iter().map(|event| event.name()).collect();
    assert_eq!((names[0], names[names.len() - 1]), ("requested", "completed"));
    assert!(views.reach(1_016, Duration::ZERO).await.unwrap());
    assert!(!views.reach(1_017, Duration::from_millis(30)).await.unwrap());
}

async fn a_list_goes_on_where_its_cursor_stands(store: Arc<dyn ViewStore>) {
    let owner = UserId::new();
    for n in 0..5 {
        let cast = Cast { owner, ..Cast::new() };
        store.write(mutations(&story_of(&cast, 2_000 + n * 100))).await.unwrap();
    }
    let views = Views::new(store);
    let all: Vec<_> = views.jobs_of(owner, None, 100).await.unwrap().rows.iter().map(|job| job.id).collect();
    let (mut paged, mut after) = (vec![], None);
    loop {
        let page = views.jobs_of(owner, after.as_ref(), 2).await.unwrap();
        paged.extend(page.rows.iter().map(|job| job.id));
        // As it goes into a link and comes back from one.
        after = page.next.map(|cursor| cursor.to_string().parse::<Cursor>().unwrap());
        if after.is_none() {
            break;
        }
    }
    assert_eq!((all.len(), paged), (5, all));
    let foreign = views.jobs_of(owner, None, 2).await.unwrap().next.unwrap();
    let refused = views.comics_of(owner, Some(&foreign), 2).await;
    assert!(matches!(refused, Err(StoreError::BadCursor)));
    let comics = views.comics_of(owner, None, 2).await.unwrap();
    let more = views.comics_of(owner, comics.next.as_ref(), 100).await.unwrap();
    assert!(comics.rows.iter().chain(&more.rows).is_sorted_by(|a, b| a.created > b.created));
}

async fn count(store: &dyn ViewStore) -> usize {
    store.scan(&timeline::TABLE).try_fold(0, async |count, _| Ok(count + 1)).await.unwrap()
}

fn some_event(sequence: u64) -> Mutation {
    let key = ["job".into(), Uuid::now_v7().into(), sequence.into()];
    timeline::TABLE.upsert(sequence, key, [("actor", "a".into())])
}

async fn a_scan_sees_every_row(store: &dyn ViewStore) {
    let before = count(store).await;
    write(store, (1..=1_100).map(some_event)).await;
    assert_eq!(count(store).await, before + 1_100);
}

/// A handle that follows the live generation shows `expected` rows.
async fn shows(store: &dyn ViewStore, expected: usize) {
    let shown = async {
        while count(store).await != expected {
            store.moved().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), shown).await.expect("it does not follow the flip");
}

async fn a_new_generation_is_filled_beside_the_live_one(store: &dyn ViewStore) {
    let (before, checkpoint) = (count(store).await, store.checkpoint().await.unwrap());
    let abandoned = store.begin().await.unwrap();
    write(store.of(abandoned).as_ref(), [some_event(1)]).await;
    let second = store.begin().await.unwrap();
    assert!(second > abandoned, "numbers are never used again");
    assert!(count(store.of(second).as_ref()).await == 0, "what an interrupted rebuild left is gone");

    let fresh = store.of(second);
    write(fresh.as_ref(), [some_event(1), some_event(2)]).await;
    assert!(!store.flip(second).await.unwrap(), "it is behind the live one");
    assert_eq!((count(store).await, store.checkpoint().await.unwrap()), (before, checkpoint));
    fresh.set_checkpoint(checkpoint).await.unwrap();
    assert!(store.flip(second).await.unwrap());
    assert_eq!(store.live().await.unwrap(), second);
    shows(store, 2).await;
    store.sweep().await.unwrap();
    assert_eq!((count(store).await, store.checkpoint().await.unwrap()), (2, checkpoint));
    assert!(count_of_dropped(store).await, "the old tables are gone");
}

/// Whether reading the first generation finds nothing, or fails.
async fn count_of_dropped(store: &dyn ViewStore) -> bool {
    let old = store.of(Generation::FIRST);
    let row = old.scan(&timeline::TABLE).try_next().await;
    !matches!(row, Ok(Some(_)))
}
