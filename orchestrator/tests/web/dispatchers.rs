//! Several dispatchers over a real log and a real queue. The workers do nothing but say that they did.

use crate::house::blob;
use bus::local::NatsServer;
use bus::{Bus, Context, Delivered, ExecuteError, Task};
use futures::StreamExt;
use orchestrator::{Slots, dispatch};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use schemas::event::*;
use schemas::job::{Job, JobCommand};
use schemas::{Actor, AggregateId, Event, Hash, JobId, MediaId, Refusal, UserId, VideoId};
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

const JOBS: usize = 200;
const USERS: usize = 9;
const WORKERS: u64 = 8;
const LEASE: Duration = Duration::from_secs(2);
const DEADLINE: Duration = Duration::from_secs(180);
/// A dispatcher is killed whenever so many events have come.
const KILL_EVERY: usize = 120;

async fn tell(bus: &Bus, job: JobId, command: JobCommand) -> Result<(), ExecuteError> {
    let context = Context {
        command: Uuid::now_v7(),
        actor: Actor::role("test"),
        correlation: Uuid::now_v7(),
        causation: None,
        time: schemas::envelope::now(),
    };
    bus.log().execute::<Job>(job, &context, || command.clone()).await.map(|_| ())
}

async fn request(bus: &Bus, owner: UserId) -> JobId {
    let (job, video) = (JobId::new(), VideoId::new());
    let priority = Priority::Normal;
    let request = JobRequested {
        owner,
        video,
        title: "me".to_owned().into(),
        blob: blob("videos/x"),
        priority,
        style: None,
        redraw: None,
        strokes: vec![],
    };
    tell(bus, job, JobCommand::Request(request)).await.expect("the log takes it");
    job
}

fn start_dispatcher(bus: &Bus) -> JoinHandle<()> {
    let slots = Slots { training: 3, inference: 3 };
    tokio::spawn(dispatch(bus.clone(), slots, CancellationToken::new()))
}

/// A worker's life: some phases are given back, some fail, some are forgotten.
async fn work(bus: Bus, seed: u64, stop: CancellationToken) {
    let mut rng = StdRng::seed_from_u64(seed);
    while !stop.is_cancelled() {
        for phase in [Phase::Inference, Phase::Training] {
            if let Some(task) = bus.work().take(phase).await.expect("the queue answers") {
                let keep_alive = task.keep_alive();
                let outcome = say(&bus, &task, rng.random_range(0..100)).await;
                drop(keep_alive);
                match outcome {
                    Ok(Then::Done) => task.done().await.expect("the queue confirms"),
                    Ok(Then::GiveBack) => task.give_back().await.expect("the queue hears it"),
                    Ok(Then::Forget) | Err(ExecuteError::Refused(Refusal::StaleLease)) => {}
                    Err(ExecuteError::Refused(_)) => task.done().await.expect("the queue confirms"),
                    Err(error) => panic!("the log answers: {error}"),
                }
            }
        }
    }
}

enum Then {
    Done,
    GiveBack,
    Forget,
}

async fn say(bus: &Bus, task: &Task, fate: u32) -> Result<Then, ExecuteError> {
    let (lease, job) = (Uuid::now_v7(), task.work.job);
    let said = match tell(bus, job, start(task, lease)).await {
        Ok(()) => match fate {
            0..3 => return Ok(Then::Forget),
            3..15 => tell(bus, job, JobCommand::Interrupt { lease }).await.map(|()| Then::GiveBack),
            15..18 => {
                let now_ms = (schemas::envelope::now().unix_timestamp_nanos() / 1_000_000) as u64;
                let (code, detail, retryable) = ("internal".to_owned(), "a test".to_owned(), true);
                tell(bus, job, JobCommand::Fail { lease, code, detail, retryable, now_ms }).await.map(|()| Then::Done)
            }
            _ => tell(bus, job, complete(task, lease)).await.map(|()| Then::Done),
        },
        Err(error) => Err(error),
    };
    match said {
        Err(ExecuteError::Refused(Refusal::CancelRequested)) => {
            tell(bus, job, JobCommand::Cancel { lease: Some(lease) }).await.map(|()| Then::Done)
        }
        said => said,
    }
}

fn start(task: &Task, lease: Uuid) -> JobCommand {
    let (attempt, device) = (task.work.attempt, "test".to_owned());
    match task.work.phase {
        Phase::Training => JobCommand::StartTraining(TrainingStarted { attempt, lease, device, teachers: vec![] }),
        Phase::Inference => JobCommand::StartInference(InferenceStarted { attempt, lease, device }),
    }
}

