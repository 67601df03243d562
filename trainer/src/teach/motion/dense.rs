//! The moving object in frames that follow each other closely, also when the camera moves: what the flow and the plate
//! tell, carried along the flow, completed by colours, and held together by edges.

use rayon::prelude::*;

use super::appearance::Appearance;
use super::camera::{Background, deviation};
use super::edges::Edges;
use super::flow::{Flow, Pyramid, flow, follow, sample};
use super::{plate, volume};
use crate::raster::clean::smoothstep;
use crate::raster::components::{Connectivity, regions};
use crate::raster::filter::gaussian;
use crate::raster::{Grid, Lab, Plane};

/// Residual flow in deviations at which a pixel moves half surely.
const HALF_MOVING: f32 = 3.5;
/// What the flow of any background is off by: this much, and this share of the camera's motion.
const FLOW_NOISE: f32 = 0.12;
const PARALLAX: f32 = 0.04;
/// A pixel whose colour differs by this much (OKLab) from where its flow points to was not found again.
const LOST: f32 = 0.12;
/// Frames with a larger share of lost pixels are of different shots.
const CUT: f32 = 0.5;
/// How the plate counts against the flow.
const PLATE_SAY: f32 = 0.8;
/// How much of the flow's word goes where a reliable plate sees no difference.
const HALO_DOUBT: f32 = 0.75;
/// Log odds of an object anywhere, before anything is seen.
const PRIOR: f32 = -0.9;
/// Of the evidence carried along the flow, what is kept from frame to frame.
const MEMORY: f32 = 0.75;
const ROUNDS: usize = 4;
/// Log odds that colour and place may speak with.
const COLOUR_SAY: f32 = 0.8;
const MOST_COLOUR: f32 = 2.5;
const PLACE_SAY: f32 = 0.6;
/// How far around the object it may be next, as a share of the width.
const PLACE: f32 = 0.07;
/// Log odds of what the teacher is sure of, and the mean motion from which, and with which fully, it is heard.
const TEACHER_SAY: f32 = 2.5;
const MOVES: std::ops::Range<f32> = 0.12..0.4;
/// How decided the outcome is.
const SHARPNESS: f32 = 1.6;

/// All that two frames in a row say of each other.
struct Step {
    ahead: Flow,
    back: Flow,
    ahead_ground: Background,
    back_ground: Background,
    /// Whether they are of one shot.
    linked: bool,
}

/// What moves in each frame as a probability, and how surely each pixel moves. `person`: where a teacher sees people.
pub(super) fn find(frames: &[Lab], person: Option<&[Plane]>) -> (Vec<Plane>, Vec<Plane>) {
    let steps = steps(frames);
    let moving = moving(frames, &steps);
    let hint: Option<Vec<Plane>> =
        person.map(|person| person.par_iter().zip(&moving).map(|(person, moving)| hint(person, moving)).collect());
    let edges: Vec<Edges> = (0..frames.len()).into_par_iter().map(|t| edges(frames, &steps, t)).collect();
    let unary: Vec<Plane> = moving.iter().map(|plane| plane.map(|&c| (c + 0.03).ln() - (1.03 - c).ln())).collect();
    let mut object = settle(&steps, &edges, &unary, |_, _| PRIOR);
    for round in 0..ROUNDS {
        volume::keep_main(&mut object, &moving, 0.3);
        let appearance = Appearance::learn(frames.iter().zip(&object));
        let place: Vec<Plane> = object.par_iter().map(|plane| gaussian(plane, PLACE * plane.width as f32)).collect();
        let evidence = |t: usize, i: usize| {
            let colour = appearance.odds(frames[t].data[i]).clamp(-MOST_COLOUR, MOST_COLOUR);
            let near = place[t].data[i];
            let place = ((near + 0.03) / 0.25).ln().clamp(-2.5, 1.0);
            PRIOR + COLOUR_SAY * colour + PLACE_SAY * place + hint.as_ref().map_or(0.0, |hint| hint[t].data[i])
        };
        let trust = 1.0 - 0.12 * round as f32;
        let softer: Vec<Plane> = unary.iter().map(|plane| plane.map(|&u| trust * u)).collect();
        object = settle(&steps, &edges, &softer, evidence);
    }
    volume::keep_main(&mut object, &moving, 0.05);
    (object, moving)
}

/// What the teacher adds: people who move are objects as a whole; those who stand are somebody else. That it sees no
/// person says nothing: what they ride on moves as well.
fn hint(person: &Plane, moving: &Plane) -> Plane {
    let found = regions(&person.map(|&p| p > 0.5), Connectivity::Eight);
    let mut moves = vec![[0.0f32; 2]; found.regions.len()];
    for (&id, &m) in found.ids.data.iter().zip(&moving.data) {
        moves[id as usize][0] += m;
        moves[id as usize][1] += 1.0;
    }
    let say = |(&id, &p): (&u32, &f32)| {
        let [sum, count] = moves[id as usize];
        TEACHER_SAY * (2.0 * p - 1.0).max(0.0) * smoothstep(sum / count.max(1.0), MOVES.start, MOVES.end)
    };
    Plane::from_data(person.width, person.height, found.ids.data.iter().zip(&person.data).map(say).collect())
}

