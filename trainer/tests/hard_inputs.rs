//! Videos that make it hard: each ends in a usable clip, or in a sentence that tells what to do.
//!
//! The clips are made by ffmpeg. With the teachers installed they take part; every outcome must hold without them too.

use std::ops::ControlFlow::Continue;
use std::path::{Path, PathBuf};
use std::process::Command;
use tokio_util::sync::CancellationToken;
use trainer::decode::{self, Decoded};
use trainer::teach::{self, Advice, PrepareError, Prepared, Teachers};

const FRAMES: usize = 24;

/// A clip that a filter graph makes.
fn film(folder: &Path, graph: &str) -> PathBuf {
    let path = folder.join("film.mp4");
    let status = Command::new("ffmpeg")
        .args([
            "-nostdin",
            "-v",
            "error",
            "-y",
            "-filter_complex",
            graph,
            "-pix_fmt",
            "yuv420p",
            "-preset",
            "ultrafast",
        ])
        .arg(&path)
        .status()
        .expect("ffmpeg runs");
    assert!(status.success(), "{graph}");
    path
}

fn puppet() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/media/puppet.mp4").display().to_string()
}

fn decoded(graph: &str) -> Decoded {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = film(folder.path(), graph);
    decode::decode(&path, FRAMES, &CancellationToken::new(), &mut |_| Continue(())).expect("a video like others")
}

fn teachers() -> Option<Teachers> {
    Teachers::load(&teach::default_folder()).inspect_err(|error| eprintln!("without teachers: {error}")).ok()
}

fn prepared_with(teachers: Option<&Teachers>, graph: &str) -> Result<Prepared, PrepareError> {
    let Decoded { frames, times_ms, .. } = decoded(graph);
    teach::prepare(teachers, frames, times_ms, &[], &mut |_| Continue(()))
}

fn prepared(graph: &str) -> Prepared {
    prepared_with(teachers().as_ref(), graph).expect("a usable clip")
}

/// Share of pixels of columns `from..to` (of 1) that are rather figure, over all frames.
fn figure_share(prepared: &Prepared, from: f32, to: f32) -> f32 {
    let clip = &prepared.clip;
    let inside = |x: usize| (from..to).contains(&(x as f32 / clip.width as f32));
    let pixels = clip.person.iter().flat_map(|plane| plane.data.iter().enumerate());
    let (hits, all) = pixels
        .filter(|(i, _)| inside(i % clip.width))
        .fold((0usize, 0usize), |(hits, all), (_, &p)| (hits + usize::from(p > 0.5), all + 1));
    hits as f32 / all.max(1) as f32
}

#[test]
fn one_second_gives_as_many_frames_as_it_has_and_its_figure() {
    let graph = format!("movie={},trim=0:1,setpts=PTS-STARTPTS", puppet());
    let prepared = prepared(&graph);
    assert!((20..=FRAMES).contains(&prepared.clip.frames.len()), "{}", prepared.clip.frames.len());
    if teachers().is_some() {
        assert!(prepared.clip.has_figure && figure_share(&prepared, 0.0, 1.0) > 0.1, "{:?}", prepared.advice);
    }
}

#[test]
fn five_minutes_are_seen_from_the_first_to_the_last() {
    let Decoded { frames, times_ms, .. } = decoded("testsrc2=size=160x120:rate=5:duration=300");
    assert_eq!(frames.len(), FRAMES);
    assert!(times_ms[0] == 0 && times_ms[FRAMES - 1] > 280_000, "{times_ms:?}");
    let gaps: Vec<u64> = times_ms.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (8_000..20_000).contains(gap)), "{gaps:?}");
}

#[test]
fn where_nothing_moves_there_is_no_figure_and_advice() {
    let still = "color=gray:size=320x240:rate=12:duration=2,noise=alls=100,boxblur=2";
    for teachers in [None, teachers()] {
        let prepared = prepared_with(teachers.as_ref(), still).expect("a usable clip");
        assert!(!prepared.clip.has_figure && figure_share(&prepared, 0.0, 1.0) == 0.0);
        assert!(
            matches!(prepared.advice[..], [Advice::NoTeachers | Advice::NoPerson | Advice::FigureUnsure]),
            "{:?}",
            prepared.advice
        );
    }
}

#[test]
fn where_everything_moves_nothing_is_taken_for_a_figure() {
    // a picture that scrolls as a whole, and noise
    let scrolls = "color=gray:size=640x480:rate=24:duration=1,noise=alls=100,boxblur=2,\
                   scroll=horizontal=0.01:vertical=0.004,crop=320:240";
    let noise = "color=gray:size=320x240:rate=24:duration=1,noise=alls=100:allf=t";
    for graph in [scrolls, noise] {
        let prepared = prepared_with(None, graph).expect("a usable clip");
        assert!(!prepared.clip.has_figure, "{graph}: {:?}", prepared.advice);
        assert_eq!(prepared.advice, [Advice::NoTeachers]);
    }
}

#[test]
fn a_black_video_is_refused_with_a_question() {
    let black = prepared_with(None, "color=black:size=320x240:rate=24:duration=2").expect_err("black");
    assert!(matches!(black, PrepareError::Black));
    assert!(black.to_string().contains("covered"), "{black}");
}

#[test]
fn cuts_do_not_make_a_figure_of_everything() {
    let graph = "testsrc2=size=320x240:rate=12:duration=1[a];mandelbrot=size=320x240:rate=12,trim=duration=1[b];\
                 smptebars=size=320x240:rate=12:duration=1[c];[a][b][c]concat=n=3";
    let prepared = prepared(graph);
    assert_eq!(prepared.clip.frames.len(), FRAMES);
    let share = figure_share(&prepared, 0.0, 1.0);
    assert!(share < 0.5, "{share}");
}

#[test]
fn upright_large_and_small_videos_come_to_a_size_that_works() {
    for (size, longest) in [("360x640", 640), ("3840x2160", 1024), ("240x180", 240)] {
        let graph = format!("testsrc2=size={size}:rate=6:duration=2");
        let Prepared { clip, .. } = prepared_with(None, &graph).expect("a usable clip");
        let (source, work) = (&clip.source[0], [clip.width, clip.height]);
        assert!(source.width.max(source.height) <= decode::MAX_SIDE as usize, "{size}");
        assert!(work.iter().all(|side| side.is_multiple_of(8)), "{size}: {work:?}");
        assert!(work[0].max(work[1]) <= longest + 8, "{size}: {work:?}");
        let (drawn, filmed) = (clip.width as f32 / clip.height as f32, source.width as f32 / source.height as f32);
        assert!((drawn / filmed - 1.0).abs() < 0.1, "{size}: {work:?}");
    }
}

#[test]
fn two_people_are_both_the_figure() {
    if teachers().is_none() {
        return;
    }
    let graph = format!("movie={0}[a];movie={0},hflip[b];[a][b]hstack,trim=0:2", puppet());
    let prepared = prepared(&graph);
    let (left, right) = (figure_share(&prepared, 0.0, 0.5), figure_share(&prepared, 0.5, 1.0));
    assert!(left > 0.08 && right > 0.08, "{left} {right}");
}

#[test]
fn without_teachers_somebody_who_moves_is_the_figure_all_the_same() {
    let graph = format!("movie={},trim=0:2", puppet());
    let prepared = prepared_with(None, &graph).expect("a usable clip");
    assert!(prepared.clip.has_figure, "{:?}", prepared.advice);
    assert_eq!(prepared.advice[0], Advice::MotionOnly);
    let share = figure_share(&prepared, 0.0, 1.0);
    assert!((0.02..0.8).contains(&share), "{share}");
}
