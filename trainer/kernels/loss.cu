// The loss and its gradient, as trainer/src/net/loss.rs has them; a thread for each pixel, in the head's order.
// `judge`: all that a pixel knows alone. `pull`: neighbours in space and time, the figure's border, and the way back
// through softmax.

const int ENTRIES = 15, FIGURE = 15, VALUES = 16;
const float LEAST = 1.17549435e-38f, LOWEST = -3.4e38f;
const float SOFTNESS = .12f, TARGET_SOFTNESS = .04f, FAR = 3, BACKGROUND_LIGHTNESS = .36f;
const float SMOOTH_WEIGHT = 1.2f, SMOOTH_DIRECTIONS = 2, STEADY_WEIGHT = .6f, BORDER_WEIGHT = .4f, SKIN_WEIGHT = .5f;
const float SMOOTH_FALL = -.5f / (.25f * .25f), STEADY_FALL = -.5f / (.15f * .15f), BORDER_FALL = -.5f / (.2f * .2f);
const float BORDER_REACH = 32;
const float SKIN_FLOOR = 1e-4f, SKIN_CERTAIN = 1e-3f, FIGURE_GATE = 1e-3f, SKIN_GATE = .01f, OPEN_GATE = .3f;

// Sums over the batch; each is a column of partial sums. In ENTRY, for each entry: its share of all choices, and the
// colours of the pixels that chose it.
enum Sum { WEIGHT, LABELS, PALETTE, FIGURE_LOSS, SKIN_LOSS, ENTRY, JUDGED = ENTRY + 4 * VALUES };
enum NearSum { SMOOTH, STEADY, BORDER, DISTANCE_PULL, PULLED };

// How many entries are background and skin; the rest is the rest of the person.
struct Groups {
    int background, skin;
    __device__ bool has_figure() const { return background > 0; }
    __device__ int of(int entry) const { return (entry >= background) + (entry >= background + skin); }
};

// The palette in shared memory: three channels of each entry, then the logarithm of the gain.
struct Palette {
    float centres[ENTRIES][3];
    float loudness;
    __device__ void load(const float* from) {
        if (threadIdx.x < 3 * ENTRIES) centres[threadIdx.x / 3][threadIdx.x % 3] = from[threadIdx.x];
        if (threadIdx.x == 3 * ENTRIES) loudness = expf(from[3 * ENTRIES]) / SOFTNESS;
        __syncthreads();
    }
    // Squared distance, and as the choice sees it: background entries care less about lightness.
    __device__ float distance(int k, const float* colour, const Groups& groups, float* plain) const {
        float l = colour[0] - centres[k][0], a = colour[1] - centres[k][1], b = colour[2] - centres[k][2];
        *plain = l * l + a * a + b * b;
        return k < groups.background ? *plain - (1 - BACKGROUND_LIGHTNESS) * l * l : *plain;
    }
};

// What one known pixel of each kind weighs.
struct Known {
    float background, person, skin;
    __device__ Known(const int* counts, const Groups& groups) {
        background = groups.has_figure() ? .5f / most(counts[0], 1) : 0;
        person = groups.has_figure() ? .5f / most(counts[1], 1) : 0;
        skin = groups.skin > 0 ? SKIN_WEIGHT / most(counts[2], 1) : 0;
    }
};

__device__ inline float clamp(float value, float low, float high) { return fminf(fmaxf(value, low), high); }

// Choices that fall on skin, and on the person altogether.
__device__ inline void person_share(const float* chances, const Groups& groups, float* skin, float* person) {
    *skin = *person = 0;
#pragma unroll
    for (int k = 0; k < ENTRIES; k++) {
        int group = groups.of(k);
        *skin += group == 1 ? chances[k] : 0;
        *person += group >= 1 ? chances[k] : 0;
    }
}

