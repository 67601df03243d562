use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::reference::{self, Point};
use super::*;

/// A batch, a model and a head without any sense, the same for the same seed.
fn nonsense(groups: Groups, size: [usize; 2], seed: u64) -> (Batch, Model, Map) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut batch = Batch::new(2, size);
    for i in 0..batch.colours.len() {
        // Near each other, so that neighbours are alike enough to pull.
        batch.colours[i] = std::array::from_fn(|_| rng.random_range(-0.4..0.4));
        batch.figure[i] = rng.random_range(-1..=1);
        batch.skin[i] = rng.random_range(-1..=1);
    }
    let mut model = Model::untrained(size[0], size[1], groups, [0.3, 0.0, 0.0], 0.1, seed);
    for centre in &mut model.centres {
        *centre = std::array::from_fn(|_| rng.random_range(-1.2..1.2));
    }
    let head = Map::noise(batch.images, size[1] / 2, size[0] / 2, 4 * LANES, seed);
    (batch, model, head)
}

const KINDS: [(bool, bool); 3] = [(true, true), (true, false), (false, false)];

#[test]
fn the_loss_is_what_its_definition_says() {
    for (figure, skin) in KINDS {
        for direction in [Direction::Down, Direction::Right] {
            let groups = Groups::new(figure, skin);
            let (batch, model, head) = nonsense(groups, [16, 24], 7);
            let mut d_head = head.clone();
            let outcome = Loss::new(&batch).judge(&batch, &model, direction, &head, &mut d_head);
            let point = Point::new(&batch, &model, &head);
            let given = reference::given(&batch, groups, &point);
            let expected = reference::loss(&batch, groups, &given, direction, &point);
            let found = f64::from(outcome.parts.total());
            assert!((found - expected).abs() < 1e-5 * expected, "{groups:?}: {found}, not {expected}");
        }
    }
}

#[test]
fn the_gradient_is_the_slope_of_the_loss() {
    const STEP: f64 = 1e-6;
    for (figure, skin) in KINDS {
        let groups = Groups::new(figure, skin);
        let (batch, model, head) = nonsense(groups, [16, 8], 11);
        let mut d_head = head.clone();
        let direction = Direction::Right;
        let outcome = Loss::new(&batch).judge(&batch, &model, direction, &head, &mut d_head);
        let point = Point::new(&batch, &model, &head);
        let given = reference::given(&batch, groups, &point);
        let slope = |change: &dyn Fn(&mut Point, f64)| {
            let at = |by: f64| {
                let mut moved = point.clone();
                change(&mut moved, by);
                reference::loss(&batch, groups, &given, direction, &moved)
            };
            (at(STEP) - at(-STEP)) / (2.0 * STEP)
        };
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let close = |found: f32, expected: f64, what: &str| {
            let error = (f64::from(found) - expected).abs();
            assert!(error < 2e-4 * expected.abs() + 2e-7, "{groups:?} {what}: {found}, not {expected}");
        };
        for _ in 0..200 {
            let (i, k) = (rng.random_range(0..batch.colours.len()), rng.random_range(0..16));
            let (image, y, x) = (i / (8 * 16), i / 16 % 8, i % 16);
            let found = d_head.row(image, y / 2)[shuffle::part(x, y) + k];
            close(found, slope(&|p, by| p.said[i][k] += by), &format!("logit {k} of pixel {i}"));
        }
        for k in 0..ENTRIES {
            close(outcome.d_centres[k][1], slope(&|p, by| p.centres[k][1] += by), &format!("centre {k}"));
        }
        close(outcome.d_log_gain, slope(&|p, by| p.log_gain += by), "gain");
    }
}

#[test]
fn windows_smaller_than_any_offset_are_judged_too() {
    let groups = Groups::new(true, true);
    let (batch, model, head) = nonsense(groups, [8, 8], 3);
    let mut d_head = head.clone();
    let outcome = Loss::new(&batch).judge(&batch, &model, Direction::Down, &head, &mut d_head);
    assert!(outcome.parts.total().is_finite() && d_head.data.iter().all(|v| v.is_finite()));
}
