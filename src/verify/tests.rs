//! What can be done to an exported file, and how it is found.

use super::*;
use crate::seals::Root;
use ed25519_dalek::SigningKey;
use schemas::event::{JobDispatched, JobRequested, Phase, TrainingStarted, UserRegistered};
use schemas::{Actor, AggregateId, Blob, Event, Hash, JobId, NewEvent, Recorded, UserId, VideoId};
use std::collections::HashMap;
use tempfile::TempDir;
use time::macros::datetime;
use uuid::Uuid;

/// A log in memory.
#[derive(Default)]
struct Past {
    events: Vec<Recorded>,
    heads: HashMap<AggregateId, Hash>,
}

impl Past {
    fn write(&mut self, aggregate: impl Into<AggregateId>, event: impl Into<Event>) {
        let aggregate = aggregate.into();
        let sequence = self.events.len() as u64 + 1;
        let id = Uuid::from_u128(u128::from(sequence));
        let new = NewEvent {
            id,
            time: datetime!(2026-11-24 11:17 UTC) + time::Duration::seconds(sequence as i64),
            actor: Actor::role("test"),
            causation: Some(id),
            correlation: id,
            event: event.into(),
        };
        let recorded = Recorded::of(sequence, aggregate, self.heads.get(&aggregate).copied(), new);
        self.heads.insert(aggregate, recorded.hash);
        self.events.push(recorded);
    }

    /// A few users with a job each, whose events stand between each other.
    fn of_jobs(titles: &[&str]) -> Self {
        let mut past = Self::default();
        let ids: Vec<_> = (0..titles.len() as u128).map(|n| Uuid::from_u128(0x1000 + n)).collect();
        ids.iter().for_each(|id| past.write(UserId(*id), UserRegistered { guest: true }));
        for (id, title) in ids.iter().zip(titles) {
            let blob = Blob { key: format!("videos/{id}"), sha256: Hash::of(title.as_bytes()), bytes: 9 };
            let request = JobRequested {
                owner: UserId(*id),
                video: VideoId(*id),
                title: (*title).into(),
                blob,
                priority: Default::default(),
                style: None,
                redraw: None,
                strokes: vec![],
            };
            past.write(JobId(*id), request);
        }
        for id in &ids {
            past.write(JobId(*id), JobDispatched { phase: Phase::Training, attempt: 1 });
        }
        for id in &ids {
            let (device, teachers) = ("CPU".to_owned(), vec![]);
            past.write(JobId(*id), TrainingStarted { attempt: 1, lease: *id, device, teachers });
        }
        past
    }

    fn lines(&self) -> Vec<Vec<u8>> {
        self.events.iter().map(|event| [event.to_line(), b"\n".to_vec()].concat()).collect()
    }

    fn seal(&self, key: &SigningKey) -> Seal {
        let root = self.events.iter().fold(Root::default(), |root, event| root.after(event.sequence, event.hash));
        Seal::sign(key, self.events.len() as u64, root, None, datetime!(2026-11-24 12:00 UTC))
    }
}

struct Desk {
    folder: TempDir,
}

