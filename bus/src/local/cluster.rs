//! Three nats-servers on loopback, each with its own store: what a site with three machines runs.

use super::{LocalError, NatsServer, file_error, secret};
use crate::NatsConfig;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

const SIZE: usize = 3;
/// Somebody may take a free port between our finding it and the server's using it.
const TRIES: usize = 3;

/// A cluster whose streams survive the loss of any one server. Killed when dropped.
pub struct NatsCluster {
    pub servers: Vec<NatsServer>,
}

/// A server's place in a cluster.
pub(super) struct Place {
    number: usize,
    ports: [u16; SIZE],
}

impl NatsCluster {
    /// Starts three servers with their stores under `dir`. They need some seconds to find each other and to choose a
    /// leader; until then streams cannot be made.
    ///
    /// # Errors
    /// See [`LocalError`].
    pub async fn spawn(dir: &Path) -> Result<Self, LocalError> {
        std::fs::create_dir_all(dir).map_err(file_error(dir))?;
        let password = secret::load_or_make(&dir.join("password"))?;
        for _ in 1..TRIES {
            if let Ok(cluster) = Self::try_spawn(dir, &password).await {
                return Ok(cluster);
            }
        }
        Self::try_spawn(dir, &password).await
    }

    async fn try_spawn(dir: &Path, password: &str) -> Result<Self, LocalError> {
        let ports = free_ports().map_err(file_error(dir))?;
        let mut servers = Vec::with_capacity(SIZE);
        for number in 0..SIZE {
            let dir = dir.join(Place { number, ports }.name());
            std::fs::create_dir_all(&dir).map_err(file_error(&dir))?;
            // One password for all: whoever loses a server signs in to the next.
            secret::write_private(&dir.join("password"), password)?;
            servers.push(NatsServer::spawn_at(&dir, None, Some(Place { number, ports })).await?);
        }
        Ok(Self { servers })
    }

    /// All three addresses, and three copies of each stream.
    pub fn config(&self) -> NatsConfig {
        let urls: Vec<String> = self.servers.iter().map(NatsServer::url).collect();
        NatsConfig { replicas: SIZE, ..NatsConfig::new(urls.join(",")) }
    }

    /// The server that calls itself so, as in the `cluster` part of a stream's info.
    pub fn named(&mut self, name: &str) -> Option<&mut NatsServer> {
        self.servers.iter_mut().enumerate().find(|(number, _)| name_of(*number) == name).map(|(_, server)| server)
    }
}

impl Place {
    fn name(&self) -> String {
        name_of(self.number)
    }

    /// The part of the configuration that makes a server one of three.
    pub(super) fn config_text(&self, user: &str, password: &str) -> String {
        let routes: Vec<String> =
            self.ports.iter().map(|port| format!("\"nats://{user}:{password}@127.0.0.1:{port}\"")).collect();
        format!(
            "server_name: {}\n\
             cluster {{ name: kart, listen: \"127.0.0.1:{}\"\n\
             authorization {{ user: {user}, password: \"{password}\" }}\n\
             routes: [{}] }}\n",
            self.name(),
            self.ports[self.number],
            routes.join(", ")
        )
    }
}

fn name_of(number: usize) -> String {
    format!("kart-{}", number + 1)
}

fn free_ports() -> std::io::Result<[u16; SIZE]> {
    let mut ports = [0; SIZE];
    // Held together, so that they differ.
    let mut held = vec![];
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
