use super::*;
use rand::SeedableRng;

#[test]
fn the_design_has_about_187_thousand_numbers() {
    assert_eq!(weight_count(), 186_944);
}

/// The slope of `⟨head, other⟩` as a layer moves along its gradient, and as far at random. (Along a random
/// direction alone, units that begin or cease to fire drown the slope.)
#[test]
fn the_gradient_of_the_whole_network_is_its_slope() {
    const STEP: f32 = 1e-3;
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let weights: Vec<f32> = initial_weights(&mut rng);
    let input = Map::noise(2, 8, 12, INPUTS, 1);
    let other = Map::noise(2, 8, 12, OUTPUTS, 2);
    let (mut maps, mut d) = (Maps::new(2, 16, 24), Maps::new(2, 16, 24));
    forward(&weights, &input, &mut maps);
    d.head = other.clone();
    let mut d_weights = vec![0.0; weights.len()];
    backward(&weights, &input, &maps, &mut d, &mut d_weights);
    for (i, layer) in LAYERS.iter().enumerate() {
        let place = place(i).0.start..place(i).1.end;
        let gradient = &d_weights[place.clone()];
        let length = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
        let noise = 1.0 / (gradient.len() as f32).sqrt();
        let direction: Vec<f32> = gradient.iter().map(|g| g / length + noise * normal(&mut rng)).collect();
        let mut at = |by: f32| {
            let mut moved = weights.clone();
            moved[place.clone()].iter_mut().zip(&direction).for_each(|(w, d)| *w += by * d);
            forward(&moved, &input, &mut maps);
            maps.head.dot(&other)
        };
        let slope = (at(STEP) - at(-STEP)) / (2.0 * f64::from(STEP));
        let expected: f64 = gradient.iter().zip(&direction).map(|(g, d)| f64::from(g * d)).sum();
        assert!((slope - expected).abs() < 0.02 * expected, "{}: {slope}, not {expected}", layer.name);
    }
}

/// The network once more, in f64 and as its definition reads. Maps are `[y][x][channel]` of one image.
struct Naive {
    weights: Vec<f64>,
    input: Vec<f64>,
    size: [usize; 2],
}

impl Naive {
    fn conv(&self, layer: usize, x: &[f64], [height, width]: [usize; 2]) -> Vec<f64> {
        let conv = &LAYERS[layer];
        let (weight, bias) = place(layer);
        let (weight, bias) = (&self.weights[weight], &self.weights[bias]);
        let (reach, rows, columns) = (conv.size / 2, height / conv.stride, width / conv.stride);
        let mut out = Vec::new();
        for (y, column) in (0..rows).flat_map(|y| (0..columns).map(move |c| (y, c))) {
            let mut sums = bias.to_vec();
            for (ky, kx) in (0..conv.size).flat_map(|ky| (0..conv.size).map(move |kx| (ky, kx))) {
                let iy = (y * conv.stride + ky).wrapping_sub(reach);
                let ix = (column * conv.stride + kx).wrapping_sub(reach);
                if iy >= height || ix >= width {
                    continue;
                }
                for i in 0..conv.inputs {
                    let w = &weight[((ky * conv.size + kx) * conv.inputs + i) * conv.outputs..][..conv.outputs];
                    let pixel = x[(iy * width + ix) * conv.inputs + i];
                    sums.iter_mut().zip(w).for_each(|(sum, w)| *sum += w * pixel);
                }
            }
            out.extend(sums);
        }
        out
    }

    fn relu(&self, layer: usize, x: &[f64], size: [usize; 2]) -> Vec<f64> {
        self.conv(layer, x, size).into_iter().map(|v| v.max(0.0)).collect()
    }

