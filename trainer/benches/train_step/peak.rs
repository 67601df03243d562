//! Multiplications and additions that threads of this machine can do when nothing holds them up.

use std::hint::black_box;

use super::clock::Clock;

const ROUNDS: usize = 8_000_000;
/// Sums that grow side by side, enough to hide how long one takes.
const SUMS: usize = 12;

/// All threads together, in operations a second of their own time: best of some tries.
pub fn flops(threads: usize) -> f64 {
    (0..5).map(|_| once(threads)).fold(0.0, f64::max)
}

fn once(threads: usize) -> f64 {
    let thread = || {
        let start = Clock::Thread.seconds();
        spin() as f64 / (Clock::Thread.seconds() - start)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(thread)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    })
}

/// With the widest instructions, as the network's kernels. Returns the number of operations.
fn spin() -> usize {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the instructions were detected just now.
            return unsafe { spin_avx512() };
        }
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: as above.
            return unsafe { spin_avx2() };
        }
    }
    spin_lanes::<4>()
}

/// The loop, over `$lanes` floats at a time. Named instructions: left to itself, the compiler makes a muddle of it.
macro_rules! spin_vectors {
    ($spin:ident, $features:literal, $lanes:literal, $set:ident, $multiply_add:ident) => {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = $features)]
        fn $spin() -> usize {
            use std::arch::x86_64::{$multiply_add, $set};
            let factor = $set(black_box(0.999));
            let mut sums = [factor; SUMS];
            for _ in 0..ROUNDS {
                for sum in &mut sums {
                    *sum = $multiply_add(*sum, factor, factor);
                }
            }
            black_box(sums);
            2 * ROUNDS * SUMS * $lanes
        }
    };
}
spin_vectors!(spin_avx512, "avx512f", 16, _mm512_set1_ps, _mm512_fmadd_ps);
spin_vectors!(spin_avx2, "avx2,fma", 8, _mm256_set1_ps, _mm256_fmadd_ps);

fn spin_lanes<const LANES: usize>() -> usize {
    let factor = black_box([0.999_f32; LANES]);
    let mut sums = [factor; SUMS];
    for _ in 0..ROUNDS {
        for sum in &mut sums {
            *sum = std::array::from_fn(|lane| sum[lane] * factor[lane] + factor[lane]);
        }
    }
    black_box(sums);
    2 * ROUNDS * SUMS * LANES
}
