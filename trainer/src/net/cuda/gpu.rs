//! Runs a plan on a GPU. The host only launches, and reads what the device tells it while it works.

mod kernels;
mod pinned;

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::Arc;

use cudarc::driver::{CudaContext, CudaEvent, CudaFunction, CudaGraph, CudaModule, CudaSlice, CudaStream, DevicePtr};
use cudarc::driver::{DriverError, result, sys};

use super::launch::{Addresses, Launch};
use super::plan::Plan;
#[cfg(test)]
pub use kernels::compile;
use pinned::Pinned;

#[derive(Debug, thiserror::Error)]
pub enum GpuError {
    #[error("the GPU has {free_mb} MB of free memory, training takes {needed_mb} MB")]
    Memory { needed_mb: usize, free_mb: usize },
    #[error("{0}")]
    Unfit(String),
    /// Nothing that this process asks of the device will work any more.
    #[error("the GPU failed: {0}")]
    Failed(DriverError),
}

impl From<DriverError> for GpuError {
    fn from(error: DriverError) -> Self {
        Self::Failed(error)
    }
}

/// Numbers that the device tells of each step: the parts of the loss, and the step (1 after the first).
const PROGRESS: usize = 8;

/// A training on its device.
pub struct Gpu {
    // Dropped in this order: what uses the context before it.
    graph: CudaGraph,
    copies: VecDeque<(u32, CudaEvent, Pinned<f32>)>,
    spare: Vec<(CudaEvent, Pinned<f32>)>,
    progress: Pinned<u32>,
    memory: CudaSlice<u8>,
    stream: Arc<CudaStream>,
    state: std::ops::Range<usize>,
}

impl Gpu {
    /// Loads the kernels, uploads everything, and records a step.
    ///
    /// # Errors
    /// `Memory`, `Unfit` (chip or driver too old): the device is as before. `Failed`: it is not.
    pub fn new(ordinal: usize, plan: &Plan, steps: usize) -> Result<Self, GpuError> {
        // SAFETY: opens the driver library and closes it again. Must come first: every other call panics without it.
        if !unsafe { sys::is_culib_present() } {
            return Err(GpuError::Unfit("no NVIDIA driver library on this machine".to_owned()));
        }
        let context = CudaContext::new(ordinal)?;
        // SAFETY: there is one stream, so nothing needs to wait for another.
        unsafe { context.disable_event_tracking() };
        let module = kernels::load(&context, plan.precision)?;
        let (free, _) = context.mem_get_info()?;
        let no_memory = || GpuError::Memory { needed_mb: plan.memory.bytes >> 20, free_mb: free >> 20 };
        let stream = context.new_stream()?;
        // SAFETY: kernels read only what was uploaded or written by kernels before.
        let allocated = unsafe { stream.alloc::<u8>(plan.memory.bytes) };
        let mut memory = allocated.map_err(|error| if is_out_of_memory(error) { no_memory() } else { error.into() })?;
        for (buffer, bytes) in &plan.uploads {
            stream.memcpy_htod(bytes, &mut memory.slice_mut(buffer.start..buffer.start + buffer.bytes))?;
        }
        let progress = Pinned::new(&context, steps * PROGRESS)?;
        let addresses = Addresses { memory: memory.device_ptr(&stream).0, progress: progress.device_address()? };
        let device = Launcher { module, stream: stream.clone(), addresses };
        device.run(&plan.prepare)?;
        // A driver that loads kernels when they are first used must not begin to while a step is recorded.
        for launch in &plan.step {
            device.module.load_function(&launch.kernel)?.num_regs()?;
        }
        stream.synchronize()?;

        stream.begin_capture(sys::CUstreamCaptureMode::CU_STREAM_CAPTURE_MODE_THREAD_LOCAL)?;
        let recorded = device.run(&plan.step);
        // Also after a launch that failed: the stream must not stay in capture.
        let graph = stream.end_capture(sys::CUgraphInstantiate_flags(0));
        recorded?;
        let graph = graph?.ok_or_else(|| GpuError::Unfit("the driver records no graph".to_owned()))?;
        let state = plan.state.start..plan.state.start + plan.state.bytes;
        Ok(Self { graph, copies: VecDeque::new(), spare: Vec::new(), progress, memory, stream, state })
    }

