//! Both stores, held to the same suite and to the same property: whatever arrives late, twice or after a restart, the
//! rows are those of the history.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "stores/cql_server.rs"]
mod cql_server;
#[path = "stores/faulty.rs"]
mod faulty;
#[path = "stores/histories.rs"]
mod histories;
#[path = "stores/restarts.rs"]
mod restarts;
#[path = "stores/suite.rs"]
mod suite;

use ::redb::{ReadableTable, TableHandle};
use projector::{Checkpoint, Mutation, RedbStore, ScyllaStore, ViewStore, views};
use std::sync::Arc;

fn redb(folder: &tempfile::TempDir) -> Arc<dyn ViewStore> {
    Arc::new(RedbStore::open(&folder.path().join("views.redb")).unwrap())
}

/// A store in a keyspace of its own; `None` where no server can be had.
async fn cql(keyspace: &str) -> Option<Arc<dyn ViewStore>> {
    let nodes = cql_server::nodes()?;
    // A server that is given may hold an earlier run's keyspaces.
    let keyspace = format!("{keyspace}_{:08x}", uuid::Uuid::now_v7().as_u128() as u32);
    Some(Arc::new(ScyllaStore::connect(nodes, &keyspace).await.unwrap()))
}

#[test]
fn every_mutation_fits_the_columns_of_its_table() {
    let cast = histories::Cast::new();
    for (which, n) in (0..histories::EVENTS).flat_map(|which| (0..6).map(move |n| (which, n))) {
        let (id, event) = histories::event(&cast, which, n);
        for mutation in views::apply(&histories::record(1, id, None, event)) {
            let Mutation::Upsert { table, columns, .. } = mutation else { continue };
            for (name, value) in columns {
                let known = &table.columns[table.key().len()..];
                let column = known.iter().find(|(column, _)| *column == name);
                let (_, kind) = column.unwrap_or_else(|| panic!("{} has no column {name}", table.name));
                assert!(value.type_of().is_none_or(|found| found == *kind), "{}.{name}: {value:?}", table.name);
            }
        }
    }
}

/// What the eraser writes about a story that began after `before` other events.
fn erasure(cast: &histories::Cast, before: u64, at: u64) -> Vec<schemas::Recorded> {
    let drafted = u32::try_from(before + 15).unwrap();
    let events = [(18, 0), (19, 0), (20, 0), (21, drafted)].map(|(which, n)| histories::event(cast, which, n));
    (at..).zip(events).map(|(sequence, (id, event))| histories::record(sequence, id, None, event)).collect()
}

#[test]
fn an_erased_person_leaves_a_timeline_without_their_words_and_nothing_else() {
    let (ann, bob) = (histories::Cast::new(), histories::Cast::new());
    let bobs = histories::story_of(&bob, 100);
    let anns = [histories::story_of(&ann, 0), erasure(&ann, 0, 200)].concat();
    let rows = |history: &[schemas::Recorded], timeline: bool| {
        let mut rows: Vec<_> = histories::fold(history)
            .into_iter()
            .filter(|(table, _)| (*table == "timeline") == timeline)
            .flat_map(|(table, rows)| rows.into_iter().map(move |(key, row)| (table, key, row)))
            .filter_map(|(table, key, row)| Some((table, format!("{key:?}"), row?)))
            .collect();
        rows.sort_by(|a, b| (a.0, &a.1).cmp(&(b.0, &b.1)));
        rows
    };
    assert_eq!(rows(&[bobs.clone(), anns.clone()].concat(), false), rows(&bobs, false));
    let told = rows(&anns, true);
    assert_eq!(told.len(), anns.len());
    for (_, _, row) in &told {
        assert!(row.contains_key("event_type") && row.contains_key("actor") && row.contains_key("happened"));
        assert!(!format!("{row:?}").contains("Me ✨") && !format!("{row:?}").contains("me 0.mp4"), "{row:?}");
    }
}

#[tokio::test]
async fn redb_passes_the_suite() {
    let folder = tempfile::tempdir().unwrap();
    suite::suite(redb(&folder)).await;
}

#[tokio::test]
async fn scylla_passes_the_suite() {
    if let Some(store) = cql("suite").await {
        suite::suite(store).await;
    }
}

#[tokio::test]
async fn a_redb_file_survives_being_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let history = histories::story();
    let store = redb(&folder);
    let checkpoint = Checkpoint { sequence: history.len() as u64, ..Checkpoint::default() };
    store.write(histories::mutations(&history)).await.unwrap();
    store.set_checkpoint(checkpoint).await.unwrap();
    drop(store);
    let store = redb(&folder);
    assert_eq!(store.checkpoint().await.unwrap(), checkpoint);
    histories::assert_rows(store.as_ref(), &history).await;
}

#[tokio::test]
async fn a_file_of_an_older_format_is_replaced_by_an_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("views.redb");
    let old = redb::Database::create(&path).unwrap();
    let transaction = old.begin_write().unwrap();
    let rows: redb::TableDefinition<&[u8], &[u8]> = redb::TableDefinition::new("jobs_v1");
    transaction.open_table(rows).unwrap().insert(&b"key"[..], &b"{\"json\": 1}"[..]).unwrap();
    transaction.commit().unwrap();
    drop(old);
    let store = redb(&folder);
    assert_eq!(store.checkpoint().await.unwrap(), Checkpoint::default(), "the projector starts at the beginning");
    let mut rows = store.scan(&views::jobs::TABLE);
    assert!(futures::StreamExt::next(&mut rows).await.is_none());
}

