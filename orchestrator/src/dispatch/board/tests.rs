use super::*;
use proptest::prelude::*;
use schemas::event::*;
use schemas::{Actor, Blob, Hash, NewEvent, VideoId};
use time::OffsetDateTime;

const START_MS: u64 = 1_800_000_000_000;

#[derive(Default)]
struct Story {
    board: Board,
    passed_ms: u64,
}

impl Story {
    fn tell(&mut self, job: JobId, event: impl Into<Event>) {
        let sequence = self.board.sequence + 1;
        let nanos = i128::from(START_MS + self.passed_ms) * 1_000_000;
        let new = NewEvent {
            id: Uuid::now_v7(),
            time: OffsetDateTime::from_unix_timestamp_nanos(nanos).expect("a year like any other"),
            actor: Actor::role("test"),
            causation: None,
            correlation: Uuid::nil(),
            event: event.into(),
        };
        self.board.apply(&Recorded::of(sequence, job.into(), None, new));
    }

    fn pass(&mut self, ms: u64) {
        self.passed_ms += ms;
        self.board.advance(START_MS + self.passed_ms);
    }

    fn request(&mut self, owner: u8, priority: Priority) -> JobId {
        let (job, owner) = (JobId::new(), UserId(Uuid::from_u128(u128::from(owner))));
        let blob = Blob { key: "videos/x".into(), sha256: Hash::of(b"x"), bytes: 1 };
        self.tell(
            job,
            JobRequested {
                owner,
                video: VideoId::new(),
                title: "me".into(),
                blob,
                priority,
                style: None,
                redraw: None,
                strokes: vec![],
            },
        );
        job
    }

    fn dispatch(&mut self, job: JobId) {
        self.tell(job, JobDispatched { phase: Phase::Training, attempt: 1 });
    }

    fn start(&mut self, job: JobId) {
        self.tell(job, TrainingStarted { attempt: 1, lease: Uuid::nil(), device: "CPU".into(), teachers: vec![] });
    }

    fn trained(&mut self, job: JobId, duration_ms: u64) {
        let model = Blob { key: "model/x".into(), sha256: Hash::of(b"x"), bytes: 1 };
        let (attempt, lease) = (1, Uuid::nil());
        self.tell(
            job,
            TrainingCompleted {
                attempt,
                lease,
                model,
                steps: 1,
                curve: vec![],
                duration_ms,
                advice: vec![],
                device: None,
            },
        );
    }

    fn eta_s(&self, job: JobId) -> Option<u64> {
        self.board.place(job).expect("it waits").eta_ms.map(|ms| ms / 1_000)
    }
}

#[test]
fn low_jobs_come_after_everybodys_normal_ones_until_they_have_waited_long_enough() {
    let mut story = Story::default();
    let low = story.request(1, Priority::Low);
    let normal: Vec<JobId> = (0..3).map(|_| story.request(2, Priority::Normal)).collect();
    story.pass(LOW_WAITS_MS - 1);
    assert_eq!(story.board.next(Phase::Training, 9), [normal[0], normal[1], normal[2], low]);
    story.pass(1);
    assert_eq!(story.board.next(Phase::Training, 9), [low, normal[0], normal[1], normal[2]]);
}

#[test]
fn whoever_comes_back_after_each_job_does_not_push_in() {
    let mut story = Story::default();
    let (first, second) = (story.request(1, Priority::Normal), story.request(1, Priority::Normal));
    story.dispatch(first);
    let visit = story.request(2, Priority::Normal);
    story.dispatch(visit);
    for job in [first, visit] {
        story.tell(job, JobCancelled {});
    }
    let again = story.request(2, Priority::Normal);
    assert_eq!(story.board.next(Phase::Training, 9), [second, again]);
}

#[test]
fn those_in_the_queue_stand_before_those_in_line() {
    let mut story = Story::default();
    let jobs: Vec<JobId> = (0..4).map(|user| story.request(user, Priority::Normal)).collect();
    story.dispatch(jobs[1]);
    story.dispatch(jobs[0]);
    let positions = |story: &Story| jobs.iter().map(|&job| Some(story.board.place(job)?.position)).collect::<Vec<_>>();
    assert_eq!(positions(&story), [Some(1), Some(0), Some(2), Some(3)]);
    story.start(jobs[1]);
    assert_eq!(positions(&story), [Some(0), None, Some(1), Some(2)]);
    // Given back, it is the next again.
    story.tell(jobs[1], JobInterrupted { phase: Phase::Training, attempt: 1, lease: Uuid::nil() });
    assert_eq!(positions(&story), [Some(1), Some(0), Some(2), Some(3)]);
}

