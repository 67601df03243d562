use crate::device::{Device, Found};
use crate::net::cuda::emulator::Emulator;
use crate::net::cuda::tests::{apart, tolerance};
use crate::net::cuda::{Plan, Precision};
use crate::net::loss::Direction;
use crate::net::map::Map;
use crate::net::model::ENTRIES;
use crate::net::palette::BACKGROUND_LIGHTNESS;
use crate::net::train::tests::wandering_square;
use crate::net::train::{Settings, TrainError, Training, rate, train};
use crate::net::{network, shuffle};
use crate::raster::Grid;

const SETTINGS: Settings = Settings { steps: 6, batch_pairs: 1, window: [56, 40], seed: 5 };

/// A device that has taken in all that a training is.
fn ready(training: &Training, precision: Precision) -> Option<(Plan, Emulator)> {
    let plan = Plan::new(&training.lesson().0, precision);
    let mut emulator = Emulator::new(&plan.memory, precision, training.settings.steps as usize)?;
    plan.uploads.iter().for_each(|(buffer, bytes)| emulator.upload(*buffer, bytes));
    emulator.run(&plan.prepare);
    Some((plan, emulator))
}

/// The head's values in the order of the device.
fn head(map: &Map) -> Vec<f32> {
    let rows = (0..map.images).flat_map(|image| (0..map.height).map(move |y| (image, y)));
    rows.flat_map(|(image, y)| map.row(image, y)).copied().collect()
}

/// Steps on both, and how far apart they come to be.
fn compare(mut training: Training, precision: Precision, steps: usize) {
    assert_eq!(shuffle::part(1, 1), 48, "the order of pixels in the head");
    let Some((plan, mut emulator)) = ready(&training, precision) else { return };
    let close = |what: &str, step: usize, found: &[f32], expected: &[f32]| {
        let apart = apart(found, expected);
        assert!(apart <= tolerance(precision), "{what} is {apart} apart after step {step} in {precision:?}");
    };
    for step in 1..=steps {
        let parts = training.step();
        emulator.run(&plan.step);
        close("the head", step, &emulator.reals(plan.tensors.head.buffer), &head(&training.maps.head));
        close("its gradient", step, &emulator.reals(plan.gradients.head.buffer), &head(&training.d_maps.head));
        let found = emulator.floats(plan.state);
        let expected = training.state();
        let parameters = (found.len() - training.usage.len()) / 3;
        for (i, what) in ["parameters", "means", "squares"].into_iter().enumerate() {
            let range = i * parameters..(i + 1) * parameters;
            close(what, step, &found[range.clone()], &expected[range.clone()]);
            let palette = range.end - 46..range.end;
            close(&format!("palette's {what}"), step, &found[palette.clone()], &expected[palette]);
        }
        close("usage", step, &found[3 * parameters..], &training.usage);
        let progress = emulator.progress[step - 1];
        assert_eq!(progress[7].to_bits(), step as u32);
        let expected =
            [parts.labels, parts.palette, parts.smooth, parts.steady, parts.figure, parts.border, parts.skin];
        close("the loss", step, &progress[..7], &expected);
    }
}

#[test]
fn steps_on_a_device_are_those_of_the_cpu() {
    let (clip, _) = wandering_square(3);
    compare(Training::new(&clip, &SETTINGS), Precision::Single, 2);
}

/// Puts values in the device's order into a map.
fn put(map: &mut Map, values: &[f32]) {
    let height = map.height;
    map.for_each_row(|image, y, row| row.copy_from_slice(&values[(image * height + y) * row.len()..][..row.len()]));
}

/// Forward, loss, backward and Adam, each from what the device had before it: a difference in rounding decides which
/// way neighbours pull, so what follows from it is no measure of what is right.
#[test]
fn each_stage_of_a_step_in_bf16_is_close_to_that_of_the_cpu() {
    let (clip, _) = wandering_square(3);
    let mut training = Training::new(&clip, &SETTINGS);
    let Some((plan, mut emulator)) = ready(&training, Precision::Brain) else { return };
    let weights = training.model.weights.len();
    for step in 1..=3 {
        let close = |what: &str, found: &[f32], expected: &[f32]| {
            let apart = apart(found, expected);
            assert!(apart <= tolerance(Precision::Brain), "{what} is {apart} apart in step {step}");
        };
        let before = emulator.floats(plan.state);
        emulator.run(&plan.step);
        let after = emulator.floats(plan.state);
        let t = &mut training;
        t.footage.draw(&mut t.rng, &mut t.batch);
        network::forward(&t.model.weights, &t.batch.input, &mut t.maps);
        let said = emulator.reals(plan.tensors.head.buffer);
        close("the head", &said, &head(&t.maps.head));

        put(&mut t.maps.head, &said);
        let direction = if step % 2 == 1 { Direction::Down } else { Direction::Right };
        let outcome = t.loss.judge(&t.batch, &t.model, direction, &t.maps.head, &mut t.d_maps.head);
        let pulled = emulator.reals(plan.gradients.head.buffer);
        close("its gradient", &pulled, &head(&t.d_maps.head));
        assert!((emulator.progress[step - 1][..7].iter().sum::<f32>() / outcome.parts.total() - 1.0).abs() < 3e-2);

        put(&mut t.d_maps.head, &pulled);
        network::backward(&t.model.weights, &t.batch.input, &t.maps, &mut t.d_maps, &mut t.d_weights);
        let means = weights + 46;
        let gradient: Vec<f32> = (means..means + weights).map(|i| 10.0 * (after[i] - 0.9 * before[i])).collect();
        close("the gradient of the weights", &gradient, &t.d_weights);

        let mut expected = t.model.weights.clone();
        t.adam_weights.update(&mut expected, &gradient, rate(t.model.step, t.settings.steps));
        close("what Adam makes of it", &after[..weights], &expected);
        let position = t.rng.get_word_pos();
        t.take_over(step as u32, position, &after);
        assert!(t.state() == after, "all is taken over");
    }
}

