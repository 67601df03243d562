//! What there is to train with.

use std::fmt;

mod cuda;

/// What a training runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Device {
    Cpu { threads: usize },
    Cuda { ordinal: usize, name: String },
}

/// One thing that could train, as `kart doctor` tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    Cpu {
        threads: usize,
        instructions: &'static str,
    },
    Gpu(Gpu),
    /// Why there is no GPU to speak of.
    NoGpu(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gpu {
    pub ordinal: usize,
    pub name: String,
    pub memory_bytes: usize,
    /// CUDA version that the driver knows, `[major, minor]`.
    pub driver: [i32; 2],
    pub compute_capability: [i32; 2],
}

/// The device to train on, and why it is that one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub device: Device,
    pub reason: String,
}

impl Device {
    /// All cores of this machine.
    pub fn cpu() -> Self {
        Self::Cpu { threads: cores() }
    }

    /// The best device that training knows how to use. A GPU is looked for, but its training path is not built yet.
    pub fn choose() -> Choice {
        let reason = match cuda::probe() {
            Ok(gpus) => gpus.first().map_or_else(
                || "no GPU: using the CPU".to_owned(),
                |gpu| format!("found {}, its training path is not built yet: using the CPU", gpu.name),
            ),
            Err(why) => format!("no GPU ({why}): using the CPU"),
        };
        Choice { device: Self::cpu(), reason }
    }

    /// Everything found, whether training can use it or not.
    pub fn probe() -> Vec<Found> {
        let mut found = vec![Found::Cpu { threads: cores(), instructions: instructions() }];
        match cuda::probe() {
            Ok(gpus) if gpus.is_empty() => found.push(Found::NoGpu("the driver knows no GPU".to_owned())),
            Ok(gpus) => found.extend(gpus.into_iter().map(Found::Gpu)),
            Err(why) => found.push(Found::NoGpu(why)),
        }
        found
    }

    /// CPU threads to work with.
    pub fn threads(&self) -> usize {
        match self {
            Self::Cpu { threads } => (*threads).max(1),
            Self::Cuda { .. } => cores(),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Cpu { threads: 1 } => write!(f, "CPU (1 thread, {})", instructions()),
            Self::Cpu { threads } => write!(f, "CPU ({threads} threads, {})", instructions()),
            Self::Cuda { ordinal, name } => write!(f, "{name} (CUDA device {ordinal})"),
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Cpu { threads, instructions } => write!(f, "CPU: {threads} threads, {instructions}"),
            Self::NoGpu(why) => write!(f, "no GPU: {why}"),
            Self::Gpu(gpu) => {
                let [major, minor] = gpu.compute_capability;
                let [cuda, update] = gpu.driver;
                let gib = gpu.memory_bytes as f64 / f64::from(1 << 30);
                write!(f, "GPU {}: {}, {gib:.1} GiB, ", gpu.ordinal, gpu.name)?;
                write!(f, "compute capability {major}.{minor}, driver for CUDA {cuda}.{update}")
            }
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The widest instructions that the network's kernels will use here.
fn instructions() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
            return "AVX-512";
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            return "AVX2";
        }
    }
    if cfg!(target_arch = "aarch64") { "NEON" } else { "no wide vectors" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probing_never_panics_and_always_finds_the_cpu() {
        let found = Device::probe();
        assert!(matches!(found[0], Found::Cpu { threads: 1.., .. }));
        assert!(found.len() > 1, "a GPU, or why there is none");
    }

    #[test]
    fn the_cpu_is_chosen_as_long_as_nothing_else_can_train() {
        let choice = Device::choose();
        assert!(matches!(choice.device, Device::Cpu { .. }));
        assert!(choice.reason.ends_with("using the CPU"), "{}", choice.reason);
    }
}
