use super::*;
use crate::dispatch::board::unix_ms;
use schemas::event::*;
use schemas::{Actor, Blob, Event, Hash, NewEvent, Recorded, UserId, VideoId};
use time::OffsetDateTime;

const SLOTS: Slots = Slots { training: 2, inference: 2 };

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("a year like any other")
}

fn blob() -> Blob {
    Blob { key: "videos/x".into(), sha256: Hash::of(b"x"), bytes: 1 }
}

/// A board that events are told to, one after another.
#[derive(Default)]
struct Story {
    board: Board,
    memory: Memory,
}

impl Story {
    fn tell(&mut self, job: JobId, event: impl Into<Event>) -> &mut Self {
        let sequence = self.board.sequence + 1;
        let new = NewEvent {
            id: Uuid::now_v7(),
            time: now(),
            actor: Actor::role("test"),
            causation: None,
            correlation: Uuid::nil(),
            event: event.into(),
        };
        self.board.apply(&Recorded::of(sequence, job.into(), None, new));
        self
    }

    fn request(&mut self, owner: UserId) -> JobId {
        self.ask(owner, None)
    }

    fn ask(&mut self, owner: UserId, redraw: Option<Redraw>) -> JobId {
        let (job, video, title, blob) = (JobId::new(), VideoId::new(), "me".into(), blob());
        self.tell(
            job,
            JobRequested {
                owner,
                video,
                title,
                blob,
                priority: Priority::Normal,
                style: None,
                redraw,
                strokes: vec![],
            },
        );
        job
    }

    fn plan_after(&mut self, ms: u64) -> Vec<Step> {
        plan(&mut self.board, &mut self.memory, SLOTS, unix_ms(now()) + ms)
    }
}

fn dispatched(phase: Phase, attempt: u32) -> JobDispatched {
    JobDispatched { phase, attempt }
}

fn started(lease: Uuid) -> TrainingStarted {
    TrainingStarted { attempt: 1, lease, device: "CPU".into(), teachers: vec![] }
}

#[test]
fn a_new_job_is_dispatched_then_offered_once() {
    let mut story = Story::default();
    let user = UserId::new();
    let job = story.request(user);
    assert_eq!(story.plan_after(0), [Step::Dispatch(job)]);

    story.tell(job, dispatched(Phase::Training, 1));
    let work = Work { phase: Phase::Training, job, user, attempt: 1, priority: Priority::default() };
    assert_eq!(story.plan_after(0), [Step::Offer(work.clone())]);

    story.memory.offered(&work);
    assert_eq!(story.plan_after(0), []);
}

#[test]
fn a_job_that_draws_again_takes_a_place_for_drawing_and_none_for_training() {
    let mut story = Story::default();
    let (trained, user) = ([(); 3].map(|()| story.request(UserId::new())), UserId::new());
    let again = story.ask(user, Some(Redraw { of: trained[0], model: blob() }));
    let steps = story.plan_after(0);
    assert_eq!(steps, [Step::Dispatch(again), Step::Dispatch(trained[0]), Step::Dispatch(trained[1])]);
    story.tell(again, dispatched(Phase::Inference, 1));
    let work = Work { phase: Phase::Inference, job: again, user, attempt: 1, priority: Priority::default() };
    assert!(story.plan_after(0).contains(&Step::Offer(work)));
}

#[test]
fn after_a_restart_what_was_dispatched_is_offered_again() {
    let mut story = Story::default();
    let job = story.request(UserId::new());
    story.tell(job, dispatched(Phase::Training, 1));
    story.memory = Memory::default();
    assert!(matches!(story.plan_after(0)[..], [Step::Offer(_)]));
}

#[test]
fn users_take_turns_however_many_jobs_one_has() {
    let mut story = Story::default();
    let (greedy, modest) = (UserId::new(), UserId::new());
    let first = story.request(greedy);
    story.request(greedy);
    story.request(greedy);
    let only = story.request(modest);
    assert_eq!(story.plan_after(0), [Step::Dispatch(first), Step::Dispatch(only)]);
}

