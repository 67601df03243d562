//! The teachers themselves: outputs recorded from LiteRT's built-in kernels on the same picture, and a picture with a face in it. These need the model
//! files; without them they say so and pass, unless `KART_REQUIRE_TEACHERS` is set.

use std::ops::ControlFlow;
use std::path::Path;

use serde::Deserialize;

use crate::raster::Rgb;
use crate::raster::colour::to_float;

use super::tflite::{Memory, Model};
use super::{Advice, PrepareError, Prepared, TEACHER_FILES, Teachers, default_folder, prepare};

/// One output of one model: every so many values.
#[derive(Deserialize)]
struct Recorded {
    values: usize,
    every: usize,
    mean: f32,
    samples: Vec<f32>,
}

#[derive(Deserialize)]
struct Golden {
    person: Vec<Recorded>,
    face_detector: Vec<Recorded>,
    face_mesh: Vec<Recorded>,
    palm_detector: Vec<Recorded>,
    hand_mesh: Vec<Recorded>,
}

fn required() -> bool {
    std::env::var_os("KART_REQUIRE_TEACHERS").is_some()
}

/// The installed teachers; `None`, loudly, when there are none.
fn teachers() -> Option<Teachers> {
    match Teachers::load(&default_folder()) {
        Ok(teachers) => Some(teachers),
        Err(error) if required() => panic!("{error}"),
        Err(error) => {
            eprintln!("SKIPPED, not tested: {error}");
            None
        }
    }
}

/// A head with dark hair, eyes and a mouth above blue shoulders, `side` pixels square, over a little texture.
fn portrait(side: usize) -> Rgb {
    let pixel = |index: usize| {
        let (column, row) = (index % side, index / side);
        let (x, y) = ((column * 256 / side) as i32 - 128, (row * 256 / side) as i32);
        let head = x * x * 16 + (y - 96) * (y - 96) * 9 < 180 * 180;
        let body = x * x * 4 + (y - 270) * (y - 270) * 4 < 220 * 220;
        let eye = (x.abs() - 18).pow(2) + (y - 90).pow(2) * 3 < 36;
        let mouth = x * x + (y - 122).pow(2) * 6 < 250;
        let colour = match () {
            () if mouth => [150, 60, 60],
            () if eye || (head && y < 62) => [40, 40, 40],
            () if head => [210, 160, 130],
            () if body => [40, 60, 120],
            () => [150, 170, 160],
        };
        let texture = |channel: usize| ((column * 7 + row * 13 + channel * 29) % 32) as i32 - 16;
        std::array::from_fn(|channel| (colour[channel] + texture(channel)).clamp(0, 255) as u8)
    };
    Rgb::from_data(side, side, (0..side * side).map(pixel).collect())
}

fn never_stop(_: f32) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn every_teacher_agrees_with_litert() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/teachers.json");
    let golden: Golden = serde_json::from_slice(&std::fs::read(path).expect("golden outputs")).expect("their format");
    if teachers().is_none() {
        return;
    }
    // Coordinates of a hand go up to 224: in single precision the order of sums shows in the fourth decimal.
    for (file, recorded, (scale, offset), tolerance) in [
        (TEACHER_FILES[0], golden.person, (255.0, 0.0), 1e-4),
        (TEACHER_FILES[1], golden.face_detector, (127.5, 1.0), 1e-4),
        (TEACHER_FILES[2], golden.face_mesh, (255.0, 0.0), 1e-4),
        (TEACHER_FILES[3], golden.palm_detector, (255.0, 0.0), 1e-4),
        (TEACHER_FILES[4], golden.hand_mesh, (255.0, 0.0), 2e-4),
    ] {
        let bytes = match std::fs::read(default_folder().join(file.file_name())) {
            Ok(bytes) => bytes,
            Err(error) if file.needed || required() => panic!("{}: {error}", file.name),
            Err(error) => {
                eprintln!("SKIPPED, not tested: {}: {error}", file.name);
                continue;
            }
        };
        let model = Model::parse(&bytes).expect("loaded a moment ago");
        let picture = to_float(&portrait(model.input_shape()[1]));
        let input: Vec<f32> = picture.data.as_flattened().iter().map(|value| value / scale - offset).collect();
        let outputs = model.run(&input, &mut Memory::default()).expect("an input of the right size");
        assert_eq!(outputs.len(), recorded.len(), "{}", file.name);
        for (output, recorded) in outputs.iter().zip(&recorded) {
            assert_eq!(output.len(), recorded.values, "{}", file.name);
            let pairs = output.iter().step_by(recorded.every).zip(&recorded.samples);
            let worst = pairs.map(|(value, wanted)| (value - wanted).abs()).fold(0.0, f32::max);
            let mean = output.iter().map(|&value| f64::from(value)).sum::<f64>() / output.len() as f64;
            eprintln!("{}: {} samples, at most {worst:.1e} apart", file.name, recorded.samples.len());
            assert!(worst <= tolerance, "{} is {worst} off", file.name);
            assert!(
                (mean as f32 - recorded.mean).abs() <= tolerance,
                "{}: mean {mean}, not {}",
                file.name,
                recorded.mean
            );
        }
    }
}

