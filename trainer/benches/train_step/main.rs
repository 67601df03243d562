//! What a training step and looking at a frame cost on this machine, beside the same step in PyTorch.
//! `cargo bench -p trainer --bench train_step`
//!
//! Both take the same windows with the same weights and as many threads, in turn, a few steps each. PyTorch comes from
//! `tools/fetch-torch`; without it, only our figures are printed. `KART_BENCH_THREADS` (default: all cores),
//! `KART_BENCH_STEPS` (default: 40) and `KART_BENCH_TORCH` (`eager`, or `compile` for torch.compile) change what is run.
#![allow(clippy::unwrap_used)]

mod clock;
mod peak;
mod torch;

use std::ops::ControlFlow::Continue;

use clock::{Spent, Stopwatch, median};
use torch::Torch;
use trainer::clip::Clip;
use trainer::device::Device;
use trainer::net::{self, Settings};

/// Of a pixel, by the definition of the network: forward, and back by the inputs and by the weights.
const STEP_FLOP: f64 = 265.7e3 / 4.0;
const INFER_FLOP: f64 = 91.6e3 / 4.0;
/// The same without what the short cut of 3×3 convolutions saves.
const STEP_FLOP_DONE: f64 = 156.3e3 / 4.0;
/// Steps that one side makes before it is the other's turn.
const TURN: u32 = 5;

fn main() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<usize>().ok());
    let device = match number("KART_BENCH_THREADS") {
        Some(threads) => Device::Cpu { threads },
        None => Device::cpu(),
    };
    let steps = (number("KART_BENCH_STEPS").unwrap_or(40) as u32).max(2 * TURN);
    let clip = Clip::blocks(640, 480, 6);
    let settings = Settings { steps, ..Settings::for_device(&Device::cpu()) };
    println!("{device}");
    let peak = peak::flops(device.threads());
    println!("peak of its multiply-add loop: {:.0} GFLOP/s", 1e-9 * peak);

    let mut torch = Torch::start(&clip, &settings, &device).map_err(|why| println!("no PyTorch: {why}")).ok();
    let (mut ours, mut theirs) = (vec![], vec![]);
    let mut watch = Stopwatch::start();
    let trained = net::train(&clip, &settings, &device, None, &mut |progress, _| {
        ours.push(watch.read());
        if progress.step.is_multiple_of(TURN) {
            theirs.extend(torch.iter_mut().flat_map(|torch| torch.run(TURN)));
        }
        watch = Stopwatch::start();
        Continue(())
    });
    // The first time holds the preparation.
    let step = median(&ours[1..]);
    let windows = 2 * settings.batch_pairs;
    let [long, short] = settings.window;
    let pixels = (windows * long * short) as f64;
    report(&format!("step of {windows} windows of {long}×{short}"), step, STEP_FLOP * pixels);
    let done = STEP_FLOP_DONE * pixels / step.wall;
    println!("  of which done: {:.0} GFLOP/s, {:.0} % of the peak", 1e-9 * done, 100.0 * done / peak);
    if !theirs.is_empty() {
        let theirs = median(&theirs);
        report("the same in PyTorch", theirs, STEP_FLOP * pixels);
        let (wall, computing) = (theirs.wall / step.wall, theirs.computing / step.computing);
        println!("ours is {wall:.2} times as fast, and computes for {:.2} of the time", 1.0 / computing);
    }

    let model = trained.unwrap().model;
    let times: Vec<Spent> = clip.frames.iter().map(|frame| time(|| model.infer(frame))).collect();
    let pixels = (clip.width * clip.height) as f64;
    report("inference of one frame of 640×480", median(&times), INFER_FLOP * pixels);
}

fn report(what: &str, spent: Spent, flop: f64) {
    let Spent { wall, computing } = spent;
    let rate = 1e-9 * flop / wall;
    println!("{what}: {:.1} ms, {:.1} ms of computing, {rate:.0} GFLOP/s as defined", 1e3 * wall, 1e3 * computing);
}

fn time<T>(work: impl FnOnce() -> T) -> Spent {
    let watch = Stopwatch::start();
    std::hint::black_box(work());
    watch.read()
}