// The choice by colour among the entries that labels (or, where there are none, the network) allow. `target` holds the
// distances before. Returns the pixel's weight.
__device__ inline float aim(const Groups& groups, const Pixel& pixel, float figure, float ratio, float* target) {
    float gates[3] = {1, 1, 1}, believed = 1;
    if (groups.has_figure()) {
        believed = clamp(pixel.figure < 0 ? figure : pixel.figure, FIGURE_GATE, 1 - FIGURE_GATE);
        float skin = clamp(pixel.skin < 0 ? .3f * ratio + .35f : pixel.skin, SKIN_GATE, 1 - SKIN_GATE);
        if (groups.skin == 0) skin = 0;
        gates[0] = 1 - believed;
        gates[1] = believed * skin;
        gates[2] = believed * (1 - skin);
    }
    // The best entry behind an open gate sets the scale, so that the powers neither vanish nor overflow.
    float top = LOWEST, total = 0;
#pragma unroll
    for (int k = 0; k < ENTRIES; k++) {
        int group = groups.of(k);
        float gate = group == 0 ? gates[0] : group == 1 ? gates[1] : gates[2];
        target[k] *= -1 / TARGET_SOFTNESS;
        if (gate >= OPEN_GATE) top = fmaxf(top, target[k]);
    }
#pragma unroll
    for (int k = 0; k < ENTRIES; k++) {
        int group = groups.of(k);
        float gate = group == 0 ? gates[0] : group == 1 ? gates[1] : gates[2];
        // No power of more than 88: float ends there.
        target[k] = gate * expf(clamp(target[k] - top, -87, 88));
        total += target[k];
    }
#pragma unroll
    for (int k = 0; k < ENTRIES; k++) target[k] /= total;
    return .3f + (believed > .5f ? 1 : 0) + (pixel.skin == 1 ? .7f : 0);
}

// A pixel's place, from its number in the head's order.
struct Place {
    int image, y, x;
    __device__ Place(const Footage& footage, int i) {
        int width = footage.width / 2, height = footage.height / 2;
        image = i / 4 / width / height;
        y = i / 4 / width % height * 2 + i / 2 % 2;
        x = i / 4 % width * 2 + i % 2;
    }
};

__device__ inline int index_of(const Footage& footage, int image, int y, int x) {
    int width = footage.width / 2, height = footage.height / 2;
    return ((image * height + y / 2) * width + x / 2) * 4 + y % 2 * 2 + x % 2;
}

__device__ inline float skin_loss(const Known& known, const Pixel& pixel, float ratio) {
    if (pixel.figure != 1 || pixel.skin < 0) return 0;
    ratio = clamp(ratio, SKIN_CERTAIN, 1 - SKIN_CERTAIN);
    return -known.skin * logf(pixel.skin == 1 ? ratio : 1 - ratio);
}

// One pixel: writes its chances (the figure's is the last) and shares, adds to the first five sums.
__device__ inline void judge_pixel(const Palette& palette, const Groups& groups, const Known& known, const Pixel& pixel,
                                   const real* head, float* chances, float* shares, float* sums) {
    float said[VALUES], logits[ENTRIES], plain[ENTRIES], target[ENTRIES];
#pragma unroll
    for (int first = 0; first < VALUES; first += PACK) {
        Pack pack = read(head + first);
        for (int i = 0; i < PACK; i++) said[first + i] = wide(pack.each[i]);
    }
    float top = LOWEST, total = 0;
#pragma unroll
    for (int k = 0; k < ENTRIES; k++) {
        target[k] = palette.distance(k, pixel.colour, groups, &plain[k]);
        logits[k] = said[k] - palette.loudness * fminf(target[k], FAR);
        top = fmaxf(top, logits[k]);
    }
#pragma unroll
    for (int k = 0; k < ENTRIES; k++) total += chances[k] = expf(logits[k] - top);
#pragma unroll
    for (int k = 0; k < ENTRIES; k++) chances[k] /= total;
    // Not beyond what float can hold: the figure is never quite 0.
    float odds = expf(clamp(-said[FIGURE], -87, 88)), figure = 1 / (1 + odds);
    chances[FIGURE] = figure;

    float skin, person;
    person_share(chances, groups, &skin, &person);
    float ratio = skin / (person + SKIN_FLOOR);
    float weight = aim(groups, pixel, figure, ratio, target);
    float agreed = 0, distance = 0;
#pragma unroll
    for (int k = 0; k < ENTRIES; k++) {
        agreed += target[k] * logits[k];
        shares[k] = weight * chances[k];
        distance += shares[k] * plain[k];
    }
    sums[WEIGHT] += weight;
    sums[LABELS] += weight * (top + logf(total) - agreed);
    sums[PALETTE] += distance;
    if (pixel.figure == 1) sums[FIGURE_LOSS] -= known.person * logf(fmaxf(figure, LEAST));
    // 1 − figure, without losing what is left of it near 1.
    if (pixel.figure == 0) sums[FIGURE_LOSS] -= known.background * logf(fmaxf(odds * figure, LEAST));
    sums[SKIN_LOSS] += skin_loss(known, pixel, ratio);
}

