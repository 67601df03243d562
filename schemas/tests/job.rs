//! The rules of a job: given what happened, when something is asked, then this follows.

// A test that cannot go on panics, also in what it is made of.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use schemas::Invalid;
use schemas::event::*;
use schemas::job::{CannotRedraw, Job, JobCommand, MAX_ATTEMPTS, Stage};
use schemas::{Aggregate, Blob, ComicId, Event, Hash, JobId, Refusal, Stroke, Style, UserId, VideoId};
use uuid::Uuid;

const FIRST: Uuid = Uuid::from_u128(1);
const SECOND: Uuid = Uuid::from_u128(2);

fn blob() -> Blob {
    Blob { key: "video/1".into(), sha256: Hash::of(b"video"), bytes: 5 }
}

fn picture() -> Picture {
    let media = schemas::MediaId::of(UserId(FIRST), &Hash::of(b"picture"));
    Picture { media, blob: blob(), width: 4, height: 3, alt: "A panel.".into(), at_ms: None }
}

fn request() -> JobCommand {
    let (owner, video) = (UserId(FIRST), VideoId(FIRST));
    JobCommand::Request(JobRequested {
        owner,
        video,
        title: "clip".into(),
        blob: blob(),
        priority: Priority::Normal,
        style: None,
        redraw: None,
        strokes: vec![],
    })
}

fn start(attempt: u32, lease: Uuid) -> JobCommand {
    JobCommand::StartTraining(TrainingStarted { attempt, lease, device: "CPU".into(), teachers: vec![] })
}

fn progress(attempt: u32, lease: Uuid) -> JobCommand {
    JobCommand::ProgressTraining(TrainingProgressed { attempt, lease, step: 1, of: 2, loss: 1.0, checkpoint: None })
}

fn trained(attempt: u32, lease: Uuid) -> JobCommand {
    let done = TrainingCompleted {
        attempt,
        lease,
        model: blob(),
        steps: 2,
        curve: vec![],
        duration_ms: 1,
        advice: vec![],
        device: None,
    };
    JobCommand::CompleteTraining(Box::new(done))
}

fn start_drawing(attempt: u32, lease: Uuid) -> JobCommand {
    JobCommand::StartInference(InferenceStarted { attempt, lease, device: "CPU".into() })
}

fn panel(attempt: u32, lease: Uuid) -> JobCommand {
    JobCommand::RenderPanel(Box::new(PanelRendered { attempt, lease, index: 0, of: 1, picture: picture() }))
}

fn inferred(attempt: u32, lease: Uuid) -> JobCommand {
    let (page, panels) = (picture(), vec![picture()]);
    let done = InferenceCompleted { attempt, lease, page, panels, cutouts: vec![], background: None, duration_ms: 1 };
    JobCommand::CompleteInference(Box::new(done))
}

fn complete() -> JobCommand {
    JobCommand::Complete(JobCompleted { comic: ComicId::of(JobId(FIRST)) })
}

fn fail(lease: Uuid, retryable: bool) -> JobCommand {
    JobCommand::Fail { lease, code: "internal".into(), detail: "…".into(), retryable, now_ms: 1_000 }
}

/// A job to which all of `commands` happened.
fn given(commands: impl IntoIterator<Item = JobCommand>) -> Job {
    let mut job = Job::default();
    for (index, command) in commands.into_iter().enumerate() {
        let events = job.decide(command).unwrap_or_else(|refusal| panic!("command {index}: {refusal}"));
        events.iter().for_each(|event| job.apply(event));
    }
    job
}

fn names(events: Result<Vec<Event>, Refusal>) -> Result<Vec<&'static str>, Refusal> {
    Ok(events?.iter().map(Event::name).collect())
}

#[test]
fn strokes_ask_for_the_same_video_from_the_beginning() {
    let strokes = vec![Stroke { at_ms: 40, figure: false, points: vec![[10, 20]] }];
    let first = given(whole());
    let asked = first.traced(strokes.clone()).unwrap();
    assert_eq!((asked.strokes.clone(), asked.redraw.clone()), (strokes, None));
    assert_eq!(asked.blob, first.request.unwrap().blob);
    let again = given(vec![JobCommand::Request(asked)]);
    assert_eq!(again.stage, Stage::Waiting { phase: Phase::Training, attempt: 1, due_ms: 0 });
    assert_eq!(given(vec![]).traced(vec![]).map(drop), Err(CannotRedraw::Missing));
}

