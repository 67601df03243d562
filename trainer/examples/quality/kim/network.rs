//! Convolution, ReLU and batch normalisation, twice, then responses.

use rand::Rng;
use rayon::prelude::*;

use super::conv::Conv;
use super::loss;
use super::map::Map;
use super::norm::{Norm, Statistics};

pub struct Layer {
    pub conv: Conv,
    /// Whether there is a ReLU between convolution and normalisation.
    relu: bool,
    pub norm: Norm,
}

pub struct Network {
    pub layers: Vec<Layer>,
}

/// What a layer made of a picture.
struct Activation {
    convolved: Map,
    statistics: Statistics,
    normalised: Map,
}

/// Everything that was made of a picture of one size, and room for the gradient of each layer's output.
pub struct Activations {
    layers: Vec<Activation>,
    gradients: Vec<Map>,
}

impl Network {
    /// `blocks` layers of 3×3 and one of 1×1, each with so many channels, on three colours.
    pub fn new(blocks: usize, channels: usize, rng: &mut impl Rng) -> Self {
        let mut layer = |size, inputs| {
            let conv = Conv::new(size, inputs, channels, rng);
            Layer { conv, relu: size > 1, norm: Norm::new(channels) }
        };
        let mut layers: Vec<Layer> = (0..blocks).map(|i| layer(3, if i == 0 { 3 } else { channels })).collect();
        layers.push(layer(1, channels));
        Self { layers }
    }

    /// The responses to a picture.
    pub fn forward<'a>(&self, picture: &Map, activations: &'a mut Activations) -> &'a Map {
        for (i, layer) in self.layers.iter().enumerate() {
            let (before, here) = activations.layers.split_at_mut(i);
            let (input, here) = (before.last().map_or(picture, |before| &before.normalised), &mut here[0]);
            layer.conv.forward(input, &mut here.convolved);
            if layer.relu {
                here.convolved.rows_mut().for_each(|row| row.iter_mut().for_each(|v| *v = v.max(0.0)));
            }
            here.statistics = layer.norm.forward(&here.convolved, &mut here.normalised);
        }
        activations.responses()
    }

    /// One step down the loss of the responses that [`Self::forward`] has just given. Returns the loss.
    pub fn descend(&mut self, picture: &Map, activations: &mut Activations) -> f64 {
        let Activations { layers: seen, gradients } = activations;
        let last = self.layers.len() - 1;
        let judged = loss::judge(&seen[last].normalised, &mut gradients[last]);
        for (i, layer) in self.layers.iter_mut().enumerate().rev() {
            let (before, gradient) = gradients.split_at_mut(i);
            let (gradient, here) = (&mut gradient[0], &seen[i]);
            layer.norm.backward(&here.convolved, &here.statistics, gradient);
            if layer.relu {
                gradient.rows_mut().enumerate().for_each(|(y, row)| {
                    row.iter_mut().zip(here.convolved.row(y)).filter(|(_, v)| **v <= 0.0).for_each(|(d, _)| *d = 0.0);
                });
            }
            if let Some(before) = before.last_mut() {
                layer.conv.backward_input(gradient, before);
            }
            let input = i.checked_sub(1).map_or(picture, |before| &seen[before].normalised);
            layer.conv.descend(input, gradient);
        }
        judged
    }
}

impl Activations {
    pub fn new(network: &Network, width: usize, height: usize) -> Self {
        let map = |layer: &Layer| Map::new(width, height, layer.conv.outputs);
        let layers = network.layers.iter().map(|layer| Activation {
            convolved: map(layer),
            statistics: Statistics::default(),
            normalised: map(layer),
        });
        Self { layers: layers.collect(), gradients: network.layers.iter().map(map).collect() }
    }

    pub fn responses(&self) -> &Map {
        // a network has at least its layer of responses
        &self.layers[self.layers.len() - 1].normalised
    }
}
