//! The motion path on made-up videos with known truth.

use super::flow::tests::texture;
use super::*;
use crate::raster::{Grid, Mask};

const WIDTH: usize = 160;
const HEIGHT: usize = 96;

/// Colours from two textures, so that fine and coarse things are seen in all channels.
fn colour(x: f32, y: f32, shift: f32) -> [u8; 3] {
    [texture(x + shift, y), texture(0.7 * y - shift, 0.8 * x), texture(x - y, y + shift)]
        .map(|v| v.clamp(0.0, 255.0) as u8)
}

/// A textured square that goes its own way over a textured background.
fn square(t: usize, background: [f32; 2], object: [f32; 2]) -> (Rgb, Mask) {
    let time = t as f32;
    let (left, top) = (50.0 + object[0] * time, 30.0 + object[1] * time);
    let mut mask = Mask::new(WIDTH, HEIGHT, false);
    let mut frame = Rgb::new(WIDTH, HEIGHT, [0; 3]);
    for i in 0..frame.data.len() {
        let (x, y) = ((i % WIDTH) as f32, (i / WIDTH) as f32);
        let inside = x >= left && x < left + 44.0 && y >= top && y < top + 36.0;
        mask.data[i] = inside;
        frame.data[i] = match inside {
            true => colour(x - left, y - top, 41.0).map(|v| v / 2 + 90),
            false => colour(x + background[0] * time, y + background[1] * time, 0.0),
        };
    }
    (frame, mask)
}

fn mean_iou(found: &[Plane], truth: &[Mask]) -> f32 {
    let one = |(plane, mask): (&Plane, &Mask)| {
        let pairs = || plane.data.iter().map(|&p| p > 0.5).zip(&mask.data);
        let both = pairs().filter(|(a, b)| *a && **b).count();
        both as f32 / pairs().filter(|(a, b)| *a || **b).count().max(1) as f32
    };
    found.iter().zip(truth).map(one).sum::<f32>() / truth.len() as f32
}

fn times(count: usize, every: u64) -> Vec<u64> {
    (0..count as u64).map(|i| i * every).collect()
}

#[test]
fn a_textured_square_over_a_background_that_moves_otherwise_is_found() {
    for (background, object) in [([2.0, 0.5], [0.2, 0.0]), ([0.0, 0.0], [1.5, 0.5]), ([-1.5, 1.0], [1.0, -0.5])] {
        let (frames, truth): (Vec<Rgb>, Vec<Mask>) = (0..16).map(|t| square(t, background, object)).unzip();
        let found = find(&frames, &times(16, 40), None).expect("something moves");
        let iou = mean_iou(&found, &truth);
        assert!(iou > 0.8, "background {background:?}, object {object:?}: {iou}");
    }
}

#[test]
fn a_whole_picture_that_moves_has_no_figure_and_neither_has_one_that_stands() {
    for background in [[0.0, 0.0], [2.0, -1.0]] {
        let frames: Vec<Rgb> = (0..8)
            .map(|t| {
                let at = |i: usize| {
                    ((i % WIDTH) as f32 + background[0] * t as f32, (i / WIDTH) as f32 + background[1] * t as f32)
                };
                let data = (0..WIDTH * HEIGHT).map(|i| colour(at(i).0, at(i).1, 0.0)).collect();
                Grid::from_data(WIDTH, HEIGHT, data)
            })
            .collect();
        assert!(find(&frames, &times(8, 40), None).is_none(), "{background:?}, close");
        if background == [0.0, 0.0] {
            assert!(find(&frames, &times(8, 500), None).is_none(), "far apart");
        }
    }
}

/// Somebody in one place who sways, before a wall; away in the frames of `away`.
fn swaying(t: usize, away: std::ops::Range<usize>) -> (Rgb, Mask) {
    let mut mask = Mask::new(WIDTH, HEIGHT, false);
    let mut frame = Rgb::new(WIDTH, HEIGHT, [0; 3]);
    let sway = 9.0 * (1.3 * t as f32).sin();
    for i in 0..frame.data.len() {
        let (x, y) = ((i % WIDTH) as f32, (i / WIDTH) as f32);
        let lean = sway * (HEIGHT as f32 - y) / HEIGHT as f32;
        let body = ((x - 80.0 - lean) / 24.0).powi(2) + ((y - 80.0) / 44.0).powi(2) < 1.0;
        let head = ((x - 80.0 - 0.9 * lean) / 13.0).powi(2) + ((y - 28.0) / 15.0).powi(2) < 1.0;
        let there = (body || head) && !away.contains(&t);
        mask.data[i] = there;
        let wall = colour(x, y, 0.0).map(|v| v / 5 + 110);
        frame.data[i] = match there {
            true if head => [205 + (i % 3) as u8, 160, 130],
            true => colour(x - lean, y, 20.0).map(|v| v / 8 + 20),
            false => wall,
        };
    }
    (frame, mask)
}

#[test]
fn who_sways_before_a_still_camera_is_found_in_frames_far_apart() {
    let (frames, truth): (Vec<Rgb>, Vec<Mask>) = (0..24).map(|t| swaying(t, 0..0)).unzip();
    let found = find(&frames, &times(24, 460), None).expect("somebody moves");
    let iou = mean_iou(&found, &truth);
    assert!(iou > 0.7, "{iou}");
}

#[test]
fn stepping_out_of_the_shot_gives_the_place_without_the_figure() {
    let (frames, truth): (Vec<Rgb>, Vec<Mask>) = (0..24).map(|t| swaying(t, 20..24)).unzip();
    let found = find(&frames, &times(24, 460), None).expect("somebody is there at times");
    let iou = mean_iou(&found[..20], &truth[..20]);
    assert!(iou > 0.85, "{iou}");
    let left: usize = found[20..].iter().map(|plane| plane.data.iter().filter(|&&p| p > 0.5).count()).sum();
    assert!(left < WIDTH * HEIGHT / 50, "{left} pixels of nobody");
}

#[test]
fn hardly_any_frames_or_pixels_give_no_figure() {
    let frame = |width: usize, height: usize| Rgb::new(width, height, [90; 3]);
    assert!(find(&[], &[], None).is_none());
    assert!(find(&[frame(60, 40), frame(60, 40)], &times(2, 40), None).is_none());
    for (width, height) in [(8, 8), (300, 4), (1, 1), (64, 48)] {
        for every in [40, 500] {
            assert!(find(&vec![frame(width, height); 5], &times(5, every), None).is_none());
        }
    }
}
