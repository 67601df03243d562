// Products by tensor cores: 16 × 16 times 16 × 8 numbers of bf16 at once, by a warp, summed in float.
#if BF16

#ifndef EMULATED
// Four 8×8 matrices from shared memory; lane i names row i % 8 of matrix i / 8. Each lane gets of every matrix two
// neighbours in its row i / 4 (or, transposed, in that column).
__device__ inline void load_matrices(unsigned* words, const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"((unsigned)__cvta_generic_to_shared(row))
                 : "memory");
}

__device__ inline void load_transposed(unsigned* words, const void* row) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(words[0]), "=r"(words[1]), "=r"(words[2]), "=r"(words[3])
                 : "r"((unsigned)__cvta_generic_to_shared(row))
                 : "memory");
}

// sums += a · b. Lane i holds of the 16 × 8 sums those of rows i / 4 and i / 4 + 8, columns 2 · (i % 4) and the next.
__device__ inline void multiply(float* sums, const unsigned* a, const unsigned* b) {
    asm volatile(
        "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
        "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}
#endif

// The sums of one warp: a row of 16 pixels is the left matrix, the weights of a tap the right one.
template <int REACH, int OUT>
struct Product {
    typedef Shape<REACH> S;
    static const int ROWS = S::ROWS / 8;
    float sums[ROWS][OUT / 8][4];

    __device__ Product() {
#pragma unroll
        for (int i = 0; i < ROWS * OUT / 2; i++) sums[i / (OUT / 2)][i / 4 % (OUT / 8)][i % 4] = 0;
    }

    __device__ static int row() { return threadIdx.x / 32 * ROWS; }

    // One tap: `tile` begins at the pixel that it reads for the first of the tile.
    __device__ void add(const real* tile, const real* weights) {
        int lane = threadIdx.x % 32;
        unsigned a[ROWS][4];
#pragma unroll
        for (int r = 0; r < ROWS; r++) {
            int pixel = ((row() + r) * S::WIDTH + lane % 16) * S::STRIDE;
            load_matrices(a[r], tile + pixel * STEP + lane / 16 * 8);
        }
#pragma unroll
        for (int n = 0; n < OUT; n += 16) {
            unsigned b[4];
            load_transposed(b, weights + lane % 16 * (OUT + PACK) + n + lane / 16 * 8);
#pragma unroll
            for (int r = 0; r < ROWS; r++) {
                multiply(sums[r][n / 8], a[r], b);
                multiply(sums[r][n / 8 + 1], a[r], b + 2);
            }
        }
    }

    template <class Write>
    __device__ void each(Write write) const {
        int lane = threadIdx.x % 32;
#pragma unroll
        for (int r = 0; r < ROWS; r++)
#pragma unroll
            for (int n = 0; n < OUT / 8; n++) {
                const float* four = sums[r][n];
                write(row() + r, lane / 4, n * 8 + lane % 4 * 2, four[0], four[1]);
                write(row() + r, lane / 4 + 8, n * 8 + lane % 4 * 2, four[2], four[3]);
            }
    }
};

// How blocks share the gradient of a layer's weights: each takes every so many of the tiles (block x), and up to 48
// of the outputs (block y). A warp has one of nine taps, or, where there is one, 16 of the inputs.
template <int REACH, int IN, int OUT>
struct Correlation {
    static const int SIZE = REACH == POINT ? 1 : 3, STRIDE = Shape<REACH>::STRIDE;
    static const int OUTPUTS = OUT == 64 ? 32 : OUT;
    static const int WARPS = SIZE == 3 ? 9 : IN / 16, INPUTS = SIZE == 3 ? IN : 16;
    static const int THREADS = 32 * WARPS;
    // A tile of the output, and the pixels of the input that it reads.
    static const int ROWS = REACH == DOWN ? 4 : 8;
    static const int HEIGHT = (ROWS - 1) * STRIDE + SIZE, WIDTH = (COLUMNS - 1) * STRIDE + SIZE;
    static const int X_STEP = IN + PACK, DY_STEP = OUTPUTS + PACK;

    // Copies a rectangle of an image, `channels` of its `all` channels; zeros beyond the border.
    __device__ static void load(const real* image, int height, int width, int all, int top, int left, int rows,
                                int columns, int channels, real* to, int step) {
        int packs = channels / PACK;
        for (int i = threadIdx.x; i < rows * columns * packs; i += THREADS) {
            int pixel = i / packs, c = i % packs * PACK, y = top + pixel / columns, x = left + pixel % columns;
            Pack pack;
            pack.all = make_uint4(0, 0, 0, 0);
            if (y >= 0 && y < height && x >= 0 && x < width) pack = read(image + (y * width + x) * all + c);
            write(to + pixel * step + c, pack);
        }
    }
};

// Partial sums for each block x, laid out as the layer's weights and bias are. `height × width` is the output's.
template <int REACH, int IN, int OUT>
__device__ inline void correlate(const real* x, const real* dy, float* partials, int images, int height, int width) {
    typedef Correlation<REACH, IN, OUT> C;
    const int GROUPS = C::THREADS / C::OUTPUTS;
    alignas(16) __shared__ real inputs[C::HEIGHT * C::WIDTH * C::X_STEP];
    alignas(16) __shared__ real outputs[C::ROWS * COLUMNS * C::DY_STEP];
    __shared__ float biases[GROUPS][C::OUTPUTS];
    int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    int tap = C::SIZE == 3 ? warp : 0, first_input = C::SIZE == 3 ? 0 : 16 * warp;
    int first_output = blockIdx.y * C::OUTPUTS;
    int group = threadIdx.x / C::OUTPUTS, channel = threadIdx.x % C::OUTPUTS;
    float sums[C::INPUTS / 16][C::OUTPUTS / 8][4] = {};
    float bias = 0;
    int tiles_down = quotient_up(height, C::ROWS), tiles_right = quotient_up(width, COLUMNS);
    for (int tile = blockIdx.x; tile < images * tiles_down * tiles_right; tile += gridDim.x) {
        int image = tile / tiles_right / tiles_down;
        int top = tile / tiles_right % tiles_down * C::ROWS, left = tile % tiles_right * COLUMNS;
        int in_height = height * C::STRIDE, in_width = width * C::STRIDE;
        __syncthreads();
        C::load(x + image * in_height * in_width * IN, in_height, in_width, IN, top * C::STRIDE - C::SIZE / 2,
                left * C::STRIDE - C::SIZE / 2, C::HEIGHT, C::WIDTH, IN, inputs, C::X_STEP);
        C::load(dy + image * height * width * OUT + first_output, height, width, OUT, top, left, C::ROWS, COLUMNS,
                C::OUTPUTS, outputs, C::DY_STEP);
        __syncthreads();
#pragma unroll 1
        for (int row = 0; row < C::ROWS; row++) {
            // 16 pixels of the row: inputs × pixels times pixels × outputs.
            int pixel = lane % 8 + lane / 16 * 8;
            int from = (row * C::STRIDE + tap / 3) * C::WIDTH + pixel * C::STRIDE + tap % 3;
            const real* a_row = inputs + from * C::X_STEP + first_input + lane / 8 % 2 * 8;
            const real* b_row = outputs + (row * COLUMNS + lane % 16) * C::DY_STEP + lane / 16 * 8;
            unsigned a[C::INPUTS / 16][4];
#pragma unroll
            for (int m = 0; m < C::INPUTS / 16; m++) load_transposed(a[m], a_row + 16 * m);
#pragma unroll
            for (int n = 0; n < C::OUTPUTS; n += 16) {
                unsigned b[4];
                load_transposed(b, b_row + n);
#pragma unroll
                for (int m = 0; m < C::INPUTS / 16; m++) {
                    multiply(sums[m][n / 8], a[m], b);
                    multiply(sums[m][n / 8 + 1], a[m], b + 2);
                }
            }
        }
        if (group < GROUPS)
            for (int p = group; p < C::ROWS * COLUMNS; p += GROUPS) bias += wide(outputs[p * C::DY_STEP + channel]);
    }
    partials += blockIdx.x * (C::SIZE * C::SIZE * IN + 1) * OUT + first_output;
#pragma unroll
    for (int m = 0; m < C::INPUTS / 16; m++)
#pragma unroll
        for (int n = 0; n < C::OUTPUTS / 8; n++)
#pragma unroll
            for (int half = 0; half < 2; half++) {
                int input = first_input + 16 * m + lane / 4 + 8 * half;
                float* to = partials + (tap * IN + input) * OUT + 8 * n + lane % 4 * 2;
                to[0] = sums[m][n][2 * half];
                to[1] = sums[m][n][2 * half + 1];
            }
    if (group < GROUPS) biases[group][channel] = bias;
    __syncthreads();
    if (group != 0) return;
    for (int g = 1; g < GROUPS; g++) bias += biases[g][channel];
    partials[C::SIZE * C::SIZE * IN * OUT + channel] = bias;
}

#define CORRELATION_THREADS(REACH, IN) (REACH == POINT ? 2 * IN : 288)
#endif
