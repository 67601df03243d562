//! The kernels, emulated, against the network's own operations.

use super::emulator::Emulator;
use super::launch::{Argument, Launch};
use super::layers::{Ending, Weights};
use super::memory::{Buffer, Memory, Size, Tensor};
use super::source::{Precision, program};
use crate::net::conv::Sink;
use crate::net::map::Map;
use crate::net::network::{LAYERS, place, weight_count};
use crate::net::upsample;

const BOTH: [Precision; 2] = [Precision::Single, Precision::Brain];

/// ‖found − expected‖ / ‖expected‖.
pub fn apart(found: &[f32], expected: &[f32]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let square = |v: f32| f64::from(v) * f64::from(v);
    let off: f64 = found.iter().zip(expected).map(|(f, e)| square(f - e)).sum();
    (off / expected.iter().map(|e| square(*e)).sum::<f64>()).sqrt()
}

/// How far apart results may be.
pub fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::Single => 1e-4,
        Precision::Brain => 3e-2,
    }
}

#[track_caller]
fn assert_close(what: &str, precision: Precision, found: &[f32], expected: &[f32]) {
    let apart = apart(found, expected);
    assert!(apart <= tolerance(precision), "{what} is {apart} apart in {precision:?}");
}

fn pixels(map: &Map) -> Vec<f32> {
    let rows = (0..map.images).flat_map(|image| (0..map.height).map(move |y| (image, y)));
    rows.flat_map(|(image, y)| map.row(image, y)).copied().collect()
}

/// A layer with its weights on an emulated device, and maps to try it with. The sizes are no multiples of a tile.
struct Bench {
    emulator: Emulator,
    weights: Weights,
    x: Tensor,
    y: Tensor,
    dx: Tensor,
    noise: Vec<f32>,
}

const SIZE: Size = Size { images: 2, height: 48, width: 88 };

impl Bench {
    fn new(layer: usize, precision: Precision) -> Option<Self> {
        let conv = &LAYERS[layer];
        let mut memory = Memory::default();
        let master = memory.take(4 * weight_count());
        let weights = Weights::new(&mut memory, master, SIZE, precision);
        let table = memory.take(24 * LAYERS.len());
        let (x, y) = (
            SIZE.tensor(&mut memory, precision, 2, conv.inputs),
            SIZE.tensor(&mut memory, precision, 2 * conv.stride, conv.outputs),
        );
        let dx = SIZE.tensor(&mut memory, precision, 2, conv.inputs);
        let mut emulator = Emulator::new(&memory, precision, 0)?;
        let noise = pixels(&Map::noise(1, 1, weight_count().div_ceil(16), 16, 7))[..weight_count()].to_vec();
        emulator.upload(master, bytemuck::cast_slice(&noise));
        emulator.upload(table, bytemuck::cast_slice(&weights.table()));
        let copies = [master, weights.ahead, weights.back].map(Argument::from);
        let mut arguments = vec![Argument::from(table), LAYERS.len().into(), weight_count().into()];
        arguments.extend(copies);
        emulator.run(&[Launch::each("pack", weight_count(), arguments)]);
        Some(Self { emulator, weights, x, y, dx, noise })
    }
}

fn map(tensor: Tensor, seed: u64) -> Map {
    Map::noise(SIZE.images, tensor.height, tensor.width, tensor.channels, seed)
}

fn empty(tensor: Tensor) -> Map {
    Map::zeros(SIZE.images, tensor.height, tensor.width, tensor.channels)
}

#[test]
fn every_layer_says_the_same() {
    for (precision, i) in BOTH.iter().flat_map(|p| (0..LAYERS.len()).map(|i| (*p, i))) {
        let Some(Bench { mut emulator, weights, x, y, noise, .. }) = Bench::new(i, precision) else { return };
        let layer = &LAYERS[i];
        let (weight, bias) = place(i);
        let input = map(x, 1);
        emulator.upload_map(x.buffer, &input);
        for relu in [false, true] {
            let mut expected = empty(y);
            layer.forward(&noise[weight.clone()], &noise[bias.clone()], &input, &mut expected, relu);
            emulator.run(&[weights.forward(layer.name, x, y, relu)]);
            assert_close(layer.name, precision, &emulator.reals(y.buffer), &pixels(&expected));
        }
    }
}

