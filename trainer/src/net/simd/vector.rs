#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

use super::{LANES, Lanes};

/// Sixteen floats in registers.
pub trait Vector: Copy {
    fn load(lanes: &Lanes) -> Self;
    fn store(self, lanes: &mut Lanes);
    /// `self + factor · lanes`.
    fn add_multiple(self, factor: f32, lanes: Self) -> Self;
    fn sum(self) -> f32;
    /// Squares of `D` lanes change places: of every `2D` lanes, ours are the first halves of both, the others the second.
    fn exchange<const D: usize>(self, other: Self) -> (Self, Self);
    /// `a · b + c`, rounded once where the machine can.
    fn fused(a: f32, b: f32, c: f32) -> f32;
}

/// What every machine has; the compiler makes of it what it can.
#[derive(Clone, Copy)]
pub struct Portable(Lanes);

impl Vector for Portable {
    #[inline(always)]
    fn load(lanes: &Lanes) -> Self {
        Self(*lanes)
    }

    #[inline(always)]
    fn store(self, lanes: &mut Lanes) {
        *lanes = self.0;
    }

    #[inline(always)]
    fn add_multiple(mut self, factor: f32, lanes: Self) -> Self {
        for k in 0..LANES {
            self.0[k] = Self::fused(factor, lanes.0[k], self.0[k]);
        }
        self
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        fold(self.0)
    }

    #[inline(always)]
    fn exchange<const D: usize>(self, other: Self) -> (Self, Self) {
        let (first, second) = exchange_lanes::<D>(self.0, other.0);
        (Self(first), Self(second))
    }

    #[inline(always)]
    fn fused(a: f32, b: f32, c: f32) -> f32 {
        // Every 64-bit Arm has the instruction; elsewhere it would be a slow call.
        if cfg!(target_arch = "aarch64") { a.mul_add(b, c) } else { a * b + c }
    }
}

/// Adds halves of the lanes until one is left.
#[inline(always)]
fn fold(mut lanes: Lanes) -> f32 {
    for half in [8, 4, 2, 1] {
        for k in 0..half {
            lanes[k] += lanes[k + half];
        }
    }
    lanes[0]
}

#[inline(always)]
fn exchange_lanes<const D: usize>(mut first: Lanes, mut second: Lanes) -> (Lanes, Lanes) {
    for l in 0..LANES {
        if l & D != 0 {
            (first[l], second[l - D]) = (second[l - D], first[l]);
        }
    }
    (first, second)
}

/// Two registers of eight.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Avx2([__m256; 2]);

// SAFETY of all calls below: only `simd::run` names these types, after it has found the instructions on this machine,
// and `Lanes` is exactly as long as what is read and written.
#[cfg(target_arch = "x86_64")]
impl Vector for Avx2 {
    #[inline(always)]
    fn load(lanes: &Lanes) -> Self {
        unsafe { Self([_mm256_loadu_ps(lanes.as_ptr()), _mm256_loadu_ps(lanes.as_ptr().add(8))]) }
    }

    #[inline(always)]
    fn store(self, lanes: &mut Lanes) {
        unsafe {
            _mm256_storeu_ps(lanes.as_mut_ptr(), self.0[0]);
            _mm256_storeu_ps(lanes.as_mut_ptr().add(8), self.0[1]);
        }
    }

    #[inline(always)]
    fn add_multiple(self, factor: f32, lanes: Self) -> Self {
        unsafe {
            let factor = _mm256_set1_ps(factor);
            Self([_mm256_fmadd_ps(factor, lanes.0[0], self.0[0]), _mm256_fmadd_ps(factor, lanes.0[1], self.0[1])])
        }
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe {
            let eight = _mm256_add_ps(self.0[0], self.0[1]);
            let four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
    }

    #[inline(always)]
    fn exchange<const D: usize>(self, other: Self) -> (Self, Self) {
        let (mut first, mut second) = ([0.0; LANES], [0.0; LANES]);
        self.store(&mut first);
        other.store(&mut second);
        let (first, second) = exchange_lanes::<D>(first, second);
        (Self::load(&first), Self::load(&second))
    }

    #[inline(always)]
    fn fused(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
}

/// One register.
#[cfg(target_arch = "x86_64")]
#[derive(Clone, Copy)]
pub struct Avx512(__m512);

#[cfg(target_arch = "x86_64")]
impl Vector for Avx512 {
    #[inline(always)]
    fn load(lanes: &Lanes) -> Self {
        unsafe { Self(_mm512_loadu_ps(lanes.as_ptr())) }
    }

    #[inline(always)]
    fn store(self, lanes: &mut Lanes) {
        unsafe { _mm512_storeu_ps(lanes.as_mut_ptr(), self.0) }
    }

    #[inline(always)]
    fn add_multiple(self, factor: f32, lanes: Self) -> Self {
        unsafe { Self(_mm512_fmadd_ps(_mm512_set1_ps(factor), lanes.0, self.0)) }
    }

    #[inline(always)]
    fn sum(self) -> f32 {
        unsafe { _mm512_reduce_add_ps(self.0) }
    }

    #[inline(always)]
    fn exchange<const D: usize>(self, other: Self) -> (Self, Self) {
        // Lane numbers from 16 on are those of the other.
        const fn lanes<const D: usize>(second: bool) -> [i32; LANES] {
            let (mut lanes, mut l) = ([0; LANES], 0);
            while l < LANES {
                let from_other = l & D != 0;
                let lane = if from_other { l - D + LANES } else { l };
                lanes[l] = if second { lane + D } else { lane } as i32;
                l += 1;
            }
            lanes
        }
        unsafe {
            let first = _mm512_loadu_si512(const { &lanes::<D>(false) }.as_ptr().cast());
            let second = _mm512_loadu_si512(const { &lanes::<D>(true) }.as_ptr().cast());
            let exchanged = |lanes| Self(_mm512_permutex2var_ps(self.0, lanes, other.0));
            (exchanged(first), exchanged(second))
        }
    }

    #[inline(always)]
    fn fused(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
}
