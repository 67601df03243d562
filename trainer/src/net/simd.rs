//! One source, compiled for several instruction sets, the best one chosen when running.
//!
//! Arithmetic is written over [`Lanes`]. Most of it is left to the compiler, which turns loops over lanes into vector
//! instructions; the convolutions, where the sums must stay in registers, name them through [`Vector`].

mod vector;

#[cfg(target_arch = "x86_64")]
use vector::{Avx2, Avx512};
pub use vector::{Portable, Vector};

/// Sixteen neighbouring channels.
pub type Lanes = [f32; 16];
pub const LANES: usize = 16;

/// A computation that is worth compiling for each instruction set. Mark `run` and all it calls `#[inline(always)]`:
/// only what is inlined is compiled for the wider instructions. (So no `array::from_fn` inside, and no closure that
/// is called twice.)
pub trait Kernel {
    type Output;
    /// `PIXELS × BLOCKS` sums of 16 lanes, with what they are made of, fit in the machine's registers.
    fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(self) -> Self::Output;
}

/// An instruction set that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instructions {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Instructions {
    fn widest() -> Self {
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512vl") {
                return Self::Avx512;
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                return Self::Avx2;
            }
        }
        Self::Portable
    }
}

/// Runs the kernel with the widest instructions of this machine.
pub fn run<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(test)]
    let instructions = forced::instructions().unwrap_or_else(Instructions::widest);
    #[cfg(not(test))]
    let instructions = Instructions::widest();
    match instructions {
        // SAFETY: the instructions were detected just now.
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx512 => unsafe { run_avx512(kernel) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Instructions::Avx2 => unsafe { run_avx2(kernel) },
        Instructions::Portable => kernel.run::<Portable, 4, 1>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vl,avx2,fma")]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx512, 10, 2>()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run::<Avx2, 5, 1>()
}

/// Other instructions than the widest, for tests that compare them.
#[cfg(test)]
pub mod forced {
    use super::Instructions;
    use std::cell::Cell;

    thread_local!(static FORCED: Cell<Option<Instructions>> = const { Cell::new(None) });

    pub(super) fn instructions() -> Option<Instructions> {
        FORCED.get()
    }

    /// Every set that this machine can run, the portable one first.
    pub fn all() -> Vec<Instructions> {
        #[cfg(target_arch = "x86_64")]
        {
            let all = [Instructions::Portable, Instructions::Avx2, Instructions::Avx512];
            let widest = all.iter().position(|set| *set == Instructions::widest()).expect("it is one of all");
            all[..=widest].to_vec()
        }
        #[cfg(not(target_arch = "x86_64"))]
        vec![Instructions::Portable]
    }

    /// Runs `work`, with all that it hands to other threads, on threads that use these instructions.
    pub fn with<T: Send>(instructions: Instructions, work: impl FnOnce() -> T + Send) -> T {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2);
        let pool = pool.start_handler(move |_| FORCED.set(Some(instructions))).build().unwrap();
        pool.install(work)
    }
}

/// A value for each lane.
#[inline(always)]
pub fn each(mut value: impl FnMut(usize) -> f32) -> Lanes {
    let mut lanes = [0.0; LANES];
    for (k, lane) in lanes.iter_mut().enumerate() {
        *lane = value(k);
    }
    lanes
}

/// Exchanges lanes and rows.
#[inline(always)]
pub fn transpose<V: Vector>(rows: &mut [Lanes; LANES]) {
    exchange::<V, 8>(rows);
    exchange::<V, 4>(rows);
    exchange::<V, 2>(rows);
    exchange::<V, 1>(rows);
}

/// Transposes the 2×2 blocks of `D × D` squares.
#[inline(always)]
fn exchange<V: Vector, const D: usize>(rows: &mut [Lanes; LANES]) {
    for i in 0..LANES {
        if i & D == 0 {
            let (a, b) = V::load(&rows[i]).exchange::<D>(V::load(&rows[i + D]));
            a.store(&mut rows[i]);
            b.store(&mut rows[i + D]);
        }
    }
}

