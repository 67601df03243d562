//! The U-Net: 187,000 weights, no normalisation, ReLU after every 3×3 layer.
//!
//! ```text
//! input ½ ── stem ─ enc1 ──────────────── skip ──────────────── + ─ dec1 ─ head
//!                     └ down1 ─ enc2 ──── skip ──── + ─ dec2 ─ up1 ↗
//!                                 └ down2 ─ enc3 ─ enc4 ─ up2 ↗
//! ```

#[cfg(test)]
mod tests;

use std::ops::Range;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::conv::{Conv, Sink};
use super::map::Map;
use super::upsample;

/// Channels that the network reads from a 2×2 block of pixels; see [`super::shuffle`].
pub const INPUTS: usize = 16;
/// Channels that it says about the block: four pixels of 16 values.
pub const OUTPUTS: usize = 64;
/// A frame's sides must be multiples of this: the coarsest of the maps is an eighth of its size.
pub const GRANULE: usize = 8;

const fn conv(name: &'static str, size: usize, stride: usize, inputs: usize, outputs: usize) -> Conv {
    Conv { name, size, stride, inputs, outputs }
}

const STEM: usize = 0;
const ENC1: usize = 1;
const DOWN1: usize = 2;
const ENC2: usize = 3;
const DOWN2: usize = 4;
const ENC3: usize = 5;
const ENC4: usize = 6;
const UP2: usize = 7;
const DEC2: usize = 8;
const UP1: usize = 9;
const DEC1: usize = 10;
const HEAD: usize = 11;

pub const LAYERS: [Conv; 12] = [
    conv("stem", 3, 1, INPUTS, 32),
    conv("enc1", 3, 1, 32, 32),
    conv("down1", 3, 2, 32, 48),
    conv("enc2", 3, 1, 48, 48),
    conv("down2", 3, 2, 48, 64),
    conv("enc3", 3, 1, 64, 64),
    conv("enc4", 3, 1, 64, 64),
    conv("up2", 1, 1, 64, 48),
    conv("dec2", 3, 1, 48, 48),
    conv("up1", 1, 1, 48, 32),
    conv("dec1", 3, 1, 32, 32),
    conv("head", 1, 1, 32, OUTPUTS),
];

/// Where a layer's weights and biases lie among all of them.
pub fn place(layer: usize) -> (Range<usize>, Range<usize>) {
    let start: usize = LAYERS[..layer].iter().map(|l| l.weight_count() + l.outputs).sum();
    let bias = start + LAYERS[layer].weight_count();
    (start..bias, bias..bias + LAYERS[layer].outputs)
}

/// How many numbers the network has.
pub fn weight_count() -> usize {
    place(LAYERS.len() - 1).1.end
}

/// He initialisation (2015); the head begins near zero, so that colour alone speaks at first.
pub fn initial_weights(rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut weights = vec![0.0; weight_count()];
    for (i, layer) in LAYERS.iter().enumerate() {
        let fan_in = (layer.size * layer.size * layer.inputs) as f32;
        let deviation = if i == HEAD { 0.01 } else { (2.0 / fan_in).sqrt() };
        weights[place(i).0].fill_with(|| deviation * normal(rng));
    }
    weights
}

/// Box and Muller (1958).
fn normal(rng: &mut ChaCha8Rng) -> f32 {
    let radius = (-2.0 * (1.0 - rng.random::<f32>()).ln()).sqrt();
    radius * (std::f32::consts::TAU * rng.random::<f32>()).cos()
}

/// What the layers said; or, in the same places, the gradients of it.
pub struct Maps {
    stem: Map,
    enc1: Map,
    down1: Map,
    enc2: Map,
    down2: Map,
    enc3: Map,
    enc4: Map,
    up2: Map,
    sum2: Map,
    dec2: Map,
    up1: Map,
    sum1: Map,
    dec1: Map,
    pub head: Map,
}

impl Maps {
    /// For frames of `height × width` pixels, multiples of [`GRANULE`].
    pub fn new(images: usize, height: usize, width: usize) -> Self {
        assert!(height.is_multiple_of(GRANULE) && width.is_multiple_of(GRANULE));
        let map = |shrink: usize, channels| Map::zeros(images, height / shrink, width / shrink, channels);
        Self {
            stem: map(2, 32),
            enc1: map(2, 32),
            down1: map(4, 48),
            enc2: map(4, 48),
            down2: map(8, 64),
            enc3: map(8, 64),
            enc4: map(8, 64),
            up2: map(8, 48),
            sum2: map(4, 48),
            dec2: map(4, 48),
            up1: map(4, 32),
            sum1: map(2, 32),
            dec1: map(2, 32),
            head: map(2, OUTPUTS),
        }
    }
}

