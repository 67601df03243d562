//! The loss once more, in f64 and as plainly as its definition reads: what the fast passes are held against.

use super::pixel::{SKIN_CERTAIN, SKIN_FLOOR};
use super::*;

/// Everything that the loss is a function of.
#[derive(Clone)]
pub struct Point {
    /// `[image][y][x][16]`
    pub said: Vec<[f64; 16]>,
    pub centres: [[f64; 3]; ENTRIES],
    pub log_gain: f64,
}

impl Point {
    pub fn new(batch: &Batch, model: &Model, head: &Map) -> Self {
        let mut said = Vec::new();
        for image in 0..batch.images {
            for (y, x) in (0..batch.height).flat_map(|y| (0..batch.width).map(move |x| (y, x))) {
                let lanes = &head.row(image, y / 2)[shuffle::part(x, y)..][..16];
                said.push(std::array::from_fn(|k| f64::from(lanes[k])));
            }
        }
        let centres = model.centres.map(|c| c.map(f64::from));
        Self { said, centres, log_gain: f64::from(model.log_gain) }
    }
}

/// What training takes as given, however it follows from the point: targets, weights, distances in the logits.
/// Gradients do not flow through these.
#[derive(Clone)]
pub struct Given {
    targets: Vec<[f64; ENTRIES]>,
    weights: Vec<f64>,
    seen: Vec<[f64; ENTRIES]>,
    chosen: Vec<[f64; ENTRIES]>,
}

struct Pixel {
    log_chances: [f64; ENTRIES],
    chances: [f64; ENTRIES],
    figure: f64,
}

fn plain(colour: [f32; 3], centre: &[f64; 3]) -> f64 {
    (0..3).map(|c| (f64::from(colour[c]) - centre[c]).powi(2)).sum()
}

fn read(said: &[f64; 16], seen: &[f64; ENTRIES], log_gain: f64) -> Pixel {
    let z: [f64; ENTRIES] =
        std::array::from_fn(|k| said[k] - log_gain.exp() * seen[k].min(f64::from(FAR)) / f64::from(SOFTNESS));
    let log_total = z.iter().map(|z| z.exp()).sum::<f64>().ln();
    let log_chances = z.map(|z| z - log_total);
    Pixel { log_chances, chances: log_chances.map(f64::exp), figure: 1.0 / (1.0 + (-said[15]).exp()) }
}

fn group_sum(groups: Groups, chances: &[f64; ENTRIES], group: usize) -> f64 {
    (0..ENTRIES).filter(|&k| groups.of(k) == group).map(|k| chances[k]).sum()
}

pub fn given(batch: &Batch, groups: Groups, at: &Point) -> Given {
    let mut given = Given { targets: vec![], weights: vec![], seen: vec![], chosen: vec![] };
    for (i, &colour) in batch.colours.iter().enumerate() {
        let seen: [f64; ENTRIES] = std::array::from_fn(|k| {
            let lightness = (f64::from(colour[0]) - at.centres[k][0]).powi(2);
            let lenience = if groups.of(k) == 0 { 1.0 - f64::from(BACKGROUND_LIGHTNESS) } else { 0.0 };
            plain(colour, &at.centres[k]) - lenience * lightness
        });
        let pixel = read(&at.said[i], &seen, at.log_gain);
        let (figure, skin) = (batch.figure[i], batch.skin[i]);
        let person = group_sum(groups, &pixel.chances, 1) + group_sum(groups, &pixel.chances, 2);
        let ratio = group_sum(groups, &pixel.chances, 1) / (person + f64::from(SKIN_FLOOR));
        let believed = if figure < 0 { pixel.figure } else { f64::from(figure) }.clamp(1e-3, 1.0 - 1e-3);
        let on_skin = if skin < 0 { 0.3 * ratio + 0.35 } else { f64::from(skin) }.clamp(0.01, 0.99);
        let on_skin = if groups.skin == 0 { 0.0 } else { on_skin };
        let gates = [1.0 - believed, believed * on_skin, believed * (1.0 - on_skin)];
        let gate = |k: usize| if groups.has_figure() { gates[groups.of(k)] } else { 1.0 };
        let raw: [f64; ENTRIES] = std::array::from_fn(|k| gate(k) * (-seen[k] / 0.04).exp());
        let total: f64 = raw.iter().sum();
        given.targets.push(raw.map(|r| r / total));
        let person = f64::from(u8::from(believed > 0.5 || !groups.has_figure()));
        given.weights.push(0.3 + person + 0.7 * f64::from(u8::from(skin == 1)));
        given.seen.push(seen);
        given.chosen.push(pixel.chances);
    }
    let mean = given.weights.iter().sum::<f64>() / given.weights.len() as f64;
    given.weights.iter_mut().for_each(|w| *w /= mean);
    given
}

