// The second part of the loss: see loss.cu.

__device__ inline float apart(const float* a, const float* b) {
    float x = a[0] - b[0], y = a[1] - b[1], z = a[2] - b[2];
    return x * x + y * y + z * z;
}

// Two pixels should choose alike as far as their colours are alike. Adds to the slope of the first; returns the
// weighted difference.
__device__ inline float agree(const float* own, const Pixel& pixel, const float4* chances, int other,
                              const Pixel& other_pixel, float weight, float fall, float* slope) {
    weight *= expf(fall * apart(pixel.colour, other_pixel.colour));
    float sum = 0;
#pragma unroll
    for (int first = 0; first < VALUES; first += 4) {
        float4 four = chances[other * 4 + first / 4];
        float theirs[4] = {four.x, four.y, four.z, four.w};
#pragma unroll
        for (int i = 0; i < 4; i++) {
            if (first + i == FIGURE) break;
            float difference = own[first + i] - theirs[i];
            slope[first + i] += difference > 0 ? weight : difference < 0 ? -weight : 0;
            sum += fabsf(difference);
        }
    }
    return weight * sum;
}

// The gradient of the skin loss by the chances.
__device__ inline void skin_slope(const Groups& groups, const Known& known, const Pixel& pixel, float skin,
                                  float person, float* slope) {
    float by_skin = 0, by_person = 0;
    person += SKIN_FLOOR;
    float ratio = skin / person;
    bool certain = ratio < SKIN_CERTAIN || ratio > 1 - SKIN_CERTAIN;
    if (pixel.figure == 1 && pixel.skin >= 0 && known.skin > 0 && !certain) {
        float by_ratio = known.skin * (pixel.skin == 1 ? -1 / ratio : 1 / (1 - ratio));
        by_skin = by_ratio / person;
        by_person = -by_ratio * ratio / person;
    }
#pragma unroll
    for (int k = 0; k < ENTRIES; k++) {
        int group = groups.of(k);
        slope[k] = (group == 1 ? by_skin : 0) + (group >= 1 ? by_person : 0);
    }
}

// The border's loss and its gradient by the figure's chance of one pixel. Six offsets, both ways: each of the four
// pixels of a place looks at three.
__device__ inline float border(const Footage& footage, const float4* field, int i, bool there, float* loss) {
    const int DOWN_BY[6] = {1, 0, 2, 2, 0, 5}, RIGHT_BY[6] = {0, 1, 2, -2, 5, 0};
    int height = footage.height / 2, width = footage.width / 2, place = i / 4;
    int x = place % width, y = place / width % height;
    float slope = 0;
#pragma unroll 1
    for (int n = i % 4 * 3; n < i % 4 * 3 + 3 && there; n++) {
        int down = DOWN_BY[n / 2], right = RIGHT_BY[n / 2], sign = n % 2 ? -1 : 1;
        int other_y = y + sign * down, other_x = x + sign * right;
        if (other_y < 0 || other_y >= height || other_x < 0 || other_x >= width) continue;
        int pairs = (height - down) * (width - (right < 0 ? -right : right)) * footage.images;
        float near = expf(-(float)(down * down + right * right) / BORDER_REACH);
        float4 own = field[place], other = field[place + sign * (down * width + right)];
        float a[3] = {own.x, own.y, own.z}, b[3] = {other.x, other.y, other.z};
        float weight = BORDER_WEIGHT * near / pairs * expf(BORDER_FALL * apart(a, b));
        // A quarter, since the half-size chance is the mean of four.
        slope += .25f * weight * (1 - 2 * other.w);
        if (sign > 0) *loss += weight * (own.w * (1 - other.w) + other.w * (1 - own.w));
    }
    slope += __shfl_xor_sync(~0u, slope, 1);
    return slope + __shfl_xor_sync(~0u, slope, 2);
}

