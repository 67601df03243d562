//! A child process that can read one file, write nothing, reach no network, and not run for long.

use landlock::{ABI, Access, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr};
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// Address space. Decoders of 4K HEVC with a few threads stay under 1.5 GiB.
const MAX_MEMORY_BYTES: u64 = 4 << 30;
const MAX_CPU_SECONDS: u64 = 240;
const MAX_OVERHEARD: u64 = 4096;
const MAX_OPEN_FILES: u64 = 64;

/// Prepares `program` to run in the sandbox with `video` as the only file of ours that it may read.
pub fn command(program: &Path, video: &Path) -> Command {
    let mut command = Command::new(program);
    // A group of its own, so that the deadline ends whatever it may start as well.
    command.process_group(0);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(path) = std::env::var_os("PATH") {
        command.env("PATH", path);
    }
    let mut rules = file_rules(video).ok();
    // SAFETY: between fork and exec only system calls are made; the ruleset was built, with its allocations, before.
    unsafe {
        command.pre_exec(move || {
            limit(libc::RLIMIT_AS, MAX_MEMORY_BYTES)?;
            limit(libc::RLIMIT_CPU, MAX_CPU_SECONDS)?;
            limit(libc::RLIMIT_NOFILE, MAX_OPEN_FILES)?;
            limit(libc::RLIMIT_FSIZE, 0)?;
            limit(libc::RLIMIT_CORE, 0)?;
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            // Without privileges the network namespace needs a user namespace; some hosts forbid both. Then the
            // protocol whitelist alone keeps the network out.
            if libc::unshare(libc::CLONE_NEWNET) != 0 {
                libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET);
            }
            if let Some(rules) = rules.take() {
                let _ = rules.restrict_self();
            }
            Ok(())
        });
    }
    command
}

/// Landlock rules (Linux ≥ 5.13): read the system's libraries and this one video, nothing else. Kernels without
/// Landlock ignore them.
fn file_rules(video: &Path) -> Result<RulesetCreated, landlock::RulesetError> {
    let read = AccessFs::from_read(ABI::V1);
    let mut rules = Ruleset::default().handle_access(AccessFs::from_all(ABI::V1))?.create()?;
    for path in ["/usr", "/lib", "/lib64", "/bin", "/etc", "/dev", "/proc", "/opt", "/nix", "/sys"] {
        if let Ok(folder) = PathFd::new(path) {
            rules = rules.add_rule(PathBeneath::new(folder, read))?;
        }
    }
    for folder in [std::env::var_os("KART_FFMPEG"), video.canonicalize().ok().map(Into::into)].into_iter().flatten() {
        if let Ok(path) = PathFd::new(&folder) {
            let access = if Path::new(&folder).is_dir() { read } else { AccessFs::ReadFile.into() };
            rules = rules.add_rule(PathBeneath::new(path, access))?;
        }
    }
    Ok(rules)
}

fn limit(resource: libc::__rlimit_resource_t, value: u64) -> io::Result<()> {
    let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
    // SAFETY: `limit` outlives the call.
    match unsafe { libc::setrlimit(resource, &limit) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What a child says on stderr, cut; all of it is read, or the child would block on a full pipe.
pub fn overhear(child: &mut Child) -> JoinHandle<String> {
    let pipe = child.stderr.take();
    std::thread::spawn(move || {
        let (mut text, Some(mut pipe)) = (vec![], pipe) else { return String::new() };
        let _ = io::copy(&mut (&mut pipe).take(MAX_OVERHEARD), &mut text);
        let _ = io::copy(&mut pipe, &mut io::sink());
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// Waits for the end of a child whose `deadline` still runs.
pub fn reap(child: &mut Child, deadline: Deadline) -> io::Result<ExitStatus> {
    // SAFETY: an all-zero siginfo is a valid place to write to; the child is ours and stays unreaped (WNOWAIT), so that
    // the deadline cannot hit another process of the same pid.
    unsafe {
        let mut ended: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(libc::P_PID, child.id(), &mut ended, libc::WEXITED | libc::WNOWAIT);
    }
    drop(deadline);
    child.wait()
}

/// Kills a child and what it started when time is up or it is told to, unless it is dropped before.
pub struct Deadline {
    _alive: mpsc::Sender<()>,
}

/// How soon a child is killed when that is wanted.
const LOOK_EVERY: Duration = Duration::from_millis(100);

impl Deadline {
    /// `child` must not be waited for before the deadline is dropped: its pid stays its own until then.
    pub fn new(child: &Child, limit: Duration, stop: &CancellationToken) -> Self {
        let (pid, stop, end) = (child.id() as libc::pid_t, stop.clone(), Instant::now() + limit);
        let (alive, gone) = mpsc::channel::<()>();
        std::thread::spawn(move || {
            while gone.recv_timeout(LOOK_EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                if stop.is_cancelled() || Instant::now() >= end {
                    // SAFETY: sending a signal to a pid that is still our unreaped child.
                    unsafe { libc::kill(-pid, libc::SIGKILL) };
                    return;
                }
            }
        });
        Self { _alive: alive }
    }
}
