//! 3×3 and 1×1 convolutions as matrix products.

use rand::Rng;
use rayon::prelude::*;

use super::descent::Parameter;
use super::map::Map;

/// Rows of gradient that are summed by one thread at a time.
const BAND: usize = 16;

/// Stride 1, the size of the picture kept. Weights are `[size, size, inputs, outputs]`: in a framed map the pixels
/// under one row of the kernel are one run of floats, so an output is the product of `size` runs with the weights.
pub struct Conv {
    size: usize,
    inputs: usize,
    pub outputs: usize,
    pub weight: Parameter,
    pub bias: Parameter,
}

impl Conv {
    /// Uniform within one over the root of the inputs of an output, as PyTorch does.
    pub fn new(size: usize, inputs: usize, outputs: usize, rng: &mut impl Rng) -> Self {
        let limit = 1.0 / ((size * size * inputs) as f32).sqrt();
        let mut draw = |count| Parameter::new((0..count).map(|_| rng.random_range(-limit..limit)).collect());
        Self { size, inputs, outputs, weight: draw(size * size * inputs * outputs), bias: draw(outputs) }
    }

    pub fn forward(&self, x: &Map, y: &mut Map) {
        self.convolve(&self.weight.value, &self.bias.value, x, y);
    }

    /// The gradient of the input: a convolution of `dy` with the kernel turned around.
    pub fn backward_input(&self, dy: &Map, dx: &mut Map) {
        let taps = self.size * self.size;
        let mut weight = vec![0.0; self.weight.value.len()];
        for (tap, turned) in weight.chunks_exact_mut(self.inputs * self.outputs).enumerate() {
            let from = &self.weight.value[(taps - 1 - tap) * turned.len()..][..turned.len()];
            for (output, row) in turned.chunks_exact_mut(self.inputs).enumerate() {
                row.iter_mut().enumerate().for_each(|(input, w)| *w = from[input * self.outputs + output]);
            }
        }
        let turned = Self {
            inputs: self.outputs,
            outputs: self.inputs,
            weight: Parameter::new(weight),
            bias: Parameter::new(vec![0.0; self.inputs]),
            ..*self
        };
        turned.forward(dy, dx);
    }

    /// Descends along the gradients of weights and bias.
    pub fn descend(&mut self, x: &Map, dy: &Map) {
        let run = self.size * self.inputs;
        let bands: Vec<Vec<f32>> = (0..x.height.div_ceil(BAND))
            .into_par_iter()
            .map(|band| {
                let mut sum = vec![0.0; self.size * run * self.outputs];
                for y in band * BAND..((band + 1) * BAND).min(x.height) {
                    for (k, sum) in sum.chunks_exact_mut(run * self.outputs).enumerate() {
                        let runs = Strided { values: &x.data[self.run(x, y + k)..], row: 1, column: self.inputs };
                        let dy = Strided { values: dy.row(y), row: self.outputs, column: 1 };
                        add_product([run, x.width, self.outputs], runs, dy, sum);
                    }
                }
                sum
            })
            .collect();
        let mut gradient = vec![0.0; self.weight.value.len()];
        bands.iter().for_each(|band| gradient.iter_mut().zip(band).for_each(|(g, b)| *g += b));
        self.weight.descend(&gradient);
        let bias = dy.sum_rows(|y, sums| {
            dy.row(y)
                .chunks_exact(self.outputs)
                .for_each(|pixel| sums.iter_mut().zip(pixel).for_each(|(s, d)| *s += d));
        });
        self.bias.descend(&bias);
    }

    fn convolve(&self, weight: &[f32], bias: &[f32], x: &Map, y: &mut Map) {
        let run = self.size * self.inputs;
        y.rows_mut().enumerate().for_each(|(row, out)| {
            out.chunks_exact_mut(self.outputs).for_each(|pixel| pixel.copy_from_slice(bias));
            for (k, weight) in weight.chunks_exact(run * self.outputs).enumerate() {
                let runs = Strided { values: &x.data[self.run(x, row + k)..], row: self.inputs, column: 1 };
                let weight = Strided { values: weight, row: self.outputs, column: 1 };
                add_product([x.width, run, self.outputs], runs, weight, out);
            }
        });
    }

    /// Where the first run begins in the row of `x` that lies under row 0 of the kernel at output row `y`.
    fn run(&self, x: &Map, y: usize) -> usize {
        let inside = usize::from(self.size == 1);
        x.framed(inside, y + inside)
    }
}

/// A matrix somewhere in `values`; rows may overlap.
struct Strided<'a> {
    values: &'a [f32],
    row: usize,
    column: usize,
}

impl Strided<'_> {
    fn check(&self, rows: usize, columns: usize) {
        let last = (rows - 1) * self.row + (columns - 1) * self.column;
        assert!(last < self.values.len(), "a matrix lies within its values");
    }
}

/// Adds `a · b` (`m × k` and `k × n`) to the row-major `sum`, on this thread.
fn add_product([m, k, n]: [usize; 3], a: Strided, b: Strided, sum: &mut [f32]) {
    a.check(m, k);
    b.check(k, n);
    assert_eq!(sum.len(), m * n);
    let (columns, rows) = (1, n as isize);
    // SAFETY: all three matrices were just seen to lie within their slices, and `sum` is borrowed by nobody else.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            sum.as_mut_ptr(),
            columns,
            rows,
            true,
            a.values.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.values.as_ptr(),
            b.column as isize,
            b.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None, // rows run side by side instead
        );
    }
}
