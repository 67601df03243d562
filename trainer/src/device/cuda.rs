use cudarc::driver::{DriverError, result, sys};

use super::Gpu;
use crate::net;

/// The GPUs that the driver knows; why not, when it cannot be asked.
pub fn probe() -> Result<Vec<Gpu>, String> {
    // SAFETY: opens the driver library and closes it again. Must come first: every other call panics without it.
    if !unsafe { sys::is_culib_present() } {
        return Err("no NVIDIA driver library on this machine".to_owned());
    }
    gpus().map_err(|error| format!("the NVIDIA driver answers {error}"))
}

/// The oldest CUDA that a driver must know.
const LEAST_CUDA: [i32; 2] = [12, 1];

/// Why training on the GPU cannot be trusted, if so.
pub fn check(gpu: &Gpu) -> Result<(), String> {
    if gpu.driver < LEAST_CUDA {
        let ([major, minor], [least, update]) = (gpu.driver, LEAST_CUDA);
        return Err(format!("its driver knows CUDA {major}.{minor}, {least}.{update} is needed"));
    }
    // A driver that lacks a function makes the bindings panic.
    let checked = std::panic::catch_unwind(|| net::check(gpu.ordinal));
    let agreements =
        checked.map_err(|_| "its driver lacks a function".to_owned())?.map_err(|error| error.to_string())?;
    match agreements.iter().find(|agreement| !agreement.holds()) {
        Some(net::Agreement { precision, loss, gradients, .. }) => {
            Err(format!("in {precision} its loss is {loss:.1e} and its gradients are {gradients:.1e} from the CPU's"))
        }
        None => Ok(()),
    }
}

fn gpus() -> Result<Vec<Gpu>, DriverError> {
    result::init()?;
    let mut version = 0;
    // SAFETY: writes one integer.
    unsafe { sys::cuDriverGetVersion(&mut version) }.result()?;
    // The driver counts 1000 · major + 10 · minor.
    let driver = [version / 1000, version % 1000 / 10];
    (0..result::device::get_count()?).map(|ordinal| gpu(ordinal, driver)).collect()
}

fn gpu(ordinal: i32, driver: [i32; 2]) -> Result<Gpu, DriverError> {
    use sys::CUdevice_attribute::{
        CU_DEVICE_ATTRIBUTE_CLOCK_RATE as CLOCK, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR, CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH as BUS_BITS,
        CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE as MEMORY_CLOCK, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT as PROCESSORS,
    };
    let device = result::device::get(ordinal)?;
    // SAFETY: `device` was handed out by the driver just now; these calls only read.
    let attribute = |attribute| unsafe { result::device::get_attribute(device, attribute) };
    // SAFETY: as above.
    let memory_bytes = unsafe { result::device::total_mem(device)? };
    let (major, minor) = (attribute(MAJOR)?, attribute(MINOR)?);
    // Clocks are in kHz, and memory moves twice in each; newer drivers may not tell them.
    let known = |what| attribute(what).unwrap_or(0).max(0) as u64;
    let flop = known(PROCESSORS) * known(CLOCK) * 1000 * tensor_flop_per_clock(major, minor);
    Ok(Gpu {
        ordinal: ordinal as usize,
        name: result::device::get_name(device)?,
        memory_bytes,
        driver,
        compute_capability: [major, minor],
        peak_bytes_per_second: known(MEMORY_CLOCK) * 1000 * 2 * known(BUS_BITS) / 8,
        peak_flop_per_second: flop,
    })
}

/// Of one multiprocessor in bf16, by NVIDIA's white papers; 0 for chips that are not listed.
fn tensor_flop_per_clock(major: i32, minor: i32) -> u64 {
    match (major, minor) {
        (8, 0) => 2048,
        (8, _) => 1024,
        (9, 0) => 4096,
        _ => 0,
    }
}