// What the neighbours in space (down in even steps, right in odd ones) and time add to the slope.
__device__ inline void neighbours(const Footage& footage, const Place& place, int i, const Pixel& pixel,
                                  const float* own, const float4* chances, float* slope, float* sums) {
    bool down = *footage.step % 2 == 0;
    Window window = window_of(footage, place.image);
    int pixels = footage.images * footage.height * footage.width;
    int at = down ? place.y : place.x, limit = down ? footage.height : footage.width;
    float smooth = SMOOTH_DIRECTIONS * SMOOTH_WEIGHT / fmaxf((float)pixels / limit * (limit - 1), 1);
#pragma unroll 1
    for (int by = -1; by <= 1; by += 2) {
        if (at + by < 0 || at + by >= limit) continue;
        int y = place.y + (down ? by : 0), x = place.x + (down ? 0 : by);
        Pixel other = pixel_at(footage, window, y, x);
        int index = index_of(footage, place.image, y, x);
        float difference = agree(own, pixel, chances, index, other, smooth, SMOOTH_FALL, slope);
        if (by > 0) sums[SMOOTH] += difference;
    }
    // The other frame of the pair shows the same place.
    int image = place.image ^ 1, index = i + (image - place.image) * footage.height * footage.width;
    Pixel other = pixel_at(footage, window_of(footage, image), place.y, place.x);
    float difference = agree(own, pixel, chances, index, other, 2 * STEADY_WEIGHT / pixels, STEADY_FALL, slope);
    if (image > place.image) sums[STEADY] += difference;
}

// Through softmax to what the head said of one pixel; adds to the distances' pull.
__device__ inline void pull_pixel(const Palette& palette, const Groups& groups, const Known& known, const Pixel& pixel,
                                  float* own, float* slope, float scale, float border_slope, real* d_head,
                                  float* sums) {
    float target[ENTRIES], plain, skin, person, mean = 0;
#pragma unroll
    for (int k = 0; k < ENTRIES; k++) {
        target[k] = palette.distance(k, pixel.colour, groups, &plain);
        mean += own[k] * slope[k];
    }
    person_share(own, groups, &skin, &person);
    float figure = own[FIGURE];
    float weight = scale * aim(groups, pixel, figure, skin / (person + SKIN_FLOOR), target);
    float by_figure = pixel.figure == 1 ? known.person * (figure - 1) : pixel.figure == 0 ? known.background * figure : 0;
    by_figure += border_slope * figure * (1 - figure);
#pragma unroll
    for (int first = 0; first < VALUES; first += PACK) {
        Pack pack;
#pragma unroll
        for (int i = 0; i < PACK; i++) {
            int k = first + i;
            float out = by_figure;
            if (k != FIGURE) {
                out = own[k] * (slope[k] - mean) + weight * (own[k] - target[k]);
                sums[DISTANCE_PULL] += out * fminf(palette.distance(k, pixel.colour, groups, &plain), FAR);
            }
            narrow(out, &pack.each[i]);
        }
        write(d_head + first, pack);
    }
}

// Writes the gradient of all that the head said.
LARGE_KERNEL(256, pull, Footage footage, const float* palette_values, Groups groups, const int* counts,
       const float* totals, const float4* chances, const float4* field, real* d_head, float* partials) {
    __shared__ Palette palette;
    palette.load(palette_values);
    Known known(counts, groups);
    float scale = 1 / fmaxf(totals[WEIGHT], LEAST);
    int pixels = footage.images * footage.height * footage.width;
    float sums[PULLED] = {};
    for (int first = blockIdx.x * 256; first < pixels; first += gridDim.x * 256) {
        int i = first + threadIdx.x;
        float border_slope = 0;
        if (groups.has_figure()) border_slope = border(footage, field, i, i < pixels, &sums[BORDER]);
        if (i >= pixels) continue;
        Place place(footage, i);
        Pixel pixel = pixel_at(footage, window_of(footage, place.image), place.y, place.x);
        float own[VALUES], slope[ENTRIES], skin, person;
#pragma unroll
        for (int k = 0; k < VALUES; k += 4) {
            float4 four = chances[i * 4 + k / 4];
            own[k] = four.x, own[k + 1] = four.y, own[k + 2] = four.z, own[k + 3] = four.w;
        }
        person_share(own, groups, &skin, &person);
        skin_slope(groups, known, pixel, skin, person, slope);
        neighbours(footage, place, i, pixel, own, chances, slope, sums);
        pull_pixel(palette, groups, known, pixel, own, slope, scale, border_slope, d_head + (long long)i * VALUES, sums);
    }
#pragma unroll
    for (int s = 0; s < PULLED; s++) {
        float sum = block_sum(sums[s]);
        if (threadIdx.x == 0) partials[s * gridDim.x + blockIdx.x] = sum;
    }
}
