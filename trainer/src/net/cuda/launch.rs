//! A kernel with its arguments, as data: the same list is run by a GPU and, in tests, by its emulation.

use super::memory::Buffer;

#[derive(Clone, Debug, PartialEq)]
pub struct Launch {
    pub kernel: String,
    pub grid: [u32; 3],
    /// Threads of a block.
    pub threads: u32,
    pub arguments: Vec<Argument>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// The address of a byte of the training's memory.
    Address(usize),
    Null,
    /// The address of what the host reads while the device works.
    Progress,
    Number(i32),
    /// A structure that is handed over by value.
    Struct(Vec<Argument>),
}

impl From<Buffer> for Argument {
    fn from(buffer: Buffer) -> Self {
        Self::Address(buffer.start)
    }
}

impl From<usize> for Argument {
    fn from(number: usize) -> Self {
        Self::Number(number as i32)
    }
}

/// Where the device sees things.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    pub memory: u64,
    pub progress: u64,
}

impl Argument {
    /// As C lays it out.
    pub fn bytes(&self, addresses: Addresses) -> Vec<u8> {
        match self {
            Self::Address(byte) => (addresses.memory + *byte as u64).to_ne_bytes().to_vec(),
            Self::Null => 0u64.to_ne_bytes().to_vec(),
            Self::Progress => addresses.progress.to_ne_bytes().to_vec(),
            Self::Number(number) => number.to_ne_bytes().to_vec(),
            Self::Struct(fields) => {
                let mut bytes = Vec::new();
                for field in fields {
                    bytes.resize(bytes.len().next_multiple_of(field.alignment()), 0);
                    bytes.extend(field.bytes(addresses));
                }
                bytes.resize(bytes.len().next_multiple_of(self.alignment()), 0);
                bytes
            }
        }
    }

    fn alignment(&self) -> usize {
        match self {
            Self::Number(_) => 4,
            Self::Struct(fields) => fields.iter().map(Self::alignment).max().unwrap_or(1),
            _ => 8,
        }
    }
}

/// Threads of most kernels' blocks.
pub const THREADS: u32 = 256;

impl Launch {
    /// A thread for each of `count`, in blocks of [`THREADS`].
    pub fn each(kernel: impl Into<String>, count: usize, arguments: Vec<Argument>) -> Self {
        Self::blocks(kernel, count.div_ceil(THREADS as usize), arguments)
    }

    pub fn blocks(kernel: impl Into<String>, blocks: usize, arguments: Vec<Argument>) -> Self {
        Self { kernel: kernel.into(), grid: [blocks as u32, 1, 1], threads: THREADS, arguments }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_are_laid_out_as_c_does() {
        let addresses = Addresses { memory: 0x1000, progress: 0x9000 };
        let field = Argument::Struct(vec![Argument::Number(1), Argument::Address(16), Argument::Number(2)]);
        let mut expected = vec![1, 0, 0, 0, 0, 0, 0, 0, 0x10, 0x10, 0, 0, 0, 0, 0, 0];
        expected.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(field.bytes(addresses), expected);
        let groups = Argument::Struct(vec![Argument::Number(5), Argument::Number(-1)]);
        assert_eq!(groups.bytes(addresses), [5, 0, 0, 0, 255, 255, 255, 255]);
    }
}
