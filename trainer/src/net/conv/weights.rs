//! Weights in the order in which the kernels read them: blocks of 16 output channels, then the taps of a run.

use super::Conv;
use crate::net::simd::{LANES, Lanes};

/// `[outputs / 16][kernel row][kernel column, input][16]`.
pub fn forward(conv: &Conv, weight: &[f32]) -> Vec<Lanes> {
    let rows = conv.size * conv.size * conv.inputs;
    (0..conv.outputs / LANES)
        .flat_map(|block| {
            (0..rows).map(move |row| std::array::from_fn(|lane| weight[row * conv.outputs + block * LANES + lane]))
        })
        .collect()
}

/// For the gradient of the input: with stride 2, an input pixel on an even row or column was seen by one kernel
/// position, one on an odd row or column by two. Each combination has its own small kernel.
pub struct Backward {
    stride: usize,
    phases: Vec<(usize, Vec<Lanes>)>,
}

impl Backward {
    /// `phases[row % stride][column % stride]`: `[inputs / 16][row tap][column tap, output][16]`.
    pub fn new(conv: &Conv, weight: &[f32]) -> Self {
        let mut phases = Vec::new();
        for row_taps in taps(conv) {
            for column_taps in taps(conv) {
                let mut packed = Vec::new();
                for block in 0..conv.inputs / LANES {
                    for (row, column) in row_taps.iter().flat_map(|r| column_taps.iter().map(move |c| (r, c))) {
                        let at = (row * conv.size + column) * conv.inputs + block * LANES;
                        packed.extend((0..conv.outputs).map(|output| -> Lanes {
                            std::array::from_fn(|lane| weight[(at + lane) * conv.outputs + output])
                        }));
                    }
                }
                phases.push((column_taps.len(), packed));
            }
        }
        Self { stride: conv.stride, phases }
    }

    /// How many column taps there are, and the weights.
    pub fn phase(&self, row: usize, column: usize) -> (usize, &[Lanes]) {
        let (columns, packed) = &self.phases[row * self.stride + column];
        (*columns, packed)
    }
}

/// For each phase, the kernel positions that saw an input pixel, in the order of the output pixels they made.
fn taps(conv: &Conv) -> &'static [&'static [usize]] {
    match (conv.size, conv.stride) {
        (1, _) => &[&[0]],
        (_, 1) => &[&[2, 1, 0]],
        _ => &[&[1], &[2, 0]],
    }
}
