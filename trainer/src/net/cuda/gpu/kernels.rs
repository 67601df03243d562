//! Gets the kernels onto a device: compiled for its very chip where NVRTC is installed, else as the PTX that comes with
//! the program, which the driver compiles.

use std::sync::{Arc, Mutex};

use cudarc::driver::{CudaContext, CudaModule, DriverError, sys};
use cudarc::nvrtc::{self, CompileOptions, Ptx};

use super::GpuError;
use crate::net::cuda::source::{Precision, program};

/// The kernels use instructions that older chips do not have.
const LEAST_CAPABILITY: i32 = 8;

/// What this process has loaded: to compile takes seconds, a training less.
static LOADED: Mutex<Vec<(usize, Precision, Arc<CudaModule>)>> = Mutex::new(Vec::new());

pub fn load(context: &Arc<CudaContext>, precision: Precision) -> Result<Arc<CudaModule>, GpuError> {
    let mut loaded = LOADED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let found = loaded.iter().find(|(ordinal, its, _)| (*ordinal, *its) == (context.ordinal(), precision));
    if let Some((_, _, module)) = found {
        return Ok(module.clone());
    }
    let module = load_anew(context, precision)?;
    loaded.push((context.ordinal(), precision, module.clone()));
    Ok(module)
}

fn load_anew(context: &Arc<CudaContext>, precision: Precision) -> Result<Arc<CudaModule>, GpuError> {
    let (major, minor) = context.compute_capability()?;
    if major < LEAST_CAPABILITY {
        let unfit = format!("a chip of compute capability {major}.{minor} is too old: 8.0 is needed");
        return Err(GpuError::Unfit(unfit));
    }
    match compiled_here(precision, major, minor).map(|ptx| context.load_module(ptx)) {
        Some(Ok(module)) => return Ok(module),
        Some(Err(error)) => tracing::warn!(%error, "the driver refuses what NVRTC compiled"),
        None => {}
    }
    context.load_module(Ptx::from_src(precision.ptx())).map_err(|error| match error {
        DriverError(
            sys::CUresult::CUDA_ERROR_UNSUPPORTED_PTX_VERSION
            | sys::CUresult::CUDA_ERROR_INVALID_PTX
            | sys::CUresult::CUDA_ERROR_NO_BINARY_FOR_GPU,
        ) => GpuError::Unfit(format!("the NVIDIA driver is too old for the kernels ({error})")),
        error => GpuError::Failed(error),
    })
}

fn compiled_here(precision: Precision, major: i32, minor: i32) -> Option<Ptx> {
    // SAFETY: opens the library and closes it again. Must come first: every other call panics without it.
    if !unsafe { nvrtc::sys::is_culib_present() } {
        return None;
    }
    let compiled = compile(precision, &format!("compute_{major}{minor}"));
    compiled.inspect_err(|error| tracing::warn!(?error, "NVRTC does not compile the kernels")).ok()
}

/// # Errors
/// Only where the NVRTC library is too old for the architecture, or not well.
pub fn compile(precision: Precision, architecture: &str) -> Result<Ptx, nvrtc::CompileError> {
    let options = [
        format!("--gpu-architecture={architecture}"),
        "--std=c++17".to_owned(),
        format!("--define-macro={}", precision.definition()),
    ];
    nvrtc::compile_ptx_with_opts(program(), CompileOptions { options: options.into(), ..Default::default() })
}
