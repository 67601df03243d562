// What all kernels use. The files of this folder are one program: they are compiled one after the other, in the order
// of trainer/src/net/cuda/source.rs, once with BF16 = 0 and once with BF16 = 1; and for the tests by a C++ compiler,
// behind emulation.h, which stands for what CUDA adds to C++.
//
// Feature maps are [image][y][x][channel] without a border. What belongs to single pixels lies in the head's order:
// four pixels for each place of the half-size maps, [image][y / 2][x / 2][2 · (y % 2) + x % 2].

#ifndef EMULATED
#define KERNEL(threads, name, ...) extern "C" __global__ void __launch_bounds__(threads) name(__VA_ARGS__)
// One that may have all registers that it wants, even if only one block of it fits.
#define LARGE_KERNEL(threads, name, ...) extern "C" __global__ void __launch_bounds__(threads, 1) name(__VA_ARGS__)
#endif

// What feature maps are stored as. All arithmetic is in float.
struct bf16 {
    unsigned short bits;
};
#if BF16
typedef bf16 real;
#else
typedef float real;
#endif

__device__ inline float wide(float value) { return value; }
__device__ inline float wide(bf16 value) { return __uint_as_float((unsigned)value.bits << 16); }

// To the nearest, ties to even.
__device__ inline void narrow(float value, float* to) { *to = value; }
__device__ inline void narrow(float value, bf16* to) {
#ifdef EMULATED
    unsigned bits = __float_as_uint(value);
    to->bits = (unsigned short)(value != value ? 0x7fff : (bits + 0x7fff + (bits >> 16 & 1)) >> 16);
#else
    asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(to->bits) : "f"(value));
#endif
}

// 16 bytes of a feature map: what a thread reads and writes at once.
const int PACK = 16 / sizeof(real);
union Pack {
    uint4 all;
    real each[PACK];
    __device__ Pack() {}
};

__device__ inline Pack read(const real* from) {
    Pack pack;
    pack.all = *(const uint4*)from;
    return pack;
}

__device__ inline void write(real* to, const Pack& pack) { *(uint4*)to = pack.all; }

__device__ inline int least(int a, int b) { return a < b ? a : b; }
__device__ inline int most(int a, int b) { return a > b ? a : b; }
__device__ constexpr int quotient_up(int a, int b) { return (a + b - 1) / b; }

// The sum over a block of 256 threads, in thread 0; the same order every time.
__device__ inline float block_sum(float value) {
    __shared__ float warps[8];
    for (int offset = 16; offset > 0; offset /= 2) value += __shfl_down_sync(~0u, value, offset);
    __syncthreads();
    if (threadIdx.x % 32 == 0) warps[threadIdx.x / 32] = value;
    __syncthreads();
    float sum = 0;
    if (threadIdx.x == 0)
        for (int i = 0; i < 8; i++) sum += warps[i];
    return sum;
}

// A place in one of the clip's frames.
struct Window {
    int frame, x, y;
};

// A pixel of the footage: its colour, and what is known of it (1, 0, or -1 for unknown).
struct Pixel {
    float colour[3];
    signed char figure, skin;
    short unused;
};

// The clip on the device, and the windows of all steps.
struct Footage {
    const Pixel* pixels;
    const Window* windows;
    const int* step;
    int frames, frame_height, frame_width;
    int images, height, width;
};

// Windows of this step; images 2i and 2i + 1 show the same one, in frames that follow each other.
__device__ inline Window window_of(const Footage& footage, int image) {
    Window window = footage.windows[*footage.step * (footage.images / 2) + image / 2];
    window.frame = least(window.frame + image % 2, footage.frames - 1);
    return window;
}

__device__ inline Pixel pixel_at(const Footage& footage, const Window& window, int y, int x) {
    long long row = (long long)window.frame * footage.frame_height + window.y + y;
    union {
        uint4 all;
        Pixel pixel;
    } found;
    found.all = *(const uint4*)(footage.pixels + row * footage.frame_width + window.x + x);
    return found.pixel;
}
