//! The one allocation that a training has on its device, and what lies where in it.

use super::source::Precision;

/// Buffers begin at multiples of this, with at least as much between them: what is written beyond the end of one
/// can be found out by tests.
pub const GUARD: usize = 256;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffer {
    pub start: usize,
    pub bytes: usize,
}

impl Buffer {
    /// The part from byte `from` on.
    pub fn from(self, from: usize) -> Self {
        Self { start: self.start + from, bytes: self.bytes - from }
    }
}

/// Hands out buffers one after the other.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    pub bytes: usize,
    pub buffers: Vec<Buffer>,
}

impl Memory {
    pub fn take(&mut self, bytes: usize) -> Buffer {
        let buffer = Buffer { start: self.bytes, bytes };
        self.bytes = (buffer.start + bytes + GUARD).next_multiple_of(GUARD);
        self.buffers.push(buffer);
        buffer
    }
}

/// A feature map on the device, `[images][height][width][channels]` without a border.
#[derive(Clone, Copy, Debug)]
pub struct Tensor {
    pub buffer: Buffer,
    pub height: usize,
    pub width: usize,
    pub channels: usize,
}

/// What the layers say; or, in the same places, the gradients of it. See [`crate::net::network::Maps`].
#[derive(Clone, Copy, Debug)]
pub struct Tensors {
    pub stem: Tensor,
    pub enc1: Tensor,
    pub down1: Tensor,
    pub enc2: Tensor,
    pub down2: Tensor,
    pub enc3: Tensor,
    pub enc4: Tensor,
    pub up2: Tensor,
    pub sum2: Tensor,
    pub dec2: Tensor,
    pub up1: Tensor,
    pub sum1: Tensor,
    pub dec1: Tensor,
    pub head: Tensor,
}

/// Windows of a batch, in pixels.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    pub images: usize,
    pub height: usize,
    pub width: usize,
}

impl Size {
    pub fn pixels(self) -> usize {
        self.images * self.height * self.width
    }

    /// A map that is `shrink` times smaller than the windows.
    pub fn tensor(self, memory: &mut Memory, precision: Precision, shrink: usize, channels: usize) -> Tensor {
        let (height, width) = (self.height / shrink, self.width / shrink);
        let buffer = memory.take(self.images * height * width * channels * precision.bytes());
        Tensor { buffer, height, width, channels }
    }
}

impl Tensors {
    pub fn new(memory: &mut Memory, size: Size, precision: Precision) -> Self {
        let mut map = |shrink: usize, channels: usize| size.tensor(memory, precision, shrink, channels);
        Self {
            stem: map(2, 32),
            enc1: map(2, 32),
            down1: map(4, 48),
            enc2: map(4, 48),
            down2: map(8, 64),
            enc3: map(8, 64),
            enc4: map(8, 64),
            up2: map(8, 48),
            sum2: map(4, 48),
            dec2: map(4, 48),
            up1: map(4, 32),
            sum1: map(2, 32),
            dec1: map(2, 32),
            head: map(2, 64),
        }
    }
}