#[test]
fn without_the_teachers_of_hands_all_others_work() {
    if teachers().is_none() {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    for file in TEACHER_FILES.iter().filter(|file| file.needed) {
        std::fs::copy(default_folder().join(file.file_name()), folder.path().join(file.file_name())).expect("copied");
    }
    let fewer = Teachers::load(folder.path()).expect("hands are not needed");
    assert_eq!(fewer.hashes(), TEACHER_FILES[..3].iter().map(|file| file.sha256).collect::<Vec<_>>());
    let prepared =
        prepare(Some(&fewer), vec![portrait(256); 2], vec![0, 40], &[], &mut never_stop).expect("works without");
    assert!(prepared.clip.has_figure && prepared.advice.is_empty());
    assert_eq!(fewer.hands(&prepared.clip, 0), []);
}

#[test]
fn a_portrait_has_a_figure_a_face_and_skin() {
    let Some(teachers) = teachers() else { return };
    let frames = vec![portrait(256); 3];
    let Prepared { clip, advice } =
        prepare(Some(&teachers), frames, vec![0, 40, 80], &[], &mut never_stop).expect("works");
    assert_eq!((clip.width, clip.height, clip.frames.len(), clip.times_ms.len()), (256, 256, 3, 3));
    assert!(clip.has_figure && advice.is_empty(), "{advice:?}");
    assert_eq!(clip.faces[1].len(), 1);
    assert!(clip.person[0][(128, 200)] > 0.9, "the chest is person");
    assert!(clip.person[0][(10, 20)] < 0.1, "the wall is not");
    assert_eq!((clip.skin[0][(128, 76)], clip.skin[0][(128, 200)], clip.skin[0][(10, 20)]), (1, 0, 0));
}

#[test]
fn without_teachers_there_is_no_figure_and_the_reason_is_told() {
    let frames = vec![portrait(64); 2];
    let Prepared { clip, advice } = prepare(None, frames, vec![0, 40], &[], &mut never_stop).expect("works");
    assert_eq!(advice, [Advice::NoTeachers]);
    assert!(!clip.has_figure && clip.skin_median.is_none() && clip.faces.iter().all(Vec::is_empty));
    assert!(
        clip.person.iter().all(|plane| (plane.width, plane.height) == (64, 64) && plane.data.iter().all(|&p| p == 0.0))
    );
}

#[test]
fn hopeless_videos_are_refused_with_a_reason() {
    let black = Rgb::new(32, 24, [9, 3, 0]);
    let lit = portrait(32);
    let refusal =
        |frames: Vec<Rgb>, times: Vec<u64>| prepare(None, frames, times, &[], &mut never_stop).expect_err("refused");
    assert!(matches!(refusal(vec![], vec![]), PrepareError::TooFewFrames(0)));
    assert!(matches!(refusal(vec![lit.clone()], vec![0]), PrepareError::TooFewFrames(1)));
    assert!(matches!(refusal(vec![black.clone(), black], vec![0, 40]), PrepareError::Black));
    assert!(matches!(refusal(vec![lit.clone(), portrait(40)], vec![0, 40]), PrepareError::Uneven));
    assert!(matches!(refusal(vec![lit.clone(), lit], vec![0]), PrepareError::Uneven));
}

#[test]
fn the_tiniest_frames_work() {
    let teachers = teachers();
    for (width, height) in [(2, 2), (1, 9), (40, 3)] {
        let frames = vec![Rgb::new(width, height, [200, 150, 120]); 2];
        let prepared = prepare(teachers.as_ref(), frames, vec![0, 40], &[], &mut never_stop).expect("works");
        let size = [prepared.clip.width, prepared.clip.height];
        assert!(size.iter().all(|length| *length > 0 && length.is_multiple_of(8)), "{size:?}");
    }
}

#[test]
fn it_stops_when_told_to_and_reports_in_order() {
    let frames = vec![portrait(32); 9];
    let times: Vec<u64> = (0..9).map(|i| 40 * i).collect();
    let mut heard = Vec::new();
    prepare(None, frames.clone(), times.clone(), &[], &mut |done| {
        heard.push(done);
        ControlFlow::Continue(())
    })
    .expect("works");
    assert!(heard.is_sorted() && heard.last() == Some(&1.0), "{heard:?}");
    let stopped = prepare(None, frames, times, &[], &mut |done| {
        if done > 0.6 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(matches!(stopped, Err(PrepareError::Stopped)));
}