#[test]
fn a_job_runs_from_request_to_comic() {
    let job = given([
        request(),
        JobCommand::Dispatch,
        start(1, FIRST),
        progress(1, FIRST),
        trained(1, FIRST),
        JobCommand::Dispatch,
        start_drawing(1, SECOND),
        panel(1, SECOND),
        inferred(1, SECOND),
        complete(),
    ]);
    assert_eq!(job.stage, Stage::Completed);
    assert_eq!(names(job.decide(complete())), Ok(vec![]));
    assert_eq!(names(job.decide(JobCommand::RequestCancel)), Err(Refusal::Ended));
}

/// Everything up to the comic.
fn whole() -> Vec<JobCommand> {
    let drawing = [JobCommand::Dispatch, start_drawing(1, SECOND), inferred(1, SECOND), complete()];
    [request(), JobCommand::Dispatch, start(1, FIRST), trained(1, FIRST)].into_iter().chain(drawing).collect()
}

fn manga() -> Style {
    "manga".parse().unwrap()
}

#[test]
fn a_finished_job_is_drawn_again_by_a_job_that_trains_nothing() {
    let first = given(whole());
    let asked = first.redraw(JobId(FIRST), manga()).unwrap();
    assert_eq!((&asked.style, asked.video), (&Some(manga()), VideoId(FIRST)));
    assert_eq!(asked.redraw, Some(Redraw { of: JobId(FIRST), model: blob() }));
    let mut again = given([JobCommand::Request(asked)]);
    assert_eq!(again.stage, Stage::Waiting { phase: Phase::Inference, attempt: 1, due_ms: 0 });
    assert_eq!(again.model, first.model);
    for command in [JobCommand::Dispatch, start_drawing(1, FIRST), panel(1, FIRST), inferred(1, FIRST), complete()] {
        again.decide(command).unwrap().iter().for_each(|event| again.apply(event));
    }
    assert_eq!((again.stage, first.stage), (Stage::Completed, Stage::Completed));
    // And that one once more, in any style.
    assert!(schemas::style::ALL.iter().all(|s| again.redraw(JobId(SECOND), s.name.parse().unwrap()).is_ok()));
}

#[test]
fn a_job_that_draws_again_is_asked_for_once_and_never_trains() {
    let asked = JobCommand::Request(given(whole()).redraw(JobId(FIRST), manga()).unwrap());
    let again = given([asked.clone(), JobCommand::Dispatch]);
    assert_eq!(names(again.decide(asked)), Err(Refusal::Exists));
    assert_eq!(names(again.decide(start(1, FIRST))), Err(Refusal::OutOfOrder));
    assert_eq!(names(again.decide(JobCommand::RequestCancel)), Ok(vec!["cancel-requested", "cancelled"]));
}

#[test]
fn only_a_job_that_is_done_is_drawn_again() {
    let refused = |history: Vec<JobCommand>| given(history).redraw(JobId(FIRST), manga()).map(drop);
    let with = |start: usize, last: JobCommand| whole().into_iter().take(start).chain([last]).collect::<Vec<_>>();
    assert_eq!(refused(vec![]), Err(CannotRedraw::Missing));
    for length in 1..whole().len() {
        assert_eq!(refused(whole().into_iter().take(length).collect()), Err(CannotRedraw::Unfinished), "{length}");
    }
    assert_eq!(refused(with(3, fail(FIRST, false))), Err(CannotRedraw::Failed));
    assert_eq!(refused(with(4, JobCommand::RequestCancel)), Err(CannotRedraw::Cancelled));
    let erase = JobCommand::Erase(JobErased { owner: UserId(FIRST) });
    assert_eq!(refused(with(whole().len(), erase)), Err(CannotRedraw::Erased));
    assert_eq!(refused(whole()), Ok(()));
}

#[test]
fn a_worker_that_lost_its_lease_is_refused_everything() {
    let job = given([request(), JobCommand::Dispatch, start(1, FIRST), start(1, SECOND)]);
    for command in [progress(1, FIRST), trained(1, FIRST), fail(FIRST, true)] {
        assert_eq!(names(job.decide(command)), Err(Refusal::StaleLease));
    }
    assert_eq!(names(job.decide(trained(1, SECOND))), Ok(vec!["trained"]));
}

#[test]
fn a_loss_that_json_cannot_write_is_refused() {
    let job = given([request(), JobCommand::Dispatch, start(1, FIRST)]);
    for loss in [f32::NAN, f32::INFINITY] {
        let JobCommand::ProgressTraining(progress) = progress(1, FIRST) else { unreachable!() };
        let progressed = JobCommand::ProgressTraining(TrainingProgressed { loss, ..progress });
        assert_eq!(names(job.decide(progressed)), Err(Refusal::Invalid(Invalid::OutOfRange)));
        let JobCommand::CompleteTraining(mut done) = trained(1, FIRST) else { unreachable!() };
        done.curve = vec![1.0, loss];
        assert_eq!(names(job.decide(JobCommand::CompleteTraining(done))), Err(Refusal::Invalid(Invalid::OutOfRange)));
    }
}