    /// Bilinear, corners not aligned; plus the skip.
    fn double(&self, low: &[f64], skip: &[f64], [height, width]: [usize; 2]) -> Vec<f64> {
        let channels = low.len() / (height * width);
        let sources = |i: usize, count: usize| {
            let at = ((i as f64 + 0.5) / 2.0 - 0.5).clamp(0.0, (count - 1) as f64);
            let first = at.floor() as usize;
            [(first, 1.0 - at.fract()), ((first + 1).min(count - 1), at.fract())]
        };
        let mut out = skip.to_vec();
        for (i, value) in out.iter_mut().enumerate() {
            let (y, x, c) = (i / channels / (2 * width), i / channels % (2 * width), i % channels);
            for (row, by_row) in sources(y, height) {
                for (column, by_column) in sources(x, width) {
                    *value += by_row * by_column * low[(row * width + column) * channels + c];
                }
            }
        }
        out
    }

    fn head(&self) -> Vec<f64> {
        let [half, quarter, eighth] = [2, 4, 8].map(|shrink| self.size.map(|side| side / shrink));
        let enc1 = self.relu(ENC1, &self.relu(STEM, &self.input, half), half);
        let enc2 = self.relu(ENC2, &self.relu(DOWN1, &enc1, half), quarter);
        let enc4 = self.relu(ENC4, &self.relu(ENC3, &self.relu(DOWN2, &enc2, quarter), eighth), eighth);
        let up2 = self.double(&self.conv(UP2, &enc4, eighth), &enc2, eighth);
        let dec2 = self.relu(DEC2, &up2, quarter);
        let up1 = self.double(&self.conv(UP1, &dec2, quarter), &enc1, quarter);
        self.conv(HEAD, &self.relu(DEC1, &up1, half), half)
    }
}

fn rows(map: &Map) -> Vec<f64> {
    (0..map.height).flat_map(|y| map.row(0, y)).map(|v| f64::from(*v)).collect()
}

/// Forward within 1e-5, and the gradient of some weights of every layer against differences in f64.
#[test]
fn the_network_and_its_gradient_are_those_of_the_definition() {
    const SIZE: [usize; 2] = [16, 24];
    const STEP: f64 = 1e-6;
    let mut rng = ChaCha8Rng::seed_from_u64(6);
    let mut weights: Vec<f32> = initial_weights(&mut rng);
    // As large as the others, so that a wrong head shows.
    weights[place(HEAD).0].iter_mut().for_each(|w| *w *= 20.0);
    let input = Map::noise(1, SIZE[0] / 2, SIZE[1] / 2, INPUTS, 1);
    let other = Map::noise(1, SIZE[0] / 2, SIZE[1] / 2, OUTPUTS, 2);
    let (mut maps, mut d) = (Maps::new(1, SIZE[0], SIZE[1]), Maps::new(1, SIZE[0], SIZE[1]));
    forward(&weights, &input, &mut maps);
    d.head = other.clone();
    let mut d_weights = vec![0.0; weights.len()];
    backward(&weights, &input, &maps, &mut d, &mut d_weights);

    let mut naive = Naive { weights: weights.iter().map(|w| f64::from(*w)).collect(), input: rows(&input), size: SIZE };
    let expected = naive.head();
    let length = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>().sqrt();
    let apart = length(&mut rows(&maps.head).iter().zip(&expected).map(|(f, e)| f - e));
    assert!(apart < 1e-5 * length(&mut expected.iter().copied()), "heads {apart} apart");

    let other = rows(&other);
    for (i, layer) in LAYERS.iter().enumerate() {
        let (weight, bias) = place(i);
        let typical =
            length(&mut d_weights[weight.clone()].iter().map(|v| f64::from(*v))) / (weight.len() as f64).sqrt();
        for at in [rng.random_range(weight.clone()), rng.random_range(weight), rng.random_range(bias)] {
            let mut loss = |by: f64| {
                let kept = naive.weights[at];
                naive.weights[at] += by;
                let loss: f64 = naive.head().iter().zip(&other).map(|(h, o)| h * o).sum();
                naive.weights[at] = kept;
                loss
            };
            let slope = (loss(STEP) - loss(-STEP)) / (2.0 * STEP);
            let found = f64::from(d_weights[at]);
            let allowed = 1e-4 * (slope.abs() + typical);
            assert!((found - slope).abs() < allowed, "{}, {at}: {found}, not {slope}", layer.name);
        }
    }
}
