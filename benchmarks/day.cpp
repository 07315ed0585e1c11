// One simulated day of many patients in C++: the roofline that the simulator is compared with.
//
// `body.inc` is generated from the traced equations (see task.py). It defines
//   CARRIED, CONSTANTS, TRACES, STEPS   how many numbers a step carries on, reads and gives out; steps per day
//   ADVANCE                             the statements of one step on x0, x1, ...; results in `after` and `out`
// The index of the step is a whole number; whole numbers among the constants lie as the bits of a row.
// Patients lie side by side in vector lanes: rows are [number][patient], traces [trace][step][patient].
#include <cmath>
#ifdef __AVX__
#include <immintrin.h>
#endif

#if defined(__AVX512F__)
#define LANES 16
#elif defined(__AVX__)
#define LANES 8
#else
#define LANES 4
#endif

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int mask __attribute__((vector_size(4 * LANES)));
typedef int whole __attribute__((vector_size(4 * LANES)));
typedef unsigned bits __attribute__((vector_size(4 * LANES)));

static inline vec number(float x) { return vec{} + x; }
static inline whole whole_number(int x) { return whole{} + x; }
static inline whole whole_of(vec x) { return __builtin_convertvector(x, whole); }
static inline vec number_of(whole x) { return __builtin_convertvector(x, vec); }
static inline whole shifted_right(whole a, whole b) { return (whole)((bits)a >> (bits)b); }
static inline vec larger(vec a, vec b) { return a > b ? a : b; }
static inline vec smaller(vec a, vec b) { return a < b ? a : b; }

// Square root, rounding and `exp` (that of the vector library of glibc) where the processor and the library have them.
#if LANES == 16
#define VECTOR_EXP _ZGVeN16v_expf
static inline vec sqrt(vec x) { return _mm512_sqrt_ps(x); }
static inline vec nearest(vec x) { return _mm512_roundscale_ps(x, 0); }
static inline vec next_below(vec x) { return _mm512_roundscale_ps(x, 1); }
static inline vec truncated(vec x) { return _mm512_roundscale_ps(x, 3); }
#elif LANES == 8
#ifdef __AVX2__
#define VECTOR_EXP _ZGVdN8v_expf
#else
#define VECTOR_EXP _ZGVcN8v_expf
#endif
static inline vec sqrt(vec x) { return _mm256_sqrt_ps(x); }
static inline vec nearest(vec x) { return _mm256_round_ps(x, 0); }
static inline vec next_below(vec x) { return _mm256_round_ps(x, 1); }
static inline vec truncated(vec x) { return _mm256_round_ps(x, 3); }
#else
#ifdef __x86_64__
#define VECTOR_EXP _ZGVbN4v_expf
#endif
#define EACH_LANE(function) \
    vec r; \
    for (int i = 0; i < LANES; i++) r[i] = function(x[i]); \
    return r;
static inline vec sqrt(vec x) { EACH_LANE(std::sqrt) }
static inline vec nearest(vec x) { EACH_LANE(std::nearbyint) }
static inline vec next_below(vec x) { EACH_LANE(std::floor) }
static inline vec truncated(vec x) { EACH_LANE(std::trunc) }
#endif
static inline vec remainder_of(vec a, vec b) { return a - b * truncated(a / b); }

#if defined(VECTOR_EXP) && defined(__GLIBC__)
extern "C" vec VECTOR_EXP(vec);
static inline vec exp(vec x) { return VECTOR_EXP(x); }
#else
static inline vec exp(vec x) {
    vec r;
    for (int i = 0; i < LANES; i++) r[i] = std::exp(x[i]);
    return r;
}
#endif

#include "body.inc"

extern "C" int lanes() { return LANES; }
extern "C" int traces() { return TRACES; }
extern "C" int steps() { return STEPS; }

// `carried` holds the start of the day and then its end; `patients` is a multiple of LANES, rows are aligned.
extern "C" void day(float *carried, const float *constants, float *traced, int patients) {
    const int width = patients / LANES;
    for (int group = 0; group < width; group++) {
        vec after[CARRIED], fixed[CONSTANTS], out[TRACES];
        for (int i = 0; i < CARRIED; i++) after[i] = ((const vec *)carried)[i * width + group];
        for (int i = 0; i < CONSTANTS; i++) fixed[i] = ((const vec *)constants)[i * width + group];
        for (int step = 0; step < STEPS; step++) {
            const whole index = whole_number(step);
            ADVANCE
            for (int i = 0; i < TRACES; i++) ((vec *)traced)[(i * STEPS + step) * width + group] = out[i];
        }
        for (int i = 0; i < CARRIED; i++) ((vec *)carried)[i * width + group] = after[i];
    }
}
