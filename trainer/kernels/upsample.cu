// Bilinear doubling (corners not aligned), with the skip connection added in the same pass. A thread for each pack.

KERNEL(256, upsample, const real* low, const real* skip, real* out, int images, int low_height, int low_width,
       int channels) {
    int packs = channels / PACK, height = 2 * low_height, width = 2 * low_width;
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= images * height * width * packs) return;
    int x = i / packs % width, y = i / packs / width % height, image = i / packs / width / height;
    // The nearer source weighs ¾, the farther ¼.
    int near_x = x / 2, far_x = x % 2 ? least(near_x + 1, low_width - 1) : most(near_x - 1, 0);
    int near_y = y / 2, far_y = y % 2 ? least(near_y + 1, low_height - 1) : most(near_y - 1, 0);
    const real* from = low + (long long)image * low_height * low_width * channels + i % packs * PACK;
    Pack nn = read(from + (near_y * low_width + near_x) * channels);
    Pack nf = read(from + (near_y * low_width + far_x) * channels);
    Pack fn = read(from + (far_y * low_width + near_x) * channels);
    Pack ff = read(from + (far_y * low_width + far_x) * channels);
    Pack sum = read(skip + (long long)i * PACK);
    for (int c = 0; c < PACK; c++) {
        float upper = .75f * wide(nn.each[c]) + .25f * wide(nf.each[c]);
        float lower = .75f * wide(fn.each[c]) + .25f * wide(ff.each[c]);
        narrow(wide(sum.each[c]) + .75f * upper + .25f * lower, &sum.each[c]);
    }
    write(out + (long long)i * PACK, sum);
}

// The gradient of `low`; that of `skip` is `d_out` itself.
KERNEL(256, upsample_back, const real* d_out, real* d_low, int images, int low_height, int low_width, int channels) {
    int packs = channels / PACK, height = 2 * low_height, width = 2 * low_width;
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= images * low_height * low_width * packs) return;
    int x = i / packs % low_width, y = i / packs / low_width % low_height, image = i / packs / low_width / low_height;
    const real* from = d_out + (long long)image * height * width * channels + i % packs * PACK;
    float sums[PACK] = {};
    // A low pixel reaches four rows and columns of the doubled map, at the border the last one twice.
    for (int v = 0; v < 4; v++) {
        int row = least(most(2 * y + v - 1, 0), height - 1);
        for (int h = 0; h < 4; h++) {
            int column = least(most(2 * x + h - 1, 0), width - 1);
            float share = (v % 3 ? .75f : .25f) * (h % 3 ? .75f : .25f);
            Pack pack = read(from + (row * width + column) * channels);
            for (int c = 0; c < PACK; c++) sums[c] += share * wide(pack.each[c]);
        }
    }
    Pack pack;
    for (int c = 0; c < PACK; c++) narrow(sums[c], &pack.each[c]);
    write(d_low + (long long)i * PACK, pack);
}
