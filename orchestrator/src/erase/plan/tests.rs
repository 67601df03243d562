//! The ledger and the plan, without a server.

use super::*;
use schemas::event::*;
use schemas::{Actor, Blob, ComicId, Event, Hash, JobId, MediaId, NewEvent, Recorded, SceneId, VideoId};
use std::collections::BTreeSet;
use time::{Duration, OffsetDateTime};

/// When the log's first event was written, Unix milliseconds.
const START_MS: u64 = 1_000_000;

/// A log that grows, and the ledger that follows it.
#[derive(Default)]
struct Story {
    ledger: Ledger,
    memory: Memory,
}

fn blob(key: &str) -> Blob {
    Blob { key: key.to_owned(), sha256: Hash::of(b""), bytes: 1 }
}

fn picture(owner: UserId, key: &str) -> Picture {
    Picture {
        media: MediaId::of(owner, &Hash::of(b"")),
        blob: blob(key),
        width: 1,
        height: 1,
        alt: "".into(),
        at_ms: None,
    }
}

impl Story {
    fn write(&mut self, id: impl Into<AggregateId>, event: impl Into<Event>) {
        let sequence = self.ledger.sequence + 1;
        let time = OffsetDateTime::UNIX_EPOCH + Duration::milliseconds((START_MS + sequence) as i64);
        let id = id.into();
        let (event, correlation) = (event.into(), id.uuid());
        let new = NewEvent {
            id: NewEvent::id_of(correlation, sequence as usize),
            time,
            actor: Actor::role("test"),
            causation: None,
            correlation,
            event,
        };
        self.ledger.apply(&Recorded::of(sequence, id, None, new));
    }

    /// A video, its job, a panel in the library and the comic; `key` is the picture's.
    fn make(&mut self, owner: UserId, key: &str) -> Vec<AggregateId> {
        let (video, job) = (VideoId::new(), JobId::new());
        let own = |name: &str| blob(&format!("users/{owner}/{name}"));
        self.write(video, VideoUploaded { owner, name: "v".into(), container: "mp4".into(), blob: own("v") });
        self.write(
            job,
            JobRequested {
                owner,
                video,
                title: "v".into(),
                blob: own("v"),
                priority: Priority::Normal,
                style: None,
                redraw: None,
                strokes: vec![],
            },
        );
        let panel = picture(owner, key);
        let rendered = PanelRendered { attempt: 1, lease: uuid::Uuid::nil(), index: 0, of: 1, picture: panel.clone() };
        self.write(job, rendered);
        let added = MediaAdded {
            owner,
            kind: MediaKind::Panel,
            content_type: "image/png".into(),
            picture: panel.clone(),
            job,
            model: own("m"),
        };
        self.write(panel.media, added);
        let drafted = ComicDrafted { owner, job, title: "v".into(), page: panel.clone(), panels: vec![panel.clone()] };
        self.write(ComicId::of(job), drafted);
        let scene = SceneId::new();
        self.write(scene, SceneCreated { owner, width: 1, height: 1 });
        vec![video.into(), job.into(), panel.media.into(), ComicId::of(job).into(), scene.into()]
    }

    fn steps(&self, now_ms: u64) -> Vec<Step> {
        plan(&self.ledger, &self.memory, now_ms)
    }

    /// Does what is to be done, as the eraser does, until nothing is left. The people whose blobs were removed.
    fn run(&mut self, now_ms: u64) -> Vec<UserId> {
        let mut swept = vec![];
        loop {
            let steps = self.steps(now_ms);
            if steps.is_empty() {
                return swept;
            }
            for step in steps {
                match step {
                    Step::Lock(owner) => self.memory.people.entry(owner).or_default().locked = true,
                    Step::Erase { owner, id, thing } => self.write(id, erased(owner, id, thing)),
                    Step::Sweep(owner) => {
                        swept.push(owner);
                        let at = Some((self.ledger.sequence, now_ms));
                        self.memory.people.entry(owner).or_default().swept = at;
                    }
                }
            }
        }
    }
}

