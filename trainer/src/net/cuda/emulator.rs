//! Runs plans on the CPU: the kernels' own source, compiled by a C++ compiler behind `emulation.h`.

use std::ffi::{CStr, CString, c_char, c_void};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use super::launch::{Addresses, Launch};
use super::memory::{Buffer, GUARD, Memory};
use super::source::{Precision, program};
use crate::net::map::Map;

type LaunchFunction =
    unsafe extern "C" fn(*const c_char, *const u32, u32, *mut *mut c_void, backwards: bool) -> *const c_char;

/// The memory of an emulated device, and its kernels.
pub struct Emulator {
    launch: LaunchFunction,
    precision: Precision,
    memory: Memory,
    /// As u64, to be aligned.
    data: Vec<u64>,
    pub progress: Vec<[f32; 8]>,
    /// Threads take their turns in the opposite order.
    pub backwards: bool,
}

impl Emulator {
    /// Everything holds NaN at first. `None`, said on stderr, where there is no C++ compiler (and none is required).
    pub fn new(memory: &Memory, precision: Precision, steps: usize) -> Option<Self> {
        static KERNELS: [OnceLock<Option<LaunchFunction>>; 2] = [OnceLock::new(), OnceLock::new()];
        let launch = (*KERNELS[precision.bytes() / 4].get_or_init(|| compile(precision, &program())))?;
        let data = vec![u64::MAX; memory.bytes.next_multiple_of(16) / 8 + 2];
        Some(Self {
            launch,
            precision,
            memory: memory.clone(),
            data,
            progress: vec![[0.0; 8]; steps],
            backwards: false,
        })
    }

    /// Goes on with other kernels.
    pub fn use_kernels(&mut self, program: &str) {
        self.launch = compile(self.precision, program).unwrap();
    }

    /// The first byte that is as well aligned as a GPU's memory is.
    fn base(&self) -> usize {
        self.data.as_ptr().align_offset(16) * 8
    }

    pub fn bytes(&self, buffer: Buffer) -> &[u8] {
        &bytemuck::cast_slice(&self.data)[self.base() + buffer.start..][..buffer.bytes]
    }

    pub fn upload(&mut self, buffer: Buffer, bytes: &[u8]) {
        let start = self.base() + buffer.start;
        bytemuck::cast_slice_mut(&mut self.data)[start..start + bytes.len()].copy_from_slice(bytes);
    }

    pub fn floats(&self, buffer: Buffer) -> Vec<f32> {
        bytemuck::pod_collect_to_vec(self.bytes(buffer))
    }

    /// Numbers of a feature map.
    pub fn reals(&self, buffer: Buffer) -> Vec<f32> {
        match self.precision {
            Precision::Single => self.floats(buffer),
            Precision::Brain => {
                let halves = self.bytes(buffer).as_chunks::<2>().0.iter();
                halves.map(|&half| half::bf16::from_ne_bytes(half).to_f32()).collect()
            }
        }
    }

    pub fn upload_reals(&mut self, buffer: Buffer, values: &[f32]) {
        match self.precision {
            Precision::Single => self.upload(buffer, bytemuck::cast_slice(values)),
            Precision::Brain => {
                let bytes: Vec<u8> = values.iter().flat_map(|&v| half::bf16::from_f32(v).to_ne_bytes()).collect();
                self.upload(buffer, &bytes);
            }
        }
    }

    pub fn upload_map(&mut self, buffer: Buffer, map: &Map) {
        let rows = (0..map.images).flat_map(|image| (0..map.height).map(move |y| (image, y)));
        let values: Vec<f32> = rows.flat_map(|(image, y)| map.row(image, y)).copied().collect();
        self.upload_reals(buffer, &values);
    }

    pub fn run(&mut self, launches: &[Launch]) {
        let addresses = Addresses {
            memory: self.data.as_mut_ptr() as u64 + self.base() as u64,
            progress: self.progress.as_mut_ptr() as u64,
        };
        for Launch { kernel, grid, threads, arguments } in launches {
            let name = CString::new(kernel.as_str()).unwrap();
            let aligned = |bytes: Vec<u8>| {
                let mut words = vec![0u64; bytes.len().div_ceil(8)];
                bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(&bytes);
                words
            };
            let mut values: Vec<Vec<u64>> = arguments.iter().map(|a| aligned(a.bytes(addresses))).collect();
            let mut pointers: Vec<*mut c_void> = values.iter_mut().map(|v| v.as_mut_ptr().cast()).collect();
            // SAFETY: the arguments are as the kernel declares them, and their addresses lie within our memory: that
            // they do is what these tests are for.
            let wrong =
                unsafe { (self.launch)(name.as_ptr(), grid.as_ptr(), *threads, pointers.as_mut_ptr(), self.backwards) };
            if !wrong.is_null() {
                // SAFETY: a C string that lasts until this thread's next launch.
                panic!("{}", unsafe { CStr::from_ptr(wrong) }.to_string_lossy());
            }
            self.look_for_strays(kernel);
        }
    }

    /// Nothing may be written between buffers.
    fn look_for_strays(&self, kernel: &str) {
        for buffer in &self.memory.buffers {
            let end = Buffer { start: buffer.start + buffer.bytes, bytes: GUARD };
            assert!(self.bytes(end).iter().all(|b| *b == 0xff), "{kernel} writes beyond the end of a buffer");
        }
    }
}

fn compile(precision: Precision, program: &str) -> Option<LaunchFunction> {
    let required = std::env::var("KART_REQUIRE_TOOLS").is_ok_and(|value| !value.is_empty());
    let Ok(folder) = tempfile::tempdir() else { panic!("no folder for the emulated kernels") };
    let (source, library) = (folder.path().join("kernels.cpp"), folder.path().join("kernels.so"));
    let emulation = concat!(env!("CARGO_MANIFEST_DIR"), "/kernels/emulation.h");
    std::fs::write(&source, format!("#include \"{emulation}\"\n{program}")).unwrap();
    let mut command = Command::new("c++");
    command.args(["-std=c++17", "-O1", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-Wno-unknown-pragmas"]);
    // Two of these libraries are loaded at once, with the same names in them.
    command.arg("-fvisibility=hidden");
    command.arg(format!("-D{}", precision.definition())).arg("-o").arg(&library).arg(&source);
    match command.output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) if required => panic!("no C++ compiler: {error}"),
        Err(error) => {
            eprintln!("skipped: the kernels are not emulated without a C++ compiler ({error})");
            return None;
        }
    }
    Some(load(&library))
}

fn load(library: &Path) -> LaunchFunction {
    let path = CString::new(library.to_str().unwrap()).unwrap();
    // SAFETY: a library of our own, whose initialisers only fill a list. It is never closed.
    unsafe {
        let handle = libc::dlopen(path.as_ptr(), libc::RTLD_NOW);
        assert!(!handle.is_null(), "the emulated kernels cannot be loaded");
        let symbol = libc::dlsym(handle, c"launch".as_ptr());
        assert!(!symbol.is_null(), "the emulated kernels have no launch");
        std::mem::transmute::<*mut c_void, LaunchFunction>(symbol)
    }
}
