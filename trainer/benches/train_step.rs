//! What a training step and looking at a frame cost on this machine. `cargo bench -p trainer --bench train_step`.
//!
//! Prints one line each; `KART_BENCH_STEPS` (default 40) and `KART_BENCH_THREADS` (default: all) change what is run.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use trainer::clip::Clip;
use trainer::device::Device;
use trainer::net::{self, Settings};
use trainer::raster::Grid;

/// Forward, backward by the inputs and backward by the weights, for a pixel of a frame: 265 kFLOP for a 2×2 block.
const STEP_FLOP_PER_PIXEL: f64 = 265e3 / 4.0;
const INFER_FLOP_PER_PIXEL: f64 = 91.4e3 / 4.0;

fn main() {
    let number = |name: &str| std::env::var(name).ok().and_then(|v| v.parse::<usize>().ok());
    let device = match number("KART_BENCH_THREADS") {
        Some(threads) => Device::Cpu { threads },
        None => Device::cpu(),
    };
    let steps = number("KART_BENCH_STEPS").unwrap_or(40).max(2) as u32;
    let clip = noise(640, 480, 6);
    let settings = Settings { steps, ..Settings::for_device(&Device::cpu()) };

    let mut times: Vec<Duration> = Vec::new();
    let mut last = Instant::now();
    let trained = net::train(&clip, &settings, &device, None, &mut |_, _| {
        times.push(last.elapsed());
        last = Instant::now();
        ControlFlow::Continue(())
    });
    let Ok(trained) = trained else { return eprintln!("training failed") };
    // The first time holds the preparation.
    let step = median(&mut times[1..]);
    let windows = 2 * settings.batch_pairs;
    let pixels = (windows * settings.window[0] * settings.window[1]) as f64;
    let [long, short] = settings.window;
    println!("{device}");
    report(&format!("step of {windows} windows of {long}×{short}"), step, STEP_FLOP_PER_PIXEL * pixels);

    let mut times: Vec<Duration> = clip.frames.iter().map(|frame| time(|| trained.model.infer(frame))).collect();
    let pixels = (clip.width * clip.height) as f64;
    report("inference of one frame of 640×480", median(&mut times), INFER_FLOP_PER_PIXEL * pixels);
}

fn report(what: &str, time: Duration, flop: f64) {
    println!("{what}: {:.1} ms, {:.1} GFLOP/s", 1e3 * time.as_secs_f64(), 1e-9 * flop / time.as_secs_f64());
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    std::hint::black_box(work());
    start.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// Blocks of colours with a person in the middle. What the frames show makes no difference to the time.
fn noise(width: usize, height: usize, frames: usize) -> Clip {
    let pixel = |i: usize| {
        let block = (i % width / 16 + i / width / 16 * 40).wrapping_mul(2_654_435_761) >> 8;
        [block as u8, (block >> 8) as u8, (i * 7 % 32) as u8]
    };
    let frame = Grid::from_data(width, height, (0..width * height).map(pixel).collect());
    let middle = |i: usize| f32::from(u8::from((width / 3..2 * width / 3).contains(&(i % width))));
    let person = Grid::from_data(width, height, (0..width * height).map(middle).collect());
    let skin = person.map(|p| if *p > 0.5 { (p * 1.0) as i8 } else { -1 });
    Clip {
        width,
        height,
        frames: vec![frame; frames],
        source: Vec::new(),
        times_ms: (0..frames as u64).collect(),
        person: vec![person; frames],
        faces: vec![Vec::new(); frames],
        skin: vec![skin; frames],
        skin_median: None,
        has_figure: true,
    }
}
