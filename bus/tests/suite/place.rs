//! One server, or three that stand for each other: where the conformance suite runs.

use crate::servers::{DEADLINE, until};
use bus::local::{NatsCluster, NatsServer};
use bus::{Bus, NatsConfig};
use std::time::Duration;
use tempfile::TempDir;

pub struct Place {
    pub servers: Servers,
    /// With everything set up.
    pub bus: Bus,
    pub dir: TempDir,
}

pub enum Servers {
    One(NatsServer),
    Three(NatsCluster),
}

impl Place {
    pub async fn one() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = NatsServer::spawn(dir.path(), None).await.unwrap();
        Self::set_up(Servers::One(server), dir).await
    }

    pub async fn three() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let cluster = NatsCluster::spawn(dir.path()).await.unwrap();
        Self::set_up(Servers::Three(cluster), dir).await
    }

    async fn set_up(servers: Servers, dir: TempDir) -> Self {
        let config = config_of(&servers);
        let bus = Bus::connect(&config).await.unwrap();
        // Three servers first look for each other.
        until("the streams are set up", async || bus.set_up().await.is_ok()).await;
        let place = Self { servers, bus, dir };
        place.until_writable().await;
        place
    }

    pub fn config(&self) -> NatsConfig {
        config_of(&self.servers)
    }

    /// Another process's bus.
    pub async fn other_bus(&self) -> Bus {
        Bus::connect(&self.config()).await.unwrap()
    }

    /// A connection past the bus.
    pub async fn raw(&self) -> async_nats::jetstream::Context {
        let password = std::fs::read_to_string(self.dir.path().join("password")).unwrap();
        let options = async_nats::ConnectOptions::with_user_and_password("kart".to_owned(), password)
            .request_timeout(Some(Duration::from_secs(4)));
        let servers: Vec<String> = match &self.servers {
            Servers::One(server) => vec![format!("127.0.0.1:{}", server.port())],
            Servers::Three(cluster) => {
                cluster.servers.iter().map(|server| format!("127.0.0.1:{}", server.port())).collect()
            }
        };
        async_nats::jetstream::new(options.connect(servers).await.unwrap())
    }

    pub fn cluster(&mut self) -> &mut NatsCluster {
        match &mut self.servers {
            Servers::Three(cluster) => cluster,
            Servers::One(_) => panic!("one server is no cluster"),
        }
    }

    pub fn server(&mut self) -> &mut NatsServer {
        match &mut self.servers {
            Servers::One(server) => server,
            Servers::Three(_) => panic!("a cluster has three servers"),
        }
    }

    /// The log's stream has a leader, and followers that have all that it has.
    pub async fn until_writable(&self) {
        let (raw, copies) = (self.raw().await, if matches!(self.servers, Servers::One(_)) { 0 } else { 2 });
        let mut seen = None;
        // Whoever was killed reads up what the others wrote meanwhile, beside all the other tests.
        let waited = tokio::time::timeout(3 * DEADLINE, async {
            loop {
                if let Ok(stream) = raw.get_stream("KART_EVENTS").await {
                    seen = Some(stream.cached_info().cluster.clone());
                    let cluster = stream.cached_info().cluster.iter().filter(|cluster| cluster.leader.is_some());
                    let followers = cluster.flat_map(|cluster| &cluster.replicas);
                    if followers.filter(|follower| follower.current && !follower.offline).count() >= copies {
                        return;
                    }
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        assert!(waited.await.is_ok(), "waited in vain for a leader and its copies: {seen:?}");
    }
}

fn config_of(servers: &Servers) -> NatsConfig {
    match servers {
        Servers::One(server) => server.config(),
        Servers::Three(cluster) => cluster.config(),
    }
}
