//! Each user of compose.yaml's nats-server may do what its role does, and is refused the rest.

use crate::secured::{Secured, USERS};
use async_nats::Client;
use async_nats::jetstream;
use bus::{Bus, BusError, Context, Delivered, Filter, Needed, Work};
use futures::StreamExt;
use schemas::event::{JobRequested, Phase, Priority, TrainingStarted, VideoUploaded};
use schemas::job::{Job, JobCommand};
use schemas::progress::Tick;
use schemas::user::{User, UserCommand};
use schemas::video::{Video, VideoCommand};
use schemas::{Actor, Blob, Event, Hash, JobId, UserId, VideoId, envelope};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

const DEADLINE: Duration = Duration::from_secs(20);
const ID: &str = "01a20da4-7f25-7787-bfea-79e46561b602";

/// A user's connection with which something is tried.
struct Trial {
    user: &'static str,
    client: Client,
    errors: UnboundedReceiver<String>,
    markers: u32,
}

impl Trial {
    async fn of(server: &Secured, user: &'static str) -> Self {
        let (client, errors) = server.client(user).await;
        Self { user, client, errors, markers: 0 }
    }

    /// What the server forbade of all that was sent before: it says so in order, and something that nobody may marks
    /// the end.
    async fn forbidden(&mut self) -> Vec<String> {
        self.markers += 1;
        let marker = format!("nobody.may.{}", self.markers);
        self.client.publish(marker.clone(), "".into()).await.unwrap();
        let mut said = vec![];
        loop {
            let next = tokio::time::timeout(DEADLINE, self.errors.recv()).await;
            let text = next.unwrap_or_else(|_| panic!("{}: {marker} was not refused", self.user)).unwrap();
            assert!(text.to_lowercase().contains("permissions violation"), "{text}");
            if text.contains(&marker) {
                return said;
            }
            said.push(text);
        }
    }

    /// Whether the server lets it be asked. What is let through must be answered as well.
    async fn may_ask(&mut self, subject: &str, body: &Value) -> bool {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let inbox = self.client.new_inbox();
        let mut replies = self.client.subscribe(inbox.clone()).await.unwrap();
        self.client.publish_with_reply(subject.to_owned(), inbox, body.into()).await.unwrap();
        let forbidden = self.forbidden().await;
        if !forbidden.is_empty() {
            assert!(forbidden.len() == 1 && forbidden[0].contains(subject), "{}: {forbidden:?}", self.user);
            return false;
        }
        let reply = tokio::time::timeout(DEADLINE, replies.next()).await;
        let reply = reply.unwrap_or_else(|_| panic!("{}: no answer to {subject}", self.user)).unwrap();
        assert!(reply.status.is_none_or(|status| status.as_u16() != 503), "{}: nobody serves {subject}", self.user);
        true
    }

    async fn may_tell(&mut self, subject: &str) -> bool {
        self.client.publish(subject.to_owned(), "".into()).await.unwrap();
        self.forbidden().await.is_empty()
    }

    async fn may_listen(&mut self, subject: &str) -> bool {
        let _listening = self.client.subscribe(subject.to_owned()).await.unwrap();
        self.forbidden().await.is_empty()
    }
}