#[test]
fn so_they_are_with_known_skin_and_without_a_figure() {
    let (mut clip, _) = wandering_square(3);
    for skin in &mut clip.skin {
        (0..skin.data.len()).for_each(|i| skin.data[i] = [1, 0, -1][i / 7 % 3]);
    }
    let training = Training::new(&clip, &SETTINGS);
    assert_eq!(training.model.groups.skin, 2);
    compare(training, Precision::Single, 1);
    clip.has_figure = false;
    compare(Training::new(&clip, &SETTINGS), Precision::Single, 1);
}

/// The sample that chance `draw` falls on, each as likely as it is heavy and far from the other entries of its group.
fn chosen(samples: &[[f32; 4]], others: &[[f32; 3]], lightness: f32, draw: f64) -> [f32; 3] {
    let far = |sample: &[f32; 4]| {
        let distance = |centre: &[f32; 3]| {
            let [l, a, b] = std::array::from_fn(|c| f64::from(sample[c] - centre[c]).powi(2));
            f64::from(lightness) * l + a + b
        };
        others.iter().map(distance).fold(f64::MAX, f64::min) * f64::from(sample[3])
    };
    let mut left = draw * samples.iter().map(far).sum::<f64>();
    let found = samples.iter().find(|sample| {
        left -= far(sample);
        left < 0.0
    });
    found.map(|sample| [sample[0], sample[1], sample[2]]).unwrap()
}

#[test]
fn an_entry_that_died_gets_a_new_colour_of_its_group() {
    let (clip, _) = wandering_square(3);
    let mut training = Training::new(&clip, &SETTINGS);
    let background = training.model.groups.background;
    for (dead, group, lightness) in [(1, 0, BACKGROUND_LIGHTNESS), (background + 3, 2, 1.0)] {
        // So far from everything that nothing chooses it.
        training.model.centres[dead] = [40.0, 40.0, 40.0];
        training.usage[dead] = 1e-4;
        let (lesson, _) = training.lesson();
        let Some((plan, mut emulator)) = ready(&training, Precision::Single) else { return };
        emulator.run(&plan.step);
        training.take_over(1, 0, &emulator.floats(plan.state));
        let samples = &lesson.samples[lesson.sample_starts[group]..lesson.sample_starts[group + 1]];
        let others = (0..ENTRIES).filter(|&k| k != dead && training.model.groups.of(k) == group);
        let others: Vec<[f32; 3]> = others.map(|k| training.model.centres[k]).collect();
        assert_eq!(training.model.centres[dead], chosen(samples, &others, lightness, lesson.draws[dead]));
        assert_eq!(training.usage[dead], 1.0 / ENTRIES as f32);
        assert_eq!(training.adam_centres.mean[3 * dead..3 * dead + 3], [0.0; 3]);
        training = Training::new(&clip, &SETTINGS);
    }
}

#[test]
fn a_training_goes_on_where_a_device_left_it() {
    let (clip, _) = wandering_square(3);
    let mut training = Training::new(&clip, &SETTINGS);
    let (_, positions) = training.lesson();
    let Some((plan, mut emulator)) = ready(&training, Precision::Single) else { return };
    emulator.run(&plan.step);
    emulator.run(&plan.step);
    training.take_over(2, positions[2], &emulator.floats(plan.state));
    emulator.run(&plan.step);
    let Some((later_plan, mut later)) = ready(&training, Precision::Single) else { return };
    later.run(&later_plan.step);
    assert!(later.floats(later_plan.state) == emulator.floats(plan.state));
    assert_eq!(later.progress[2], emulator.progress[2]);
}

#[test]
fn the_order_of_threads_makes_no_difference() {
    let (clip, _) = wandering_square(3);
    let training = Training::new(&clip, &SETTINGS);
    for precision in [Precision::Single, Precision::Brain] {
        let after = |backwards: bool| {
            let (plan, mut emulator) = ready(&training, precision)?;
            emulator.backwards = backwards;
            emulator.run(&plan.step);
            Some(emulator.floats(plan.state))
        };
        assert!(after(false) == after(true), "{precision:?}");
    }
}

/// Maps at an eighth of this are one place high.
#[test]
fn a_window_smaller_than_a_tile_is_no_trouble() {
    let (mut clip, _) = wandering_square(2);
    let crop = |x: usize, y: usize| (x + 8, y + 14);
    (clip.width, clip.height) = (13, 7);
    let places = (0..13 * 7).map(|i| crop(i % 13, i / 13));
    for t in 0..2 {
        let frame = &clip.frames[t];
        clip.frames[t] = Grid::from_data(13, 7, places.clone().map(|place| frame[place]).collect());
        let person = &clip.person[t];
        clip.person[t] = Grid::from_data(13, 7, places.clone().map(|place| person[place]).collect());
        clip.skin[t] = Grid::new(13, 7, -1);
    }
    compare(Training::new(&clip, &SETTINGS), Precision::Single, 1);
}

#[test]
fn without_a_gpu_a_training_on_one_ends_with_an_error_that_says_why() {
    let gpus = Device::probe().iter().filter(|found| matches!(found, Found::Gpu(_))).count();
    let (clip, _) = wandering_square(2);
    let device = Device::Cuda { ordinal: gpus, name: "one more than there are".to_owned() };
    let error = train(&clip, &SETTINGS, &device, None, &mut |_, _| std::ops::ControlFlow::Continue(())).unwrap_err();
    assert!(matches!(error, TrainError::Gpu(_)), "{error}");
}
