//! 3×3 convolutions of stride 1 with half the multiplications (Winograd 1980; Lavin and Gray 2016).
//!
//! Four neighbouring outputs take twelve products of a kernel row's three weights with six inputs. As values of
//! polynomials at six points they take six: `y = Aᵀ((G·g) ⊙ (Bᵀ·d))`, here along the rows, at 0, ±1, ±2 and ∞. Kernel
//! rows and channels are summed between, so what is left is a product of matrices for each point. The gradient of the
//! input is such a convolution again; that of the weights is the same formula by its transpose,
//! `dg = Gᵀ((A·dy) ⊙ (Bᵀ·d))`.

mod transform;

use std::cell::{Cell, RefCell};
use std::ops::Range;

use rayon::prelude::*;

use super::rows::{Begin, ConvolveRow, Correlate, End};
use super::{Conv, lanes};
use crate::net::map::Map;
use crate::net::simd::{self, LANES, Lanes};
use transform::{Gradients, Inputs, Outputs};

/// Neighbouring outputs that are computed together.
const TILE: usize = 4;
/// Points at which polynomials are multiplied.
const POINTS: usize = 6;
/// Kernel rows and columns.
const SIZE: usize = 3;
/// Weights whose gradients one thread adds up at a time.
const SUMMED: usize = 4096;
/// Rows that one thread works on at a time: what they are transformed to should stay in its cache.
const BAND: usize = 16;

thread_local! {
    /// Space that every band needs and no band keeps.
    static SCRATCH: RefCell<[Vec<f32>; 3]> = const { RefCell::new([const { Vec::new() }; 3]) };
    /// The same for the shares of all bands in a gradient of weights.
    static SHARES: Cell<Vec<f32>> = const { Cell::new(Vec::new()) };
}

/// A piece of scratch space, with whatever the last one left there.
fn piece(space: &mut Vec<f32>, floats: usize) -> &mut [f32] {
    if space.len() < floats {
        space.resize(floats, 0.0);
    }
    &mut space[..floats]
}

/// `[point][outputs / 16][kernel row][input][16]` from `taps(kernel row, kernel column, input, output)`.
pub fn pack(inputs: usize, outputs: usize, taps: impl Fn(usize, usize, usize, usize) -> Lanes + Sync) -> Vec<Lanes> {
    let points = inputs * SIZE * (outputs / LANES);
    let mut packed = vec![[0.0; LANES]; POINTS * points];
    let mut planes = packed.chunks_exact_mut(points);
    let mut planes: [&mut [Lanes]; POINTS] = std::array::from_fn(|_| planes.next().expect("as many as points"));
    for i in 0..points {
        let (block, row, input) = (i / (SIZE * inputs), i / inputs % SIZE, i % inputs);
        let [a, b, c] = [0, 1, 2].map(|column| taps(row, column, input, block * LANES));
        for (plane, values) in planes.iter_mut().zip(transform::weights(&a, &b, &c)) {
            plane[i] = values;
        }
    }
    packed
}

/// `out = begin + weights ∗ input`, then `end` of each row. `packed` is [`pack`]ed.
pub fn convolve<'a>(
    packed: &[Lanes],
    input: &Map,
    out: &mut Map,
    begin: Begin,
    end: impl Fn(usize, usize) -> End<'a> + Sync,
) {
    let (channels, row_step) = (out.channels, out.row_step());
    let tiles = input.width.div_ceil(TILE);
    let row_floats = POINTS * tiles * input.channels;
    out.for_each_band(BAND, |image, first, band| {
        SCRATCH.with_borrow_mut(|[space, products, _]| {
            let rows = band.len() / row_step;
            let space = transformed(input, image, first, rows, space);
            let products = piece(products, POINTS * tiles * channels);
            for (row, out) in band.chunks_exact_mut(row_step).enumerate() {
                for point in 0..POINTS {
                    let start = row * row_floats + point * tiles * input.channels;
                    simd::run(ConvolveRow {
                        input: space,
                        starts: &[start, start + row_floats, start + 2 * row_floats],
                        run: input.channels,
                        step: input.channels,
                        weights: &packed[point * packed.len() / POINTS..][..packed.len() / POINTS],
                        pixels: tiles,
                        out: &mut products[point * tiles * channels..][..tiles * channels],
                        out_step: channels,
                        channels,
                        begin: Begin::Zero,
                        end: End::Plain,
                    });
                }
                let out = &mut out[channels..row_step - channels];
                simd::run(Outputs { products, tiles, channels, out, begin, end: end(image, first + row) });
            }
        });
    });
}

