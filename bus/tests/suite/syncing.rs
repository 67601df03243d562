//! Whether the server writes before it acknowledges is a setting that ordinary users cannot ask for: `$JS.API.INFO` does
//! not name it. The monitoring port does, and so does `$SYS.REQ.SERVER.PING.JSZ`, to users of the system account.

use crate::servers::{nats, until};
use bus::local::NatsServer;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

#[tokio::test]
async fn the_server_writes_before_it_acknowledges_and_would_not_by_default() {
    let nats = nats().await;
    let config = std::fs::read_to_string(nats.dir.path().join("nats-server.conf")).unwrap();
    let line = config.lines().find(|line| line.starts_with("jetstream")).expect("a line on JetStream");
    assert_eq!(sync_always(line, nats.dir.path()).await, Value::Bool(true));
    let default = line.replace(", sync_interval: always", "");
    assert_eq!(sync_always(&default, nats.dir.path()).await, Value::Null, "two minutes of acknowledged events at risk");
}

struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a server with this line, and with a monitoring port and a folder of its own, says of itself.
async fn sync_always(jetstream: &str, of: &std::path::Path) -> Value {
    let dir = tempfile::tempdir().unwrap();
    let (own, of) = (dir.path().canonicalize().unwrap(), of.canonicalize().unwrap());
    let jetstream = jetstream.replace(of.to_str().unwrap(), own.to_str().unwrap());
    let config = own.join("own.conf");
    let (listen, http) = ("listen: \"127.0.0.1:-1\"", "http: \"127.0.0.1:-1\"");
    std::fs::write(&config, format!("{listen}\n{http}\nports_file_dir: {own:?}\n{jetstream}\n")).unwrap();
    let mut command = Command::new(NatsServer::find().unwrap());
    command.arg("-c").arg(&config).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Killed(command.spawn().unwrap());
    let ports = own.join(format!("nats-server_{}.ports", server.0.id()));
    let mut address = None;
    until("the server names its ports", async || {
        let text = std::fs::read_to_string(&ports).unwrap_or_default();
        let ports: Value = serde_json::from_str(&text).unwrap_or_default();
        address = ports["monitoring"][0].as_str().and_then(|url| Some(url.strip_prefix("http://")?.to_owned()));
        address.is_some()
    })
    .await;
    let mut connection = TcpStream::connect(address.unwrap()).unwrap();
    connection.write_all(b"GET /varz HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let varz: Value = serde_json::from_str(body).unwrap();
    assert!(varz["jetstream"]["config"].is_object(), "{varz}");
    varz["jetstream"]["config"]["sync_always"].clone()
}
