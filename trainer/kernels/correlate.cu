// The gradients of the layers' weights.
#define CORRELATION(reach, REACH, IN, OUT)                                                                           \
    KERNEL(CORRELATION_THREADS(REACH, IN), correlate_##reach##_##IN##_##OUT, const real* x, const real* dy,          \
           float* partials, int images, int height, int width) {                                                     \
        correlate<REACH, IN, OUT>(x, dy, partials, images, height, width);                                           \
    }

CORRELATION(near, NEAR, 16, 32)
CORRELATION(near, NEAR, 32, 32)
CORRELATION(down, DOWN, 32, 48)
CORRELATION(near, NEAR, 48, 48)
CORRELATION(down, DOWN, 48, 64)
CORRELATION(near, NEAR, 64, 64)
CORRELATION(point, POINT, 64, 48)
CORRELATION(point, POINT, 48, 32)
CORRELATION(point, POINT, 32, 64)