/// The loss at a point, with what is given held fixed.
pub fn loss(batch: &Batch, groups: Groups, given: &Given, direction: Direction, at: &Point) -> f64 {
    let pixels: Vec<Pixel> =
        at.said.iter().zip(&given.seen).map(|(said, seen)| read(said, seen, at.log_gain)).collect();
    let count = pixels.len() as f64;
    let mut total = 0.0;
    for (i, pixel) in pixels.iter().enumerate() {
        let labels: f64 = -(0..ENTRIES).map(|k| given.targets[i][k] * pixel.log_chances[k]).sum::<f64>();
        let palette: f64 = (0..ENTRIES).map(|k| given.chosen[i][k] * plain(batch.colours[i], &at.centres[k])).sum();
        total += given.weights[i] * (labels + palette) / count;
    }
    total += agreement(batch, &pixels, direction);
    if groups.has_figure() {
        total += figure(batch, &pixels) + border(batch, &pixels);
    }
    if groups.skin > 0 { total + skin(batch, groups, &pixels) } else { total }
}

fn alike(a: [f32; 3], b: [f32; 3], deviation: f64) -> f64 {
    let b = b.map(f64::from);
    (-plain(a, &b) / (2.0 * deviation * deviation)).exp()
}

fn agreement(batch: &Batch, pixels: &[Pixel], direction: Direction) -> f64 {
    let (h, w) = (batch.height, batch.width);
    let differ = |i: usize, j: usize, deviation: f64| {
        let l1: f64 = (0..ENTRIES).map(|k| (pixels[i].chances[k] - pixels[j].chances[k]).abs()).sum();
        l1 * alike(batch.colours[i], batch.colours[j], deviation)
    };
    let mut space = (0.0f64, 0.0f64);
    let mut time = (0.0f64, 0.0f64);
    for i in 0..pixels.len() {
        let (image, y, x) = (i / (h * w), i / w % h, i % w);
        let (inside, j) = match direction {
            Direction::Down => (y + 1 < h, i + w),
            Direction::Right => (x + 1 < w, i + 1),
        };
        if inside {
            space = (space.0 + differ(i, j, 0.25), space.1 + 1.0);
        }
        if image % 2 == 0 {
            time = (time.0 + differ(i, i + h * w, 0.15), time.1 + 1.0);
        }
    }
    2.0 * 1.2 * space.0 / space.1.max(1.0) + 0.6 * time.0 / time.1
}

fn figure(batch: &Batch, pixels: &[Pixel]) -> f64 {
    let side = |label: i8| {
        let known: Vec<f64> = (0..pixels.len())
            .filter(|&i| batch.figure[i] == label)
            .map(|i| if label == 1 { -pixels[i].figure.ln() } else { -(1.0 - pixels[i].figure).ln() })
            .collect();
        known.iter().sum::<f64>() / known.len().max(1) as f64
    };
    0.5 * (side(0) + side(1))
}

fn border(batch: &Batch, pixels: &[Pixel]) -> f64 {
    let (h, w) = (batch.height / 2, batch.width / 2);
    let four = |image: usize, y: usize, x: usize| {
        [(0, 0), (0, 1), (1, 0), (1, 1)].map(|(dy, dx)| ((image * 2 * h) + 2 * y + dy) * 2 * w + 2 * x + dx)
    };
    let colour =
        |four: [usize; 4]| std::array::from_fn(|c| four.iter().map(|&i| batch.colours[i][c]).sum::<f32>() / 4.0);
    let figure = |four: [usize; 4]| four.iter().map(|&i| pixels[i].figure).sum::<f64>() / 4.0;
    let mut total = 0.0;
    for (down, right) in [(1isize, 0isize), (0, 1), (2, 2), (2, -2), (0, 5), (5, 0)] {
        let mut sum = (0.0, 0.0);
        for (image, y, x) in (0..batch.images).flat_map(|i| (0..h).flat_map(move |y| (0..w).map(move |x| (i, y, x)))) {
            let (y2, x2) = (y as isize + down, x as isize + right);
            if y2 >= h as isize || !(0..w as isize).contains(&x2) {
                continue;
            }
            let (a, b) = (four(image, y, x), four(image, y2 as usize, x2 as usize));
            let near = (-((down * down + right * right) as f64) / 32.0).exp();
            let (p, q) = (figure(a), figure(b));
            sum.0 += near * alike(colour(a), colour(b), 0.2) * (p * (1.0 - q) + q * (1.0 - p));
            sum.1 += 1.0;
        }
        total += if sum.1 > 0.0 { 0.4 * sum.0 / sum.1 } else { 0.0 };
    }
    total
}

fn skin(batch: &Batch, groups: Groups, pixels: &[Pixel]) -> f64 {
    let certain = f64::from(SKIN_CERTAIN);
    let known: Vec<f64> = (0..pixels.len())
        .filter(|&i| batch.figure[i] == 1 && batch.skin[i] >= 0)
        .map(|i| {
            let skin = group_sum(groups, &pixels[i].chances, 1);
            let person = skin + group_sum(groups, &pixels[i].chances, 2) + f64::from(SKIN_FLOOR);
            let ratio = (skin / person).clamp(certain, 1.0 - certain);
            if batch.skin[i] == 1 { -ratio.ln() } else { -(1.0 - ratio).ln() }
        })
        .collect();
    0.5 * known.iter().sum::<f64>() / known.len().max(1) as f64
}
