//! A nats-server with exactly the configuration that compose.yaml gives it, passwords aside.

use crate::process::wait_for;
use async_nats::{Client, ConnectOptions, Event, ServerError};
use bus::local::NatsServer;
use bus::{Credentials, NatsConfig};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::mpsc;

pub const USERS: [&str; 6] = ["admin", "web", "trainer", "projector", "auditor", "debugger"];
const START_WITHIN: Duration = Duration::from_secs(20);

pub struct Secured {
    child: Child,
    pub port: u16,
    _dir: TempDir,
}

impl Drop for Secured {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The text under `configs: nats: content`, as Docker Compose hands it to the server.
pub fn config_text(password: impl Fn(&str) -> String) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("compose.yaml");
    let yaml = fs::read_to_string(path).unwrap();
    let (_, after) = yaml.split_once("    content: |\n").expect("the configuration is in compose.yaml");
    let block = after.lines().take_while(|line| line.is_empty() || line.starts_with("      "));
    let mut text: String = block.map(|line| format!("{}\n", line.get(6..).unwrap_or_default())).collect();
    while let Some(start) = text.find("${") {
        let end = start + text[start..].find('}').expect("a variable ends");
        let (name, default) = text[start + 2..end].split_once(":-").expect("a variable has a default");
        let user = name.strip_prefix("KART_NATS_").and_then(|name| name.strip_suffix("_PASSWORD"));
        let user = user.expect("only passwords are filled in").to_lowercase();
        assert_eq!(default, format!("change-this-{user}-password"), "a placeholder that says so");
        text.replace_range(start..=end, &password(&user));
    }
    text.replace("$$", "$")
}

fn password(user: &str) -> String {
    format!("secret-of-{user}")
}

impl Secured {
    /// On loopback, free ports and a store of its own: flags of the server say where it listens, as `listen` and `http`
    /// would.
    pub fn start() -> Self {
        let dir = TempDir::new().unwrap();
        let config = dir.path().join("kart.conf");
        let text = config_text(password);
        let (before, after) = text.split_once("store_dir: /data\n").expect("the volume is mounted there");
        fs::write(&config, format!("{before}store_dir: {:?}\n{after}", dir.path().join("store"))).unwrap();
        let log = fs::File::create(dir.path().join("log")).unwrap();
        let mut child = Command::new(NatsServer::find().unwrap())
            .arg("-c")
            .arg(&config)
            .args(["-a", "127.0.0.1", "-p", "-1", "-m", "-1", "--ports_file_dir"])
            .arg(dir.path())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let ports = dir.path().join(format!("nats-server_{}.ports", child.id()));
        let port = wait_for("the nats-server of compose.yaml", START_WITHIN, || {
            let log = fs::read_to_string(dir.path().join("log")).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "{log}");
            let ports: Value = serde_json::from_slice(&fs::read(&ports).ok()?).ok()?;
            ports["nats"][0].as_str()?.rsplit_once(':')?.1.parse().ok()
        });
        Self { child, port, _dir: dir }
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// What Kart needs to sign in as one of the users.
    pub fn settings(&self, user: &str) -> [(&'static str, String); 3] {
        [("KART_NATS_URL", self.url()), ("KART_NATS_USER", user.to_owned()), ("KART_NATS_PASSWORD", password(user))]
    }

    pub fn config(&self, user: &str) -> NatsConfig {
        let credentials = Credentials::User { name: user.to_owned(), password: password(user) };
        NatsConfig { credentials: Some(credentials), ..NatsConfig::new(self.url()) }
    }

    /// A client past the bus, and what the server says to it that is no answer.
    pub async fn client(&self, user: &str) -> (Client, mpsc::UnboundedReceiver<String>) {
        let (sender, errors) = mpsc::unbounded_channel();
        let options = ConnectOptions::with_user_and_password(user.to_owned(), password(user))
            .custom_inbox_prefix(format!("_KART.{user}"))
            .event_callback(move |event| {
                let sender = sender.clone();
                async move {
                    if let Event::ServerError(ServerError::Other(text)) = event {
                        let _ = sender.send(text);
                    }
                }
            });
        (options.connect(self.url()).await.unwrap(), errors)
    }
}