#[test]
fn a_checkpoint_outlives_its_worker_and_its_attempt_but_not_its_training() {
    let checkpoint = |step| {
        let blob = Blob { key: format!("checkpoint/{step}"), ..blob() };
        let progress = TrainingProgressed { attempt: 1, lease: FIRST, step, of: 9, loss: 1.0, checkpoint: Some(blob) };
        JobCommand::ProgressTraining(progress)
    };
    let key = |job: &Job| job.checkpoint.as_ref().map(|blob| blob.key.clone());
    let newest = Some("checkpoint/5".to_owned());
    let mut history =
        vec![request(), JobCommand::Dispatch, start(1, FIRST), checkpoint(3), checkpoint(5), progress(1, FIRST)];
    assert_eq!(key(&given(history.clone())), newest);
    history.push(start(1, SECOND));
    let job = given(history.clone());
    assert_eq!((key(&job), job.starts), (newest.clone(), 2));
    history.extend([fail(SECOND, true), JobCommand::Dispatch, start(2, SECOND)]);
    let job = given(history.clone());
    assert_eq!((key(&job), job.starts), (newest, 1));
    history.push(trained(2, SECOND));
    assert_eq!(key(&given(history)), None);
}

#[test]
fn a_late_attempt_cannot_start_again() {
    let job = given([request(), JobCommand::Dispatch, start(1, FIRST), fail(FIRST, true), JobCommand::Dispatch]);
    assert_eq!(job.stage, Stage::Dispatched { phase: Phase::Training, attempt: 2 });
    assert_eq!(names(job.decide(start(1, SECOND))), Err(Refusal::OutOfOrder));
    assert_eq!(names(job.decide(start(2, SECOND))), Ok(vec!["training-started"]));
}

#[test]
fn a_failure_is_retried_with_growing_waits_and_then_ends_the_job() {
    let mut job = given([request()]);
    let mut waits = vec![];
    for attempt in 1..=MAX_ATTEMPTS {
        for command in [JobCommand::Dispatch, start(attempt, FIRST), fail(FIRST, true)] {
            for event in job.decide(command).unwrap() {
                job.apply(&event);
                if let Event::RetryScheduled(retry) = event {
                    waits.push(retry.due_ms - 1_000);
                }
            }
        }
    }
    assert_eq!(waits, [2_000, 8_000]);
    assert_eq!(job.stage, Stage::Failed);
}

#[test]
fn an_interrupted_attempt_is_taken_again_and_is_not_used_up() {
    let mut job = given([request(), JobCommand::Dispatch]);
    for _ in 0..20 {
        for command in [start(1, FIRST), JobCommand::Interrupt { lease: FIRST }] {
            job.decide(command).unwrap().iter().for_each(|event| job.apply(event));
        }
        assert_eq!(job.stage, Stage::Dispatched { phase: Phase::Training, attempt: 1 });
    }
    assert_eq!(names(job.decide(start(1, SECOND))), Ok(vec!["training-started"]));
}

#[test]
fn who_gave_a_phase_back_or_lost_it_no_longer_holds_it() {
    // The message in the queue is somebody else's by now; "out of order" would make the worker acknowledge it.
    let given_back = [request(), JobCommand::Dispatch, start(1, FIRST), JobCommand::Interrupt { lease: FIRST }];
    let job = given(given_back.clone());
    for command in [progress(1, FIRST), trained(1, FIRST), fail(FIRST, true), JobCommand::Interrupt { lease: FIRST }] {
        assert_eq!(names(job.decide(command)), Err(Refusal::StaleLease));
    }
    let job = given(given_back.into_iter().chain([start(1, SECOND)]));
    for command in [trained(1, FIRST), fail(FIRST, false), JobCommand::Interrupt { lease: FIRST }] {
        assert_eq!(names(job.decide(command)), Err(Refusal::StaleLease));
    }
}

#[test]
fn a_failure_is_told_by_the_holder_alone() {
    let dispatched = given([request(), JobCommand::Dispatch]);
    assert_eq!(names(dispatched.decide(fail(FIRST, false))), Err(Refusal::StaleLease));
    let moved_on = given([request(), JobCommand::Dispatch, start(1, FIRST), trained(1, FIRST)]);
    assert_eq!(names(moved_on.decide(fail(FIRST, false))), Err(Refusal::StaleLease));
}