/// `Bᵀ·d` of the rows that a band of outputs sees: `[row][point][tile][channel]`.
fn transformed<'a>(input: &Map, image: usize, first: usize, rows: usize, space: &'a mut Vec<f32>) -> &'a [f32] {
    let channels = input.channels;
    let tiles = input.width.div_ceil(TILE);
    let row_floats = POINTS * tiles * channels;
    let space = piece(space, (rows + SIZE - 1) * row_floats);
    for (i, out) in space.chunks_exact_mut(row_floats).enumerate() {
        let start = input.framed(image, first + i, 0);
        simd::run(Inputs {
            row: lanes(&input.data[start..start + input.row_step()]),
            tiles,
            blocks: channels / LANES,
            out,
        });
    }
    space
}

/// The gradient of the weights, `[kernel row][kernel column][input][output]`, summed band by band in a fixed order.
pub fn correlate(conv: &Conv, x: &Map, dy: &Map, dw: &mut [f32]) {
    let bands: Vec<(usize, usize)> =
        (0..x.images).flat_map(|image| (0..x.height).step_by(BAND).map(move |y| (image, y))).collect();
    let mut space = SHARES.take();
    let shares = piece(&mut space, bands.len() * dw.len());
    shares.par_chunks_exact_mut(dw.len()).zip(&bands).for_each(|(share, &(image, first))| {
        correlate_rows(conv, x, dy, image, first..(first + BAND).min(x.height), share);
    });
    let length = dw.len();
    dw.par_chunks_mut(SUMMED).enumerate().for_each(|(i, dw)| {
        dw.fill(0.0);
        for share in shares.chunks_exact(length) {
            dw.iter_mut().zip(&share[i * SUMMED..]).for_each(|(d, s)| *d += s);
        }
    });
    SHARES.set(space);
}

/// A band's share.
fn correlate_rows(conv: &Conv, x: &Map, dy: &Map, image: usize, rows: Range<usize>, dw: &mut [f32]) {
    let (inputs, outputs) = (conv.inputs, conv.outputs);
    let tiles = x.width.div_ceil(TILE);
    let (input_floats, output_floats) = (tiles * inputs, tiles * outputs);
    SCRATCH.with_borrow_mut(|[space, gradients, sums]| {
        let space = transformed(x, image, rows.start, rows.len(), space);
        let gradients = piece(gradients, rows.len() * POINTS * output_floats);
        for (y, out) in rows.clone().zip(gradients.chunks_exact_mut(POINTS * output_floats)) {
            simd::run(Gradients { row: lanes(dy.row(image, y)), tiles, blocks: outputs / LANES, out });
        }
        let sums = piece(sums, POINTS * SIZE * inputs * outputs);
        sums.fill(0.0);
        for (i, sum) in sums.chunks_exact_mut(inputs * outputs).enumerate() {
            let (point, kernel_row) = (i / SIZE, i % SIZE);
            simd::run(Correlate {
                rows: rows.len(),
                pixels: tiles,
                runs: &space[(kernel_row * POINTS + point) * input_floats..],
                run: inputs,
                step: inputs,
                row_step: POINTS * input_floats,
                gradient: &gradients[point * output_floats..],
                gradient_row_step: POINTS * output_floats,
                outputs,
                sum,
            });
        }
        transform::weight_gradients(sums, inputs * outputs, dw);
    });
}
