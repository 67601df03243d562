//! The pages in a real browser: Chromium, driven through chromedriver.

use crate::clip;
use crate::process::{Process, wait_for};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const JOB_WITHIN: Duration = Duration::from_secs(400);
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// chromedriver on a free port; its browsers end with it.
struct Driver {
    child: Child,
    url: String,
    profile: TempDir,
}

impl Drop for Driver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Driver {
    /// `None`, said loudly, where there is no chromedriver and none is required.
    fn start() -> Option<Self> {
        if !Command::new("chromedriver").arg("--version").output().is_ok_and(|output| output.status.success()) {
            let required = std::env::var_os("KART_REQUIRE_TOOLS").is_some_and(|value| !value.is_empty());
            assert!(!required, "chromedriver is missing");
            eprintln!("SKIPPED: chromedriver is missing, no page was looked at in a browser");
            return None;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Command::new("chromedriver")
            .args([&format!("--port={port}"), "--log-level=WARNING"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let url = format!("http://127.0.0.1:{port}");
        wait_for("chromedriver", Duration::from_secs(20), || {
            reqwest::blocking::get(format!("{url}/status")).ok().filter(|answer| answer.status().is_success())
        });
        Some(Self { child, url, profile: TempDir::new().unwrap() })
    }

    async fn browse(&self, width: u32, javascript: bool) -> Client {
        let arguments = json!([
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--hide-scrollbars",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            format!("--user-data-dir={}", self.profile.path().join(width.to_string()).display()),
        ]);
        // Tall, so that nothing has to be scrolled into view, which the driver cannot do without JavaScript.
        let metrics = json!({ "width": width, "height": 2600, "pixelRatio": 1.0, "touch": false });
        let mut options = json!({ "args": arguments, "mobileEmulation": { "deviceMetrics": metrics } });
        if !javascript {
            options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
        }
        let capabilities = json!({ "goog:chromeOptions": options, "goog:loggingPrefs": { "browser": "ALL" } });
        let Value::Object(capabilities) = capabilities else { unreachable!("it is an object") };
        let mut builder = ClientBuilder::new(HttpConnector::new());
        builder.capabilities(capabilities).connect(&self.url).await.expect("Chromium starts")
    }

    /// What the browser's console said at level SEVERE.
    async fn errors(&self, client: &Client) -> Vec<String> {
        let session = client.session_id().await.unwrap().unwrap();
        let answer: Value = reqwest::Client::new()
            .post(format!("{}/session/{session}/se/log", self.url))
            .json(&json!({ "type": "browser" }))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let entries = answer["value"].as_array().cloned().unwrap_or_default();
        entries.iter().filter(|e| e["level"] == "SEVERE").map(|e| e["message"].to_string()).collect()
    }
}

async fn look(client: &Client, name: &str) {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("screenshots");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.png")), client.screenshot().await.unwrap()).unwrap();
}

/// Asks the page until the script's answer is neither null nor false.
async fn until(client: &Client, what: &str, script: &str) -> Value {
    let deadline = Instant::now() + JOB_WITHIN;
    loop {
        match client.execute(&format!("return {script}"), vec![]).await {
            Ok(Value::Null | Value::Bool(false)) | Err(_) => {}
            Ok(answer) => return answer,
        }
        assert!(Instant::now() < deadline, "waited for {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn choose(client: &Client, video: &Path) {
    client.find(Locator::Id("video")).await.unwrap().send_keys(video.to_str().unwrap()).await.unwrap();
    client.find(Locator::Id("send")).await.unwrap().click().await.unwrap();
}

const CURVE: &str = "document.querySelector('#learning svg path')?.getAttribute('d')";
const FIGURE: &str = "document.querySelector('#now progress')?.getAttribute('value')";

async fn watch_a_job(driver: &Driver, kart: &Process) {
    let client = driver.browse(1280, true).await;
    client.goto(&kart.url).await.unwrap();
    look(&client, "home-1280").await;
    choose(&client, &clip::person()).await;
    until(&client, "the job page", "location.pathname.startsWith('/jobs/')").await;
    // A reload would lose this.
    client.execute("window.stayed = true", vec![]).await.unwrap();
    let curve = until(&client, "a loss curve", CURVE).await;
    until(&client, "a longer curve", &format!("(() => {{ const d = {CURVE}; return d && d !== {curve} }})()")).await;
    let step = until(&client, "a step", FIGURE).await;
    until(&client, "another step", &format!("(() => {{ const v = {FIGURE}; return v && v !== {step} }})()")).await;
    until(&client, "a preview", "document.querySelector('#learning img, #strip img')?.naturalWidth > 0").await;
    look(&client, "training-1280").await;
    until(&client, "a drawn panel", "document.querySelector('#strip img')?.naturalWidth > 0").await;
    look(&client, "drawing-1280").await;
    until(&client, "the end", "document.querySelector('a[href^=\"/comics/\"]') !== null").await;
    assert_eq!(client.execute("return window.stayed", vec![]).await.unwrap(), true, "the page was reloaded");
    look(&client, "done-1280").await;
    client.find(Locator::Css("a[href^='/comics/']")).await.unwrap().click().await.unwrap();
    until(&client, "the comic", "document.querySelector('main img')?.naturalWidth > 600").await;
    look(&client, "comic-1280").await;
    assert_eq!(driver.errors(&client).await, Vec::<String>::new());
    client.close().await.unwrap();
}

/// The same without JavaScript and on a phone's width: the form posts by itself, the job page refreshes itself.
async fn without_javascript(driver: &Driver, kart: &Process, video: &Path) {
    let client = driver.browse(390, false).await;
    client.goto(&kart.url).await.unwrap();
    look(&client, "home-390").await;
    choose(&client, video).await;
    let deadline = Instant::now() + JOB_WITHIN;
    let mut looked = false;
    loop {
        if let Ok(link) = client.find(Locator::Css("main a[href^='/comics/']")).await {
            assert!(looked, "the job page was seen while it worked");
            look(&client, "done-390").await;
            if link.click().await.is_ok() {
                break;
            }
        } else if !looked && client.find(Locator::Id("rail")).await.is_ok() {
            look(&client, "job-390").await;
            looked = true;
        }
        assert!(Instant::now() < deadline, "waited for the comic");
        tokio::time::sleep(LOOK_EVERY).await;
    }
    client.wait().for_element(Locator::Css("main img")).await.unwrap();
    look(&client, "comic-390").await;
    client.close().await.unwrap();
}

#[test]
fn a_person_watches_the_job_without_reloading_and_also_without_javascript() {
    let Some(driver) = Driver::start() else { return };
    let data = TempDir::new().unwrap();
    let kart = Process::up(data.path(), &[]);
    let video = clip::nobody(data.path());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(watch_a_job(&driver, &kart));
    runtime.block_on(without_javascript(&driver, &kart, &video));
}
