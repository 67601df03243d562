//! A place to work at, and jobs to work on.

use bus::local::{NatsServer, S3Server};
use bus::{Blobs, Bus, Context, Work};
use schemas::event::{JobRequested, Phase, Priority, TrainingCompleted, TrainingStarted, VideoUploaded};
use schemas::job::{Job, JobCommand, Stage};
use schemas::video::{Video, VideoCommand};
use schemas::{Actor, Aggregate, Blob, Hash, JobId, UserId, VideoId, envelope};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use trainer::clip::Clip;
use trainer::device::Device;
use trainer::net::{self, Settings};
use trainer::raster::Grid;
use trainer::teach::{self, Teachers};
use trainer::worker::{self, Worker};
use uuid::Uuid;

/// Longer than anything takes on a busy machine; a test that needs it has failed.
const DEADLINE: Duration = Duration::from_secs(90);

pub struct Place {
    pub bus: Bus,
    pub blobs: Blobs,
    shutdown: CancellationToken,
    working: JoinHandle<()>,
    _servers: (NatsServer, S3Server),
    _folder: TempDir,
}

impl Place {
    /// With one worker that has `slots`. The lease is so long that work which is held by nobody would never come back.
    pub async fn with(slots: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let nats = NatsServer::spawn(&folder.path().join("nats"), None).await.unwrap();
        let s3 = S3Server::spawn(&folder.path().join("s3"), None).await.unwrap();
        let mut config = nats.config();
        config.lease = Duration::from_secs(600);
        let bus = Bus::connect(&config).await.unwrap();
        bus.set_up().await.unwrap();
        let blobs = Blobs::connect(&s3.config()).unwrap();
        blobs.ensure_bucket().await.unwrap();
        let scratch = folder.path().join("scratch");
        std::fs::create_dir(&scratch).unwrap();
        let teachers = Teachers::load(&teach::default_folder()).ok().map(Arc::new);
        let (bus_of_it, blobs_of_it) = (bus.clone(), blobs.clone());
        let worker = Worker { bus: bus_of_it, blobs: blobs_of_it, teachers, device: Device::cpu(), scratch };
        let shutdown = CancellationToken::new();
        let working = tokio::spawn(worker::run(worker, slots, shutdown.clone()));
        Self { bus, blobs, shutdown, working, _servers: (nats, s3), _folder: folder }
    }

    pub async fn close(self) {
        self.shutdown.cancel();
        tokio::time::timeout(DEADLINE, self.working).await.expect("the worker ends").unwrap();
    }

    pub async fn tell<A: Aggregate>(&self, id: A::Id, command: impl Fn() -> A::Command) {
        let context = Context {
            command: Uuid::now_v7(),
            actor: Actor::role("test"),
            correlation: Uuid::now_v7(),
            causation: None,
            time: envelope::now(),
        };
        self.bus.log().execute::<A>(id, &context, command).await.unwrap();
    }

    pub async fn job(&self, job: JobId) -> Job {
        let loaded = self.bus.log().load(job.into()).await.unwrap();
        Job::fold(loaded.events.iter().map(|recorded| recorded.event()))
    }

    /// Hands a phase of a new job to the queue; the inference, as if `model` had been trained.
    pub async fn dispatch(&self, video: &Blob, model: Option<&Blob>) -> JobId {
        let (job, owner, id) = (JobId::new(), UserId::new(), VideoId::new());
        let (name, container) = ("clip.mp4", "mp4".to_owned());
        let uploaded = VideoUploaded { owner, name: name.into(), container, blob: video.clone() };
        self.tell::<Video>(id, || VideoCommand::Upload(uploaded.clone())).await;
        let request = JobRequested {
            owner,
            video: id,
            title: name.into(),
            blob: video.clone(),
            priority: Priority::Normal,
            style: None,
            redraw: None,
            strokes: vec![],
        };
        self.tell::<Job>(job, || JobCommand::Request(request.clone())).await;
        self.tell::<Job>(job, || JobCommand::Dispatch).await;
        if let Some(model) = model {
            let (attempt, lease) = (1, Uuid::now_v7());
            let start = TrainingStarted { attempt, lease, device: "test".into(), teachers: vec![] };
            self.tell::<Job>(job, || JobCommand::StartTraining(start.clone())).await;
            let (model, steps, curve) = (model.clone(), 1, vec![]);
            let done =
                TrainingCompleted { attempt, lease, model, steps, curve, duration_ms: 1, advice: vec![], device: None };
            self.tell::<Job>(job, || JobCommand::CompleteTraining(Box::new(done.clone()))).await;
            self.tell::<Job>(job, || JobCommand::Dispatch).await;
        }
        let phase = if model.is_some() { Phase::Inference } else { Phase::Training };
        let work = Work { phase, job, user: owner, attempt: 1, priority: Priority::Normal };
        self.bus.work().offer(&work).await.unwrap();
        job
    }

    pub async fn cancel(&self, job: JobId) {
        self.tell::<Job>(job, || JobCommand::RequestCancel).await;
        self.bus.control().cancel(job).await.unwrap();
    }

    pub async fn until(&self, what: &str, job: JobId, mut condition: impl FnMut(&Job) -> bool) -> Job {
        let waited = tokio::time::timeout(DEADLINE, async {
            loop {
                let job = self.job(job).await;
                if condition(&job) {
                    return job;
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        });
        waited.await.unwrap_or_else(|_| panic!("waited in vain until {what}"))
    }

    /// Work is taken once more: it ends at once, since there is no such video.
    pub async fn until_a_slot_is_free(&self, phase: Phase) {
        let model = self.model().await;
        let gone = Blob { key: "video/gone".into(), sha256: Hash::of(b"gone"), bytes: 4 };
        let model = (phase == Phase::Inference).then_some(&model);
        let next = self.dispatch(&gone, model).await;
        self.until("the next job is worked on", next, |job| job.stage == Stage::Failed).await;
    }

    /// The drawn person.
    pub async fn video(&self) -> Blob {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/media/puppet.mp4");
        let bytes = std::fs::read(path).unwrap();
        self.blobs.put("video/test/source", bytes.into(), "video/mp4").await.unwrap()
    }

    /// A network that has hardly learned anything.
    pub async fn model(&self) -> Blob {
        let frame = Grid::from_data(64, 48, (0..64 * 48).map(|i| [(i % 251) as u8, 90, (i / 64) as u8]).collect());
        let clip = Clip {
            width: 64,
            height: 48,
            frames: vec![frame; 2],
            source: vec![],
            times_ms: vec![0, 40],
            person: vec![Grid::new(64, 48, 0.0); 2],
            faces: vec![vec![]; 2],
            skin: vec![Grid::new(64, 48, -1); 2],
            skin_median: None,
            has_figure: false,
        };
        let settings = Settings { steps: 1, batch_pairs: 1, window: [64, 48], seed: 1 };
        let go_on = &mut |_: &_, _: &_| ControlFlow::Continue(());
        let trained = net::train(&clip, &settings, &Device::cpu(), None, go_on).unwrap();
        let bytes = trained.model.to_bytes().unwrap();
        self.blobs.put("model/test.safetensors", bytes.into(), "application/octet-stream").await.unwrap()
    }
}
