// Convolutions: the layers, and the gradients of their inputs, which are convolutions again.
//
// A block makes a tile of the output: it goes through the input's channels a chunk at a time, with the part of the
// input that the tile reads, and the weights, in shared memory. `Product` (plain.cu, tensor.cu) multiplies them.

// `height × width` is the smaller of input and output. A block for each tile (x), parity (y), image (z).
template <int REACH, int IN, int OUT>
__device__ inline void convolve(const real* x, const real* weights, const Ending& ending, real* y, int height,
                                int width) {
    typedef Shape<REACH> S;
    const int WEIGHT_STEP = OUT + PACK;
    alignas(16) __shared__ real tile[S::HEIGHT * S::WIDTH * STEP];
    alignas(16) __shared__ real chunk[S::TAPS * CHUNK * WEIGHT_STEP];
    int in_height = height * S::STRIDE, in_width = width * S::STRIDE;
    int tiles = quotient_up(width, COLUMNS);
    int top = blockIdx.x / tiles * S::ROWS, left = blockIdx.x % tiles * COLUMNS;
    const real* image = x + blockIdx.z * in_height * in_width * IN;
    Taps taps = Taps::of<REACH>(blockIdx.y);

    Product<REACH, OUT> product;
    for (int first = 0; first < IN; first += CHUNK) {
        __syncthreads();
        load_tile<REACH, IN>(image, in_height, in_width, top, left, first, tile);
        for (int i = threadIdx.x; i < taps.count() * CHUNK * (OUT / PACK); i += 256) {
            int row = i / (OUT / PACK), c = i % (OUT / PACK) * PACK;
            int from = taps.weight<REACH>(row / CHUNK) * IN + first + row % CHUNK;
            write(chunk + row * WEIGHT_STEP + c, read(weights + from * OUT + c));
        }
        __syncthreads();
#pragma unroll 1
        for (int tap = 0; tap < taps.count(); tap++)
            product.add(tile + taps.offset<REACH>(tap), chunk + tap * CHUNK * WEIGHT_STEP);
    }
    product.each([&](int row, int column, int channel, float first, float second) {
        int out_y = top + row, out_x = left + column;
        if (out_y >= height || out_x >= width) return;
        int place = (blockIdx.z * height + out_y) * width + out_x;
        if (REACH == UP) {
            out_y = 2 * out_y + taps.parity / 2;
            out_x = 2 * out_x + taps.parity % 2;
            place = (blockIdx.z * 2 * height + out_y) * 2 * width + out_x;
        }
        end(ending, channel, first, second, y, place * OUT + channel);
    });
}

#define CONVOLUTION(reach, REACH, IN, OUT)                                                                          \
    KERNEL(256, convolve_##reach##_##IN##_##OUT, const real* x, const real* weights, Ending ending, real* y,        \
           int height, int width) {                                                                                 \
        convolve<REACH, IN, OUT>(x, weights, ending, y, height, width);                                             \
    }

// Forward.
CONVOLUTION(near, NEAR, 16, 32)
CONVOLUTION(down, DOWN, 32, 48)
CONVOLUTION(down, DOWN, 48, 64)
// Both ways.
CONVOLUTION(near, NEAR, 32, 32)
CONVOLUTION(near, NEAR, 48, 48)
CONVOLUTION(near, NEAR, 64, 64)
CONVOLUTION(point, POINT, 64, 48)
CONVOLUTION(point, POINT, 48, 32)
CONVOLUTION(point, POINT, 32, 64)
// Back.
CONVOLUTION(up, UP, 48, 32)
CONVOLUTION(up, UP, 64, 48)
CONVOLUTION(point, POINT, 48, 64)
CONVOLUTION(point, POINT, 32, 48)
CONVOLUTION(point, POINT, 64, 32)