fn erased(owner: UserId, id: AggregateId, thing: Thing) -> Event {
    match id {
        AggregateId::VideoId(_) => VideoErased { owner }.into(),
        AggregateId::JobId(_) => JobErased { owner }.into(),
        AggregateId::MediaId(_) => MediaErased { owner }.into(),
        AggregateId::SceneId(_) => SceneErased { owner }.into(),
        AggregateId::ComicId(_) => ComicErased { owner, made_ms: Some(thing.made_ms) }.into(),
        AggregateId::UserId(_) => unreachable!("a person is no thing of theirs"),
    }
}

#[test]
fn nobody_is_touched_until_they_are_erased_and_then_nobody_else() {
    let mut story = Story::default();
    let (ann, bob) = (UserId::new(), UserId::new());
    let of_ann: BTreeSet<_> = story.make(ann, &format!("users/{ann}/p")).into_iter().collect();
    story.make(bob, &format!("users/{bob}/p"));
    assert_eq!(story.steps(START_MS), []);

    story.write(ann, UserErased {});
    let steps = story.steps(START_MS);
    assert_eq!(steps[0], Step::Lock(ann), "what they wrote is unreadable before anything else happens");
    let things = steps.iter().filter_map(|step| match step {
        Step::Erase { owner, id, .. } if *owner == ann => Some(*id),
        _ => None,
    });
    assert_eq!(things.collect::<BTreeSet<_>>(), of_ann);
    assert_eq!(steps.len(), 1 + of_ann.len(), "blobs go last");
    assert_eq!(story.run(START_MS), [ann]);
    assert_eq!(story.ledger.prefixes(ann), [format!("users/{ann}/")]);
}

#[test]
fn what_comes_late_is_erased_as_well() {
    let mut story = Story::default();
    let ann = UserId::new();
    story.make(ann, &format!("users/{ann}/p"));
    story.write(ann, UserErased {});
    assert_eq!(story.run(START_MS), [ann]);
    // A dispatcher that did not know yet; an upload with a key that was remembered.
    let late = story.make(ann, &format!("users/{ann}/q"));
    let steps = story.steps(START_MS);
    assert_eq!(steps.len(), late.len());
    assert_eq!(story.run(START_MS), [ann], "and so are its blobs");
    assert_eq!(story.steps(START_MS), []);
}

#[test]
fn blobs_are_looked_for_again_and_again_but_not_for_ever() {
    let mut story = Story::default();
    let ann = UserId::new();
    story.make(ann, "p");
    story.write(ann, UserErased {});
    let asked_ms = START_MS + story.ledger.sequence;
    let mut sweeps = 0;
    // A week, in steps of half a minute.
    for minute in 0..2 * 60 * 24 * 7 {
        sweeps += story.run(asked_ms + minute * 30_000).len();
    }
    assert_eq!(sweeps, 1 + TIMES as usize);
    // A new process does not know what was done.
    story.memory = Memory::default();
    assert_eq!(story.run(asked_ms + 1_000 * AGAIN_MS * 60 * 24), [ann]);
}

#[test]
fn an_old_key_that_two_share_stays_until_both_are_erased() {
    let mut story = Story::default();
    let (ann, bob) = (UserId::new(), UserId::new());
    story.make(ann, "media/same.png");
    story.make(bob, "media/same.png");
    story.make(ann, "media/own.png");
    story.write(ann, UserErased {});
    assert_eq!(story.ledger.prefixes(ann), [format!("users/{ann}/"), "media/own.png".to_owned()]);
    story.write(bob, UserErased {});
    assert_eq!(story.ledger.prefixes(bob), [format!("users/{bob}/"), "media/same.png".to_owned()]);
    assert!(story.ledger.prefixes(ann).contains(&"media/same.png".to_owned()));
}

#[test]
fn what_cannot_be_erased_holds_up_nothing() {
    let mut story = Story::default();
    let ann = UserId::new();
    let things = story.make(ann, "p");
    story.write(ann, UserErased {});
    story.memory.stuck.insert(things[1]);
    assert_eq!(story.run(START_MS), [ann]);
}
