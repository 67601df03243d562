//! One of everything, in a temporary folder, on free ports; gone when dropped.

use bus::local::{NatsServer, S3Server};
use bus::{Blobs, Bus, Context};
use orchestrator::{Slots, Web, WebConfig};
use projector::{Projector, RedbStore, ViewStore, Views};
use reqwest::multipart::{Form, Part};
use reqwest::{Client, Response, StatusCode};
use schemas::event::*;
use schemas::job::{Job, JobCommand};
use schemas::{Actor, Blob, Hash, JobId, MediaId, UserId};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};
use uuid::Uuid;

pub const DEADLINE: Duration = Duration::from_secs(20);

pub struct House {
    pub base: String,
    pub bus: Bus,
    pub blobs: Blobs,
    pub views: Views,
    pub nats: NatsServer,
    _s3: S3Server,
    _stop: DropGuard,
    projecting: CancellationToken,
    folder: tempfile::TempDir,
}

pub fn config() -> WebConfig {
    WebConfig { max_upload: 1 << 20, stall: Duration::from_secs(2), ..WebConfig::default() }
}

impl House {
    pub async fn build() -> Self {
        Self::with(config()).await
    }

    pub async fn with(config: WebConfig) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let nats = NatsServer::spawn(&folder.path().join("nats"), None).await.expect("nats-server starts");
        let s3 = S3Server::spawn(&folder.path().join("s3"), None).await.expect("the S3 server starts");
        let bus = Bus::connect(&nats.config()).await.expect("NATS answers");
        bus.set_up().await.expect("the streams are made");
        let blobs = Blobs::connect(&s3.config()).expect("the S3 settings are fine");
        blobs.ensure_bucket().await.expect("the bucket is made");
        let store = RedbStore::open(&folder.path().join("views.redb")).expect("the view store opens");
        let store: Arc<dyn ViewStore> = Arc::new(store);
        let views = Views::new(store.clone());

        let stop = CancellationToken::new();
        let projecting = stop.child_token();
        tokio::spawn(Projector::new(bus.log().opened(), store).run(projecting.clone()));
        tokio::spawn(orchestrator::dispatch(bus.clone(), Slots::default(), stop.clone()));
        tokio::spawn(orchestrator::erase(bus.clone(), blobs.clone(), stop.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let base = format!("http://{}", listener.local_addr().expect("a bound address"));
        let web = Web { bus: bus.clone(), blobs: blobs.clone(), views: views.clone(), config };
        tokio::spawn(orchestrator::serve(web, listener, stop.clone()));
        Self { base, bus, blobs, views, nats, _s3: s3, _stop: stop.drop_guard(), projecting, folder }
    }

    /// The pages stay as they are from now on.
    pub fn stop_projecting(&self) {
        self.projecting.cancel();
    }

    /// Multipart uploads that S3 waits for.
    pub fn open_uploads(&self) -> usize {
        let entries = std::fs::read_dir(self.folder.path().join("s3/objects")).expect("the S3 server's folder");
        entries.filter(|entry| entry.as_ref().is_ok_and(|entry| is_open_upload(&entry.file_name()))).count()
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Sends a video that is none, but begins like one.
    pub async fn upload(&self, visitor: &Client) -> Value {
        let answer = post_file(self, visitor, mp4(100_000), "me.mp4").await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
        answer.json().await.expect("a job")
    }

    pub async fn get(&self, visitor: &Client, path: &str) -> Response {
        visitor.get(self.url(path)).send().await.expect("an answer")
    }

    pub async fn json(&self, visitor: &Client, path: &str) -> Value {
        self.get(visitor, path).await.json().await.expect("JSON")
    }

    /// Asks until the answer pleases.
    pub async fn until(&self, visitor: &Client, path: &str, pleases: impl Fn(&Value) -> bool) -> Value {
        let asking = async {
            loop {
                let json = self.json(visitor, path).await;
                if pleases(&json) {
                    return json;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(DEADLINE, asking).await.expect("it pleases before the deadline")
    }

    /// What a worker would say.
    pub async fn tell(&self, job: JobId, command: impl Fn() -> JobCommand) {
        let context = Context {
            command: Uuid::now_v7(),
            actor: Actor::role("trainer"),
            correlation: Uuid::now_v7(),
            causation: None,
            time: schemas::envelope::now(),
        };
        self.bus.log().execute::<Job>(job, &context, command).await.expect("the job takes it");
    }

    /// Stores a picture and says where.
    pub async fn picture(&self, owner: UserId, name: &str) -> Picture {
        let bytes = format!("not really a picture: {name}").into_bytes();
        let key = format!("pictures/{name}.png");
        let blob = self.blobs.put(&key, bytes.clone().into(), "image/png").await.expect("the picture is stored");
        let media = MediaId::of(owner, &Hash::of(&bytes));
        Picture { media, blob, width: 8, height: 8, alt: format!("alt of {name}"), at_ms: Some(40) }
    }

    pub async fn owner(&self, job: JobId) -> UserId {
        let head = self.bus.log().head().await.expect("the log answers");
        assert!(self.views.reach(head, DEADLINE).await.expect("the views answer"), "the views stay behind");
        self.views.job(job).await.expect("the views answer").expect("the job is there").owner
    }

    /// Waits for any work of the phase, and takes it.
    pub async fn take(&self, phase: Phase) -> bus::Task {
        let taking = async {
            loop {
                if let Some(task) = self.bus.work().take(phase).await.expect("the queue answers") {
                    return task;
                }
            }
        };
        tokio::time::timeout(DEADLINE, taking).await.expect("the work comes before the deadline")
    }

    /// Waits for the work of one job; that of others stays in hand.
    pub async fn take_of(&self, phase: Phase, job: JobId) -> bus::Task {
        loop {
            let task = self.take(phase).await;
            if task.work.job == job {
                return task;
            }
        }
    }
}

fn is_open_upload(name: &std::ffi::OsStr) -> bool {
    name.to_string_lossy().starts_with(".open-upload-")
}

/// A visitor with a browser's memory for cookies.
pub fn visitor() -> Client {
    let builder = Client::builder().cookie_store(true).redirect(reqwest::redirect::Policy::none());
    builder.build().expect("a client")
}

pub fn id(job: &Value) -> JobId {
    job["id"].as_str().expect("a job has an id").parse().expect("which is a UUID")
}

/// A file that begins as an MP4 does.
pub fn mp4(bytes: usize) -> Vec<u8> {
    let mut file = b"\0\0\0\x18ftypisom\0\0\x02\0isomiso2".to_vec();
    file.resize(bytes, 7);
    file
}

pub async fn post_file(house: &House, visitor: &Client, bytes: Vec<u8>, name: &str) -> Response {
    visitor.post(house.url("/v1/jobs")).multipart(form(bytes, name)).send().await.expect("an answer")
}

pub fn form(bytes: Vec<u8>, name: &str) -> Form {
    Form::new().part("video", Part::bytes(bytes).file_name(name.to_owned()))
}

pub async fn code(answer: Response) -> (u16, String) {
    let status = answer.status().as_u16();
    let kind = answer.headers().get("content-type").and_then(|value| value.to_str().ok()).map(str::to_owned);
    assert_eq!(kind.as_deref(), Some("application/problem+json"), "status {status}");
    let json: Value = answer.json().await.expect("a problem");
    (status, json["code"].as_str().unwrap_or_default().to_owned())
}

pub fn blob(key: &str) -> Blob {
    Blob { key: key.to_owned(), sha256: Hash::of(key.as_bytes()), bytes: 1 }
}
