//! All that one training does on its device: what is uploaded, and the launches of a step.

use super::launch::{Argument, Launch};
use super::layers::{Ending, Weights};
use super::lesson::Lesson;
use super::memory::{Buffer, Memory, Size, Tensor, Tensors};
use super::source::Precision;
use crate::net::model::ENTRIES;
use crate::net::network::{INPUTS, LAYERS, weight_count};

/// Columns of partial sums of the kernels `judge` and `pull`.
const JUDGED: usize = 5 + 4 * 16;
const PULLED: usize = 4;
/// Blocks that pixels are shared out to: enough for a large GPU.
const MOST_BLOCKS: usize = 1024;

/// The parameters: weights, the palette, the logarithm of the gain.
pub fn parameter_count() -> usize {
    weight_count() + 3 * ENTRIES + 1
}

pub struct Plan {
    pub memory: Memory,
    /// What is there before the first step.
    pub uploads: Vec<(Buffer, Vec<u8>)>,
    /// Once, after the uploads.
    pub prepare: Vec<Launch>,
    /// For each step.
    pub step: Vec<Launch>,
    /// Parameters, their moments (twice as many again), and the usage of the entries: f32.
    pub state: Buffer,
    #[cfg(test)]
    pub tensors: Tensors,
    #[cfg(test)]
    pub gradients: Tensors,
    pub precision: Precision,
}

/// Where the things lie that are not feature maps.
struct Places {
    size: Size,
    /// Structures that kernels take by value.
    footage: Argument,
    groups: Argument,
    parameters: Argument,
    samples: Argument,
    layers: Buffer,
    step: Buffer,
    palette: Buffer,
    usage: Buffer,
    draws: Buffer,
    known: Buffer,
    input: Tensor,
    chances: Buffer,
    field: Buffer,
    judged: Buffer,
    pulled: Buffer,
    totals: Buffer,
    near: Buffer,
    blocks: usize,
    steps: usize,
}

impl Plan {
    pub fn new(lesson: &Lesson, precision: Precision) -> Self {
        let mut memory = Memory::default();
        let size = lesson.size;
        let parameters = parameter_count();
        let state = memory.take(4 * (3 * parameters + ENTRIES));
        let tensors = Tensors::new(&mut memory, size, precision);
        let gradients = Tensors::new(&mut memory, size, precision);
        let master = Buffer { start: state.start, bytes: 4 * weight_count() };
        let weights = Weights::new(&mut memory, master, size, precision);
        let mut uploads = vec![(state, bytes(&lesson.state))];
        let places = Places::new(&mut memory, &mut uploads, lesson, state, &weights, precision);
        let prepare = vec![places.pack(&weights)];
        let mut step = places.forward(&weights, &tensors);
        step.extend(places.loss(&tensors, &gradients));
        step.extend(backward(&weights, &places, &tensors, &gradients));
        step.extend(places.learn(&weights));
        Self {
            memory,
            uploads,
            prepare,
            step,
            state,
            #[cfg(test)]
            tensors,
            #[cfg(test)]
            gradients,
            precision,
        }
    }
}