/// Requests, their bodies, and who may make them.
fn requests() -> Vec<(String, Value, &'static str)> {
    let reader = json!({ "stream_name": "KART_EVENTS", "config": { "name": "reader", "ack_policy": "none" } });
    let thief = json!({ "stream_name": "KART_WORK", "config": { "name": "thief", "ack_policy": "explicit" } });
    let worker = json!({ "stream_name": "KART_WORK", "config": {} });
    let first = json!({ "seq": 1 });
    let one = json!({ "batch": 1, "no_wait": true });
    let other = json!({ "name": "OTHER", "subjects": ["other"] });
    let rows: Vec<(&str, Value, &str)> = vec![
        ("$JS.API.INFO", json!(null), "admin web trainer projector auditor debugger"),
        ("$JS.API.STREAM.INFO.KART_EVENTS", json!(null), "admin web trainer projector auditor debugger"),
        ("$JS.API.STREAM.INFO.KV_kart-sessions", json!(null), "admin web"),
        ("$JS.API.STREAM.INFO.KV_kart-keys", json!(null), "admin web projector"),
        ("$JS.API.STREAM.LIST", json!(null), "debugger"),
        ("$JS.API.STREAM.CREATE.OTHER", other.clone(), ""),
        ("$JS.API.STREAM.CREATE.KART_TICKS", other.clone(), "admin"),
        ("$JS.API.STREAM.UPDATE.KART_EVENTS", other, "admin"),
        ("$JS.API.STREAM.DELETE.KART_EVENTS", json!(null), ""),
        ("$JS.API.STREAM.PURGE.KART_EVENTS", json!(null), ""),
        ("$JS.API.STREAM.PURGE.KV_kart-keys", json!(null), ""),
        ("$JS.API.STREAM.MSG.DELETE.KART_EVENTS", first.clone(), ""),
        ("$JS.API.STREAM.MSG.DELETE.KV_kart-keys", json!({ "seq": 1_000 }), "web"),
        ("$JS.API.DIRECT.GET.KV_kart-sessions", first.clone(), "web"),
        ("$JS.API.STREAM.SNAPSHOT.KART_EVENTS", json!({ "deliver_subject": "x" }), ""),
        ("$JS.API.STREAM.MSG.GET.KART_EVENTS", first.clone(), "web trainer debugger"),
        ("$JS.API.STREAM.MSG.GET.KV_kart-keys", first.clone(), ""),
        ("$JS.API.DIRECT.GET.KART_EVENTS", first.clone(), "web trainer auditor debugger"),
        ("$JS.API.DIRECT.GET.KV_kart-sessions.$KV.kart-sessions.x", json!(null), "web"),
        ("$JS.API.DIRECT.GET.KV_kart-keys.$KV.kart-keys.x", json!(null), "web projector"),
        ("$JS.API.DIRECT.GET.KV_kart-keys", first, ""),
        ("$JS.API.CONSUMER.CREATE.KART_EVENTS.reader", reader, "web projector auditor debugger"),
        ("$JS.API.CONSUMER.MSG.NEXT.KART_EVENTS.reader", one.clone(), "web projector auditor debugger"),
        ("$JS.API.CONSUMER.CREATE.KART_WORK.thief", thief, ""),
        ("$JS.API.CONSUMER.CREATE.KART_WORK.train.kart.work.train.>", worker, "admin"),
        ("$JS.API.CONSUMER.CREATE.KV_kart-keys.reader", json!({}), ""),
        ("$JS.API.CONSUMER.DELETE.KART_WORK.train", json!(null), ""),
        ("$JS.API.CONSUMER.DELETE.KART_EVENTS.reader", json!(null), ""),
        ("$JS.API.CONSUMER.INFO.KART_WORK.train", json!(null), "admin web trainer debugger"),
        ("$JS.API.CONSUMER.MSG.NEXT.KART_WORK.train", one.clone(), "trainer"),
        ("$JS.API.CONSUMER.MSG.NEXT.KART_WORK.infer", one, "trainer"),
        ("kart.work.train.normal.u.j", json!({}), "web"),
        ("kart.parked.projector.1", json!({}), "web projector"),
        ("$KV.kart-sessions.x", json!({}), "web"),
        ("$KV.kart-keys.x", json!({}), "web"),
        ("kart.evt.horse.x.y", json!({}), "web"),
    ];
    let rows = rows.into_iter().map(|(subject, body, who)| (subject.to_owned(), body, who));
    rows.chain(events()).collect()
}

/// Every event there is: the orchestrator may write all, a trainer what a trainer says.
fn events() -> impl Iterator<Item = (String, Value, &'static str)> {
    const TRAINER: [&str; 12] = [
        "video.checked",
        "video.refused",
        "job.training-started",
        "job.training-progressed",
        "job.trained",
        "job.inference-started",
        "job.panel-rendered",
        "job.inferred",
        "job.failed",
        "job.interrupted",
        "job.retry-scheduled",
        "job.cancelled",
    ];
    Event::schemas().into_iter().map(|(type_name, _)| {
        let words: Vec<&str> = type_name.split('.').collect();
        let who = if TRAINER.contains(&format!("{}.{}", words[1], words[2]).as_str()) { "web trainer" } else { "web" };
        (format!("kart.evt.{}.{ID}.{}", words[1], words[2]), json!({}), who)
    })
}