#[test]
fn how_long_it_takes_follows_from_medians_and_from_those_at_work() {
    let mut story = Story::default();
    for duration_ms in [1_000, 60_000, 900_000] {
        let job = story.request(9, Priority::Normal);
        story.trained(job, duration_ms);
        story.tell(job, JobCancelled {});
    }
    let jobs: Vec<JobId> = (0..5).map(|user| story.request(user, Priority::Normal)).collect();
    assert_eq!(story.eta_s(jobs[2]), None, "no worker is known");
    story.start(jobs[0]);
    story.pass(20_000);
    story.start(jobs[1]);
    // The first worker is free in 40 s, the second in 60; the third in line waits for the first's next job.
    assert_eq!([2, 3, 4].map(|job| story.eta_s(jobs[job])), [Some(40), Some(60), Some(100)]);
    story.pass(1_000_000);
    assert_eq!(story.eta_s(jobs[2]), Some(0), "late already");
}

#[test]
fn nothing_is_promised_before_a_phase_was_ever_completed() {
    let mut story = Story::default();
    let (running, waiting) = (story.request(1, Priority::Normal), story.request(2, Priority::Normal));
    story.start(running);
    assert_eq!(story.board.place(waiting), Some(Place { position: 0, eta_ms: None }));
}

/// What happens to one of a few jobs.
fn any_happening() -> impl Strategy<Value = (u8, u8)> {
    (0u8..9, any::<u8>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// `position` counts what `next` lists, and `next` serves as somebody would who looks through all jobs each time.
    #[test]
    fn places_are_those_in_which_jobs_are_served(happenings in proptest::collection::vec(any_happening(), 1..80)) {
        let mut story = Story::default();
        let mut jobs = vec![];
        for (what, which) in happenings {
            let Some(&job) = jobs.get(usize::from(which) % jobs.len().max(1)) else {
                jobs.push(story.request(which % 4, Priority::Normal));
                continue;
            };
            match what {
                0..=2 => jobs.push(story.request(which % 4, Priority::Normal)),
                3 => jobs.push(story.request(which % 4, Priority::Low)),
                4 => story.dispatch(job),
                5 => story.start(job),
                6 => story.trained(job, 1_000),
                7 => story.tell(job, RetryScheduled { phase: Phase::Training, attempt: 2, due_ms: START_MS + story.passed_ms + 5_000 }),
                _ => story.pass(u64::from(which) * 1_000),
            }
            if which > 240 {
                story.tell(job, JobCancelled {});
            }
        }
        for phase in [Phase::Training, Phase::Inference] {
            let order = story.board.next(phase, usize::MAX);
            for (index, &job) in order.iter().enumerate() {
                prop_assert_eq!(story.board.place(job).map(|place| place.position), Some(story.board.queued(phase) + index));
            }
            prop_assert_eq!(&order, &served_one_by_one(&story.board, phase));
            prop_assert_eq!(&order[..order.len().min(3)], &story.board.next(phase, 3)[..]);
        }
    }
}

/// The rule, word for word and slow.
fn served_one_by_one(board: &Board, phase: Phase) -> Vec<JobId> {
    let mut in_hand: BTreeMap<UserId, usize> = BTreeMap::new();
    for open in board.jobs.values() {
        let busy = matches!(open.job.stage, Stage::Dispatched { .. } | Stage::Running { .. });
        *in_hand.entry(open.owner).or_default() += usize::from(busy);
    }
    let mut waiting: Vec<(Priority, JobId, UserId)> = vec![];
    for (&id, open) in &board.jobs {
        if let (Standing::InLine { phase: p, priority }, _) = open.stands(board.now_ms)
            && p == phase
        {
            waiting.push((priority, id, open.owner));
        }
    }
    let mut order = vec![];
    while let Some(next) = waiting.iter().copied().min_by_key(|(priority, id, owner)| {
        (*priority, in_hand.get(owner).copied().unwrap_or(0), board.line.last_served(*owner), *id)
    }) {
        waiting.retain(|other| *other != next);
        *in_hand.entry(next.2).or_default() += 1;
        order.push(next.1);
    }
    order
}
