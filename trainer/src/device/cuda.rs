use cudarc::driver::{DriverError, result, sys};

use super::Gpu;

/// The GPUs that the driver knows; why not, when it cannot be asked.
pub fn probe() -> Result<Vec<Gpu>, String> {
    // SAFETY: opens the driver library and closes it again. Must come first: every other call panics without it.
    if !unsafe { sys::is_culib_present() } {
        return Err("no NVIDIA driver library on this machine".to_owned());
    }
    gpus().map_err(|error| format!("the NVIDIA driver answers {error}"))
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
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR as MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR as MINOR,
    };
    let device = result::device::get(ordinal)?;
    // SAFETY: `device` was handed out by the driver just now; these calls only read.
    let (memory_bytes, major, minor) = unsafe {
        (
            result::device::total_mem(device)?,
            result::device::get_attribute(device, MAJOR)?,
            result::device::get_attribute(device, MINOR)?,
        )
    };
    let name = result::device::get_name(device)?;
    Ok(Gpu { ordinal: ordinal as usize, name, memory_bytes, driver, compute_capability: [major, minor] })
}