impl Places {
    fn new(
        memory: &mut Memory,
        uploads: &mut Vec<(Buffer, Vec<u8>)>,
        lesson: &Lesson,
        state: Buffer,
        weights: &Weights,
        precision: Precision,
    ) -> Self {
        let mut upload = |bytes: Vec<u8>| {
            let buffer = memory.take(bytes.len());
            uploads.push((buffer, bytes));
            buffer
        };
        let layers = upload(bytes(&weights.table()));
        let step = upload(bytes(&[lesson.step as i32]));
        let known = upload(bytes(&[0i32; 3]));
        let rates = upload(bytes(lesson.rates.as_flattened()));
        let draws = upload(bytes(&lesson.draws));
        let windows = upload(bytes(lesson.windows.as_flattened()));
        let samples = upload(bytes(lesson.samples.as_flattened()));
        let pixels = upload(lesson.pixels.clone());
        let size = lesson.size;
        let count = size.pixels();
        let blocks = count.div_ceil(256).min(MOST_BLOCKS);
        let [frames, frame_height, frame_width] = lesson.frames;
        let numbers = [frames, frame_height, frame_width, size.images, size.height, size.width].map(Argument::from);
        let footage = [pixels, windows, step].map(Argument::from).into_iter().chain(numbers).collect();
        let parameters = parameter_count();
        let moments = [0, 1, 2].map(|i| Argument::from(state.from(4 * i * parameters)));
        let starts = lesson.sample_starts.map(Argument::from);
        Self {
            size,
            footage: Argument::Struct(footage),
            groups: Argument::Struct(vec![lesson.groups.background.into(), lesson.groups.skin.into()]),
            parameters: Argument::Struct(moments.into_iter().chain([rates.into(), step.into()]).collect()),
            samples: Argument::Struct([samples.into()].into_iter().chain(starts).collect()),
            layers,
            step,
            palette: state.from(4 * weight_count()),
            usage: state.from(4 * 3 * parameters),
            draws,
            known,
            input: size.tensor(memory, precision, 2, INPUTS),
            chances: memory.take(count * 16 * 4),
            field: memory.take(count / 4 * 16),
            judged: memory.take(4 * JUDGED * blocks),
            pulled: memory.take(4 * PULLED * blocks),
            totals: memory.take(4 * JUDGED),
            near: memory.take(4 * PULLED),
            blocks,
            steps: lesson.rates.len(),
        }
    }

    /// Copies the weights for the convolutions.
    fn pack(&self, weights: &Weights) -> Launch {
        let copies = [weights.master, weights.ahead, weights.back].map(Argument::from);
        let mut arguments = vec![self.layers.into(), LAYERS.len().into(), weight_count().into()];
        arguments.extend(copies);
        Launch::each("pack", weight_count(), arguments)
    }

    fn forward(&self, weights: &Weights, maps: &Tensors) -> Vec<Launch> {
        let places = self.size.pixels() / 4;
        let gathered = vec![self.footage.clone(), self.input.buffer.into(), self.known.into()];
        let run = |name: &str, x: Tensor, y: Tensor, relu: bool| weights.forward(name, x, y, relu);
        vec![
            Launch::each("gather", places, gathered),
            run("stem", self.input, maps.stem, true),
            run("enc1", maps.stem, maps.enc1, true),
            run("down1", maps.enc1, maps.down1, true),
            run("enc2", maps.down1, maps.enc2, true),
            run("down2", maps.enc2, maps.down2, true),
            run("enc3", maps.down2, maps.enc3, true),
            run("enc4", maps.enc3, maps.enc4, true),
            run("up2", maps.enc4, maps.up2, false),
            upsample(weights.images, maps.up2, maps.enc2, maps.sum2),
            run("dec2", maps.sum2, maps.dec2, true),
            run("up1", maps.dec2, maps.up1, false),
            upsample(weights.images, maps.up1, maps.enc1, maps.sum1),
            run("dec1", maps.sum1, maps.dec1, true),
            run("head", maps.dec1, maps.head, false),
        ]
    }

    fn loss(&self, maps: &Tensors, d: &Tensors) -> [Launch; 4] {
        let start = [self.footage.clone(), maps.head.buffer.into(), self.palette.into(), self.groups.clone()];
        let end = [self.known, self.chances, self.field, self.judged].map(Argument::from);
        let judge = start.into_iter().chain(end).collect();
        let start = [self.footage.clone(), self.palette.into(), self.groups.clone(), self.known.into()];
        let end = [self.totals, self.chances, self.field, d.head.buffer, self.pulled].map(Argument::from);
        let pull = start.into_iter().chain(end).collect();
        let total = |columns: usize, from: Buffer, to: Buffer| {
            Launch::blocks("total", columns, vec![from.into(), self.blocks.into(), to.into()])
        };
        [
            Launch::blocks("judge", self.blocks, judge),
            total(JUDGED, self.judged, self.totals),
            Launch::blocks("pull", self.blocks, pull),
            total(PULLED, self.pulled, self.near),
        ]
    }