fn steps(frames: &[Lab]) -> Vec<Step> {
    let pyramids: Vec<Pyramid> =
        frames.par_iter().map(|frame| Pyramid::new(&frame.map(|colour| 255.0 * colour[0]))).collect();
    let trust = border_weight(frames[0].width, frames[0].height);
    (1..frames.len())
        .into_par_iter()
        .map(|t| {
            let (ahead, back) = (flow(&pyramids[t - 1], &pyramids[t]), flow(&pyramids[t], &pyramids[t - 1]));
            let ahead_ground = Background::fit(&ahead, &trust, t as u64);
            let back_ground = Background::fit(&back, &trust, t as u64);
            let linked = lost(&frames[t - 1], &frames[t], &ahead) < CUT;
            Step { ahead, back, ahead_ground, back_ground, linked }
        })
        .collect()
}

/// Objects are rather in the middle: the border tells more about the camera.
fn border_weight(width: usize, height: usize) -> Plane {
    let from_middle = |i: usize| {
        let x = 2.0 * (i % width) as f32 / width as f32 - 1.0;
        let y = 2.0 * (i / width) as f32 / height as f32 - 1.0;
        0.35 + 0.65 * x.abs().max(y.abs()).powi(2)
    };
    Plane::from_data(width, height, (0..width * height).map(from_middle).collect())
}

/// Share of pixels that are not where the flow says.
fn lost(from: &Lab, to: &Lab, flow: &Flow) -> f32 {
    let (a, b) = (from.map(|c| c[0]), to.map(|c| c[0]));
    let there = follow(&b, flow);
    let lost = a.data.iter().zip(&there.data).filter(|(a, b)| (*a - *b).abs() > LOST).count();
    lost as f32 / a.data.len().max(1) as f32
}

/// How surely each pixel moves by itself, 0..1.
fn moving(frames: &[Lab], steps: &[Step]) -> Vec<Plane> {
    let by_flow: Vec<Plane> = (0..frames.len()).into_par_iter().map(|t| moving_by_flow(frames, steps, t)).collect();
    let ahead: Vec<_> = steps.iter().map(|step| step.linked.then_some(step.ahead_ground)).collect();
    let back: Vec<_> = steps.iter().map(|step| step.linked.then_some(step.back_ground)).collect();
    (0..frames.len())
        .into_par_iter()
        .map(|t| {
            let still = by_flow[t].map(|m| 1.0 - m);
            let differs = plate::difference(frames, &ahead, &back, t, &still, &on_near(steps, t, still.data.len()));
            let doubt = HALO_DOUBT * reliability(&by_flow[t], &differs);
            let both = by_flow[t].data.iter().zip(&differs.data).map(|(&m, d)| match d {
                // flow bleeds over edges; the plate does not
                Some(d) => 1.0 - (1.0 - m * (1.0 - doubt * (1.0 - d))) * (1.0 - PLATE_SAY * d),
                None => m,
            });
            Plane::from_data(differs.width, differs.height, both.collect())
        })
        .collect()
}

/// How far the plate shows what moves, 0..1: not where the object stays before the same background.
fn reliability(by_flow: &Plane, differs: &Grid<Option<f32>>) -> f32 {
    let surely = by_flow.data.iter().zip(&differs.data).filter(|(m, _)| **m > 0.7).filter_map(|(_, d)| *d);
    let (sum, count) = surely.fold((0.0, 0.0), |(sum, count), d| (sum + d, count + 1.0));
    (1.6 * sum / f32::max(count, 1.0) - 0.2).clamp(0.0, 1.0)
}

/// Which pixels go with the nearer plane of the background.
fn on_near(steps: &[Step], t: usize, pixels: usize) -> Vec<bool> {
    let (flow, background) = match steps.get(t) {
        Some(step) => (&step.ahead, &step.ahead_ground),
        None => match steps.last() {
            Some(step) => (&step.back, &step.back_ground),
            None => return vec![false; pixels],
        },
    };
    let near = |i: usize| {
        let (x, y) = ((i % flow.width) as f32, (i / flow.width) as f32);
        background.near.as_ref() == Some(background.plane(x, y, flow.data[i]))
    };
    (0..pixels).map(near).collect()
}

