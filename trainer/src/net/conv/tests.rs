use super::*;

const SHAPES: [(Conv, [usize; 2]); 7] = [
    (Conv { name: "odd", size: 3, stride: 1, inputs: 16, outputs: 32 }, [5, 13]),
    (Conv { name: "wide", size: 3, stride: 1, inputs: 32, outputs: 48 }, [3, 24]),
    (Conv { name: "tiny", size: 3, stride: 1, inputs: 16, outputs: 16 }, [1, 1]),
    (Conv { name: "taller than a band", size: 3, stride: 1, inputs: 16, outputs: 16 }, [35, 6]),
    (Conv { name: "halving", size: 3, stride: 2, inputs: 32, outputs: 48 }, [6, 26]),
    (Conv { name: "halving to one", size: 3, stride: 2, inputs: 16, outputs: 16 }, [2, 2]),
    (Conv { name: "pointwise", size: 1, stride: 1, inputs: 48, outputs: 64 }, [4, 11]),
];

fn weights(conv: &Conv) -> (Vec<f32>, Vec<f32>) {
    let noise = Map::noise(1, 1, conv.weight_count() + conv.outputs, 1, 5);
    let (weight, bias) = noise.row(0, 0).split_at(conv.weight_count());
    (weight.to_vec(), bias.to_vec())
}

fn maps(conv: &Conv, [height, width]: [usize; 2]) -> (Map, Map) {
    let x = Map::noise(2, height, width, conv.inputs, 1);
    (x, Map::noise(2, height / conv.stride, width / conv.stride, conv.outputs, 2))
}

/// The definition, in f64.
fn naive(conv: &Conv, (weight, bias): &(Vec<f32>, Vec<f32>), x: &Map, [image, y, column, o]: [usize; 4]) -> f64 {
    let reach = conv.size / 2;
    let mut sum = f64::from(bias[o]);
    for (ky, kx) in (0..conv.size).flat_map(|ky| (0..conv.size).map(move |kx| (ky, kx))) {
        let (iy, ix) = ((y * conv.stride + ky).wrapping_sub(reach), (column * conv.stride + kx).wrapping_sub(reach));
        if iy < x.height && ix < x.width {
            for i in 0..conv.inputs {
                let w = weight[((ky * conv.size + kx) * conv.inputs + i) * conv.outputs + o];
                sum += f64::from(w) * f64::from(x.row(image, iy)[ix * conv.inputs + i]);
            }
        }
    }
    sum
}

#[test]
fn forward_is_the_definition() {
    for (conv, size) in &SHAPES {
        let (layer, (x, mut y)) = (weights(conv), maps(conv, *size));
        for relu in [false, true] {
            conv.forward(&layer.0, &layer.1, &x, &mut y, relu);
            for image in 0..y.images {
                for (row, column) in (0..y.height).flat_map(|r| (0..y.width).map(move |c| (r, c))) {
                    for o in 0..conv.outputs {
                        let expected = naive(conv, &layer, &x, [image, row, column, o]);
                        let expected = if relu { expected.max(0.0) } else { expected };
                        let found = f64::from(y.row(image, row)[column * conv.outputs + o]);
                        assert!((found - expected).abs() < 1e-4, "{}: {found}, not {expected}", conv.name);
                    }
                }
            }
        }
    }
}

/// The definitions of both gradients, in f64: of the input, framed as `x` is, and of the weights.
fn naive_gradients(conv: &Conv, weight: &[f32], x: &Map, dy: &Map) -> (Vec<f64>, Vec<f64>) {
    let (mut dx, mut dw) = (vec![0.0; x.data.len()], vec![0.0; weight.len()]);
    let places = (0..dy.images).flat_map(|i| (0..dy.height).flat_map(move |y| (0..dy.width).map(move |c| (i, y, c))));
    for (image, y, column) in places {
        let gradient = &dy.row(image, y)[column * conv.outputs..][..conv.outputs];
        for (ky, kx) in (0..conv.size).flat_map(|ky| (0..conv.size).map(move |kx| (ky, kx))) {
            let frame = 1 - conv.size / 2;
            let at = x.framed(image, y * conv.stride + ky + frame, column * conv.stride + kx + frame);
            for i in 0..conv.inputs {
                let w = ((ky * conv.size + kx) * conv.inputs + i) * conv.outputs;
                for (o, d) in gradient.iter().enumerate() {
                    dx[at + i] += f64::from(weight[w + o]) * f64::from(*d);
                    dw[w + o] += f64::from(x.data[at + i]) * f64::from(*d);
                }
            }
        }
    }
    (dx, dw)
}

/// Length of the difference, by that of what is expected.
fn relative(found: &[f32], expected: &[f64]) -> f64 {
    let square = |v: f64| v * v;
    let apart: f64 = found.iter().zip(expected).map(|(f, e)| square(f64::from(*f) - e)).sum();
    (apart / expected.iter().map(|e| square(*e)).sum::<f64>()).sqrt()
}