impl Desk {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn verify(&self, bytes: &[u8], seal: Option<&Seal>) -> Report {
        let path = self.folder.path().join("log.ndjson");
        std::fs::write(&path, bytes).unwrap();
        let sealed = seal.map(|seal| Sealed { genuine: vec![seal.clone()], ..Sealed::default() });
        verify_file(&path, sealed, true).unwrap().report
    }
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

#[test]
fn what_was_written_is_clean_and_its_seal_agrees() {
    let (desk, past) = (Desk::new(), Past::of_jobs(&["one", "two", "three"]));
    let path = desk.folder.path().join("log.ndjson");
    std::fs::write(&path, past.lines().concat()).unwrap();
    let sealed = Sealed { genuine: vec![past.seal(&key())], ..Sealed::default() };
    let verified = verify_file(&path, Some(sealed), true).unwrap();
    assert!(verified.report.is_clean(), "{}", verified.report);
    assert_eq!((verified.last, verified.seals), (12, 1));
}

/// Every byte of the file, each bit in turn as the positions go by.
#[test]
fn a_flip_of_any_byte_is_found_and_its_line_named() {
    let (desk, past) = (Desk::new(), Past::of_jobs(&["one"]));
    let lines = past.lines();
    let whole = lines.concat();
    let mut line = 0;
    let mut ends = lines[0].len();
    for position in 0..whole.len() {
        if position == ends {
            line += 1;
            ends += lines[line].len();
        }
        let mut flipped = whole.clone();
        flipped[position] ^= 1 << (position % 8);
        let report = desk.verify(&flipped, None);
        let sequence = line as u64 + 1;
        let text = report.to_string();
        assert!(!report.is_clean(), "byte {position} of line {sequence}");
        let named = text.contains(&format!("sequence {sequence}:")) || text.contains(&format!("line {sequence}:"));
        assert!(named, "byte {position} of line {sequence}: {text}");
    }
}

#[test]
fn lines_that_were_moved_removed_or_repeated_are_found() {
    let (desk, past) = (Desk::new(), Past::of_jobs(&["one", "two", "three"]));
    let lines = past.lines();
    let without = |i: usize| [&lines[..i], &lines[i + 1..]].concat().concat();
    for i in 0..lines.len() - 1 {
        let report = desk.verify(&without(i), None);
        assert_eq!(report.first(), Some(i as u64 + 1), "line {} is missing: {report}", i + 1);
        assert!(report.kinds().contains(&Kind::Gap));
        let mut swapped = lines.clone();
        swapped.swap(i, i + 1);
        assert_eq!(desk.verify(&swapped.concat(), None).first(), Some(i as u64 + 1), "lines {} and {}", i + 1, i + 2);
        let mut doubled = lines.clone();
        doubled.insert(i, lines[i].clone());
        assert!(desk.verify(&doubled.concat(), None).kinds().contains(&Kind::Gap), "line {} twice", i + 1);
    }
    let cut = &lines.concat()[..lines.concat().len() - 5];
    assert_eq!(desk.verify(cut, None).first(), Some(12));
}

#[test]
fn an_end_that_was_cut_off_is_found_by_a_seal_alone() {
    let (desk, past) = (Desk::new(), Past::of_jobs(&["one", "two", "three"]));
    let seal = past.seal(&key());
    let short = past.lines()[..10].concat();
    assert!(desk.verify(&short, None).is_clean(), "a chain does not show its end");
    let report = desk.verify(&short, Some(&seal));
    assert_eq!((report.kinds(), report.first()), (vec![Kind::Gap], Some(11)), "{report}");
    assert!(desk.verify(&[], Some(&seal)).kinds().contains(&Kind::Gap));
}

#[test]
fn a_history_made_anew_from_some_event_on_is_found_by_a_seal_alone() {
    let desk = Desk::new();
    let (past, forged) = (Past::of_jobs(&["one", "two", "three"]), Past::of_jobs(&["one", "tww", "three"]));
    let seal = past.seal(&key());
    let lines = forged.lines().concat();
    assert!(desk.verify(&lines, None).is_clean(), "every chain was made anew");
    let report = desk.verify(&lines, Some(&seal));
    assert_eq!(report.kinds(), [Kind::Seal], "{report}");
}

#[test]
fn what_the_rules_forbid_is_found_although_the_chain_is_whole() {
    let (desk, mut past) = (Desk::new(), Past::of_jobs(&["one"]));
    let job = JobId(Uuid::from_u128(0x1000));
    past.write(job, JobDispatched { phase: Phase::Training, attempt: 1 });
    let report = desk.verify(&past.lines().concat(), None);
    assert_eq!((report.kinds(), report.first()), (vec![Kind::Rules], Some(5)), "{report}");
}
