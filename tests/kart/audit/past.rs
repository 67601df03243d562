//! A short history, written through the log, with real bytes behind it.

use bus::{Blobs, Bus, Context, NatsConfig, S3Config};
use schemas::event::{JobRequested, VideoUploaded};
use schemas::job::{Job, JobCommand};
use schemas::user::{User, UserCommand};
use schemas::video::{Video, VideoCommand};
use schemas::{Actor, JobId, Recorded, UserId, VideoId};
use serde_json::Value;
use std::collections::HashMap;
use std::path::Path;
use uuid::Uuid;

pub struct Past {
    pub users: Vec<UserId>,
    pub jobs: Vec<JobId>,
    pub titles: Vec<String>,
}

pub struct Servers {
    pub bus: Bus,
    pub blobs: Blobs,
}

/// Those of the `kart up` over `data`.
pub async fn servers(data: &Path) -> Servers {
    let running: Value = serde_json::from_slice(&std::fs::read(data.join("running.json")).unwrap()).unwrap();
    let say = |name: &str| running[name].as_str().unwrap().to_owned();
    let s3 = S3Config {
        endpoint: say("s3_endpoint"),
        region: "us-east-1".to_owned(),
        bucket: say("s3_bucket"),
        access_key: say("s3_access_key"),
        secret_key: say("s3_secret_key"),
    };
    let bus = Bus::connect(&NatsConfig::new(say("nats_url"))).await.unwrap();
    Servers { bus, blobs: Blobs::connect(&s3).unwrap() }
}

pub fn context(user: UserId) -> Context {
    Context {
        command: Uuid::now_v7(),
        actor: Actor::User(user),
        correlation: Uuid::now_v7(),
        causation: None,
        time: schemas::envelope::now(),
    }
}

impl Past {
    /// So many people each send a video; every second one thinks better of it.
    pub fn write(data: &Path, people: usize) -> Self {
        tokio::runtime::Runtime::new().unwrap().block_on(async {
            let Servers { bus, blobs } = servers(data).await;
            let log = bus.log();
            let mut past = Self { users: vec![], jobs: vec![], titles: vec![] };
            for n in 0..people {
                let (user, video, job, title) = (UserId::new(), VideoId::new(), JobId::new(), format!("clip {n}.mp4"));
                let bytes = format!("not really a video: {n}").into_bytes();
                let blob = blobs.put(&format!("videos/{video}"), bytes.into(), "video/mp4").await.unwrap();
                log.execute::<User>(user, &context(user), || UserCommand::RegisterGuest).await.unwrap();
                let name = title.as_str().into();
                let uploaded = VideoUploaded { owner: user, name, container: "mp4".into(), blob: blob.clone() };
                log.execute::<Video>(video, &context(user), || VideoCommand::Upload(uploaded.clone())).await.unwrap();
                let request = JobRequested {
                    owner: user,
                    video,
                    title: title.as_str().into(),
                    blob,
                    priority: Default::default(),
                    style: None,
                    redraw: None,
                    strokes: vec![],
                };
                let context_ = context(user);
                log.execute::<Job>(job, &context_, || JobCommand::Request(request.clone())).await.unwrap();
                // The dispatcher of the running kart may be faster.
                log.execute::<Job>(job, &context(user), || JobCommand::Dispatch).await.unwrap();
                if n % 2 == 0 {
                    log.execute::<Job>(job, &context(user), || JobCommand::RequestCancel).await.unwrap();
                }
                past.users.push(user);
                past.jobs.push(job);
                past.titles.push(title);
            }
            settle(&log, &past).await;
            past
        })
    }
}

/// Waits for what the dispatcher still has to say.
async fn settle(log: &bus::Log, past: &Past) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    for job in past.jobs.iter().step_by(2) {
        loop {
            let events = log.load((*job).into()).await.unwrap().events;
            if events.iter().any(|event| event.event().name() == "cancelled") {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{job} was never cancelled");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

/// What a forger with all the time in the world would write: event `changed` (from 1) says something else, and every
/// hash is made anew.
pub fn made_anew(lines: &str, changed: u64) -> String {
    let mut last = HashMap::new();
    let mut forged = String::new();
    for line in lines.lines() {
        let mut event = Recorded::from_line(line.as_bytes()).unwrap();
        if event.sequence == changed {
            event.new.correlation = Uuid::from_u128(1);
        }
        event.previous = last.get(&event.aggregate).copied();
        event.hash = event.written.chain_hash(event.previous, event.aggregate, &event.new);
        last.insert(event.aggregate, event.hash);
        forged += std::str::from_utf8(&event.to_line()).unwrap();
        forged.push('\n');
    }
    forged
}
