use std::ffi::c_void;
use std::sync::Arc;

use cudarc::driver::{CudaContext, DriverError, result, sys};

/// Memory of the host that the device can write to.
pub struct Pinned<T> {
    first: *mut T,
    count: usize,
    context: Arc<CudaContext>,
}

// SAFETY: it is owned memory, like a `Vec`.
unsafe impl<T: Send> Send for Pinned<T> {}

impl<T: bytemuck::Pod> Pinned<T> {
    /// Zeros.
    pub fn new(context: &Arc<CudaContext>, count: usize) -> Result<Self, DriverError> {
        context.bind_to_thread()?;
        let bytes = count.max(1) * size_of::<T>();
        // SAFETY: the memory is ours until `drop`, and all of it is written at once.
        let first = unsafe {
            let first = result::malloc_host(bytes, sys::CU_MEMHOSTALLOC_DEVICEMAP)?.cast::<T>();
            first.write_bytes(0, count);
            first
        };
        Ok(Self { first, count, context: context.clone() })
    }

    pub fn device_address(&self) -> Result<u64, DriverError> {
        self.context.bind_to_thread()?;
        let mut address = 0;
        // SAFETY: `first` came from the driver, mapped for the device.
        unsafe { sys::cuMemHostGetDevicePointer_v2(&mut address, self.first.cast::<c_void>(), 0) }.result()?;
        Ok(address)
    }

    /// One number that the device may be writing just now.
    pub fn read(&self, index: usize) -> T {
        assert!(index < self.count);
        // SAFETY: within the memory. Volatile: it changes without our doing.
        let value = unsafe { self.first.add(index).read_volatile() };
        std::sync::atomic::fence(std::sync::atomic::Ordering::Acquire);
        value
    }

    /// Only when the device does not write.
    pub fn as_slice(&self) -> &[T] {
        // SAFETY: all of it was written in `new`.
        unsafe { std::slice::from_raw_parts(self.first, self.count) }
    }

    pub fn as_mut_slice(&mut self) -> &mut [T] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.first, self.count) }
    }
}

impl<T> Drop for Pinned<T> {
    fn drop(&mut self) {
        // SAFETY: it came from the driver, and nobody else has it.
        let freed = self.context.bind_to_thread().and_then(|()| unsafe { result::free_host(self.first.cast()) });
        if let Err(error) = freed {
            tracing::warn!(%error, "memory of the host stays pinned");
        }
    }
}