    /// Asks for one more step; does not wait for it.
    pub fn step(&self) -> Result<(), GpuError> {
        Ok(self.graph.launch()?)
    }

    /// Asks for a copy of the state as it is after all steps asked for so far; `step` names it.
    pub fn copy_state(&mut self, step: u32) -> Result<(), GpuError> {
        let context = self.stream.context();
        let (event, mut copy) = match self.spare.pop() {
            Some(spare) => spare,
            None => (context.new_event(None)?, Pinned::new(context, self.state.len() / 4)?),
        };
        let (memory, _) = self.memory.device_ptr(&self.stream);
        // SAFETY: the copy lies within the memory, and nobody reads its target before the event.
        unsafe {
            let from = memory + self.state.start as u64;
            result::memcpy_dtoh_async(copy.as_mut_slice(), from, self.stream.cu_stream())?;
        }
        event.record(&self.stream)?;
        self.copies.push_back((step, event, copy));
        Ok(())
    }

    /// Waits for the oldest copy that was asked for, and hands it to `take`.
    pub fn take_state(&mut self, take: impl FnOnce(u32, &[f32])) -> Result<(), GpuError> {
        if let Some((step, event, copy)) = self.copies.pop_front() {
            event.synchronize()?;
            take(step, copy.as_slice());
            self.spare.push((event, copy));
        }
        Ok(())
    }

    /// The parts of the loss of a step (0 is the first); `None` until it is done.
    pub fn progress(&self, step: usize) -> Option<[f32; 7]> {
        let numbers: [u32; PROGRESS] = std::array::from_fn(|i| self.progress.read(step * PROGRESS + PROGRESS - 1 - i));
        // Read last to first, as the device writes the step's number last.
        let done = numbers[0] == step as u32 + 1;
        done.then(|| std::array::from_fn(|i| f32::from_bits(numbers[PROGRESS - 1 - i])))
    }

    /// An error of what was asked for before.
    pub fn check(&self) -> Result<(), GpuError> {
        // SAFETY: only asks.
        match unsafe { sys::cuStreamQuery(self.stream.cu_stream()) } {
            sys::CUresult::CUDA_SUCCESS | sys::CUresult::CUDA_ERROR_NOT_READY => Ok(()),
            error => Err(GpuError::Failed(DriverError(error))),
        }
    }
}

impl Drop for Gpu {
    /// Nothing may be written to freed memory.
    fn drop(&mut self) {
        if let Err(error) = self.stream.synchronize() {
            tracing::warn!(%error, "the GPU did not come to an end");
        }
    }
}

fn is_out_of_memory(error: DriverError) -> bool {
    error.0 == sys::CUresult::CUDA_ERROR_OUT_OF_MEMORY
}

struct Launcher {
    module: Arc<CudaModule>,
    stream: Arc<CudaStream>,
    addresses: Addresses,
}

impl Launcher {
    fn run(&self, launches: &[Launch]) -> Result<(), GpuError> {
        for launch in launches {
            let function: CudaFunction = self.module.load_function(&launch.kernel)?;
            let mut values: Vec<Vec<u8>> = launch.arguments.iter().map(|a| a.bytes(self.addresses)).collect();
            let mut pointers: Vec<*mut c_void> = values.iter_mut().map(|v| v.as_mut_ptr().cast()).collect();
            let [x, y, z] = launch.grid;
            // SAFETY: the arguments are as the kernel declares them: the emulation's tests launch the same ones.
            unsafe {
                let (function, stream) = (function.cu_function(), self.stream.cu_stream());
                result::launch_kernel(function, (x, y, z), (launch.threads, 1, 1), 0, stream, &mut pointers)?;
            }
        }
        Ok(())
    }
}
