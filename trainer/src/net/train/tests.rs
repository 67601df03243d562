use super::*;
use crate::raster::{Grid, Plane, Rgb};

const SIZE: [usize; 2] = [96, 72];
const DEVICE: Device = Device::Cpu { threads: 2 };

/// A striped orange square that wanders over a blue-green ground; the teacher knows it but for its border.
pub fn wandering_square(frames: usize) -> (Clip, Vec<Grid<bool>>) {
    let [width, height] = SIZE;
    let inside = |t: usize, x: usize, y: usize, grow: i32| {
        let (left, top) = (14 + 4 * t as i32 - grow, 18 + 2 * t as i32 - grow);
        let side = 30 + 2 * grow;
        (left..left + side).contains(&(x as i32)) && (top..top + side).contains(&(y as i32))
    };
    let picture = |t: usize| -> Rgb {
        let at = |i: usize| {
            let (x, y) = (i % width, i / width);
            let noise = (i * 2_654_435_761 + t * 40_503) >> 7 & 15;
            match (inside(t, x, y, 0), y / 5 % 2) {
                (true, 0) => [220, 110 + noise as u8, 40],
                (true, _) => [180, 70 + noise as u8, 30],
                (false, _) => [40, 120 + noise as u8, 130],
            }
        };
        Grid::from_data(width, height, (0..width * height).map(at).collect())
    };
    let person = |t: usize| -> Plane {
        let at = |i: usize| match (inside(t, i % width, i / width, -3), inside(t, i % width, i / width, 3)) {
            (true, _) => 1.0,
            (false, true) => 0.5,
            (false, false) => 0.0,
        };
        Grid::from_data(width, height, (0..width * height).map(at).collect())
    };
    let truth = |t: usize| {
        let data = (0..width * height).map(|i| inside(t, i % width, i / width, 0)).collect();
        Grid::from_data(width, height, data)
    };
    let clip = Clip {
        width,
        height,
        frames: (0..frames).map(picture).collect(),
        source: (0..frames).map(picture).collect(),
        times_ms: (0..frames as u64).map(|t| t * 40).collect(),
        person: (0..frames).map(person).collect(),
        faces: vec![Vec::new(); frames],
        skin: vec![Grid::new(width, height, -1); frames],
        skin_median: None,
        has_figure: true,
    };
    (clip, (0..frames).map(truth).collect())
}

fn settings(steps: u32) -> Settings {
    Settings { steps, batch_pairs: 1, window: [96, 72], seed: 5 }
}

fn go_on(_: &Progress, _: &Training) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn the_loss_falls_and_the_figure_is_found() {
    let (clip, truth) = wandering_square(8);
    let trained = train(&clip, &settings(60), &DEVICE, None, &mut go_on).unwrap();
    let first = trained.curve[0];
    let last = trained.curve[50..].iter().sum::<f32>() / 10.0;
    assert!(last < 0.65 * first, "loss {first} → {last}");

    let said = trained.model.infer(&clip.frames[6]);
    let (mut both, mut either) = (0, 0);
    for (figure, truth) in said.figure.data.iter().zip(&truth[6].data) {
        both += u32::from(*figure > 0.5 && *truth);
        either += u32::from(*figure > 0.5 || *truth);
    }
    assert!(f64::from(both) > 0.9 * f64::from(either), "{both} of {either} pixels");

    let groups = trained.model.groups;
    let labels = said.labels();
    let right = labels.data.iter().zip(&truth[6].data).filter(|(l, t)| (**l as usize >= groups.background) == **t);
    assert!(right.count() as f64 > 0.95 * labels.data.len() as f64);
}

#[test]
fn the_same_seed_gives_the_same_bytes_however_many_threads_there_are() {
    let (clip, _) = wandering_square(3);
    let bytes = |threads: usize, seed: u64| {
        let settings = Settings { seed, ..settings(6) };
        let trained = train(&clip, &settings, &Device::Cpu { threads }, None, &mut go_on).unwrap();
        trained.model.to_bytes().unwrap()
    };
    let one = bytes(1, 5);
    assert_eq!(one, bytes(2, 5));
    assert_eq!(one, bytes(5, 5));
    assert_ne!(one, bytes(2, 6));
}

