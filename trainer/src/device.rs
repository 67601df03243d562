//! What there is to train with.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard};

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
    /// What its memory can carry at best, and its tensor cores compute in bf16; 0 where that is not known.
    pub peak_bytes_per_second: u64,
    pub peak_flop_per_second: u64,
}

/// The devices to train on, and why it is those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// At least one: every GPU that passed the check, else the CPU.
    pub devices: Vec<Device>,
    pub reason: String,
}

/// `cpu` leaves GPUs alone.
const DEVICE_VARIABLE: &str = "KART_DEVICE";

/// GPUs that failed while this process used them: nothing on them will work until it starts anew.
static GIVEN_UP: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

impl Device {
    /// All cores of this machine.
    pub fn cpu() -> Self {
        Self::Cpu { threads: cores() }
    }

    /// The best devices. A GPU is one only if a tiny training on it agrees with the same on the CPU.
    pub fn choose() -> Choice {
        let cpu = |why: String| Choice { devices: vec![Self::cpu()], reason: format!("{why}: using the CPU") };
        if std::env::var(DEVICE_VARIABLE).is_ok_and(|device| device == "cpu") {
            return cpu(format!("{DEVICE_VARIABLE} is cpu"));
        }
        let gpus = match cuda::probe() {
            Ok(gpus) if gpus.is_empty() => return cpu("no GPU".to_owned()),
            Ok(gpus) => gpus,
            Err(why) => return cpu(format!("no GPU ({why})")),
        };
        let (mut devices, mut reasons) = (Vec::new(), Vec::new());
        for gpu in gpus {
            match cuda::check(&gpu) {
                Ok(()) => {
                    reasons.push(format!("{} agrees with the CPU", gpu.name));
                    devices.push(Self::Cuda { ordinal: gpu.ordinal, name: gpu.name });
                }
                Err(why) => reasons.push(format!("{} cannot be used ({why})", gpu.name)),
            }
        }
        let reason = reasons.join(", ");
        if devices.is_empty() { cpu(reason) } else { Choice { devices, reason } }
    }

    /// The device, unless it was given up: then the CPU.
    pub fn if_well(&self) -> Self {
        match self {
            Self::Cuda { ordinal, .. } if given_up().contains(ordinal) => Self::cpu(),
            device => device.clone(),
        }
    }

    /// Uses the device no more in this process.
    pub fn give_up(&self) {
        if let Self::Cuda { ordinal, .. } = self {
            given_up().insert(*ordinal);
        }
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

fn given_up() -> MutexGuard<'static, BTreeSet<usize>> {
    GIVEN_UP.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
    fn some_device_is_chosen_and_the_reason_said() {
        let choice = Device::choose();
        let gpus = choice.devices.iter().filter(|device| matches!(device, Device::Cuda { .. })).count();
        assert!(gpus == choice.devices.len() || choice.devices == [Device::cpu()]);
        assert_eq!(choice.reason.ends_with("using the CPU"), gpus == 0, "{}", choice.reason);
    }

    #[test]
    fn a_gpu_that_was_given_up_is_replaced_by_the_cpu() {
        let gpu = |ordinal: usize| Device::Cuda { ordinal, name: "a GPU".to_owned() };
        assert_eq!(gpu(1000).if_well(), gpu(1000));
        gpu(1000).give_up();
        assert_eq!(gpu(1000).if_well(), Device::cpu());
        assert_eq!(gpu(1001).if_well(), gpu(1001));
    }
}