    fn learn(&self, weights: &Weights) -> [Launch; 2] {
        let mut update = vec![self.layers.into(), LAYERS.len().into(), weight_count().into()];
        let copies = [weights.ahead.into(), weights.back.into()];
        update.extend([weights.partials.into(), self.parameters.clone()].into_iter().chain(copies));
        let finish = vec![
            self.parameters.clone(),
            weight_count().into(),
            self.groups.clone(),
            self.totals.into(),
            self.near.into(),
            self.usage.into(),
            self.samples.clone(),
            self.draws.into(),
            self.steps.into(),
            self.known.into(),
            self.step.into(),
            Argument::Progress,
        ];
        [Launch::each("update", weight_count(), update), Launch::blocks("finish", 1, finish)]
    }
}

/// The order of [`crate::net::network::backward`].
fn backward(weights: &Weights, places: &Places, maps: &Tensors, d: &Tensors) -> Vec<Launch> {
    let learn = |name: &str, x: Tensor, dy: Tensor| weights.back_to_weights(name, x, dy);
    let pass = |name: &str, dy: Tensor, dx: Tensor, add: bool, rectified: Option<Tensor>| {
        weights.back_to_input(name, dy, dx, Ending { add, rectified })
    };
    vec![
        learn("head", maps.dec1, d.head),
        pass("head", d.head, d.dec1, false, Some(maps.dec1)),
        learn("dec1", maps.sum1, d.dec1),
        pass("dec1", d.dec1, d.sum1, false, None),
        upsample_back(weights.images, d.sum1, d.up1),
        learn("up1", maps.dec2, d.up1),
        pass("up1", d.up1, d.dec2, false, Some(maps.dec2)),
        learn("dec2", maps.sum2, d.dec2),
        pass("dec2", d.dec2, d.sum2, false, None),
        upsample_back(weights.images, d.sum2, d.up2),
        learn("up2", maps.enc4, d.up2),
        pass("up2", d.up2, d.enc4, false, Some(maps.enc4)),
        learn("enc4", maps.enc3, d.enc4),
        pass("enc4", d.enc4, d.enc3, false, Some(maps.enc3)),
        learn("enc3", maps.down2, d.enc3),
        pass("enc3", d.enc3, d.down2, false, Some(maps.down2)),
        learn("down2", maps.enc2, d.down2),
        pass("down2", d.down2, d.sum2, true, Some(maps.enc2)),
        learn("enc2", maps.down1, d.sum2),
        pass("enc2", d.sum2, d.down1, false, Some(maps.down1)),
        learn("down1", maps.enc1, d.down1),
        pass("down1", d.down1, d.sum1, true, Some(maps.enc1)),
        learn("enc1", maps.stem, d.sum1),
        pass("enc1", d.sum1, d.stem, false, Some(maps.stem)),
        learn("stem", places.input, d.stem),
    ]
}

pub fn upsample(images: usize, low: Tensor, skip: Tensor, out: Tensor) -> Launch {
    let packs = out.buffer.bytes / 16;
    let numbers = [images, low.height, low.width, low.channels].map(Argument::from);
    let buffers = [low.buffer, skip.buffer, out.buffer].map(Argument::from);
    Launch::each("upsample", packs, buffers.into_iter().chain(numbers).collect())
}

pub fn upsample_back(images: usize, d_out: Tensor, d_low: Tensor) -> Launch {
    let packs = d_low.buffer.bytes / 16;
    let numbers = [images, d_low.height, d_low.width, d_low.channels].map(Argument::from);
    let buffers = [d_out.buffer, d_low.buffer].map(Argument::from);
    Launch::each("upsample_back", packs, buffers.into_iter().chain(numbers).collect())
}

fn bytes<T: bytemuck::NoUninit>(values: &[T]) -> Vec<u8> {
    bytemuck::cast_slice(values).to_vec()
}
