//! The kernels' source and what is compiled of it ahead.

/// What feature maps are stored as on the device. Weights, sums and all arithmetic are f32 either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Plain f32: what the other is held against.
    Single,
    /// bf16, multiplied by tensor cores.
    Brain,
}

impl Precision {
    /// Bytes of one number of a feature map.
    pub fn bytes(self) -> usize {
        match self {
            Self::Single => 4,
            Self::Brain => 2,
        }
    }

    /// What the compilers of the kernels are told.
    pub fn definition(self) -> &'static str {
        match self {
            Self::Single => "BF16=0",
            Self::Brain => "BF16=1",
        }
    }
}

impl Precision {
    /// The kernels as PTX, compiled ahead for every chip that has what they need.
    pub fn ptx(self) -> &'static str {
        match self {
            Self::Single => include_str!("../../../kernels/ptx/single.ptx"),
            Self::Brain => include_str!("../../../kernels/ptx/brain.ptx"),
        }
    }

    #[cfg(test)]
    pub fn ptx_file(self) -> &'static str {
        match self {
            Self::Single => "single.ptx",
            Self::Brain => "brain.ptx",
        }
    }
}

/// The files in the order in which they make one program, each with its name.
pub const FILES: [(&str, &str); 12] = [
    ("device.cu", include_str!("../../../kernels/device.cu")),
    ("gather.cu", include_str!("../../../kernels/gather.cu")),
    ("upsample.cu", include_str!("../../../kernels/upsample.cu")),
    ("shape.cu", include_str!("../../../kernels/shape.cu")),
    ("plain.cu", include_str!("../../../kernels/plain.cu")),
    ("tensor.cu", include_str!("../../../kernels/tensor.cu")),
    ("convolve.cu", include_str!("../../../kernels/convolve.cu")),
    ("correlate.cu", include_str!("../../../kernels/correlate.cu")),
    ("update.cu", include_str!("../../../kernels/update.cu")),
    ("loss.cu", include_str!("../../../kernels/loss.cu")),
    ("pull.cu", include_str!("../../../kernels/pull.cu")),
    ("finish.cu", include_str!("../../../kernels/finish.cu")),
];

/// All files as one, for compilers.
pub fn program() -> String {
    FILES.iter().map(|(name, text)| format!("#line 1 \"{name}\"\n{text}")).collect()
}