const TOLD: [(&str, &str); 4] = [
    ("kart.tick.job.x.training", "trainer"),
    ("kart.ctl.job.x", "web"),
    ("$JS.ACK.KART_WORK.train.1.1.1.1.0", "trainer"),
    ("$JS.ACK.KART_EVENTS.reader.1.1.1.1.0", ""),
];

const LISTENED: [(&str, &str); 14] = [
    (">", ""),
    ("kart.evt.>", "debugger"),
    ("kart.evt.job.>", "debugger"),
    ("kart.tick.job.>", "web debugger"),
    ("kart.ctl.job.x", "trainer"),
    ("kart.ctl.>", ""),
    ("kart.work.>", ""),
    ("$KV.>", ""),
    ("$JS.>", ""),
    ("_INBOX.>", "admin debugger"),
    ("_KART.>", ""),
    ("_KART.web.>", "web"),
    ("_KART.trainer.>", "trainer"),
    ("_KART.projector.>", "projector"),
];

fn is_among(user: &str, who: &str) -> bool {
    who.split(' ').any(|one| one == user)
}

#[tokio::test]
async fn each_user_is_allowed_what_its_role_does_and_refused_the_rest() {
    let server = Secured::start();
    Bus::connect(&server.config("admin")).await.unwrap().set_up().await.unwrap();
    let mut tried = 0;
    for user in USERS {
        let mut trial = Trial::of(&server, user).await;
        for (subject, body, who) in requests() {
            assert_eq!(trial.may_ask(&subject, &body).await, is_among(user, who), "{user} asks {subject}");
            tried += 1;
        }
        for (subject, who) in TOLD {
            assert_eq!(trial.may_tell(subject).await, is_among(user, who), "{user} tells {subject}");
            tried += 1;
        }
        for (subject, who) in LISTENED {
            assert_eq!(trial.may_listen(subject).await, is_among(user, who), "{user} listens to {subject}");
            tried += 1;
        }
    }
    assert!(tried > 300, "{tried}");
    // Whatever was let through, everything still stands as it was set up.
    Bus::connect(&server.config("web")).await.unwrap().check(&Needed::ALL).await.unwrap();
}

