// The network's input: 2×2 pixels become the channels of a place at half size (trainer/src/net/shuffle.rs).

// -1 for the first of `count` places, 1 for the last.
__device__ inline float position(int i, int count) { return count < 2 ? -1.f : 2.f * i / (count - 1) - 1.f; }

// A thread for each place. Counts what is known: the background, the person, the person with a known skin label.
KERNEL(256, gather, Footage footage, real* input, int* known) {
    int height = footage.height / 2, width = footage.width / 2;
    int place = blockIdx.x * 256 + threadIdx.x;
    int background = 0, person = 0, skin = 0;
    if (place < footage.images * height * width) {
        int x = place % width, y = place / width % height;
        Window window = window_of(footage, place / (width * height));
        float values[16];
        for (int part = 0; part < 4; part++) {
            Pixel pixel = pixel_at(footage, window, 2 * y + part / 2, 2 * x + part % 2);
            for (int c = 0; c < 3; c++) values[3 * part + c] = pixel.colour[c];
            background += pixel.figure == 0;
            person += pixel.figure == 1;
            skin += pixel.figure == 1 && pixel.skin >= 0;
        }
        values[12] = position(window.x / 2 + x, footage.frame_width / 2);
        values[13] = position(window.y / 2 + y, footage.frame_height / 2);
        values[14] = values[15] = 0;
        for (int first = 0; first < 16; first += PACK) {
            Pack pack;
            for (int i = 0; i < PACK; i++) narrow(values[first + i], &pack.each[i]);
            write(input + 16 * (long long)place + first, pack);
        }
    }
    for (int offset = 16; offset > 0; offset /= 2) {
        background += __shfl_down_sync(~0u, background, offset);
        person += __shfl_down_sync(~0u, person, offset);
        skin += __shfl_down_sync(~0u, skin, offset);
    }
    // Whole numbers add up to the same in any order.
    if (threadIdx.x % 32 == 0) {
        atomicAdd(&known[0], background);
        atomicAdd(&known[1], person);
        atomicAdd(&known[2], skin);
    }
}
