//! Two people send the same clip, and one of them wants to be forgotten.

use crate::clip;
use crate::process::{Process, events, run, wait_for};
use reqwest::blocking::{Client, Response, multipart};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// Every object is counted; seals come when they come.
const NO_SEALS: (&str, &str) = ("KART_SEAL_SECONDS", "0");
/// Two trainings share the machine.
const JOB_WITHIN: Duration = Duration::from_secs(800);
const SOON: Duration = Duration::from_secs(60);
/// In no other file.
const NAME: &str = "Zwiebelfisch im Abendlicht";

/// A visitor who goes on sending a cookie that the server has taken back.
struct Person {
    client: Client,
    cookie: String,
    user: String,
    job: String,
}

impl Person {
    fn send(kart: &Process, clip: &Path, name: &str) -> Self {
        let client = Client::builder().timeout(SOON).build().unwrap();
        let part = multipart::Part::bytes(fs::read(clip).unwrap()).file_name(format!("{name}.mp4"));
        let form = multipart::Form::new().part("video", part);
        let answer = client.post(format!("{}/v1/jobs", kart.url)).multipart(form).send().unwrap();
        assert_eq!(answer.status(), 202);
        let cookies = answer.headers().get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned());
        let cookie = cookies.into_iter().find(|cookie| cookie.starts_with("kart_session=")).unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let job: Value = answer.json().unwrap();
        Self { client, cookie, user: String::new(), job: job["id"].as_str().unwrap().to_owned() }
    }

    fn get(&self, kart: &Process, path: &str) -> Response {
        self.client.get(format!("{}{path}", kart.url)).header("cookie", &self.cookie).send().unwrap()
    }

    fn job(&self, kart: &Process) -> Option<Value> {
        let answer = self.get(kart, &format!("/v1/jobs/{}", self.job));
        answer.status().is_success().then(|| answer.json().unwrap())
    }

    /// Everything that they can look at, by its address.
    fn everything(&self, kart: &Process) -> BTreeMap<String, Vec<u8>> {
        let job = self.job(kart).unwrap();
        let output = &job["output"];
        let pictures = [&output["panels"], &output["cutouts"]].into_iter().flat_map(|list| list.as_array().unwrap());
        let urls = pictures.chain([&output["page"], &output["comic"], &output["background"]]);
        let urls = urls.filter_map(|url| url.as_str().or(url["url"].as_str()).map(str::to_owned));
        let more =
            ["/".to_owned(), "/v1/jobs".to_owned(), format!("/jobs/{0}", self.job), format!("/v1/jobs/{}", self.job)];
        let all = urls.chain(more).map(|url| {
            let answer = self.get(kart, &url);
            assert_eq!(answer.status(), 200, "{url}");
            (url, without_offered_ids(&answer.bytes().unwrap()))
        });
        all.collect()
    }
}

/// A page offers a new job's id, another one each time: `&amp;job=` and a UUID.
fn without_offered_ids(page: &[u8]) -> Vec<u8> {
    const OFFER: &[u8] = b"&amp;job=";
    const UUID: usize = 36;
    let (mut kept, mut rest) = (vec![], page);
    while let Some(at) = rest.windows(OFFER.len()).position(|window| window == OFFER) {
        kept.extend_from_slice(&rest[..at]);
        rest = &rest[(at + OFFER.len() + UUID).min(rest.len())..];
    }
    kept.extend_from_slice(rest);
    kept
}

/// Every file of a folder, with its bytes.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => drop(found.insert(path.clone(), fs::read(&path).unwrap_or_default())),
            }
        }
    }
    found
}

fn holding(data: &Path, words: &[u8]) -> Vec<PathBuf> {
    let holds = |bytes: &[u8]| bytes.windows(words.len()).any(|window| window == words);
    files(data).into_iter().filter(|(_, bytes)| holds(bytes)).map(|(path, _)| path).collect()
}

/// What S3 keeps of a person, by key.
fn objects(data: &Path, user: &str) -> BTreeMap<PathBuf, Vec<u8>> {
    let folder = data.join("s3/objects/kart/users").join(user);
    if folder.exists() { files(&folder) } else { BTreeMap::new() }
}

/// What the S3 server notes beside objects, in files named after their keys.
fn notes(data: &Path) -> usize {
    let entries = fs::read_dir(data.join("s3/objects")).unwrap();
    entries.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(".object-")).count()
}

fn of_type<'a>(log: &'a [Value], name: &str) -> impl Iterator<Item = &'a Value> {
    let prefix = format!("kart.{name}.v");
    log.iter().filter(move |event| event["type"].as_str().unwrap().starts_with(&prefix))
}

