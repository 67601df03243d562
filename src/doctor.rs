//! `kart doctor`: looks at everything that Kart needs, and says how to mend what is missing.

use crate::backends::{self, Running};
use crate::config::Settings;
use crate::seals::SealKey;
use bus::local::NatsServer;
use std::process::Command;
use trainer::decode;
use trainer::device::{Device, Found};
use trainer::teach::{self, Standing};

/// Disk that a few jobs take, videos included.
const NEEDED_DISK_BYTES: u64 = 2 << 30;

/// How a thing stands.
enum Finding {
    Good(String),
    /// Kart runs without it, with less.
    Weak(String, String),
    /// Kart does not run.
    Bad(String, String),
}

use Finding::{Bad, Good, Weak};

pub async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut bad = 0;
    for (name, finding) in examine(settings).await {
        match finding {
            Good(what) => println!("ok    {name:<14} {what}"),
            Weak(what, mend) => println!("weak  {name:<14} {what}\n      {:<14} → {mend}", ""),
            Bad(what, mend) => {
                println!("BAD   {name:<14} {what}\n      {:<14} → {mend}", "");
                bad += 1;
            }
        }
    }
    anyhow::ensure!(bad == 0, "{bad} of these must be mended before Kart runs");
    Ok(())
}

async fn examine(settings: &Settings) -> Vec<(&'static str, Finding)> {
    let mut findings =
        vec![("nats-server", nats_server(settings)), ("ffmpeg", program("ffmpeg")), ("ffprobe", program("ffprobe"))];
    findings.extend(teachers());
    findings.extend(Device::probe().iter().map(|found| ("device", device(found))));
    findings.push(("training", Good(Device::choose().reason)));
    findings.push(("data folder", data_folder(settings)));
    findings.push(("seals", seals(settings)));
    findings.extend(servers(settings).await);
    findings
}

fn nats_server(settings: &Settings) -> Finding {
    if let Some(url) = &settings.nats_url {
        return Good(format!("not needed: {url} is used"));
    }
    match NatsServer::find() {
        Ok(path) => match Command::new(&path).arg("--version").output() {
            Ok(said) => Good(format!("{} ({})", String::from_utf8_lossy(&said.stdout).trim(), path.display())),
            Err(error) => Bad(format!("{}: {error}", path.display()), "set KART_NATS_SERVER to one that runs".into()),
        },
        Err(error) => {
            Bad(error.to_string(), "run `tools/fetch-nats-server`, or set KART_NATS_SERVER to its path".into())
        }
    }
}

fn program(name: &str) -> Finding {
    let path = decode::program(name);
    match Command::new(&path).arg("-version").output() {
        Ok(output) if output.status.success() => {
            let text = String::from_utf8_lossy(&output.stdout);
            Good(text.split(" Copyright").next().unwrap_or_default().to_owned())
        }
        _ => Bad(format!("{} does not run", path.display()), "install ffmpeg, or set KART_FFMPEG to its folder".into()),
    }
}

fn teachers() -> Vec<(&'static str, Finding)> {
    let folder = teach::default_folder();
    teach::status(&folder)
        .into_iter()
        .map(|(file, standing)| {
            let mend = if file.needed {
                "run `tools/fetch-teachers`; until then the character is what moves, and has no face"
            } else {
                "run `tools/fetch-teachers`; until then hands are drawn without fingers"
            };
            let finding = match standing {
                Standing::Present => Good(format!("{} in {}", file.name, folder.display())),
                Standing::Missing => Weak(format!("{} is missing", file.name), mend.into()),
                Standing::Altered => Weak(format!("{} is not the published file", file.name), mend.into()),
            };
            ("teacher", finding)
        })
        .collect()
}

fn device(found: &Found) -> Finding {
    match found {
        Found::NoGpu(_) => Good(found.to_string()),
        found => Good(found.to_string()),
    }
}

fn data_folder(settings: &Settings) -> Finding {
    let folder = &settings.data;
    if let Err(error) = std::fs::create_dir_all(folder) {
        return Bad(format!("{} cannot be made: {error}", folder.display()), "choose another with --data".into());
    }
    let free = Command::new("df").args(["--output=avail", "-B1"]).arg(folder).output().ok().and_then(|output| {
        String::from_utf8_lossy(&output.stdout).lines().nth(1).and_then(|line| line.trim().parse::<u64>().ok())
    });
    let state = match Running::find(folder) {
        Some(running) => format!("{}, in use by the Kart at {}", folder.display(), running.url),
        None => folder.display().to_string(),
    };
    match free {
        Some(free) if free < NEEDED_DISK_BYTES => {
            Weak(format!("{state}: {} MB free", free >> 20), "make room: videos and pictures need it".into())
        }
        Some(free) => Good(format!("{state}: {} GB free", free >> 30)),
        None => Good(state),
    }
}

/// The key that auditors need to know.
fn seals(settings: &Settings) -> Finding {
    match SealKey::public(settings) {
        Some(key) => Good(format!("of the log are signed by {}", hex::encode(key.as_bytes()))),
        None => Good("a key is made at the first start".into()),
    }
}

/// The servers that are configured or run; embedded ones that do not run yet need no check.
async fn servers(settings: &Settings) -> Vec<(&'static str, Finding)> {
    let mut findings = vec![];
    if settings.nats_url.is_some() || Running::find(&settings.data).is_some() {
        findings.push(("NATS", nats(settings).await));
        findings.push((
            "S3",
            match backends::blobs_of(settings).await {
                Ok(_) => Good("it answers".into()),
                Err(error) => Bad(format!("{error:#}"), "check the KART_S3_* settings".into()),
            },
        ));
    }
    if !settings.scylla_nodes.is_empty() {
        findings.push((
            "ScyllaDB",
            match backends::scylla(settings).await {
                Ok(_) => Good(settings.scylla_nodes.join(", ")),
                Err(error) => Bad(format!("{error:#}"), "check KART_SCYLLA_NODES".into()),
            },
        ));
    }
    findings
}

/// The streams too, without changing them.
async fn nats(settings: &Settings) -> Finding {
    let bus = match backends::bus_with(settings, &[]).await {
        Ok(bus) => bus,
        Err(error) => return Bad(format!("{error:#}"), "check the KART_NATS_* settings".into()),
    };
    let health = match bus.health().await {
        Ok(health) => health,
        Err(error) => return Bad(error.to_string(), "see the server's own log".into()),
    };
    let limit = health.log_limit_bytes.map_or("no limit".to_owned(), |limit| format!("of {limit}"));
    let (version, head, bytes) = (&health.server_version, health.log_head, health.log_bytes);
    match health.problems.as_slice() {
        [] if health.nearly_full() => {
            Weak(format!("the log is {bytes} bytes {limit}"), "raise KART_LOG_MAX_BYTES, then `kart set-up`".into())
        }
        [] => Good(format!("nats-server {version}, log at {head}, {bytes} bytes, {limit}")),
        problems => {
            let mend = "`kart set-up` makes what is missing; `nats stream edit` puts back what was changed";
            Bad(problems.join("; "), mend.into())
        }
    }
}
