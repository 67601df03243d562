//! `kart gpu-check`: whether this machine's GPUs compute what the CPU does, how fast, and how near to what they could.
//! Prints one table, in Markdown, for `docs/performance.md`.

use std::io::Write;
use std::ops::ControlFlow::Continue;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::Context;
use trainer::clip::Clip;
use trainer::device::{Device, Found, Gpu};
use trainer::net::{self, Settings};

/// The same network in PyTorch: run where there is one.
const TORCH: &str = include_str!("../trainer/benches/torch_gpu.py");
const TORCH_STEPS: u32 = 60;
/// Arithmetic of a step, and the least that it reads and writes in bf16, for each place at half size.
const STEP_FLOP: f64 = 265e3;
const STEP_BYTES: f64 = 3.3e3;

pub fn run() -> anyhow::Result<()> {
    let found = Device::probe();
    let gpus: Vec<&Gpu> = found.iter().filter_map(|f| if let Found::Gpu(gpu) = f { Some(gpu) } else { None }).collect();
    if gpus.is_empty() {
        let why: Vec<String> = found.iter().map(Found::to_string).collect();
        anyhow::bail!("there is no GPU to check: {}", why.join("; "));
    }
    let settings = Settings::for_device(&Device::Cuda { ordinal: 0, name: String::new() });
    println!("| GPU | figure |\n|---|---|");
    for gpu in gpus {
        let [major, minor] = gpu.compute_capability;
        row("chip, date", format!("{} ({major}.{minor}), {}", gpu.name, today()));
        row("driver", format!("CUDA {}.{}", gpu.driver[0], gpu.driver[1]));
        check(gpu)?;
        let step = time(gpu, &settings)?;
        compare(&settings, step);
    }
    Ok(())
}

fn row(what: &str, figure: String) {
    println!("| {what} | {figure} |");
}

fn today() -> String {
    time::OffsetDateTime::now_utc().date().to_string()
}

/// Parity with the CPU; an error where there is none.
fn check(gpu: &Gpu) -> anyhow::Result<()> {
    let agreements = net::check(gpu.ordinal).context("the GPU does not train")?;
    for agreement in &agreements {
        let net::Agreement { precision, loss, gradients, bounds } = agreement;
        let [loss_bound, gradient_bound] = bounds;
        row(&format!("{precision}: loss, from the CPU's"), format!("{loss:.1e} (at most {loss_bound:.0e})"));
        row(&format!("{precision}: gradients"), format!("{gradients:.1e} (at most {gradient_bound:.0e})"));
    }
    anyhow::ensure!(agreements.iter().all(net::Agreement::holds), "the GPU does not compute what the CPU does");
    Ok(())
}

/// Seconds of a step of the preset, by whole trainings: the first takes in the loading of the kernels.
fn time(gpu: &Gpu, settings: &Settings) -> anyhow::Result<f64> {
    let device = Device::Cuda { ordinal: gpu.ordinal, name: gpu.name.clone() };
    let clip = Clip::blocks(640, 480, 24);
    let (mut seconds, mut steps) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let start = Instant::now();
        let mut first = None;
        net::train(&clip, settings, &device, None, &mut |_, _| {
            first.get_or_insert_with(Instant::now);
            Continue(())
        })?;
        seconds.push(start.elapsed().as_secs_f64());
        let reported = first.map_or(0.0, |first| first.elapsed().as_secs_f64());
        steps.push(reported / f64::from(settings.steps - 1));
    }
    steps.sort_by(f64::total_cmp);
    let step = steps[1];
    let [long, short] = settings.window;
    let windows = 2 * settings.batch_pairs;
    let places = (windows * long * short) as f64 / 4.0;
    row("a step", format!("{:.3} ms ({windows} windows of {long}×{short})", 1e3 * step));
    row(
        "a training, frames prepared on the CPU",
        format!("{:.2} s, the first {:.2} s ({} steps)", seconds[2], seconds[0], settings.steps),
    );
    let memory = net::gpu_memory_bytes(&clip, settings);
    row("memory", format!("{} MB of {} MB", memory >> 20, gpu.memory_bytes >> 20));
    let bytes = STEP_BYTES * places / step;
    let flop = STEP_FLOP * places / step;
    let share = |of: f64, all: u64| if all > 0 { format!("{:.0} %", 100.0 * of / all as f64) } else { "?".into() };
    row("memory roofline", format!("{:.0} GB/s, {}", 1e-9 * bytes, share(bytes, gpu.peak_bytes_per_second)));
    row("arithmetic", format!("{:.1} TFLOP/s, {}", 1e-12 * flop, share(flop, gpu.peak_flop_per_second)));
    Ok(step)
}

/// The same in PyTorch, where Python has one that sees a GPU.
fn compare(settings: &Settings, step: f64) {
    let [long, short] = settings.window.map(|side| side.to_string());
    let images = (2 * settings.batch_pairs).to_string();
    let python = Command::new("python3")
        .args(["-", &long, &short, &images, &TORCH_STEPS.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let output = python.and_then(|mut python| {
        if let Some(mut stdin) = python.stdin.take() {
            stdin.write_all(TORCH.as_bytes())?;
        }
        python.wait_with_output()
    });
    match output {
        Ok(output) => {
            for line in String::from_utf8_lossy(&output.stdout).lines() {
                let Some((name, Ok(ms))) = line.split_once(' ').map(|(name, ms)| (name, ms.parse::<f64>())) else {
                    continue;
                };
                row(&format!("PyTorch, {name}"), format!("{ms:.3} ms a step, {:.1} × ours", ms / (1e3 * step)));
            }
            if !output.status.success() {
                let last = String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or_default().to_owned();
                row("PyTorch", format!("not compared: {last}"));
            }
        }
        Err(error) => row("PyTorch", format!("not compared: {error}")),
    }
}
