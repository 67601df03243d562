//! A `kart` process with a data folder of its own, killed on drop.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// `kart` without whatever this process was configured with.
pub fn kart() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kart"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("KART_")) {
        if name != "KART_TEACHERS" && name != "KART_NATS_SERVER" && name != "KART_FFMPEG" {
            command.env_remove(name);
        }
    }
    command.env("KART_LOG", "info,async_nats=warn,s3s=warn,scylla=warn").stdin(Stdio::null());
    command
}

/// A running role.
pub struct Process {
    child: Child,
    /// What it printed on stdout up to being ready, and what comes after.
    pub lines: mpsc::Receiver<String>,
    pub url: String,
}

impl Process {
    /// Starts `command` and waits for its `ready` line.
    pub fn start(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().expect("kart starts");
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let deadline = Instant::now() + READY_WITHIN;
        loop {
            match lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) if line.starts_with("ready") => {
                    let url = line.trim_start_matches("ready").trim().to_owned();
                    return Self { child, lines, url };
                }
                Ok(_) => {}
                Err(error) => panic!("kart did not get ready: {error}, {:?}", child.try_wait()),
            }
        }
    }

    /// `kart up` over `data` on a free port.
    pub fn up(data: &Path, variables: &[(&str, &str)]) -> Self {
        let mut command = kart();
        command.arg("up").args(["--listen", "127.0.0.1:0"]).env("KART_DATA", data).envs(variables.iter().copied());
        Self::start(command)
    }

    pub fn kill(&mut self) {
        self.child.kill().expect("the process is ours");
        self.child.wait().expect("the process is ours");
    }

    pub fn interrupt(&mut self, limit: Duration) -> ExitStatus {
        let status = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(status.expect("kill runs").success());
        let child = &mut self.child;
        wait_for("the process to end", limit, || child.try_wait().expect("the process is ours"))
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Pids of its children.
    pub fn children(&self) -> Vec<u32> {
        let output = Command::new("ps").args(["-o", "pid=", "--ppid", &self.id().to_string()]).output();
        let text = String::from_utf8(output.expect("ps runs").stdout).expect("ps prints text");
        text.split_whitespace().map(|pid| pid.parse().expect("a pid is a number")).collect()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command of the operator over `data`.
pub fn run(data: &Path, arguments: &[&str]) -> Output {
    kart().args(arguments).env("KART_DATA", data).output().expect("kart runs")
}

/// Every event so far, of one job or of all.
pub fn events(data: &Path, job: Option<&str>) -> Vec<Value> {
    let mut arguments = vec!["events", "replay"];
    arguments.extend(job.iter().flat_map(|job| ["--job", job]));
    let output = run(data, &arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
        .stdout
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).expect("a line is a CloudEvent"))
        .collect()
}

/// Asks until there is an answer.
pub fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < deadline, "waited {limit:?} for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A visitor with a cookie.
pub struct Visitor {
    pub client: reqwest::blocking::Client,
    pub url: String,
}

impl Visitor {
    pub fn of(process: &Process) -> Self {
        let client = reqwest::blocking::Client::builder().cookie_store(true).timeout(Duration::from_secs(60)).build();
        Self { client: client.expect("a client can be made"), url: process.url.clone() }
    }

    pub fn upload(&self, video: &Path) -> Value {
        let form = reqwest::blocking::multipart::Form::new().file("video", video).expect("the video can be read");
        let response = self.client.post(format!("{}/v1/jobs", self.url)).multipart(form).send().expect("kart answers");
        assert_eq!(response.status(), 202, "{:?}", response.text());
        assert!(response.headers().contains_key("location"));
        response.json().expect("the answer is JSON")
    }

    pub fn get(&self, path: &str) -> reqwest::blocking::Response {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("{}{path}", self.url) };
        self.client.get(url).send().expect("kart answers")
    }

    pub fn job(&self, id: &str) -> Option<Value> {
        let response = self.client.get(format!("{}/v1/jobs/{id}", self.url)).send().ok()?;
        response.status().is_success().then(|| response.json().expect("the answer is JSON"))
    }

    /// The job once its status is one of `wanted`.
    pub fn wait_for_status(&self, id: &str, wanted: &[&str], limit: Duration) -> Value {
        wait_for(&format!("{wanted:?}"), limit, || {
            self.job(id).filter(|job| wanted.contains(&job["status"].as_str().unwrap_or_default()))
        })
    }
}
