// Products in float, without tensor cores: the reference of the other mode.
#if !BF16

// The sums of one thread: a quarter of the channels of a few neighbouring pixels of the tile.
template <int REACH, int OUT>
struct Product {
    typedef Shape<REACH> S;
    static const int PIXELS = S::ROWS * COLUMNS / 64;
    static const int CHANNELS = OUT / 4;
    float sums[PIXELS][CHANNELS];

    __device__ Product() {
        for (int p = 0; p < PIXELS; p++)
            for (int c = 0; c < CHANNELS; c++) sums[p][c] = 0;
    }

    __device__ static int row() { return threadIdx.x / 4 * PIXELS / COLUMNS; }
    __device__ static int column() { return threadIdx.x / 4 * PIXELS % COLUMNS; }
    __device__ static int channel() { return threadIdx.x % 4 * CHANNELS; }

    // One tap: `tile` begins at the pixel that it reads for the first of the tile.
    __device__ void add(const real* tile, const real* weights) {
        tile += (row() * S::WIDTH + column()) * S::STRIDE * STEP;
        weights += channel();
#pragma unroll 2
        for (int k = 0; k < CHUNK; k++)
#pragma unroll
            for (int p = 0; p < PIXELS; p++) {
                float value = tile[p * S::STRIDE * STEP + k];
#pragma unroll
                for (int c = 0; c < CHANNELS; c++) sums[p][c] += value * weights[k * (OUT + PACK) + c];
            }
    }

    template <class Write>
    __device__ void each(Write write) const {
#pragma unroll
        for (int p = 0; p < PIXELS; p++)
#pragma unroll
            for (int c = 0; c < CHANNELS; c += 2)
                write(row(), column() + p, channel() + c, sums[p][c], sums[p][c + 1]);
    }
};

// The gradient of one tap's weights (block y), and with the first of the bias: a partial sum for each block x, laid
// out as the layer's weights and bias are. `height × width` is the output's.
template <int REACH, int IN, int OUT>
__device__ inline void correlate(const real* x, const real* dy, float* partials, int images, int height, int width) {
    const int PLACES = 32, SIZE = REACH == POINT ? 1 : 3, STRIDE = Shape<REACH>::STRIDE;
    __shared__ float inputs[PLACES][IN];
    __shared__ float outputs[PLACES][OUT];
    int tap_y = (int)blockIdx.y / SIZE - SIZE / 2, tap_x = (int)blockIdx.y % SIZE - SIZE / 2;
    int in = threadIdx.x / 16, out = threadIdx.x % 16;
    float sums[IN / 16][OUT / 16] = {};
    float bias = 0;
    for (int first = blockIdx.x * PLACES; first < images * height * width; first += gridDim.x * PLACES) {
        __syncthreads();
        for (int i = threadIdx.x; i < PLACES * OUT; i += 256) {
            int place = first + i / OUT;
            outputs[i / OUT][i % OUT] = place < images * height * width ? dy[place * OUT + i % OUT] : 0;
        }
        for (int i = threadIdx.x; i < PLACES * IN; i += 256) {
            int place = first + i / IN;
            int column = place % width * STRIDE + tap_x, row = place / width % height * STRIDE + tap_y;
            int image = place / width / height;
            bool inside = image < images && column >= 0 && column < width * STRIDE && row >= 0 && row < height * STRIDE;
            int from = ((image * height * STRIDE + row) * width * STRIDE + column) * IN + i % IN;
            inputs[i / IN][i % IN] = inside ? x[from] : 0;
        }
        __syncthreads();
        for (int place = 0; place < PLACES; place++)
#pragma unroll
            for (int a = 0; a < IN / 16; a++)
#pragma unroll
                for (int b = 0; b < OUT / 16; b++)
                    sums[a][b] += inputs[place][in + 16 * a] * outputs[place][out + 16 * b];
        if (threadIdx.x < OUT)
            for (int place = 0; place < PLACES; place++) bias += outputs[place][threadIdx.x];
    }
    partials += blockIdx.x * (SIZE * SIZE * IN + 1) * OUT;
#pragma unroll
    for (int a = 0; a < IN / 16; a++)
#pragma unroll
        for (int b = 0; b < OUT / 16; b++)
            partials[(blockIdx.y * IN + in + 16 * a) * OUT + out + 16 * b] = sums[a][b];
    if (blockIdx.y == 0 && threadIdx.x < OUT) partials[SIZE * SIZE * IN * OUT + threadIdx.x] = bias;
}

#define CORRELATION_THREADS(REACH, IN) 256
#endif
