// From partial sums to new weights. Kingma and Ba (2015).

// Where a layer's numbers are: among all weights, and its partial sums among those of all layers.
struct Layer {
    int start, taps, inputs, outputs, partials_start, partials;
};

// Of each step: the rate over the mean's bias, and the square root of the square's bias.
struct Rate {
    float mean, square;
};

// The weights and their moments: `count` numbers each.
struct Parameters {
    float *values, *means, *squares;
    const Rate* rates;
    const int* step;
};

__device__ inline float adam(const Parameters& parameters, int i, float gradient) {
    Rate rate = parameters.rates[*parameters.step];
    float mean = parameters.means[i], square = parameters.squares[i];
    mean += (1 - .9f) * (gradient - mean);
    square += (1 - .99f) * (gradient * gradient - square);
    parameters.means[i] = mean;
    parameters.squares[i] = square;
    float value = parameters.values[i] - rate.mean * mean / (sqrtf(square) / rate.square + 1e-8f);
    parameters.values[i] = value;
    return value;
}

// Writes a weight as the convolutions read it: as it is, and for the way back with the kernel turned around and inputs
// and outputs exchanged. Biases stay where they are.
__device__ inline void pack_weight(const Layer& layer, int local, float value, real* ahead, real* back) {
    int inputs = layer.inputs, outputs = layer.outputs, out = local % outputs, in = local / outputs % inputs;
    int tap = local / outputs / inputs;
    if (tap >= layer.taps) return;
    narrow(value, ahead + layer.start + local);
    narrow(value, back + layer.start + ((layer.taps - 1 - tap) * outputs + out) * inputs + in);
}

__device__ inline Layer layer_of(const Layer* layers, int count, int i) {
    int layer = 0;
    while (layer + 1 < count && layers[layer + 1].start <= i) layer++;
    return layers[layer];
}

KERNEL(256, pack, const Layer* layers, int count, int weights, const float* values, real* ahead, real* back) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= weights) return;
    Layer layer = layer_of(layers, count, i);
    pack_weight(layer, i - layer.start, values[i], ahead, back);
}

// A thread for each weight and bias. The partial sums are added up in their order, whichever block was done first.
KERNEL(256, update, const Layer* layers, int count, int weights, const float* partials, Parameters parameters,
       real* ahead, real* back) {
    int i = blockIdx.x * 256 + threadIdx.x;
    if (i >= weights) return;
    Layer layer = layer_of(layers, count, i);
    int size = (layer.taps * layer.inputs + 1) * layer.outputs;
    const float* from = partials + layer.partials_start + i - layer.start;
    float gradient = 0;
    for (int p = 0; p < layer.partials; p++) gradient += from[(long long)p * size];
    pack_weight(layer, i - layer.start, adam(parameters, i, gradient), ahead, back);
}
