use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use trainer::raster::Rgb;

use super::descent::Parameter;
use super::map::Map;
use super::network::{Activations, Layer, Network};
use super::{colours, count_labels, learn, loss};

fn noise(width: usize, height: usize) -> Rgb {
    let mut rng = ChaCha8Rng::seed_from_u64(7);
    Rgb::from_data(width, height, (0..width * height).map(|_| std::array::from_fn(|_| rng.random())).collect())
}

fn loss_of(network: &Network, picture: &Map) -> f64 {
    let mut activations = Activations::new(network, picture.width, picture.height);
    let responses = network.forward(picture, &mut activations);
    loss::judge(responses, &mut Map::new(picture.width, picture.height, responses.channels))
}

#[test]
fn gradients_are_those_of_finite_differences() {
    const STEP: f32 = 3e-4;
    let parameters: [fn(&mut Layer) -> &mut Parameter; 4] =
        [|l| &mut l.conv.weight, |l| &mut l.conv.bias, |l| &mut l.norm.scale, |l| &mut l.norm.shift];
    let untrained = || Network::new(2, 5, &mut ChaCha8Rng::seed_from_u64(1));
    let picture = colours(&noise(20, 14));
    let mut network = untrained();
    let mut activations = Activations::new(&network, 20, 14);
    network.forward(&picture, &mut activations);
    network.descend(&picture, &mut activations);
    for i in 0..3 {
        for (which, parameter) in parameters.iter().enumerate() {
            // the first step's velocity is the gradient
            let gradient = parameter(&mut network.layers[i]).velocity().to_vec();
            let mut measured = vec![];
            for at in 0..gradient.len() {
                let nudged = |by: f32| {
                    let mut network = untrained();
                    parameter(&mut network.layers[i]).value[at] += by;
                    loss_of(&network, &picture)
                };
                measured.push(((nudged(STEP) - nudged(-STEP)) / f64::from(2.0 * STEP)) as f32);
            }
            let norm = |values: &mut dyn Iterator<Item = f32>| values.map(|v| v * v).sum::<f32>().sqrt();
            let off = norm(&mut gradient.iter().zip(&measured).map(|(a, b)| a - b));
            let size = norm(&mut measured.iter().copied());
            // kinks of ReLU and of absolute values lie within some of the nudges
            assert!(off < 0.03 * size + 2e-3, "layer {i}, parameter {which}: {off} of {size}");
        }
    }
}

#[test]
fn halves_of_two_colours_with_noise_become_two_labels() {
    let mut picture = noise(24, 16);
    for (i, pixel) in picture.data.iter_mut().enumerate() {
        let base = if i % 24 < 12 { [40, 60, 150] } else { [190, 120, 40] };
        *pixel = std::array::from_fn(|c| base[c] + pixel[c] / 8);
    }
    let network = learn(&picture, 2, 12, 150);
    let mut activations = Activations::new(&network, 24, 16);
    let labels = loss::labels(network.forward(&colours(&picture), &mut activations));
    assert!(count_labels(std::slice::from_ref(&labels)) <= 5);
    // away from the edges and from the border between the halves
    let inside = |x0: usize| (3..13).flat_map(move |y| (x0..x0 + 6).map(move |x| (x, y)));
    let (left, right) = (labels[(5, 8)], labels[(18, 8)]);
    assert_ne!(left, right);
    assert!(inside(3).all(|at| labels[at] == left) && inside(15).all(|at| labels[at] == right));
}