/// No gap, and each event carries the hash of its aggregate's event before it.
fn assert_chain(log: &[Value]) {
    let mut heads: BTreeMap<String, &Value> = BTreeMap::new();
    for (event, sequence) in log.iter().zip(1..) {
        assert_eq!(event["sequence"], sequence);
        let aggregate = format!("{}{}", event["source"], event["subject"]);
        let before = heads.insert(aggregate, &event["karthash"]);
        assert_eq!(event.get("kartprev"), before, "{event:#}");
    }
}

#[test]
fn of_two_people_with_the_same_clip_one_is_forgotten_although_kart_is_killed_meanwhile() {
    let (data, elsewhere) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let clip = clip::nobody(elsewhere.path());
    let mut kart = Process::up(data.path(), &[NO_SEALS]);
    let [mut ann, mut bob] = [NAME, "bob"].map(|name| Person::send(&kart, &clip, name));
    for person in [&mut ann, &mut bob] {
        wait_for("the comic", JOB_WITHIN, || person.job(&kart).filter(|job| job["status"] == "succeeded"));
    }
    let log = events(data.path(), None);
    for person in [&mut ann, &mut bob] {
        let requested = of_type(&log, "job.requested").find(|event| event["subject"] == person.job.as_str()).unwrap();
        person.user = requested["data"]["owner"].as_str().unwrap().to_owned();
    }
    let pages: Vec<_> = of_type(&log, "job.inferred").map(|event| &event["data"]["page"]["blob"]).collect();
    assert_eq!(pages[0]["sha256"], pages[1]["sha256"], "the same clip makes the same page");
    assert_ne!(pages[0]["key"], pages[1]["key"], "which is kept once for each");
    let noted = notes(data.path());
    let (seen, kept) = (bob.everything(&kart), objects(data.path(), &bob.user));
    let of_ann: Vec<String> =
        ann.everything(&kart).into_keys().filter(|path| !["/", "/v1/jobs"].contains(&&**path)).collect();
    assert!(kept.len() > 5 && objects(data.path(), &ann.user).len() == kept.len());

    let erase = ann.client.post(format!("{}/v1/me/erase", kart.url)).header("cookie", &ann.cookie).send().unwrap();
    assert_eq!(erase.status(), 202);
    kart.kill();
    let kart = Process::up(data.path(), &[NO_SEALS]);
    wait_for("her blobs to be gone", SOON, || objects(data.path(), &ann.user).is_empty().then_some(()));
    let named = holding(&data.path().join("s3"), ann.user.as_bytes());
    assert_eq!(notes(data.path()), noted / 2);
    assert!(!data.path().join("s3/objects/kart/users").join(&ann.user).exists() && named.is_empty());
    for path in &of_ann {
        assert_eq!(ann.get(&kart, path).status(), 404, "{path}");
    }

    let log = events(data.path(), None);
    assert_chain(&log);
    the_log_tells_of_it_without_her_words(&log, &ann);
    assert_eq!(bob.everything(&kart), seen);
    assert_eq!(objects(data.path(), &bob.user), kept);
    let rebuilt = run(data.path(), &["views", "rebuild"]);
    assert!(rebuilt.status.success(), "{}", String::from_utf8_lossy(&rebuilt.stderr));
    assert_eq!(bob.everything(&kart), seen, "nor does a rebuild know more");
    assert!(of_ann.iter().all(|path| ann.get(&kart, path).status() == 404));
    let again = run(data.path(), &["erase", &ann.user]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("erased before"));
    drop(kart);
    // The embedded view store frees pages and does not write over them: the one place where a word may remain for a while.
    let mut left = holding(data.path(), NAME.as_bytes());
    left.retain(|path| !path.ends_with("views.redb"));
    assert_eq!(left, Vec::<PathBuf>::new(), "her words are in no other file");
}

fn the_log_tells_of_it_without_her_words(log: &[Value], ann: &Person) {
    let hers = |event: &&Value| event["data"]["owner"] == ann.user.as_str();
    let count = |name: &str| of_type(log, name).filter(hers).count();
    for (made, erased) in [
        ("video.uploaded", "video.erased"),
        ("job.requested", "job.erased"),
        ("comic.drafted", "comic.erased"),
        ("media.added", "media.erased"),
    ] {
        assert!(count(made) >= 1, "{made}");
        assert_eq!(count(made), count(erased), "each once, although it was begun twice: {made}");
    }
    assert_eq!(of_type(log, "user.erased").filter(|event| event["subject"] == ann.user.as_str()).count(), 1);
    for (name, field) in [("video.uploaded", "name"), ("job.requested", "title"), ("comic.drafted", "title")] {
        for event in of_type(log, name).filter(hers) {
            assert!(event["data"][field]["sealed"].is_string(), "{event:#}");
        }
    }
}