#[test]
fn whoever_was_served_longest_ago_comes_first() {
    let mut story = Story::default();
    let (one, two) = (UserId::new(), UserId::new());
    let a = story.request(one);
    let b = story.request(one);
    let c = story.request(two);
    story.tell(a, dispatched(Phase::Training, 1));
    story.tell(
        a,
        JobFailed { phase: Phase::Training, attempt: 1, code: "x".into(), detail: "".into(), retryable: true },
    );
    story.tell(a, RetryScheduled { phase: Phase::Training, attempt: 2, due_ms: u64::MAX });
    assert_eq!(story.plan_after(0), [Step::Dispatch(c), Step::Dispatch(b)]);
}

#[test]
fn no_more_sits_in_the_queue_than_there_are_slots() {
    let mut story = Story::default();
    let jobs: Vec<JobId> = (0..4).map(|_| story.request(UserId::new())).collect();
    assert_eq!(story.plan_after(0).len(), 2);
    story.tell(jobs[0], dispatched(Phase::Training, 1)).tell(jobs[1], dispatched(Phase::Training, 1));
    assert!(!story.plan_after(0).iter().any(|step| matches!(step, Step::Dispatch(_))));
    // A worker took one: there is room for one more.
    story.tell(jobs[0], started(Uuid::now_v7()));
    let dispatches = story.plan_after(0).into_iter().filter(|step| matches!(step, Step::Dispatch(_)));
    assert_eq!(dispatches.collect::<Vec<_>>(), [Step::Dispatch(jobs[2])]);
}

#[test]
fn a_retry_waits_until_it_is_due() {
    let mut story = Story::default();
    let job = story.request(UserId::new());
    story.tell(job, RetryScheduled { phase: Phase::Training, attempt: 2, due_ms: unix_ms(now()) + 2_000 });
    assert_eq!(story.board.place(job), None);
    assert_eq!(story.plan_after(1_999), []);
    assert_eq!(story.plan_after(2_000), [Step::Dispatch(job)]);
}

#[test]
fn a_cancelled_job_that_nobody_works_on_ends_at_once() {
    let mut story = Story::default();
    let job = story.request(UserId::new());
    story.tell(job, dispatched(Phase::Training, 1)).tell(job, CancelRequested {});
    assert_eq!(story.plan_after(0), [Step::Cancel { job, lease: None }]);
}

#[test]
fn a_running_job_is_nudged_every_second_and_taken_from_a_silent_worker_after_a_while() {
    let mut story = Story::default();
    let (job, lease) = (story.request(UserId::new()), Uuid::now_v7());
    story.tell(job, dispatched(Phase::Training, 1)).tell(job, started(lease)).tell(job, CancelRequested {});
    assert_eq!(story.plan_after(0), [Step::Nudge(job)]);
    story.memory.nudged(job, unix_ms(now()));
    assert_eq!(story.plan_after(999), []);
    assert_eq!(story.plan_after(1_000), [Step::Nudge(job)]);
    assert_eq!(story.plan_after(CANCEL_GRACE_MS), [Step::Cancel { job, lease: Some(lease) }]);
}

#[test]
fn a_job_that_keeps_killing_its_workers_fails() {
    let mut story = Story::default();
    let job = story.request(UserId::new());
    story.tell(job, dispatched(Phase::Training, 1));
    for _ in 0..MAX_STARTS {
        story.tell(job, started(Uuid::now_v7()));
    }
    assert_eq!(story.plan_after(0), []);
    let lease = Uuid::now_v7();
    story.tell(job, started(lease));
    assert_eq!(story.plan_after(0), [Step::Fail { job, lease }]);
}

#[test]
fn a_job_whose_workers_shut_down_is_never_failed_for_it() {
    let mut story = Story::default();
    let job = story.request(UserId::new());
    story.tell(job, dispatched(Phase::Training, 1));
    for _ in 0..10 * MAX_STARTS {
        let lease = Uuid::now_v7();
        story.tell(job, started(lease)).tell(job, JobInterrupted { phase: Phase::Training, attempt: 1, lease });
    }
    story.tell(job, started(Uuid::now_v7()));
    assert_eq!(story.plan_after(0), []);
}

#[test]
fn an_ended_job_leaves_the_board() {
    let mut story = Story::default();
    let job = story.request(UserId::new());
    story.tell(job, JobCancelled {});
    assert!(story.board.jobs.is_empty());
}