#[test]
fn every_layer_passes_the_same_gradient_to_its_input() {
    for (precision, i) in BOTH.iter().flat_map(|p| (1..LAYERS.len()).map(|i| (*p, i))) {
        let Some(Bench { mut emulator, weights, x, y, dx, noise }) = Bench::new(i, precision) else { return };
        let layer = &LAYERS[i];
        let (rectified, dy, before) = (map(x, 1), map(y, 2), map(dx, 3));
        emulator.upload_map(x.buffer, &rectified);
        emulator.upload_map(y.buffer, &dy);
        for (add, gated) in [(false, false), (false, true), (true, true)] {
            let mut expected = before.clone();
            let sink = Sink { add, rectified: gated.then_some(&rectified) };
            layer.backward_input(&noise[place(i).0], &dy, &mut expected, sink);
            emulator.upload_map(dx.buffer, &before);
            let ending = Ending { add, rectified: gated.then_some(x) };
            emulator.run(&[weights.back_to_input(layer.name, y, dx, ending)]);
            assert_close(layer.name, precision, &emulator.reals(dx.buffer), &pixels(&expected));
        }
    }
}

#[test]
fn every_layer_learns_the_same() {
    for (precision, i) in BOTH.iter().flat_map(|p| (0..LAYERS.len()).map(|i| (*p, i))) {
        let Some(Bench { mut emulator, weights, x, y, .. }) = Bench::new(i, precision) else { return };
        let layer = &LAYERS[i];
        let (input, dy) = (map(x, 1), map(y, 2));
        emulator.upload_map(x.buffer, &input);
        emulator.upload_map(y.buffer, &dy);
        let (mut dw, mut db) = (vec![0.0; layer.weight_count()], vec![0.0; layer.outputs]);
        layer.backward_weights(&input, &dy, &mut dw, &mut db);
        emulator.run(&[weights.back_to_weights(layer.name, x, y)]);
        let (start, count) = weights.sums[i];
        assert!(count > 1, "more than one partial sum is tried");
        let size = dw.len() + db.len();
        let partials = emulator.floats(Buffer { start: weights.partials.start + 4 * start, bytes: 4 * count * size });
        let sums: Vec<f32> = (0..size).map(|n| (0..count).map(|p| partials[p * size + n]).sum()).collect();
        assert_close(layer.name, precision, &sums[..dw.len()], &dw);
        assert_close(layer.name, precision, &sums[dw.len()..], &db);
    }
}

#[test]
fn doubling_and_its_gradient_are_the_same() {
    for (precision, [height, width]) in BOTH.iter().flat_map(|p| [[1, 1], [1, 3], [5, 4]].map(|size| (*p, size))) {
        let mut memory = Memory::default();
        let mut tensor = |height: usize, width: usize| {
            let buffer = memory.take(2 * height * width * 48 * precision.bytes());
            Tensor { buffer, height, width, channels: 48 }
        };
        let (low, skip, out) = (tensor(height, width), tensor(2 * height, 2 * width), tensor(2 * height, 2 * width));
        let Some(mut emulator) = Emulator::new(&memory, precision, 0) else { return };
        let (low_map, skip_map) = (map(low, 1), map(skip, 2));
        emulator.upload_map(low.buffer, &low_map);
        emulator.upload_map(skip.buffer, &skip_map);
        emulator.run(&[super::plan::upsample(2, low, skip, out)]);
        let mut expected = empty(out);
        upsample::forward(&low_map, &skip_map, &mut expected);
        assert_close("doubling", precision, &emulator.reals(out.buffer), &pixels(&expected));
        emulator.run(&[super::plan::upsample_back(2, skip, low)]);
        let mut expected = empty(low);
        upsample::backward(&skip_map, &mut expected);
        assert_close("its gradient", precision, &emulator.reals(low.buffer), &pixels(&expected));
    }
}

/// Tries the emulation: it would be of little use if it found nothing.
#[test]
fn a_barrier_that_is_missing_is_found() {
    const BARRIER: &str = "__syncthreads();";
    let program = program();
    let (others, convolve) = program.split_at(program.find("void convolve(").unwrap());
    for missing in 0..2 {
        let (at, _) = convolve.match_indices(BARRIER).nth(missing).unwrap();
        let broken = [others, &convolve[..at], &convolve[at + BARRIER.len()..]].concat();
        let Some(Bench { mut emulator, weights, x, y, .. }) = Bench::new(1, Precision::Single) else { return };
        emulator.upload_map(x.buffer, &map(x, 1));
        let both = |emulator: &mut Emulator| {
            [false, true].map(|backwards| {
                emulator.backwards = backwards;
                emulator.run(&[weights.forward(LAYERS[1].name, x, y, true)]);
                emulator.floats(y.buffer)
            })
        };
        let [forwards, backwards] = both(&mut emulator);
        assert!(forwards == backwards);
        emulator.use_kernels(&broken);
        let [forwards, backwards] = both(&mut emulator);
        assert!(forwards != backwards, "barrier {missing} can be left out unnoticed");
    }
}
