// A GPU for tests, as far as these kernels need one: blocks run one after the other, and the threads of a block take
// turns between barriers. Comes before the kernels when a C++ compiler reads them.
//
// Stricter than a GPU: all threads of a block must come to the same barrier, none may have left before. In which order
// threads run between barriers is up to the caller, so a barrier that is missing shows as a result that depends on it.

#define EMULATED 1

#include <setjmp.h>
#include <ucontext.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#define __device__
#define __shared__ static thread_local

struct alignas(16) uint4 {
    unsigned x, y, z, w;
};
struct alignas(16) float4 {
    float x, y, z, w;
};
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline unsigned __float_as_uint(float value) {
    unsigned bits;
    memcpy(&bits, &value, 4);
    return bits;
}
inline float __uint_as_float(unsigned bits) {
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

namespace emulated {

struct Place {
    unsigned x, y, z;
};

enum State { READY, AT_WARP_BARRIER, AT_BLOCK_BARRIER, DONE };

// A thread begins as a context and goes on by jumps: these, unlike contexts, ask nothing of the system.
struct Thread {
    ucontext_t context;
    jmp_buf resume;
    bool begun;
    std::unique_ptr<char[]> stack;
    State state;
    unsigned index;
};

const size_t STACK_BYTES = 128 << 10;

// The block that this thread of the machine runs, and whose turn it is.
struct Block {
    std::vector<Thread> threads;
    jmp_buf scheduler;
    Thread* now;
    std::function<void()> body;
    // What the lanes of each warp show each other.
    unsigned char shown[64][32][32];
};
inline thread_local Block block;
inline thread_local Place thread_index, block_index, grid_size;

inline void enter() {
    block.body();
    block.now->state = DONE;
    _longjmp(block.scheduler, 1);
}

inline void wait_at(State barrier) {
    block.now->state = barrier;
    if (!_setjmp(block.now->resume)) _longjmp(block.scheduler, 1);
}

inline void turn(Thread& thread) {
    block.now = &thread;
    thread_index = {thread.index, 0, 0};
    if (_setjmp(block.scheduler)) return;
    if (thread.begun) _longjmp(thread.resume, 1);
    thread.begun = true;
    setcontext(&thread.context);
}

// Lets the threads from `first` on go on, if all of them are at the barrier.
inline bool release(size_t first, size_t count, State barrier) {
    for (size_t i = first; i < first + count; i++)
        if (block.threads[i].state != barrier) return false;
    for (size_t i = first; i < first + count; i++) block.threads[i].state = READY;
    return true;
}

// Runs the block to its end. False when its threads wait for each other at different barriers.
inline bool run_block(unsigned count, bool backwards) {
    block.threads.resize(count);
    for (unsigned i = 0; i < count; i++) {
        Thread& thread = block.threads[i];
        if (!thread.stack) thread.stack.reset(new char[STACK_BYTES]);
        thread.index = i;
        thread.state = READY;
        thread.begun = false;
        getcontext(&thread.context);
        thread.context.uc_stack.ss_sp = thread.stack.get();
        thread.context.uc_stack.ss_size = STACK_BYTES;
        thread.context.uc_link = nullptr;
        makecontext(&thread.context, enter, 0);
    }
    // A warp goes as far as it can before the next begins: what it must wait for and does not is not there yet.
    unsigned warps = count / 32;
    do {
        for (unsigned n = 0; n < warps; n++) {
            unsigned first = (backwards ? warps - 1 - n : n) * 32;
            do {
                for (unsigned lane = 0; lane < 32; lane++) {
                    Thread& thread = block.threads[first + (backwards ? 31 - lane : lane)];
                    if (thread.state == READY) turn(thread);
                }
            } while (release(first, 32, AT_WARP_BARRIER));
        }
    } while (release(0, count, AT_BLOCK_BARRIER));
    for (const Thread& thread : block.threads)
        if (thread.state != DONE) return false;
    return true;
}

// What all lanes of this warp show.
template <class T>
void show(const T& value, T* all) {
    auto& shown = block.shown[thread_index.x / 32];
    memcpy(shown[thread_index.x % 32], &value, sizeof(T));
    wait_at(AT_WARP_BARRIER);
    for (int lane = 0; lane < 32; lane++) memcpy(&all[lane], shown[lane], sizeof(T));
    wait_at(AT_WARP_BARRIER);
}

// What lane `from` of this warp shows.
template <class T>
T exchange(T value, unsigned from) {
    T all[32];
    show(value, all);
    return from < 32 ? all[from] : value;
}

// A kernel that can be called by its name.
struct Entry {
    const char* name;
    unsigned threads;
    std::function<void(void**)> call;
    Entry* next;
    static Entry*& first() {
        static Entry* first = nullptr;
        return first;
    }
    template <class... P>
    Entry(const char* name, unsigned threads, void (*kernel)(P...)) : name(name), threads(threads), next(first()) {
        call = [kernel](void** arguments) { apply(kernel, arguments, std::index_sequence_for<P...>()); };
        first() = this;
    }
    template <class... P, size_t... I>
    static void apply(void (*kernel)(P...), void** arguments, std::index_sequence<I...>) {
        kernel(*(P*)arguments[I]...);
    }
};

}  // namespace emulated

#define threadIdx emulated::thread_index
#define blockIdx emulated::block_index
#define gridDim emulated::grid_size
#define KERNEL(threads, name, ...)                                      \
    static void name(__VA_ARGS__);                                      \
    static emulated::Entry entry_##name(#name, threads, name);          \
    static void name(__VA_ARGS__)
#define LARGE_KERNEL KERNEL

inline void __syncthreads() { emulated::wait_at(emulated::AT_BLOCK_BARRIER); }
inline void __threadfence_system() {}
inline int atomicAdd(int* to, int value) { return std::exchange(*to, *to + value); }
template <class T>
T __shfl_down_sync(unsigned, T value, int by) {
    return emulated::exchange(value, emulated::thread_index.x % 32 + by);
}
template <class T>
T __shfl_xor_sync(unsigned, T value, int with) {
    return emulated::exchange(value, emulated::thread_index.x % 32 ^ with);
}

// The matrix instructions of tensor.cu, as PTX describes them.

inline void load_matrices(unsigned* words, const void* row) {
    const void* rows[32];
    emulated::show(row, rows);
    unsigned lane = threadIdx.x % 32;
    for (int matrix = 0; matrix < 4; matrix++)
        memcpy(&words[matrix], (const char*)rows[8 * matrix + lane / 4] + lane % 4 * 4, 4);
}

inline void load_transposed(unsigned* words, const void* row) {
    const void* rows[32];
    emulated::show(row, rows);
    unsigned lane = threadIdx.x % 32;
    for (int matrix = 0; matrix < 4; matrix++)
        for (int i = 0; i < 2; i++)
            memcpy((char*)&words[matrix] + 2 * i, (const char*)rows[8 * matrix + lane % 4 * 2 + i] + lane / 4 * 2, 2);
}

inline void multiply(float* sums, const unsigned* a, const unsigned* b) {
    struct Words {
        unsigned a[4], b[2];
    };
    Words all[32];
    emulated::show(Words{{a[0], a[1], a[2], a[3]}, {b[0], b[1]}}, all);
    unsigned lane = threadIdx.x % 32;
    auto half = [](unsigned word, int k) { return __uint_as_float(k % 2 ? word & 0xffff0000 : word << 16); };
    for (int i = 0; i < 4; i++) {
        int row = lane / 4 + i / 2 * 8, column = lane % 4 * 2 + i % 2;
        for (int k = 0; k < 16; k++) {
            float left = half(all[row % 8 * 4 + k % 8 / 2].a[row / 8 + k / 8 * 2], k);
            float right = half(all[column * 4 + k % 8 / 2].b[k / 8], k);
            sums[i] += left * right;
        }
    }
}

// Launches a kernel; returns what is wrong, or null.
extern "C" __attribute__((visibility("default"))) const char* launch(const char* name, const unsigned* grid, unsigned threads, void** arguments,
                                     bool backwards) {
    static thread_local std::string wrong;
    emulated::Entry* entry = emulated::Entry::first();
    while (entry && strcmp(entry->name, name)) entry = entry->next;
    if (!entry) return (wrong = std::string("no kernel is called ") + name).c_str();
    if (entry->threads != threads || threads % 32) return (wrong = std::string(name) + ": wrong block size").c_str();
    emulated::grid_size = {grid[0], grid[1], grid[2]};
    emulated::block.body = [&] { entry->call(arguments); };
    for (unsigned z = 0; z < grid[2]; z++)
        for (unsigned y = 0; y < grid[1]; y++)
            for (unsigned x = 0; x < grid[0]; x++) {
                emulated::block_index = {x, y, z};
                if (!emulated::run_block(threads, backwards))
                    return (wrong = std::string(name) + ": threads wait at different barriers").c_str();
            }
    return nullptr;
}