#[test]
fn a_report_can_stop_the_training() {
    let (clip, _) = wandering_square(2);
    let mut stop_at_three = |progress: &Progress, training: &Training| {
        assert_eq!((progress.step, training.curve().len()), (training.model().step, 3.min(progress.step) as usize));
        if progress.step == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let error = train(&clip, &settings(10), &DEVICE, None, &mut stop_at_three).unwrap_err();
    assert!(matches!(error, TrainError::Stopped(3)));
}

#[test]
fn without_a_figure_the_palette_is_that_of_the_whole_frame() {
    let (mut clip, _) = wandering_square(3);
    clip.has_figure = false;
    clip.person.clear();
    let trained = train(&clip, &settings(15), &DEVICE, None, &mut go_on).unwrap();
    assert_eq!(trained.model.palette().first_cloth(), 0);
    assert!(trained.curve[14] < trained.curve[0]);
    let said = trained.model.infer(&clip.frames[1]);
    assert!(said.figure.data.iter().all(|f| *f == 1.0));
}

#[test]
fn odd_clips_train_without_a_panic() {
    for (width, height) in [(2, 2), (1, 9), (33, 7)] {
        for person in [0.0, 0.5, 1.0] {
            let clip = Clip {
                width,
                height,
                frames: vec![Grid::new(width, height, [80, 80, 90])],
                source: Vec::new(),
                times_ms: vec![0],
                person: vec![Grid::new(width, height, person)],
                faces: Vec::new(),
                skin: vec![Grid::new(width, height, 1)],
                skin_median: None,
                has_figure: true,
            };
            let trained = train(&clip, &settings(2), &DEVICE, None, &mut go_on).unwrap();
            let labels = trained.model.infer(&clip.frames[0]).labels();
            assert_eq!((labels.width, labels.height), (width, height));
        }
    }
    let (mut clip, _) = wandering_square(2);
    clip.frames[1] = Grid::new(3, 3, [0; 3]);
    assert!(matches!(train(&clip, &settings(2), &DEVICE, None, &mut go_on), Err(TrainError::Size(1))));
    clip.frames.clear();
    assert!(matches!(train(&clip, &settings(2), &DEVICE, None, &mut go_on), Err(TrainError::NoFrames)));
}

/// A training that breaks off after a step, and what was stored then.
fn broken_off(clip: &Clip, settings: &Settings, after: u32, from: Option<Checkpoint>) -> Vec<u8> {
    let mut stored = Vec::new();
    let mut stop = |progress: &Progress, training: &Training| {
        if progress.step == after {
            stored = training.checkpoint().unwrap();
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    };
    assert!(matches!(train(clip, settings, &DEVICE, from, &mut stop), Err(TrainError::Stopped(_))));
    stored
}

#[test]
fn a_training_that_broke_off_twice_ends_like_one_that_did_not() {
    let (clip, _) = wandering_square(3);
    let settings = settings(12);
    let straight = train(&clip, &settings, &DEVICE, None, &mut go_on).unwrap();
    let first = broken_off(&clip, &settings, 4, None);
    let second = broken_off(&clip, &settings, 9, Some(Checkpoint::from_bytes(&first).unwrap()));
    let mut steps = Vec::new();
    let resumed =
        train(&clip, &settings, &DEVICE, Some(Checkpoint::from_bytes(&second).unwrap()), &mut |progress, _| {
            steps.push(progress.step);
            ControlFlow::Continue(())
        });
    let resumed = resumed.unwrap();
    assert_eq!(steps, [10, 11, 12]);
    assert_eq!(resumed.curve, straight.curve);
    assert_eq!(resumed.model.to_bytes().unwrap(), straight.model.to_bytes().unwrap());
}

#[test]
fn a_checkpoint_of_another_clip_seed_or_length_is_not_gone_on_from() {
    let (clip, _) = wandering_square(3);
    let (other_clip, _) = wandering_square(4);
    let expected = train(&clip, &settings(5), &DEVICE, None, &mut go_on).unwrap().model.to_bytes().unwrap();
    let seeded = Settings { seed: 6, ..settings(5) };
    for (clip_before, before) in [(&other_clip, settings(5)), (&clip, seeded), (&clip, settings(6))] {
        let stored = Checkpoint::from_bytes(&broken_off(clip_before, &before, 3, None)).unwrap();
        let trained = train(&clip, &settings(5), &DEVICE, Some(stored), &mut go_on).unwrap();
        assert_eq!((trained.model.to_bytes().unwrap(), trained.curve.len()), (expected.clone(), 5));
    }
}

#[test]
fn a_damaged_checkpoint_is_an_error() {
    let (clip, _) = wandering_square(2);
    let stored = broken_off(&clip, &settings(3), 2, None);
    assert!(Checkpoint::from_bytes(&stored).is_ok());
    for damaged in [&stored[..stored.len() - 4], &stored[..100], b"", clip.frames[0].data.as_flattened()] {
        assert!(Checkpoint::from_bytes(damaged).is_err());
    }
    let model = train(&clip, &settings(2), &DEVICE, None, &mut go_on).unwrap().model.to_bytes().unwrap();
    assert!(Checkpoint::from_bytes(&model).is_err(), "a model alone is no checkpoint");
}

#[test]
fn every_instruction_set_trains_the_same() {
    use super::super::simd::forced;
    let (clip, _) = wandering_square(3);
    let steps = |instructions| {
        forced::with(instructions, || {
            let mut training = Training::new(&clip, &settings(4));
            let losses: Vec<f32> = (0..4).map(|_| training.step().total()).collect();
            (losses, training.model.infer(&clip.frames[1]).figure)
        })
    };
    let all = forced::all();
    let (expected, figure) = steps(all[0]);
    for &instructions in &all {
        let (losses, found) = steps(instructions);
        let apart = losses.iter().zip(&expected).map(|(l, e)| (l - e).abs() / e).fold(0.0, f32::max);
        assert!(apart < 1e-3, "{losses:?}, not {expected:?}, with {instructions:?}");
        let apart = found.data.iter().zip(&figure.data).map(|(f, e)| (f - e).abs()).fold(0.0, f32::max);
        assert!(apart < 1e-2, "figures {apart} apart with {instructions:?}");
    }
}