// Fills `chances`, and `field`: means of colour and figure of each half-size place. Partial sums are [column][block].
KERNEL(256, judge, Footage footage, const real* head, const float* palette_values, Groups groups, const int* counts,
       float* chances, float4* field, float* partials) {
    __shared__ Palette palette;
    __shared__ float shares[256][VALUES + 1];
    __shared__ float colours[256][4];
    palette.load(palette_values);
    Known known(counts, groups);
    int pixels = footage.images * footage.height * footage.width;
    float sums[ENTRY] = {};
    // Of this thread: entry, value of it, and quarter of the block's pixels.
    int entry = threadIdx.x / 4 % VALUES, value = threadIdx.x % 4, quarter = threadIdx.x / 64;
    float entry_sum = 0;
    for (int first = blockIdx.x * 256; first < pixels; first += gridDim.x * 256) {
        int i = first + threadIdx.x;
        float own[VALUES] = {}, mean[4] = {};
        if (i < pixels) {
            Place place(footage, i);
            Pixel pixel = pixel_at(footage, window_of(footage, place.image), place.y, place.x);
            judge_pixel(palette, groups, known, pixel, head + (long long)i * VALUES, own, shares[threadIdx.x], sums);
            for (int k = 0; k < VALUES; k += 4)
                ((float4*)chances)[i * 4 + k / 4] = make_float4(own[k], own[k + 1], own[k + 2], own[k + 3]);
            for (int c = 0; c < 3; c++) mean[c] = pixel.colour[c] / 4;
            mean[3] = own[FIGURE] / 4;
        } else {
            for (int k = 0; k < ENTRIES; k++) shares[threadIdx.x][k] = 0;
        }
        shares[threadIdx.x][FIGURE] = 0;
        colours[threadIdx.x][0] = 1;
        for (int c = 0; c < 3; c++) colours[threadIdx.x][c + 1] = 4 * mean[c];
        for (int c = 0; c < 4; c++) {
            mean[c] += __shfl_xor_sync(~0u, mean[c], 1);
            mean[c] += __shfl_xor_sync(~0u, mean[c], 2);
        }
        if (i < pixels && i % 4 == 0) field[i / 4] = make_float4(mean[0], mean[1], mean[2], mean[3]);
        __syncthreads();
        for (int p = 64 * quarter; p < 64 * quarter + 64; p++) entry_sum += shares[p][entry] * colours[p][value];
        __syncthreads();
    }
#pragma unroll
    for (int s = 0; s < ENTRY; s++) {
        float sum = block_sum(sums[s]);
        if (threadIdx.x == 0) partials[s * gridDim.x + blockIdx.x] = sum;
    }
    shares[threadIdx.x][0] = entry_sum;
    __syncthreads();
    if (quarter == 0) {
        int t = threadIdx.x;
        float sum = shares[t][0] + shares[t + 64][0] + shares[t + 128][0] + shares[t + 192][0];
        partials[(ENTRY + t) * gridDim.x + blockIdx.x] = sum;
    }
}

// A block for each column of partial sums.
KERNEL(256, total, const float* partials, int count, float* totals) {
    float sum = 0;
    for (int i = threadIdx.x; i < count; i += 256) sum += partials[blockIdx.x * count + i];
    sum = block_sum(sum);
    if (threadIdx.x == 0) totals[blockIdx.x] = sum;
}