/// Fills `maps` from the input; the answer is `maps.head`.
pub fn forward(weights: &[f32], input: &Map, maps: &mut Maps) {
    let run = |layer: usize, x: &Map, y: &mut Map, relu: bool| {
        let (weight, bias) = place(layer);
        LAYERS[layer].forward(&weights[weight], &weights[bias], x, y, relu);
    };
    run(STEM, input, &mut maps.stem, true);
    run(ENC1, &maps.stem, &mut maps.enc1, true);
    run(DOWN1, &maps.enc1, &mut maps.down1, true);
    run(ENC2, &maps.down1, &mut maps.enc2, true);
    run(DOWN2, &maps.enc2, &mut maps.down2, true);
    run(ENC3, &maps.down2, &mut maps.enc3, true);
    run(ENC4, &maps.enc3, &mut maps.enc4, true);
    run(UP2, &maps.enc4, &mut maps.up2, false);
    upsample::forward(&maps.up2, &maps.enc2, &mut maps.sum2);
    run(DEC2, &maps.sum2, &mut maps.dec2, true);
    run(UP1, &maps.dec2, &mut maps.up1, false);
    upsample::forward(&maps.up1, &maps.enc1, &mut maps.sum1);
    run(DEC1, &maps.sum1, &mut maps.dec1, true);
    run(HEAD, &maps.dec1, &mut maps.head, false);
}

/// From the gradient in `d.head` to that of all weights, written to `d_weights`. `d` is scratch space otherwise.
pub fn backward(weights: &[f32], input: &Map, maps: &Maps, d: &mut Maps, d_weights: &mut [f32]) {
    const ADD: bool = true;
    const SET: bool = false;
    let mut learn = |layer: usize, x: &Map, dy: &Map| {
        let (weight, bias) = place(layer);
        let (d_weight, d_bias) = d_weights[weight.start..bias.end].split_at_mut(weight.len());
        LAYERS[layer].backward_weights(x, dy, d_weight, d_bias);
    };
    let pass = |layer: usize, dy: &Map, dx: &mut Map, add: bool, rectified: Option<&Map>| {
        LAYERS[layer].backward_input(&weights[place(layer).0], dy, dx, Sink { add, rectified });
    };
    learn(HEAD, &maps.dec1, &d.head);
    pass(HEAD, &d.head, &mut d.dec1, SET, Some(&maps.dec1));
    learn(DEC1, &maps.sum1, &d.dec1);
    pass(DEC1, &d.dec1, &mut d.sum1, SET, None);
    upsample::backward(&d.sum1, &mut d.up1);
    learn(UP1, &maps.dec2, &d.up1);
    pass(UP1, &d.up1, &mut d.dec2, SET, Some(&maps.dec2));
    learn(DEC2, &maps.sum2, &d.dec2);
    pass(DEC2, &d.dec2, &mut d.sum2, SET, None);
    upsample::backward(&d.sum2, &mut d.up2);
    learn(UP2, &maps.enc4, &d.up2);
    pass(UP2, &d.up2, &mut d.enc4, SET, Some(&maps.enc4));
    learn(ENC4, &maps.enc3, &d.enc4);
    pass(ENC4, &d.enc4, &mut d.enc3, SET, Some(&maps.enc3));
    learn(ENC3, &maps.down2, &d.enc3);
    pass(ENC3, &d.enc3, &mut d.down2, SET, Some(&maps.down2));
    // The skip's gradient is that of the sum which it went into; the way down adds to it.
    learn(DOWN2, &maps.enc2, &d.down2);
    pass(DOWN2, &d.down2, &mut d.sum2, ADD, Some(&maps.enc2));
    learn(ENC2, &maps.down1, &d.sum2);
    pass(ENC2, &d.sum2, &mut d.down1, SET, Some(&maps.down1));
    learn(DOWN1, &maps.enc1, &d.down1);
    pass(DOWN1, &d.down1, &mut d.sum1, ADD, Some(&maps.enc1));
    learn(ENC1, &maps.stem, &d.sum1);
    pass(ENC1, &d.sum1, &mut d.stem, SET, Some(&maps.stem));
    learn(STEM, input, &d.stem);
}
