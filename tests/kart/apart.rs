//! Every role a process of its own under a NATS user of its own, with the read models in a real CQL database.

use crate::clip;
use crate::process::{Process, Visitor, kart, wait_for};
use crate::secured::Secured;
use bus::local::S3Server;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const JOB_WITHIN: Duration = Duration::from_secs(400);

/// A CQL server: the configured one, or Apache Cassandra for the length of a test.
struct Cql {
    node: String,
    pid: Option<String>,
    _folder: TempDir,
}

impl Drop for Cql {
    fn drop(&mut self) {
        if let Some(pid) = &self.pid {
            let _ = Command::new("kill").args(["-9", pid]).status();
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// `None`, said loudly, where none can be had and none is required.
fn cql() -> Option<Cql> {
    let folder = TempDir::new().unwrap();
    if let Some(node) = std::env::var("KART_SCYLLA_NODES").ok().filter(|nodes| !nodes.is_empty()) {
        return Some(Cql { node, pid: None, _folder: folder });
    }
    let (port, gossip) = (free_port(), free_port());
    let output = Command::new(root().join("tools/cql-server/start"))
        .arg(folder.path())
        .args([port.to_string(), gossip.to_string()])
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    if output.status.success() {
        let pid = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        return Some(Cql { node: format!("127.0.0.1:{port}"), pid: Some(pid), _folder: folder });
    }
    let required = std::env::var_os("KART_REQUIRE_CQL").is_some_and(|value| !value.is_empty());
    assert!(!required, "a CQL server is required, and none can be had");
    eprintln!("SKIPPED: no CQL server can be had; the roles were not tried apart");
    None
}

/// Rows as an operator reads them.
fn cqlsh(node: &str, statement: &str) -> Option<String> {
    let program = root().join(".tools/cqlsh/bin/cqlsh");
    if !program.is_file() {
        let required = std::env::var_os("KART_REQUIRE_TOOLS").is_some_and(|value| !value.is_empty());
        assert!(!required, "cqlsh is missing");
        eprintln!("SKIPPED: cqlsh is missing");
        return None;
    }
    let (host, port) = node.rsplit_once(':').unwrap();
    let output = Command::new(program).args([host, port, "-e", statement]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

struct Servers {
    nats: Secured,
    settings: Vec<(&'static str, String)>,
}

impl Servers {
    /// A command as a user of compose.yaml's nats-server.
    fn command(&self, arguments: &[&str], user: &str, data: &Path) -> Command {
        let mut command = kart();
        command.args(arguments).env("KART_DATA", data);
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.envs(self.nats.settings(user));
        command
    }

    fn role(&self, name: &str, user: &str, data: &Path) -> Process {
        let mut command = self.command(&[name], user, data);
        command.env("KART_LISTEN", "127.0.0.1:0");
        Process::start(command)
    }
}

#[test]
fn the_roles_work_apart_on_cql_and_a_killed_projector_catches_up() {
    let Some(cql) = cql() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let data: PathBuf = TempDir::new().unwrap().keep();
    let s3 = runtime.block_on(S3Server::spawn(&data.join("s3"), None)).unwrap();
    let s3_config = s3.config();
    let keyspace = format!("kart_{}", std::process::id());
    let servers = Servers {
        nats: Secured::start(),
        settings: vec![
            ("KART_S3_ENDPOINT", s3_config.endpoint.clone()),
            ("KART_S3_BUCKET", s3_config.bucket.clone()),
            ("KART_S3_ACCESS_KEY", s3_config.access_key.clone()),
            ("KART_S3_SECRET_KEY", s3_config.secret_key.clone()),
            ("KART_SCYLLA_NODES", cql.node.clone()),
            ("KART_SCYLLA_KEYSPACE", keyspace.clone()),
            ("KART_LEASE_SECONDS", "4".to_owned()),
        ],
    };
    assert!(servers.command(&["set-up"], "admin", &data).status().unwrap().success());
    let mut projector = servers.role("projector", "projector", &data);
    let orchestrator = servers.role("orchestrator", "web", &data);
    let visitor = Visitor::of(&orchestrator);
    let id = visitor.upload(&clip::nobody(&data))["id"].as_str().unwrap().to_owned();
    wait_for("the first row", Duration::from_secs(30), || visitor.job(&id));

    // The job goes on while nobody projects; a new projector shows all of it.
    projector.kill();
    let _trainer = servers.role("trainer", "trainer", &data);
    let auditor = servers.nats.config("auditor");
    let log = runtime.block_on(async { bus::Bus::connect(&auditor).await.unwrap().log() });
    let before = runtime.block_on(log.head()).unwrap();
    wait_for("events that nobody projects", JOB_WITHIN, || {
        (runtime.block_on(log.head()).unwrap() > before + 5).then_some(())
    });
    let _projector = servers.role("projector", "projector", &data);
    let job = visitor.wait_for_status(&id, &["succeeded", "failed"], JOB_WITHIN);
    assert_eq!(job["status"], "succeeded", "{job:#}");

    let mut replay = servers.command(&["events"], "auditor", &data);
    let replayed = replay.args(["replay", "--job", &id]).output().unwrap();
    assert!(replayed.status.success(), "{}", String::from_utf8_lossy(&replayed.stderr));
    assert!(String::from_utf8_lossy(&replayed.stdout).contains("kart.job.completed.v1"));

    // The auditor has no keys to what people wrote, and so cannot say whether rows show it as it was.
    let verified = servers.command(&["events", "verify", "--no-views"], "auditor", &data).output().unwrap();
    assert!(verified.status.success(), "{verified:?}");

    if let Some(rows) = cqlsh(&cql.node, &format!("SELECT id, status, title FROM {keyspace}.jobs_v1")) {
        assert!(rows.contains(&id) && rows.contains("succeeded") && rows.contains("nobody"), "{rows}");
    }
    if let Some(rows) = cqlsh(&cql.node, &format!("SELECT kind, width, height FROM {keyspace}.job_pictures_v1")) {
        assert!(rows.contains("panel") && rows.contains("1280"), "{rows}");
    }
    the_views_are_rebuilt_beside_the_running_roles(&servers, &data, &visitor, &id);
    drop(s3);
    let _ = std::fs::remove_dir_all(&data);
}

/// From a process of its own: the web and the projector follow without a restart.
fn the_views_are_rebuilt_beside_the_running_roles(servers: &Servers, data: &Path, visitor: &Visitor, id: &str) {
    let before = visitor.job(id).unwrap();
    let rebuild = servers.command(&["views", "rebuild"], "projector", data).output().unwrap();
    let text = String::from_utf8_lossy(&rebuild.stdout);
    assert!(rebuild.status.success() && text.contains("every row is what the log says"), "{rebuild:?}");
    assert!(text.contains("generation 2 is live"), "{text}");
    assert_eq!(visitor.job(id).unwrap(), before);
    let diff = servers.command(&["views", "diff"], "projector", data).output().unwrap();
    assert!(diff.status.success(), "{diff:?}");
    // What is written now goes to the new rows only: the old ones are gone.
    let next = visitor.upload(&clip::nobody(data))["id"].as_str().unwrap().to_owned();
    wait_for("a job in the new rows", Duration::from_secs(30), || visitor.job(&next));
}
