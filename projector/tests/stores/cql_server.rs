//! A CQL server for this test process: the one that `KART_SCYLLA_NODES` names, else one of our own.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

struct Server {
    nodes: Vec<String>,
    /// Its standard input is a pipe that only we hold: when this process ends, however it ends, the pipe closes, `cat`
    /// below ends, and `run` ends the server.
    _run: Option<Child>,
}

/// `None`, and a loud line, where no server can be had.
///
/// # Panics
/// Instead of that, when `KART_REQUIRE_CQL` is 1.
pub fn nodes() -> Option<&'static [String]> {
    static SERVER: OnceLock<Option<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| given().or_else(start));
    if server.is_none() {
        let required = std::env::var("KART_REQUIRE_CQL").is_ok_and(|value| value == "1");
        assert!(!required, "KART_REQUIRE_CQL is 1, and no CQL server can be had");
        // Not `eprintln`: what that prints is kept back for tests that pass.
        let line = b"\n*** SKIPPED: no CQL server can be had, the ScyllaDB store was NOT tested ***\n\n";
        let _ = std::io::stderr().write_all(line);
    }
    server.as_ref().map(|server| server.nodes.as_slice())
}

fn given() -> Option<Server> {
    let nodes = std::env::var("KART_SCYLLA_NODES").ok()?;
    Some(Server { nodes: nodes.split(',').map(str::to_owned).collect(), _run: None })
}

fn start() -> Option<Server> {
    let run = concat!(env!("CARGO_MANIFEST_DIR"), "/../tools/cql-server/run");
    let mut child = Command::new(run)
        .args(["sh", "-c", "echo nodes=$KART_SCYLLA_NODES; cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut lines = BufReader::new(child.stdout.take()?).lines().map_while(Result::ok);
    let node = lines.find_map(|line| line.split_once("nodes=").map(|(_, node)| node.to_owned()))?;
    Some(Server { nodes: vec![node], _run: Some(child) })
}
