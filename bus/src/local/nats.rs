//! A nats-server child on loopback that writes to disk before it acknowledges.

use super::accounts::{self, USER};
use super::cluster::Place;
use super::{LocalError, file_error, lock, secret};
use crate::NatsConfig;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

const START_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A nats-server child. Killed when dropped, and when this process dies.
pub struct NatsServer {
    program: PathBuf,
    dir: PathBuf,
    password: String,
    port: u16,
    /// `None`: it stands alone.
    place: Option<Place>,
    child: Option<Child>,
    _lock: std::fs::File,
}

/// The process, and the end of the thread that started it: Linux sends the parent-death signal when the starting
/// *thread* ends, so that thread stays until this is dropped.
struct Child {
    process: std::process::Child,
    _starter: Sender<()>,
}

impl NatsServer {
    /// The program that would be started.
    ///
    /// # Errors
    /// `NoNatsServer`.
    pub fn find() -> Result<PathBuf, LocalError> {
        find_program().ok_or(LocalError::NoNatsServer)
    }

    /// Starts a server on loopback with its store under `dir`; without a port, on a free one.
    ///
    /// # Errors
    /// See [`LocalError`].
    pub async fn spawn(dir: &Path, port: Option<u16>) -> Result<Self, LocalError> {
        Self::spawn_at(dir, port, None).await
    }

    pub(super) async fn spawn_at(dir: &Path, port: Option<u16>, place: Option<Place>) -> Result<Self, LocalError> {
        let program = Self::find()?;
        let lock = lock(dir).await?;
        let dir = dir.canonicalize().map_err(file_error(dir))?;
        let password = secret::load_or_make(&dir.join("password"))?;
        let mut server = Self { program, dir, password, port: port.unwrap_or(0), place, child: None, _lock: lock };
        server.start().await?;
        Ok(server)
    }

    pub fn config(&self) -> NatsConfig {
        NatsConfig::new(self.url())
    }

    /// With user and password, ready for the `nats` command as well.
    pub fn url(&self) -> String {
        format!("nats://{USER}:{}@127.0.0.1:{}", self.password, self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process id, while it runs.
    pub fn pid(&mut self) -> Option<u32> {
        let process = &mut self.child.as_mut()?.process;
        matches!(process.try_wait(), Ok(None)).then(|| process.id())
    }

    /// Kills the server at once (SIGKILL).
    pub async fn kill(&mut self) {
        if let Some(child) = self.child.take() {
            let _ = tokio::task::spawn_blocking(|| child.kill()).await;
        }
    }

    /// Starts it again on the same port and store.
    ///
    /// # Errors
    /// See [`LocalError`].
    pub async fn restart(&mut self) -> Result<(), LocalError> {
        self.kill().await;
        self.start().await
    }

    async fn start(&mut self) -> Result<(), LocalError> {
        let config = self.dir.join("nats-server.conf");
        secret::write_private(&config, &self.config_text())?;
        accounts::adopt_streams(&self.dir.join("store"))?;
        let log = self.dir.join("nats-server.log");
        let child = Child::spawn(&self.program, &config, &log)?;
        let ports = self.dir.join(format!("nats-server_{}.ports", child.process.id()));
        self.child = Some(child);
        let deadline = Instant::now() + START_WITHIN;
        loop {
            if let Some(port) = std::fs::read_to_string(&ports).ok().and_then(|text| port_in(&text)) {
                self.port = port;
                // Only a clean end removes it.
                let _ = std::fs::remove_file(&ports);
                return Ok(());
            }
            if self.pid().is_none() || Instant::now() > deadline {
                return Err(LocalError::Start { reason: last_lines(&log) });
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// `sync_interval: always`: the default is to acknowledge first and write up to two minutes later.
    fn config_text(&self) -> String {
        let port = if self.port == 0 { -1 } else { i32::from(self.port) };
        let accounts = accounts::config_text(&self.password);
        let cluster = self.place.as_ref().map(|place| place.config_text(USER, &self.password)).unwrap_or_default();
        let (dir, store) = (quoted(&self.dir), quoted(&self.dir.join("store")));
        format!(
            "listen: \"127.0.0.1:{port}\"\nports_file_dir: {dir}\n\
             {accounts}\
             jetstream {{ store_dir: {store}, sync_interval: always }}\n\
             {cluster}"
        )
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        if let Some(child) = self.child.take() {
            child.kill();
        }
    }
}

impl Child {
    fn spawn(program: &Path, config: &Path, log: &Path) -> Result<Self, LocalError> {
        let output = std::fs::File::create(log).map_err(file_error(log))?;
        let mut command = Command::new(program);
        command.arg("-c").arg(config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(output);
        // Ctrl-C at a terminal is for us; we end the server when we are done with it.
        command.process_group(0);
        let parent = std::process::id();
        // SAFETY: between fork and exec only prctl and getppid are called; both are async-signal-safe.
        unsafe {
            command.pre_exec(move || {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                match libc::getppid() as u32 == parent {
                    true => Ok(()),
                    // The parent died before the signal was asked for.
                    false => Err(std::io::ErrorKind::Interrupted.into()),
                }
            });
        }
        let (starter, until_dropped) = channel::<()>();
        let (started, starting) = channel();
        let thread = std::thread::Builder::new().name("nats-server".to_owned()).spawn(move || {
            let _ = started.send(command.spawn());
            let _ = until_dropped.recv();
        });
        let failed = |error: &dyn std::error::Error| LocalError::Start { reason: error.to_string() };
        thread.map_err(|error| failed(&error))?;
        let process = starting.recv().map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
        Ok(Self { process, _starter: starter })
    }

    fn kill(mut self) {
        // Fails when it has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn quoted(path: &Path) -> String {
    serde_json::Value::String(path.to_string_lossy().into_owned()).to_string()
}

/// The ports file: `{"nats": ["nats://127.0.0.1:4222"], …}`.
fn port_in(text: &str) -> Option<u16> {
    let ports: serde_json::Value = serde_json::from_str(text).ok()?;
    ports["nats"][0].as_str()?.rsplit_once(':')?.1.parse().ok()
}

fn last_lines(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(3).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("; ")
}

/// `KART_NATS_SERVER`, then `.tools` of a folder at or above the present one, then `PATH`.
fn find_program() -> Option<PathBuf> {
    if let Some(path) = std::env::var_os("KART_NATS_SERVER") {
        return Some(path.into());
    }
    let here = std::env::current_dir().ok()?;
    let tools = here.ancestors().map(|dir| dir.join(".tools").join("nats-server"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).map(|dir| dir.join("nats-server")).collect();
    tools.chain(on_path).find(|candidate| candidate.is_file())
}
