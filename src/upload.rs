//! `kart upload`: a video from the command line, with progress.

use crate::backends::Running;
use crate::config::Settings;
use anyhow::{Context, bail};
use clap::builder::PossibleValuesParser;
use futures::{StreamExt, TryStreamExt};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::cookie::Jar;
use reqwest::header::{ACCEPT, SET_COOKIE};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Client, Response};
use schemas::style;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::File;
use tokio_util::io::ReaderStream;

#[derive(clap::Args)]
pub struct Upload {
    /// Video of a person: MP4, MOV, MKV, WebM or AVI
    file: PathBuf,
    /// What to draw it in [default: bold-ink]
    #[arg(long, value_parser = PossibleValuesParser::new(style::ALL.map(|style| style.name)))]
    style: Option<String>,
    /// Stay until the comic is drawn
    #[arg(long)]
    watch: bool,
    /// Address of Kart [default: the one that runs in the data folder, else http://127.0.0.1:8080]
    #[arg(long, env = "KART_SERVER")]
    server: Option<String>,
}

impl Upload {
    pub async fn run(&self, settings: &Settings) -> anyhow::Result<()> {
        let running = || Running::find(&settings.data).map(|running| running.url);
        let server = self.server.clone().or_else(running).unwrap_or_else(|| "http://127.0.0.1:8080".to_owned());
        let server = server.trim_end_matches('/').to_owned();
        let cookies = settings.data.join("upload.cookies");
        let jar = Arc::new(Jar::default());
        for cookie in std::fs::read_to_string(&cookies).unwrap_or_default().lines() {
            jar.add_cookie_str(cookie, &server.parse().with_context(|| format!("{server} is no address"))?);
        }
        let client = Client::builder().cookie_provider(jar).build()?;
        let response = self.send(&client, &server).await?;
        remember(&response, &cookies)?;
        let job = read_job(response).await?;
        let (id, page) = (text(&job, "/id"), format!("{server}/jobs/{}", text(&job, "/id")));
        println!("job {id}\n{page}");
        match self.watch {
            true => watch(&client, &server, &job).await,
            false => Ok(()),
        }
    }

    async fn send(&self, client: &Client, server: &str) -> anyhow::Result<Response> {
        let file = File::open(&self.file).await.with_context(|| format!("cannot open {}", self.file.display()))?;
        let bytes = file.metadata().await?.len();
        let bar = ProgressBar::new(bytes).with_style(ProgressStyle::with_template(
            "uploading  {wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}",
        )?);
        let counted = bar.clone();
        let body = ReaderStream::new(file).inspect_ok(move |chunk| counted.inc(chunk.len() as u64));
        let name = self.file.file_name().map_or("video".into(), |name| name.to_string_lossy().into_owned());
        let part = Part::stream_with_length(Body::wrap_stream(body), bytes).file_name(name);
        let request = client.post(format!("{server}/v1/jobs")).header(ACCEPT, "application/json");
        let form = self.style.iter().fold(Form::new(), |form, style| form.text("style", style.clone()));
        let sent = request.multipart(form.part("video", part)).send().await;
        bar.finish_and_clear();
        sent.with_context(|| format!("Kart at {server} does not answer"))
    }
}

/// Keeps the guest's cookies, so that the next upload comes from the same visitor. A cookie that is set again replaces
/// the kept one of its name.
fn remember(response: &Response, file: &Path) -> anyhow::Result<()> {
    let name = |cookie: &str| cookie.split('=').next().unwrap_or_default().to_owned();
    let mut cookies: Vec<String> =
        std::fs::read_to_string(file).unwrap_or_default().lines().map(str::to_owned).collect();
    for cookie in response.headers().get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok()) {
        cookies.retain(|kept| name(kept) != name(cookie));
        cookies.push(cookie.to_owned());
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, cookies.join("\n")).with_context(|| format!("cannot write {}", file.display()))
}

async fn read_job(response: Response) -> anyhow::Result<Value> {
    let status = response.status();
    let body: Value = response.json().await.unwrap_or_default();
    match status.is_success() {
        true => Ok(body),
        false => bail!("{status}: {} {}", text(&body, "/title"), text(&body, "/detail")),
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Pause before the live events are asked for again.
const AGAIN: Duration = Duration::from_secs(1);
/// How often in a row they may break off without a word.
const MAX_BREAKS: u32 = 10;

/// Shows how the job gets on until it ends. Each live event is a reason to ask how it stands; when they break off (a
/// proxy's time limit, a restart), they are asked for again.
async fn watch(client: &Client, server: &str, job: &Value) -> anyhow::Result<()> {
    let absolute = |url: String| if url.starts_with("http") { url } else { format!("{server}{url}") };
    let (events, now) = (absolute(text(job, "/urls/events")), absolute(text(job, "/urls/get")));
    let bar =
        ProgressBar::new(100).with_style(ProgressStyle::with_template("{prefix:<10} {wide_bar} {pos}/{len} {msg}")?);
    let mut breaks = 0;
    while breaks < MAX_BREAKS {
        breaks += 1;
        let answer = client.get(&events).send().await.and_then(Response::error_for_status);
        let mut chunks = match answer {
            Ok(answer) => answer.bytes_stream().boxed(),
            Err(error) if error.status().is_some_and(|status| status.is_client_error()) => return Err(error.into()),
            Err(_) => futures::stream::empty().boxed(),
        };
        loop {
            let chunk = chunks.next().await;
            let response = match client.get(&now).header(ACCEPT, "application/json").send().await {
                Ok(response) if !response.status().is_server_error() => response,
                // It restarts, or waits for a server behind it.
                Ok(_) | Err(_) => break,
            };
            let now = read_job(response).await?;
            if show(&bar, &now) {
                bar.finish_and_clear();
                return end(&now, absolute);
            }
            match chunk {
                Some(Ok(_)) => breaks = 0,
                Some(Err(_)) | None => break,
            }
        }
        tokio::time::sleep(AGAIN).await;
    }
    bar.finish_and_clear();
    bail!("Kart at {server} does not answer any more; the job goes on at {server}/jobs/{}", text(job, "/id"))
}

/// Draws the bar; true when the job has ended.
fn show(bar: &ProgressBar, now: &Value) -> bool {
    let number = |pointer: &str| now.pointer(pointer).and_then(Value::as_f64);
    bar.set_prefix(text(now, "/progress/stage"));
    bar.set_length(number("/progress/total").unwrap_or(100.) as u64);
    bar.set_position(number("/progress/step").unwrap_or(0.) as u64);
    bar.set_message(number("/training/loss").map_or(String::new(), |loss| format!("loss {loss:.3}")));
    matches!(text(now, "/status").as_str(), "succeeded" | "failed" | "canceled")
}

fn end(now: &Value, absolute: impl Fn(String) -> String) -> anyhow::Result<()> {
    match text(now, "/status").as_str() {
        "succeeded" => {
            println!("comic {}", absolute(text(now, "/output/comic")));
            println!("page  {}", absolute(text(now, "/output/page")));
            Ok(())
        }
        status => bail!("{status}: {}", text(now, "/error/detail")),
    }
}
