//! What the compilers for GPUs make of the kernels. No GPU is needed for it.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use super::gpu::compile;
use super::source::Precision;

const AHEAD: &str = "compute_80";

/// Where `tools/fetch-cuda-compiler` puts NVRTC and ptxas; `None`, said on stderr, where they are not (and not required).
fn compilers() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.tools/cuda-compiler");
    let library = folder.join("libnvrtc.so.12");
    if !library.exists() {
        let required = std::env::var("KART_REQUIRE_TOOLS").is_ok_and(|value| !value.is_empty());
        assert!(!required, "tools/fetch-cuda-compiler was not run");
        eprintln!("skipped: the kernels are not compiled for GPUs without tools/fetch-cuda-compiler");
        return None;
    }
    let path = CString::new(library.to_str().unwrap()).unwrap();
    // SAFETY: a library that is never closed. Whoever asks for it by its name finds this one.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_GLOBAL) };
    assert!(!handle.is_null(), "{} cannot be loaded", library.display());
    Some(folder)
}

/// Compiled once: it takes seconds.
fn ptx(precision: Precision, architecture: &str) -> String {
    static MADE: Mutex<BTreeMap<String, String>> = Mutex::new(BTreeMap::new());
    let mut made = MADE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let key = format!("{precision:?} {architecture}");
    made.entry(key).or_insert_with(|| ptx_anew(precision, architecture)).clone()
}

fn ptx_anew(precision: Precision, architecture: &str) -> String {
    compile(precision, architecture)
        .unwrap_or_else(|error| panic!("{precision:?} for {architecture}: {error}"))
        .to_src()
}

#[test]
fn the_ptx_that_comes_with_the_program_is_that_of_the_kernels() {
    if compilers().is_none() {
        return;
    }
    for precision in [Precision::Single, Precision::Brain] {
        let made = ptx(precision, AHEAD);
        if std::env::var("KART_BLESS").is_ok() {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("kernels/ptx").join(precision.ptx_file());
            std::fs::write(path, &made).unwrap();
        } else {
            // Not assert_eq: a megabyte of PTX tells nobody anything.
            assert!(made == precision.ptx(), "the kernels changed: `make kernels` writes their PTX anew");
        }
    }
}

#[derive(Default)]
struct Usage {
    registers: u32,
    shared_bytes: u32,
    spilled_bytes: u32,
}

/// What ptxas says of each kernel.
fn assemble(ptxas: &Path, ptx: &str, chip: &str) -> BTreeMap<String, Usage> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kernels.ptx");
    std::fs::write(&file, ptx).unwrap();
    let mut command = Command::new(ptxas);
    command
        .args(["--verbose", "--gpu-name", chip, "--output-file"])
        .arg(folder.path().join("kernels.cubin"))
        .arg(&file);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{chip}: {said}");
    let mut kernels: BTreeMap<String, Usage> = BTreeMap::new();
    let mut name = String::new();
    for line in said.lines() {
        if let Some(rest) = line.split("Function properties for ").nth(1) {
            name = rest.trim().to_owned();
        }
        let usage = kernels.entry(name.clone()).or_default();
        usage.registers = usage.registers.max(number_before(line, " registers"));
        usage.shared_bytes = usage.shared_bytes.max(number_before(line, " bytes smem"));
        usage.spilled_bytes += number_before(line, " bytes spill stores") + number_before(line, " bytes spill loads");
    }
    kernels.remove("");
    kernels
}

/// The number before `what` in a line; 0 when it is not there.
fn number_before(line: &str, what: &str) -> u32 {
    let Some((before, _)) = line.split_once(what) else { return 0 };
    before.rsplit(' ').next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// A block may have so much without asking.
const MOST_SHARED_BYTES: u32 = 48 << 10;

#[test]
fn the_kernels_fit_their_chips_without_spilling() {
    let Some(compilers) = compilers() else { return };
    let mut table = String::new();
    for precision in [Precision::Single, Precision::Brain] {
        for chip in ["80", "90"] {
            let ptx = ptx(precision, &format!("compute_{chip}"));
            let kernels = assemble(&compilers.join("ptxas"), &ptx, &format!("sm_{chip}"));
            assert_eq!(kernels.len(), ptx.matches(".visible .entry").count());
            table += &format!("{precision:?}, sm_{chip}                registers  shared bytes  spilled bytes\n");
            for (name, Usage { registers, shared_bytes, spilled_bytes }) in &kernels {
                table += &format!("{name:<28} {registers:>9} {shared_bytes:>13} {spilled_bytes:>14}\n");
                assert!(*registers > 0 && *shared_bytes <= MOST_SHARED_BYTES && *spilled_bytes == 0, "{table}");
            }
        }
    }
    println!("{table}");
}