/// `eˣ` to about 2e-7 relative, by a polynomial that the compiler can run on whole vectors. Next to 0 below -87.
#[inline(always)]
pub fn exp<V: Vector>(x: f32) -> f32 {
    // Adding and taking away 1.5·2²³ rounds to the nearest integer.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, so that the remainder keeps its low bits.
    const LN_2_HIGH: f32 = 0.693_359_4;
    const LN_2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let n = V::fused(x, std::f32::consts::LOG2_E, ROUND) - ROUND;
    let r = V::fused(n, -LN_2_LOW, V::fused(n, -LN_2_HIGH, x));
    // 1 + r + r²/2 + …: Taylor to the sixth power is enough for |r| ≤ ln 2 / 2.
    let mut p = 1.0 / 720.0;
    p = V::fused(p, r, 1.0 / 120.0);
    p = V::fused(p, r, 1.0 / 24.0);
    p = V::fused(p, r, 1.0 / 6.0);
    p = V::fused(p, r, 0.5);
    p = V::fused(p, r, 1.0);
    p = V::fused(p, r, 1.0);
    // SAFETY of the cast: n is within -126..127, so it fits without the checks of `as`.
    p * f32::from_bits(((unsafe { n.to_int_unchecked::<i32>() } + 127) << 23) as u32)
}

/// `ln x` to about 2e-7, by a polynomial like [`exp`]. Numbers below the smallest normal one count as that.
#[inline(always)]
pub fn ln<V: Vector>(x: f32) -> f32 {
    // x = 2ⁿ · (1 + f) with 1 + f between √½ and √2.
    const HALF_ROOT: u32 = std::f32::consts::FRAC_1_SQRT_2.to_bits();
    let bits = x.max(f32::MIN_POSITIVE).to_bits() as i32 - HALF_ROOT as i32;
    let n = (bits >> 23) as f32;
    let f = f32::from_bits((bits & 0x007f_ffff) as u32 + HALF_ROOT) - 1.0;
    // ln(1 + f) = 2 artanh s: odd powers of s, which is at most 0.172.
    let s = f / (2.0 + f);
    let square = s * s;
    let mut p = 2.0 / 9.0;
    p = V::fused(p, square, 2.0 / 7.0);
    p = V::fused(p, square, 2.0 / 5.0);
    p = V::fused(p, square, 2.0 / 3.0);
    p = V::fused(p, square, 2.0);
    V::fused(n, std::f32::consts::LN_2, p * s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_standard_library() {
        for i in -800..800 {
            let x = i as f32 * 0.1;
            let (ours, exact) = (exp::<Portable>(x), x.exp());
            assert!((ours - exact).abs() <= 5e-7 * exact, "exp({x}) = {ours}, not {exact}");
        }
        assert!(exp::<Portable>(-1e9) < 1e-37);
    }

    #[test]
    fn ln_agrees_with_the_standard_library() {
        for i in -870..870 {
            let x = (i as f32 * 0.1).exp();
            let (ours, exact) = (ln::<Portable>(x), x.ln());
            assert!((ours - exact).abs() <= 3e-7 * exact.abs().max(1.0), "ln({x}) = {ours}, not {exact}");
        }
        assert!(ln::<Portable>(0.0) < -87.0);
    }

    #[test]
    fn transposing_exchanges_lanes_and_rows() {
        struct Transpose([Lanes; LANES]);
        impl Kernel for Transpose {
            type Output = [Lanes; LANES];

            #[inline(always)]
            fn run<V: Vector, const PIXELS: usize, const BLOCKS: usize>(mut self) -> Self::Output {
                transpose::<V>(&mut self.0);
                self.0
            }
        }
        let rows: [Lanes; LANES] = std::array::from_fn(|i| std::array::from_fn(|l| (i * LANES + l) as f32));
        let expected: [Lanes; LANES] = std::array::from_fn(|i| std::array::from_fn(|l| rows[l][i]));
        for instructions in forced::all() {
            assert_eq!(forced::with(instructions, || run(Transpose(rows))), expected, "{instructions:?}");
        }
    }
}
