// How convolutions read their input, and what they do before they write.

// How an output place reads the input: itself (1×1); its 3×3 neighbours; the same around every second place; and the
// transpose of that, where the places of an output tile have one parity, so that all read alike.
enum Reach { POINT, NEAR, DOWN, UP };

// Channels that are in shared memory at once, and how far apart pixels lie there: spread over the memory's banks.
const int CHUNK = 2 * PACK;
const int STEP = CHUNK + PACK;
const int COLUMNS = 16;

template <int REACH>
struct Shape {
    static const int ROWS = REACH == DOWN ? 8 : 16;
    static const int STRIDE = REACH == DOWN ? 2 : 1;
    static const int BORDER = REACH == NEAR || REACH == DOWN ? 1 : 0;
    // Pixels in shared memory.
    static const int HEIGHT = (ROWS - 1) * STRIDE + (REACH == POINT ? 1 : REACH == UP ? 2 : 3);
    static const int WIDTH = (COLUMNS - 1) * STRIDE + (REACH == POINT ? 1 : REACH == UP ? 2 : 3);
    static const int TAPS = REACH == POINT ? 1 : REACH == UP ? 4 : 9;
};

// Copies the part of one image that a tile reads, a chunk of channels of it; zeros beyond the border.
template <int REACH, int CHANNELS>
__device__ inline void load_tile(const real* image, int height, int width, int top, int left, int first, real* tile) {
    typedef Shape<REACH> S;
    for (int i = threadIdx.x; i < S::HEIGHT * S::WIDTH * 2; i += 256) {
        int pixel = i / 2, c = i % 2 * PACK;
        int y = top * S::STRIDE - S::BORDER + pixel / S::WIDTH, x = left * S::STRIDE - S::BORDER + pixel % S::WIDTH;
        Pack pack;
        pack.all = make_uint4(0, 0, 0, 0);
        if (y >= 0 && y < height && x >= 0 && x < width) pack = read(image + (y * width + x) * CHANNELS + first + c);
        write(tile + pixel * STEP + c, pack);
    }
}

// Which of the nine taps are the `count` of this block, and where they read in the tile. Blocks of UP make places of
// one parity (up to four taps), the others all.
struct Taps {
    int rows, columns, parity;
    __device__ int count() const { return rows * columns; }
    template <int REACH>
    __device__ static Taps of(int parity) {
        if (REACH == UP) return {1 + parity / 2, 1 + parity % 2, parity};
        return {REACH == POINT ? 1 : 3, REACH == POINT ? 1 : 3, 0};
    }
    template <int REACH>
    __device__ int weight(int tap) const {
        if (REACH != UP) return tap;
        int row = parity / 2 ? tap / columns * 2 : 1, column = parity % 2 ? tap % columns * 2 : 1;
        return 3 * row + column;
    }
    template <int REACH>
    __device__ int offset(int tap) const {
        return (tap / columns * Shape<REACH>::WIDTH + tap % columns) * STEP;
    }
};

// What happens to the sums before they are written: all of it optional.
struct Ending {
    const float* bias;
    int relu;
    // Add to what is there.
    int add;
    // Zero where this is not above zero: it came out of a ReLU.
    const real* gate;
};

struct alignas(2 * sizeof(real)) Pair {
    real each[2];
};

// Writes two neighbouring channels.
__device__ inline void end(const Ending& ending, int channel, float first, float second, real* out, int at) {
    float values[2] = {first, second};
    if (ending.bias) {
        values[0] += ending.bias[channel];
        values[1] += ending.bias[channel + 1];
    }
    if (ending.add) {
        Pair old = *(const Pair*)(out + at);
        for (int i = 0; i < 2; i++) values[i] += wide(old.each[i]);
    }
    if (ending.gate) {
        Pair gate = *(const Pair*)(ending.gate + at);
        for (int i = 0; i < 2; i++) values[i] = wide(gate.each[i]) > 0 ? values[i] : 0;
    }
    Pair pair;
    for (int i = 0; i < 2; i++) narrow(ending.relu ? fmaxf(values[i], 0) : values[i], &pair.each[i]);
    *(Pair*)(out + at) = pair;
}