fn complete(task: &Task, lease: Uuid) -> JobCommand {
    let attempt = task.work.attempt;
    match task.work.phase {
        Phase::Training => JobCommand::CompleteTraining(Box::new(TrainingCompleted {
            attempt,
            lease,
            model: blob("model/x"),
            steps: 1,
            curve: vec![],
            duration_ms: 1,
            advice: vec![],
            device: None,
        })),
        Phase::Inference => {
            let media = MediaId::of(task.work.user, &Hash::of(task.work.job.0.as_bytes()));
            let alt = "A page.".to_owned();
            let page = Picture { media, blob: blob("pictures/x.png"), width: 1, height: 1, alt, at_ms: None };
            JobCommand::CompleteInference(Box::new(InferenceCompleted {
                attempt,
                lease,
                page,
                panels: vec![],
                cutouts: vec![],
                background: None,
                duration_ms: 1,
            }))
        }
    }
}

/// Reads the log until every job has ended. Meanwhile kills and restarts dispatchers, and cancels some jobs.
async fn watch(bus: &Bus, dispatchers: &mut [JoinHandle<()>]) -> HashMap<JobId, Vec<Event>> {
    let mut log = bus.log().follow(0);
    let (mut histories, mut ended, mut seen) = (HashMap::<JobId, Vec<Event>>::new(), 0, 0);
    while ended < JOBS {
        let Some(Ok(Delivered::Event(recorded))) = log.next().await else { continue };
        let AggregateId::JobId(job) = recorded.aggregate else { continue };
        let event = recorded.event().clone();
        seen += 1;
        if seen % KILL_EVERY == 0 {
            let unlucky = seen / KILL_EVERY % dispatchers.len();
            dispatchers[unlucky].abort();
            dispatchers[unlucky] = start_dispatcher(bus);
        }
        if seen % 31 == 0 {
            // Refused where it is too late.
            tell(bus, job, JobCommand::RequestCancel).await.ok();
        }
        ended += usize::from(is_end(&event));
        histories.entry(job).or_default().push(event);
    }
    histories
}

fn is_end(event: &Event) -> bool {
    match event {
        Event::JobFailed(failed) => !failed.retryable,
        event => matches!(event, Event::JobCompleted(_) | Event::JobCancelled(_)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dispatchers_that_are_killed_and_started_again_bring_every_job_to_one_end() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let nats = NatsServer::spawn(folder.path(), None).await.expect("nats-server starts");
    let mut config = nats.config();
    config.lease = LEASE;
    let bus = Bus::connect(&config).await.expect("NATS answers");
    bus.set_up().await.expect("the streams are made");
    let users: Vec<UserId> = (0..USERS).map(|_| UserId::new()).collect();
    let requests = futures::stream::iter((0..JOBS).map(|number| request(&bus, users[number * number % USERS])));
    requests.buffer_unordered(16).collect::<Vec<JobId>>().await;

    let mut dispatchers: Vec<_> = (0..3).map(|_| start_dispatcher(&bus)).collect();
    let stop = CancellationToken::new();
    let workers: Vec<_> = (0..WORKERS).map(|seed| tokio::spawn(work(bus.clone(), seed, stop.clone()))).collect();
    let watching = tokio::time::timeout(DEADLINE, watch(&bus, &mut dispatchers));
    let histories = watching.await.expect("every job ends before the deadline");
    stop.cancel();
    for worker in workers {
        worker.await.expect("the worker ends well");
    }
    assert_eq!(histories.len(), JOBS);
    let mut ends: HashMap<&str, usize> = HashMap::new();
    for job in histories.into_keys() {
        // Loaded again: what came after its end would be seen.
        let events = bus.log().load(job.into()).await.expect("the log answers").events;
        let events: Vec<&Event> = events.iter().map(|recorded| recorded.event()).collect();
        let names: Vec<_> = events.iter().map(|event| event.name()).collect();
        assert_eq!(events.iter().filter(|event| is_end(event)).count(), 1, "{names:?}");
        assert!(events.last().is_some_and(|event| is_end(event)), "{names:?}");
        let mut dispatched: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                Event::JobDispatched(e) => Some((e.phase as u8, e.attempt)),
                _ => None,
            })
            .collect();
        let count = dispatched.len();
        dispatched.sort_unstable();
        dispatched.dedup();
        assert_eq!(dispatched.len(), count, "{names:?}");
        *ends.entry(names[names.len() - 1]).or_default() += 1;
    }
    eprintln!("{ends:?}");
    assert!(ends["completed"] > JOBS / 2, "{ends:?}");
    dispatchers.iter().for_each(JoinHandle::abort);
}