/// The server answers to whatever subject an asker names, with its own rights. Where asker and streams share an account,
/// that deletes streams and overwrites keys.
#[tokio::test]
async fn an_answer_goes_nowhere_but_to_the_asker() {
    let server = Secured::start();
    let admin = Bus::connect(&server.config("admin")).await.unwrap();
    admin.set_up().await.unwrap();
    for user in USERS.into_iter().filter(|user| *user != "admin") {
        let trial = Trial::of(&server, user).await;
        // An answer without a body, which is what the server wants to be told when it is to delete a stream.
        let nothing = json!({ "seq": 1_000_000 }).to_string();
        for (ask, body, answer_to) in [
            ("$JS.API.STREAM.INFO.KART_EVENTS", "", "$JS.API.STREAM.PURGE.KART_TICKS"),
            ("$JS.API.STREAM.INFO.KART_EVENTS", "", "$JS.API.STREAM.PURGE.KV_kart-sessions"),
            ("$JS.API.DIRECT.GET.KART_EVENTS", &nothing, "$JS.API.STREAM.DELETE.KART_EVENTS"),
            ("$JS.API.DIRECT.GET.KART_EVENTS", &nothing, "$JS.API.STREAM.DELETE.KART_TICKS"),
            ("$JS.API.STREAM.INFO.KART_EVENTS", "", "kart.evt.user.x.registered"),
            ("$JS.API.STREAM.INFO.KART_EVENTS", "", "kart.work.train.normal.u.j"),
            ("$JS.API.STREAM.INFO.KART_EVENTS", "", "$KV.kart-keys.x"),
        ] {
            // What the orchestrator may say itself, it may have said.
            if user == "web" && !answer_to.starts_with("$JS") {
                continue;
            }
            trial.client.publish_with_reply(ask, answer_to, body.to_owned().into()).await.unwrap();
        }
        // All of it has arrived: the last request of this connection is answered.
        let last = trial.client.request("$JS.API.STREAM.INFO.KART_EVENTS", "".into()).await.unwrap();
        assert!(String::from_utf8_lossy(&last.payload).contains("KART_EVENTS"));
    }
    // That it is no idle fear: among the streams, the same works. It comes after all of the above.
    let (client, _) = server.client("admin").await;
    client.publish_with_reply("$JS.API.STREAM.INFO.KART_EVENTS", "$KV.kart-keys.proof", "".into()).await.unwrap();
    let jetstream = jetstream::new(client);
    let entries = async || jetstream.get_stream("KV_kart-keys").await.unwrap().cached_info().state.messages;
    let deadline = std::time::Instant::now() + DEADLINE;
    while entries().await == 0 {
        assert!(std::time::Instant::now() < deadline, "the trick does not work any more: is this test still needed?");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(entries().await, 1, "only the proof");
    for name in ["KART_EVENTS", "KART_WORK"] {
        let stream = jetstream.get_stream(name).await.expect("it is still there");
        assert_eq!(stream.cached_info().state.messages, 0, "{name}");
    }
    assert_eq!(admin.health().await.unwrap().problems, Vec::<String>::new());
}

fn context(role: &str) -> Context {
    let (command, correlation) = (JobId::new().0, JobId::new().0);
    Context { command, actor: Actor::role(role), correlation, causation: None, time: envelope::now() }
}

/// The bus as each role uses it, under that role's user.
#[tokio::test]
async fn each_role_does_its_work_through_the_bus() {
    let server = Secured::start();
    let bus = async |user: &str| Bus::connect(&server.config(user)).await.unwrap();
    bus("admin").await.set_up().await.unwrap();

    // Who watches sees it live.
    let (debugger, _) = server.client("debugger").await;
    let mut story = debugger.subscribe("kart.evt.video.>").await.unwrap();
    debugger.flush().await.unwrap();
    let web = bus("web").await;
    // Nothing is missing, so it makes nothing, which it may not.
    web.set_up().await.unwrap();
    assert!(web.health().await.unwrap().ready());
    let (user, video, job) = (UserId::new(), VideoId::new(), JobId::new());
    web.log().execute::<User>(user, &context("web"), || UserCommand::RegisterGuest).await.unwrap();
    let blob = Blob { key: "videos/x".to_owned(), sha256: Hash::of(b"x"), bytes: 1 };
    let requested = JobRequested {
        owner: user,
        video,
        title: "a".into(),
        blob: blob.clone(),
        priority: Priority::Normal,
        style: None,
        redraw: None,
        strokes: vec![],
    };
    let uploaded = VideoUploaded { owner: user, name: "a.mp4".into(), container: "mp4".to_owned(), blob };
    web.log().execute::<Video>(video, &context("web"), || VideoCommand::Upload(uploaded.clone())).await.unwrap();
    web.log().execute::<Job>(job, &context("web"), || JobCommand::Request(requested.clone())).await.unwrap();
    web.log().execute::<Job>(job, &context("web"), || JobCommand::Dispatch).await.unwrap();
    let token = Hash::of(b"token");
    web.sessions().put(token, user).await.unwrap();
    assert_eq!(web.sessions().get(token).await.unwrap(), Some(user));
    web.sessions().delete(token).await.unwrap();
    assert_eq!(web.sessions().get(token).await.unwrap(), None);
    web.sessions().put(token, user).await.unwrap();
    assert_eq!(web.sessions().delete_all_of(user).await.unwrap(), 1);
    let other = UserId::new();
    web.keys().get_or_make(other).await.unwrap();
    web.keys().erase(other).await.unwrap();
    assert!(web.keys().get(other).await.unwrap().is_none());
    let mut ticks = web.ticks().follow().await.unwrap();
    let work = Work { phase: Phase::Training, job, user, attempt: 1, priority: Priority::Normal };
    web.work().offer(&work).await.unwrap();

    let trainer = bus("trainer").await;
    trainer.check(&[Needed::Log, Needed::Work, Needed::Ticks]).await.unwrap();
    let mut nudges = trainer.control().follow(job).await.unwrap();
    let task = trainer.work().take(Phase::Training).await.unwrap().expect("the work");
    assert_eq!(task.work, work);
    drop(task.keep_alive());
    assert_eq!(trainer.log().load(video.into()).await.unwrap().events.len(), 1);
    let refused = schemas::event::VideoRefused { code: "no-video".to_owned(), detail: "sound only".to_owned() };
    let refuse = || VideoCommand::Refuse(refused.clone());
    trainer.log().execute::<Video>(video, &context("trainer"), refuse).await.unwrap();
    let lease = JobId::new().0;
    let started = TrainingStarted { attempt: 1, lease, device: "CPU".to_owned(), teachers: vec![] };
    let start = || JobCommand::StartTraining(started.clone());
    trainer.log().execute::<Job>(job, &context("trainer"), start).await.unwrap();
    // Two events at once, in one atomic batch.
    let fail = || {
        let (code, detail) = ("out-of-memory".to_owned(), "no room".to_owned());
        JobCommand::Fail { lease, code, detail, retryable: true, now_ms: 0 }
    };
    let failed = trainer.log().execute::<Job>(job, &context("trainer"), fail).await.unwrap();
    assert_eq!(failed.events.len(), 2);
    let stage = "training".to_owned();
    let tick = Tick {
        job,
        phase: Phase::Training,
        stage,
        step: 1,
        of: 2,
        loss: None,
        curve: vec![],
        eta_ms: None,
        preview: None,
        palette: vec![],
    };
    trainer.ticks().publish(&tick).await.unwrap();
    assert_eq!(tokio::time::timeout(DEADLINE, ticks.next()).await.unwrap(), Some(tick));
    let kept = || async { web.ticks().last(job).await.unwrap().is_some() };
    let deadline = std::time::Instant::now() + DEADLINE;
    while !kept().await {
        assert!(std::time::Instant::now() < deadline, "the tick is not kept");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    web.control().cancel(job).await.unwrap();
    tokio::time::timeout(DEADLINE, nudges.next()).await.unwrap().expect("a nudge");
    for name in ["uploaded", "refused"] {
        let seen = tokio::time::timeout(DEADLINE, story.next()).await.unwrap().expect("a message");
        assert!(seen.subject.ends_with(name), "{}", seen.subject);
    }
    task.done().await.unwrap();
    assert_eq!(web.work().depth(Phase::Training).await.unwrap(), 0);

    let projector = bus("projector").await;
    projector.check(&[Needed::Log, Needed::Parked]).await.unwrap();
    projector.parked().park("projector", 1, "kart.evt.x", "cannot be read").await.unwrap();
    // What people wrote is for those who may read keys.
    let title = async |bus: &Bus| {
        let loaded: Vec<Delivered> =
            bus.log().opened().replay(Filter::default()).filter_map(|one| async { one.ok() }).collect().await;
        loaded
            .into_iter()
            .any(|one| matches!(&one, Delivered::Event(event) if format!("{:?}", event.event()).contains("a.mp4")))
    };
    assert!(title(&projector).await, "the projector shows what people wrote");
    for reader in [&web, &projector, &bus("auditor").await, &bus("debugger").await] {
        let read: Vec<Delivered> = reader.log().replay(Filter::default()).map(Result::unwrap).collect().await;
        let events = read.iter().filter(|delivered| matches!(delivered, Delivered::Event(_))).count();
        assert_eq!(events, 8, "{read:?}");
    }
}

#[tokio::test]
async fn whoever_may_not_make_the_streams_is_told_so() {
    let server = Secured::start();
    let error = Bus::connect(&server.config("web")).await.unwrap().set_up().await.unwrap_err();
    assert!(matches!(error, BusError::SetUp { .. }), "{error}");
    let text = error.to_string();
    assert!(text.to_lowercase().contains("permissions violation") && text.contains("KART_EVENTS"), "{text}");
}