#[tokio::test]
async fn tables_of_older_versions_and_of_a_rebuild_that_was_cut_off_go_when_the_file_is_opened() {
    const OLD: redb::TableDefinition<&[u8], &[u8]> = redb::TableDefinition::new("timeline_v1");
    const CUT_OFF: redb::TableDefinition<&[u8], &[u8]> = redb::TableDefinition::new("jobs_v1_g2");
    const CHECKPOINTS: redb::TableDefinition<&str, (u64, [u64; 5])> = redb::TableDefinition::new("checkpoints");
    let folder = tempfile::tempdir().unwrap();
    let store = redb(&folder);
    let checkpoint = Checkpoint { sequence: 7, ..Checkpoint::default() };
    store.set_checkpoint(checkpoint).await.unwrap();
    drop(store);
    let database = redb::Database::create(folder.path().join("views.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    transaction.open_table(OLD).unwrap().insert(&b"somebody"[..], &b"what they wrote"[..]).unwrap();
    transaction.open_table(CUT_OFF).unwrap().insert(&b"somebody"[..], &b"what they wrote"[..]).unwrap();
    transaction.open_table(CHECKPOINTS).unwrap().insert("jobs_v1 timeline_v1", (99, [0; 5])).unwrap();
    transaction.commit().unwrap();
    drop(database);
    let store = redb(&folder);
    assert_eq!(store.checkpoint().await.unwrap(), checkpoint, "what is current stays");
    drop(store);
    let database = redb::Database::create(folder.path().join("views.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    let tables: Vec<_> = transaction.list_tables().unwrap().map(|table| table.name().to_owned()).collect();
    assert!(!tables.iter().any(|name| name == "timeline_v1" || name == "jobs_v1_g2"), "{tables:?}");
    assert!(transaction.open_table(CHECKPOINTS).unwrap().get("jobs_v1 timeline_v1").unwrap().is_none());
}

#[tokio::test]
async fn two_processes_do_not_share_a_redb_file() {
    let folder = tempfile::tempdir().unwrap();
    let _first = redb(&folder);
    let second = RedbStore::open(&folder.path().join("views.redb"));
    assert!(second.err().unwrap().to_string().contains("views.redb"));
}

#[tokio::test]
async fn a_keyspace_with_a_strange_name_is_refused_before_connecting() {
    let error = ScyllaStore::connect(&["127.0.0.1:1".to_owned()], "kart; DROP").await.err().unwrap();
    assert!(error.to_string().contains("kart; DROP"), "{error}");
}

#[test]
fn redb_rows_equal_the_fold_of_any_history() {
    let folder = tempfile::tempdir().unwrap();
    let mut case = 0;
    histories::for_all(64, |history, deliveries| {
        case += 1;
        let path = folder.path().join(format!("{case}.redb"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            for batches in deliveries.chunks(4) {
                // A restart in between.
                let store = RedbStore::open(&path).unwrap();
                for batch in batches {
                    store.write(batch.clone()).await.unwrap();
                }
            }
            histories::assert_rows(&RedbStore::open(&path).unwrap(), &history).await;
        });
    });
}

#[test]
fn scylla_rows_equal_the_fold_of_any_history() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(store) = runtime.block_on(cql("histories")) else { return };
    histories::for_all(12, |history, deliveries| {
        runtime.block_on(async {
            for batch in deliveries {
                store.write(batch).await.unwrap();
            }
            histories::assert_rows(store.as_ref(), &history).await;
        });
    });
}

#[tokio::test]
async fn redb_rows_equal_the_fold_wherever_the_projector_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let open_at = |place: &std::path::Path| Arc::new(RedbStore::open(place).unwrap()) as Arc<dyn ViewStore>;
    let mut place = folder.path().join("0.redb");
    let (mut store, mut crashes) = (open_at(&place), 0);
    let open = |crash: bool| {
        if crash {
            // What is on disk at this moment is what a killed process leaves.
            crashes += 1;
            let next = folder.path().join(format!("{crashes}.redb"));
            std::fs::copy(&place, &next).unwrap();
            (store, place) = (open_at(&next), next);
        }
        Arc::clone(&store)
    };
    restarts::at_every_step(open, 6).await;
}

#[tokio::test]
async fn scylla_rows_equal_the_fold_wherever_the_projector_is_cut_off() {
    if let Some(store) = cql("restarts").await {
        restarts::at_every_step(|_| Arc::clone(&store), 3).await;
    }
}

#[tokio::test]
async fn on_redb_the_checkpoint_does_not_pass_a_shard_that_stands_still() {
    let folder = tempfile::tempdir().unwrap();
    restarts::beside_a_shard_that_stands_still(redb(&folder)).await;
}

#[tokio::test]
async fn on_scylla_the_checkpoint_does_not_pass_a_shard_that_stands_still() {
    if let Some(store) = cql("shards").await {
        restarts::beside_a_shard_that_stands_still(store).await;
    }
}

#[tokio::test]
async fn a_projector_behind_a_slow_shard_holds_a_bounded_part_of_the_log() {
    let folder = tempfile::tempdir().unwrap();
    restarts::memory_is_bounded_while_a_shard_stands_still(redb(&folder)).await;
}