#[test]
fn gradients_are_their_definitions() {
    for (conv, size) in &SHAPES {
        let ((weight, _), (x, dy)) = (weights(conv), maps(conv, *size));
        let (expected_dx, expected_dw) = naive_gradients(conv, &weight, &x, &dy);
        let mut dx = Map::zeros(x.images, x.height, x.width, x.channels);
        conv.backward_input(&weight, &dy, &mut dx, Sink { add: false, rectified: None });
        let (mut dw, mut db) = (vec![9.0; conv.weight_count()], vec![9.0; conv.outputs]);
        conv.backward_weights(&x, &dy, &mut dw, &mut db);
        // What the definition adds to the frame is nobody's gradient.
        let inside = |data: &[f64]| -> Vec<f64> {
            let rows = (0..x.images).flat_map(|image| (0..x.height).map(move |y| (image, y)));
            rows.flat_map(|(i, y)| &data[x.framed(i, y + 1, 1)..][..x.width * x.channels]).copied().collect()
        };
        let rows = (0..x.images).flat_map(|image| (0..x.height).map(move |y| (image, y)));
        let found: Vec<f32> = rows.flat_map(|(i, y)| dx.row(i, y)).copied().collect();
        let apart = [relative(&found, &inside(&expected_dx)), relative(&dw, &expected_dw)];
        assert!(apart.iter().all(|apart| *apart < 3e-6), "{}: {apart:?}", conv.name);
    }
}

/// A linear map is held against its transpose: `⟨dy, W x⟩ = ⟨Wᵀ dy, x⟩`, and the same for the weights.
#[test]
fn backward_is_the_transpose_of_forward() {
    for (conv, size) in &SHAPES {
        let ((weight, _), (x, dy)) = (weights(conv), maps(conv, *size));
        let mut y = dy.clone();
        conv.forward(&weight, &vec![0.0; conv.outputs], &x, &mut y, false);
        let product = y.dot(&dy);

        let mut dx = Map::zeros(x.images, x.height, x.width, x.channels);
        conv.backward_input(&weight, &dy, &mut dx, Sink { add: false, rectified: None });
        assert!((dx.dot(&x) - product).abs() < 1e-4 * product.abs().max(10.0), "input of {}", conv.name);

        let (mut dw, mut db) = (vec![9.0; conv.weight_count()], vec![9.0; conv.outputs]);
        conv.backward_weights(&x, &dy, &mut dw, &mut db);
        let by_weights: f64 = dw.iter().zip(&weight).map(|(d, w)| f64::from(*d) * f64::from(*w)).sum();
        assert!((by_weights - product).abs() < 1e-4 * product.abs().max(10.0), "weights of {}", conv.name);
        let all: f64 = dy.data.iter().map(|v| f64::from(*v)).sum();
        let by_bias: f64 = db.iter().map(|v| f64::from(*v)).sum();
        assert!((by_bias - all).abs() < 1e-3, "bias of {}", conv.name);
    }
}

#[test]
fn a_gradient_is_added_and_stopped_where_the_relu_was_closed() {
    let (conv, size) = &SHAPES[3];
    let ((weight, _), (x, dy)) = (weights(conv), maps(conv, *size));
    let mut plain = Map::zeros(x.images, x.height, x.width, x.channels);
    conv.backward_input(&weight, &dy, &mut plain, Sink { add: false, rectified: None });
    let mut sum = x.clone();
    conv.backward_input(&weight, &dy, &mut sum, Sink { add: true, rectified: Some(&x) });
    for i in 0..x.data.len() {
        let expected = if x.data[i] > 0.0 { x.data[i] + plain.data[i] } else { 0.0 };
        assert!((sum.data[i] - expected).abs() < 1e-4);
    }
}

#[test]
fn the_frame_stays_zero() {
    let (conv, size) = &SHAPES[0];
    let ((weight, bias), (x, mut y)) = (weights(conv), maps(conv, *size));
    conv.forward(&weight, &bias, &x, &mut y, false);
    let inside: f64 = (0..y.images)
        .flat_map(|image| (0..y.height).map(move |row| (image, row)))
        .flat_map(|(image, row)| y.row(image, row))
        .map(|v| f64::from(v.abs()))
        .sum();
    let everywhere: f64 = y.data.iter().map(|v| f64::from(v.abs())).sum();
    assert_eq!(inside, everywhere);
}

/// Every float that a layer computes, forward and backward.
fn everything(conv: &Conv, size: [usize; 2]) -> Vec<f32> {
    let ((weight, bias), (x, dy)) = (weights(conv), maps(conv, size));
    let mut y = dy.clone();
    conv.forward(&weight, &bias, &x, &mut y, true);
    let mut dx = x.clone();
    conv.backward_input(&weight, &dy, &mut dx, Sink { add: true, rectified: Some(&x) });
    let (mut dw, mut db) = (vec![0.0; conv.weight_count()], vec![0.0; conv.outputs]);
    conv.backward_weights(&x, &dy, &mut dw, &mut db);
    [y.data, dx.data, dw, db].concat()
}

#[test]
fn every_instruction_set_computes_the_same() {
    let all = simd::forced::all();
    for (conv, size) in &SHAPES {
        let expected = simd::forced::with(all[0], || everything(conv, *size));
        for &instructions in &all {
            let found = simd::forced::with(instructions, || everything(conv, *size));
            let apart = found.iter().zip(&expected).map(|(f, e)| (f - e).abs() / e.abs().max(1.0)).fold(0.0, f32::max);
            // Sums of up to a thousand products, rounded in another order.
            assert!(found.len() == expected.len() && apart < 2e-5, "{}: {apart} with {instructions:?}", conv.name);
        }
    }
}
