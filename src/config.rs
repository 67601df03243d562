//! What can be configured: flags, each with its `KART_*` variable.

use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Where the servers are. What is not given is embedded, under the data folder.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Servers (embedded in `kart up` unless given)")]
pub struct Settings {
    /// Folder of the embedded servers
    #[arg(long, env = "KART_DATA", default_value = "data", global = true)]
    pub data: PathBuf,
    /// NATS with JetStream, 2.12 or newer: nats://HOST:PORT, several separated by commas
    #[arg(long, env = "KART_NATS_URL", global = true)]
    pub nats_url: Option<String>,
    #[arg(long, env = "KART_NATS_USER", requires = "nats_password", global = true)]
    pub nats_user: Option<String>,
    #[arg(long, env = "KART_NATS_PASSWORD", hide_env_values = true, global = true)]
    pub nats_password: Option<String>,
    /// Credentials file (JWT and seed) instead of user and password
    #[arg(long, env = "KART_NATS_CREDS", global = true)]
    pub nats_creds: Option<PathBuf>,
    /// Copies of each stream: 1, or 3 in a cluster
    #[arg(long, env = "KART_NATS_REPLICAS", default_value_t = 1, global = true)]
    pub nats_replicas: usize,
    /// How large the log of events may get, in bytes; then uploads are refused. 0: as large as the disk
    #[arg(long, env = "KART_LOG_MAX_BYTES", default_value_t = 0, global = true)]
    pub log_max_bytes: u64,
    /// Seconds that a worker may be silent before its work is handed out again
    #[arg(long, env = "KART_LEASE_SECONDS", default_value_t = 30, global = true)]
    pub lease_seconds: u64,
    /// S3 service: http(s)://HOST[:PORT]
    #[arg(long, env = "KART_S3_ENDPOINT", global = true)]
    pub s3_endpoint: Option<String>,
    #[arg(long, env = "KART_S3_REGION", default_value = "us-east-1", global = true)]
    pub s3_region: String,
    #[arg(long, env = "KART_S3_BUCKET", default_value = "kart", global = true)]
    pub s3_bucket: String,
    #[arg(long, env = "KART_S3_ACCESS_KEY", global = true)]
    pub s3_access_key: Option<String>,
    #[arg(long, env = "KART_S3_SECRET_KEY", hide_env_values = true, global = true)]
    pub s3_secret_key: Option<String>,
    /// ScyllaDB (or Cassandra) nodes for the read models: HOST:PORT, separated by commas
    #[arg(long, env = "KART_SCYLLA_NODES", value_delimiter = ',', global = true)]
    pub scylla_nodes: Vec<String>,
    #[arg(long, env = "KART_SCYLLA_KEYSPACE", default_value = "kart", global = true)]
    pub scylla_keyspace: String,
    /// Seconds between seals of the log; 0 for none
    #[arg(long, env = "KART_SEAL_SECONDS", default_value_t = 3600, global = true)]
    pub seal_seconds: u64,
    /// File of the key that seals are signed with [default: seal.key in the data folder, made at the first start]
    #[arg(long, env = "KART_SEAL_KEY", global = true)]
    pub seal_key: Option<PathBuf>,
}

impl Settings {
    pub fn lease(&self) -> Duration {
        Duration::from_secs(self.lease_seconds.max(1))
    }
}

/// The web pages and the API.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Web")]
pub struct WebSettings {
    /// HOST:PORT to listen on; port 0 is any free one [default: 127.0.0.1:8080, or a free port when that is taken]
    #[arg(long, env = "KART_LISTEN")]
    pub listen: Option<String>,
    /// Largest video, in bytes
    #[arg(long, env = "KART_MAX_UPLOAD", default_value_t = 4 << 30)]
    pub max_upload: u64,
    /// Host name that people use; requests for another one are refused
    #[arg(long, env = "KART_HOST")]
    pub host: Option<String>,
    /// Send cookies over HTTPS only: behind a TLS proxy
    #[arg(long, env = "KART_COOKIE_SECURE")]
    pub cookie_secure: bool,
}

/// Workers.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Work")]
pub struct WorkSettings {
    /// Jobs that this machine works on at once (with GPUs: one on each); 0 for none
    #[arg(long, env = "KART_TRAINERS", default_value_t = 1)]
    pub trainers: usize,
    /// Folder of the teacher nets [default: kart/teachers in the user's cache folder]
    #[arg(long, env = "KART_TEACHERS")]
    pub teachers: Option<PathBuf>,
}
