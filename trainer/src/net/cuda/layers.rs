//! The launches that one layer takes: forward, back to its input, back to its weights.

use super::launch::{Argument, Launch, THREADS};
use super::memory::{Buffer, Memory, Size, Tensor};
use super::source::Precision;
use crate::net::conv::Conv;
use crate::net::network::{LAYERS, place};

/// A tile of the output that a block makes: columns, and rows of most layers.
const TILE_COLUMNS: usize = 16;
const TILE_ROWS: usize = 16;
/// Rows where the input is read at every second place.
const TILE_ROWS_DOWN: usize = 8;

/// Where the layers' numbers lie on the device.
#[derive(Clone, Debug)]
pub struct Weights {
    /// All weights and biases as [`place`] has them, f32.
    pub master: Buffer,
    /// As the convolutions read them, forward and back.
    pub ahead: Buffer,
    pub back: Buffer,
    /// Partial sums of gradients, those of one layer after the other.
    pub partials: Buffer,
    /// For each layer where its partial sums start, in numbers, and how many there are.
    pub sums: Vec<(usize, usize)>,
    pub precision: Precision,
    pub images: usize,
}

/// What becomes of a gradient: see [`crate::net::conv::Sink`].
#[derive(Clone, Copy, Default)]
pub struct Ending {
    pub add: bool,
    pub rectified: Option<Tensor>,
}

impl Weights {
    pub fn new(memory: &mut Memory, master: Buffer, size: Size, precision: Precision) -> Self {
        let mut sums = Vec::new();
        let mut total = 0;
        for (layer, shrink) in LAYERS.iter().zip(OUTPUT_SHRINK) {
            let places = size.pixels() / (shrink * shrink);
            // Enough blocks for a large GPU where maps are large; fewer sums of the large weights of small maps.
            let count = (places / 64).clamp(1, 512 / shrink);
            sums.push((total, count));
            total += count * (layer.weight_count() + layer.outputs);
        }
        let numbers = master.bytes / 4;
        Self {
            master,
            ahead: memory.take(numbers * precision.bytes()),
            back: memory.take(numbers * precision.bytes()),
            partials: memory.take(4 * total),
            sums,
            precision,
            images: size.images,
        }
    }

    /// The table that the kernels know the layers by: six numbers each.
    pub fn table(&self) -> Vec<i32> {
        let row = |(i, layer): (usize, &Conv)| {
            let taps = layer.size * layer.size;
            let (start, count) = self.sums[i];
            [place(i).0.start, taps, layer.inputs, layer.outputs, start, count].map(|number| number as i32)
        };
        LAYERS.iter().enumerate().flat_map(row).collect()
    }

    /// `y = W ∗ x + b`.
    pub fn forward(&self, name: &str, x: Tensor, y: Tensor, relu: bool) -> Launch {
        let (i, layer) = layer(name);
        let (weight, bias) = place(i);
        let bias = self.master.from(4 * bias.start).into();
        let ending = Argument::Struct(vec![bias, usize::from(relu).into(), 0.into(), Argument::Null]);
        let weight = self.ahead.from(weight.start * self.precision.bytes());
        let reach = reach(layer);
        self.convolve(reach, x, weight, ending, y, if reach == "down" { TILE_ROWS_DOWN } else { TILE_ROWS })
    }

    /// The gradient of the input from that of the output.
    pub fn back_to_input(&self, name: &str, dy: Tensor, dx: Tensor, ending: Ending) -> Launch {
        let (i, layer) = layer(name);
        let gate = ending.rectified.map_or(Argument::Null, |map| map.buffer.into());
        let ending = Argument::Struct(vec![Argument::Null, 0.into(), usize::from(ending.add).into(), gate]);
        let weight = self.back.from(place(i).0.start * self.precision.bytes());
        let reach = if layer.stride == 2 { "up" } else { reach(layer) };
        self.convolve(reach, dy, weight, ending, dx, TILE_ROWS)
    }

    fn convolve(&self, reach: &str, x: Tensor, weight: Buffer, ending: Argument, y: Tensor, rows: usize) -> Launch {
        let (height, width) = (x.height.min(y.height), x.width.min(y.width));
        let tiles = height.div_ceil(rows) * width.div_ceil(TILE_COLUMNS);
        let parities = if reach == "up" { 4 } else { 1 };
        Launch {
            kernel: format!("convolve_{reach}_{}_{}", x.channels, y.channels),
            grid: [tiles as u32, parities, self.images as u32],
            threads: THREADS,
            arguments: vec![x.buffer.into(), weight.into(), ending, y.buffer.into(), height.into(), width.into()],
        }
    }

    /// Partial sums of the gradients of weights and bias.
    pub fn back_to_weights(&self, name: &str, x: Tensor, dy: Tensor) -> Launch {
        let (i, layer) = layer(name);
        let (start, count) = self.sums[i];
        let (parts, threads) = match self.precision {
            Precision::Single => (layer.size * layer.size, THREADS),
            Precision::Brain => correlation_shape(layer),
        };
        let partials = self.partials.from(4 * start).into();
        let (x, height, width) = (x.buffer.into(), dy.height.into(), dy.width.into());
        Launch {
            kernel: format!("correlate_{}_{}_{}", reach(layer), layer.inputs, layer.outputs),
            grid: [count as u32, parts as u32, 1],
            threads,
            arguments: vec![x, dy.buffer.into(), partials, self.images.into(), height, width],
        }
    }
}

/// How many times smaller than the windows the layers' outputs are.
const OUTPUT_SHRINK: [usize; 12] = [2, 2, 4, 4, 8, 8, 8, 8, 4, 4, 2, 2];

/// Parts of the outputs that are summed by blocks of their own, and a block's threads, with tensor cores: a warp for
/// each tap, or for 16 inputs where there is one tap.
fn correlation_shape(layer: &Conv) -> (usize, u32) {
    let warps = if layer.size == 3 { 9 } else { layer.inputs / 16 };
    (if layer.outputs == 64 { 2 } else { 1 }, 32 * warps as u32)
}

fn layer(name: &str) -> (usize, &'static Conv) {
    let found = LAYERS.iter().enumerate().find(|(_, layer)| layer.name == name);
    found.unwrap_or_else(|| panic!("the network has no layer {name}"))
}

fn reach(layer: &Conv) -> &'static str {
    match (layer.size, layer.stride) {
        (1, _) => "point",
        (_, 2) => "down",
        _ => "near",
    }
}