#[test]
fn a_job_that_nobody_works_on_is_cancelled_at_once() {
    let interrupted = [JobCommand::Dispatch, start(1, FIRST), JobCommand::Interrupt { lease: FIRST }];
    let retried = [JobCommand::Dispatch, start(1, FIRST), fail(FIRST, true)];
    let trained = [JobCommand::Dispatch, start(1, FIRST), trained(1, FIRST)];
    for before in [vec![], vec![JobCommand::Dispatch], interrupted.into(), retried.into(), trained.into()] {
        let job = given([request()].into_iter().chain(before));
        assert_eq!(names(job.decide(JobCommand::RequestCancel)), Ok(vec!["cancel-requested", "cancelled"]));
    }
}

#[test]
fn a_running_job_is_cancelled_when_its_worker_says_so() {
    for running in
        [vec![start(1, FIRST)], vec![start(1, FIRST), trained(1, FIRST), JobCommand::Dispatch, start_drawing(1, FIRST)]]
    {
        let job =
            given([request(), JobCommand::Dispatch].into_iter().chain(running).chain([JobCommand::RequestCancel]));
        for command in [progress(1, FIRST), panel(1, FIRST), inferred(1, FIRST), fail(FIRST, true), start(1, SECOND)] {
            assert_eq!(names(job.decide(command)), Err(Refusal::CancelRequested));
        }
        assert_eq!(names(job.decide(JobCommand::Cancel { lease: Some(SECOND) })), Err(Refusal::StaleLease));
        assert_eq!(names(job.decide(JobCommand::Cancel { lease: Some(FIRST) })), Ok(vec!["cancelled"]));
    }
}

#[test]
fn what_is_drawn_is_no_longer_cancelled() {
    let drawn = [start(1, FIRST), trained(1, FIRST), JobCommand::Dispatch, start_drawing(1, FIRST), inferred(1, FIRST)];
    let job = given([request(), JobCommand::Dispatch].into_iter().chain(drawn));
    assert_eq!(names(job.decide(JobCommand::RequestCancel)), Err(Refusal::Ended));
    assert_eq!(names(job.decide(complete())), Ok(vec!["completed"]));
}

fn redraw_of_another() -> JobCommand {
    JobCommand::Request(given(whole()).redraw(JobId(FIRST), manga()).unwrap())
}

fn any_command() -> impl Strategy<Value = JobCommand> {
    let lease = || prop_oneof![Just(FIRST), Just(SECOND)];
    let attempt = || 1u32..4;
    prop_oneof![
        any::<bool>().prop_map(|again| if again { redraw_of_another() } else { request() }),
        Just(()).prop_map(|()| JobCommand::Dispatch),
        (attempt(), lease()).prop_map(|(a, l)| start(a, l)),
        (attempt(), lease()).prop_map(|(a, l)| progress(a, l)),
        (attempt(), lease()).prop_map(|(a, l)| trained(a, l)),
        (attempt(), lease()).prop_map(|(a, l)| start_drawing(a, l)),
        (attempt(), lease()).prop_map(|(a, l)| panel(a, l)),
        (attempt(), lease()).prop_map(|(a, l)| inferred(a, l)),
        Just(()).prop_map(|()| complete()),
        (lease(), any::<bool>()).prop_map(|(l, retryable)| fail(l, retryable)),
        lease().prop_map(|lease| JobCommand::Interrupt { lease }),
        Just(()).prop_map(|()| JobCommand::RequestCancel),
        proptest::option::of(lease()).prop_map(|lease| JobCommand::Cancel { lease }),
    ]
}

fn is_terminal(event: &Event) -> bool {
    match event {
        Event::JobFailed(failed) => !failed.retryable,
        event => matches!(event, Event::JobCompleted(_) | Event::JobCancelled(_)),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_asked_a_job_ends_at_most_once_and_nothing_follows(commands in proptest::collection::vec(any_command(), 0..60)) {
        let mut job = Job::default();
        let mut history: Vec<Event> = vec![];
        for command in commands {
            if let Ok(events) = job.decide(command) {
                events.iter().for_each(|event| job.apply(event));
                history.extend(events);
            }
        }
        let ends = history.iter().filter(|event| is_terminal(event)).count();
        prop_assert!(ends <= 1);
        prop_assert_eq!(ends == 1, job.stage.has_ended());
        if ends == 1 {
            prop_assert!(is_terminal(&history[history.len() - 1]));
        }
        prop_assert_eq!(Job::fold(&history).stage, job.stage);
    }
}
