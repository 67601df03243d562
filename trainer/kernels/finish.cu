// The end of a step, by one block: the palette learns, entries that died get new colours, the host can read how it went.

const float DEAD = 2e-4f, MEMORY = .9f, LATEST = .6f;

// Pixels that the palette may learn from, by group; `starts` has one number more than there are groups.
struct Sample {
    float colour[3], weight;
};

struct Samples {
    const Sample* all;
    int starts[4];
};

// What the host reads of a step. `step` is written last: 1 after the first.
struct Progress {
    float parts[7];
    int step;
};

// How far a sample is from the nearest other entry of the group, times its weight.
__device__ inline double rarity(const Sample& sample, const float* centres, const Groups& groups, int dead) {
    int group = groups.of(dead);
    float nearest = 3.4e38f;
    for (int k = 0; k < ENTRIES; k++) {
        if (k == dead || groups.of(k) != group) continue;
        float l = sample.colour[0] - centres[3 * k], a = sample.colour[1] - centres[3 * k + 1];
        float b = sample.colour[2] - centres[3 * k + 2];
        nearest = fminf(nearest, (group == 0 ? BACKGROUND_LIGHTNESS : 1) * l * l + a * a + b * b);
    }
    return (double)sample.weight * nearest;
}

// A sample's number, by chance in proportion to its rarity; -1 when there is none. The same in all threads.
__device__ inline int choose(const Samples& samples, const float* centres, const Groups& groups, int dead, double draw) {
    __shared__ double sums[256];
    __shared__ int chosen;
    int group = groups.of(dead), start = samples.starts[group], count = samples.starts[group + 1] - start;
    int each = quotient_up(count, 256), from = least(threadIdx.x * each, count), to = least(from + each, count);
    double own = 0;
    for (int i = from; i < to; i++) own += rarity(samples.all[start + i], centres, groups, dead);
    __syncthreads();
    sums[threadIdx.x] = own;
    if (threadIdx.x == 0) chosen = -1;
    __syncthreads();
    double before = 0, all = 0;
    for (int t = 0; t < 256; t++) {
        if (t < (int)threadIdx.x) before += sums[t];
        all += sums[t];
    }
    double left = draw * all - before;
    if (all > 0 && left >= 0 && left < own) {
        int i = from;
        for (; i < to - 1; i++) {
            left -= rarity(samples.all[start + i], centres, groups, dead);
            if (left < 0) break;
        }
        chosen = start + i;
    }
    __syncthreads();
    return chosen;
}

// `first` is the place of the palette among the parameters: its channels, then the logarithm of the gain.
KERNEL(256, finish, Parameters parameters, int first, Groups groups, const float* totals, const float* near,
       float* usage, Samples samples, const double* draws, int steps, int* known, int* step, Progress* progress) {
    float* centres = parameters.values + first;
    float scale = 1 / fmaxf(totals[WEIGHT], LEAST);
    int t = threadIdx.x, now = *step;
    float loudness = expf(centres[3 * ENTRIES]) / SOFTNESS;
    __syncthreads();
    if (t < 3 * ENTRIES) {
        const float* entry = totals + ENTRY + t / 3 * 4;
        adam(parameters, first + t, 2 * (entry[0] * centres[t] - entry[1 + t % 3]) * scale);
    }
    // The logits hold -gain · distance / SOFTNESS.
    if (t == 3 * ENTRIES) adam(parameters, first + t, -loudness * near[DISTANCE_PULL]);
    __syncthreads();
    for (int k = 0; k < ENTRIES; k++) {
        float share = MEMORY * usage[k] + (1 - MEMORY) * totals[ENTRY + 4 * k] * scale;
        __syncthreads();
        if (t == 0) usage[k] = share;
        if (share >= DEAD || now + 1 > LATEST * steps) continue;
        int sample = choose(samples, centres, groups, k, draws[now * ENTRIES + k]);
        if (sample >= 0 && t < 3) {
            centres[3 * k + t] = samples.all[sample].colour[t];
            parameters.means[first + 3 * k + t] = parameters.squares[first + 3 * k + t] = 0;
            if (t == 0) usage[k] = 1.f / ENTRIES;
        }
        __syncthreads();
    }
    if (t < 3) known[t] = 0;
    if (t != 0) return;
    volatile float* parts = progress[now].parts;
    parts[0] = totals[LABELS] * scale;
    parts[1] = totals[PALETTE] * scale;
    parts[2] = near[SMOOTH];
    parts[3] = near[STEADY];
    parts[4] = totals[FIGURE_LOSS];
    parts[5] = near[BORDER];
    parts[6] = totals[SKIN_LOSS];
    __threadfence_system();
    *(volatile int*)&progress[now].step = now + 1;
    *step = now + 1;
}