/// From the flow to the next frame and to the one before; where both exist, both must move, since what gets hidden or
/// comes into view has no true flow on one side.
fn moving_by_flow(frames: &[Lab], steps: &[Step], t: usize) -> Plane {
    let frame = &frames[t];
    let border = border_weight(frame.width, frame.height);
    let to_next = steps.get(t).filter(|step| step.linked).map(|step| (&step.ahead, &step.ahead_ground));
    let to_last = t.checked_sub(1).map(|last| &steps[last]).filter(|step| step.linked);
    let to_last = to_last.map(|step| (&step.back, &step.back_ground));
    let mut sides =
        to_next.into_iter().chain(to_last).map(|(flow, background)| significance(flow, background, &border));
    let Some(mut moving) = sides.next() else { return Plane::new(frame.width, frame.height, 0.0) };
    for side in sides {
        moving.data.iter_mut().zip(side.data).for_each(|(m, s)| *m = (*m * s).sqrt());
    }
    moving
}

fn significance(flow: &Flow, background: &Background, border: &Plane) -> Plane {
    let place = |i: usize| ((i % flow.width) as f32, (i / flow.width) as f32);
    let residuals: Vec<f32> = (0..flow.data.len())
        .map(|i| {
            let (x, y) = place(i);
            background.plane(x, y, flow.data[i]).residual(x, y, flow.data[i])
        })
        .collect();
    let spread = deviation(&residuals, border.data.iter().copied());
    let sure = |(i, residual): (usize, &f32)| {
        let (x, y) = place(i);
        let [u, v] = background.plane(x, y, flow.data[i]).at(x, y);
        let floor = (spread * spread + FLOW_NOISE * FLOW_NOISE + (PARALLAX * u.hypot(v)).powi(2)).sqrt();
        1.0 - (-(residual / (HALF_MOVING * floor)).powi(2)).exp()
    };
    Plane::from_data(flow.width, flow.height, residuals.iter().enumerate().map(sure).collect())
}

fn edges(frames: &[Lab], steps: &[Step], t: usize) -> Edges {
    let next = steps.get(t).filter(|step| step.linked).map(|step| (&step.ahead, &step.ahead_ground));
    let last = t.checked_sub(1).map(|last| &steps[last]).filter(|step| step.linked);
    let flow = next.or(last.map(|step| (&step.back, &step.back_ground)));
    let flow = flow.map(|(flow, background)| {
        let [u, v] = background.far.at(flow.width as f32 / 2.0, flow.height as f32 / 2.0);
        (flow, FLOW_NOISE.hypot(PARALLAX * u.hypot(v)))
    });
    Edges::new(&frames[t], flow)
}

/// Evidence of all frames, carried along the flow both ways in time, then smoothed within edges: a probability.
fn settle(steps: &[Step], edges: &[Edges], unary: &[Plane], more: impl Fn(usize, usize) -> f32 + Sync) -> Vec<Plane> {
    let evidence: Vec<Plane> = (0..unary.len())
        .into_par_iter()
        .map(|t| {
            let all = unary[t].data.iter().enumerate().map(|(i, u)| u + more(t, i)).collect();
            Plane::from_data(unary[t].width, unary[t].height, all)
        })
        .collect();
    let (forwards, backwards) = rayon::join(
        || carried(&evidence, (0..evidence.len()).collect(), |t| steps[t].linked.then(|| &steps[t].back)),
        || carried(&evidence, (0..evidence.len()).rev().collect(), |t| steps[t].linked.then(|| &steps[t].ahead)),
    );
    (0..evidence.len())
        .into_par_iter()
        .map(|t| {
            let own = evidence[t].data.iter().zip(&forwards[t].data).zip(&backwards[t].data);
            let all = own.map(|((own, f), b)| (f + b - (1.0 - MEMORY) * own) / (1.0 + MEMORY)).collect();
            let smooth = edges[t].smooth(&Plane::from_data(evidence[t].width, evidence[t].height, all));
            smooth.map(|&odds| 1.0 / (1.0 + (-SHARPNESS * odds).exp()))
        })
        .collect()
}

/// A running mean over the frames in an order. `link(t)` is the flow between frames t and t + 1 that leads from the
/// frame looked at to the one before it in that order; `None` begins anew.
fn carried<'a>(evidence: &[Plane], order: Vec<usize>, link: impl Fn(usize) -> Option<&'a Flow>) -> Vec<Plane> {
    let mut out = evidence.to_vec();
    for pair in order.windows(2) {
        let (before, now) = (pair[0], pair[1]);
        if let Some(flow) = link(before.min(now)) {
            let brought: Vec<f32> = (0..flow.data.len())
                .map(|i| {
                    let [u, v] = flow.data[i];
                    sample(&out[before], (i % flow.width) as f32 + u, (i / flow.width) as f32 + v)
                })
                .collect();
            out[now].data.iter_mut().zip(brought).for_each(|(own, past)| *own += MEMORY * (past - *own));
        }
    }
    out
}
